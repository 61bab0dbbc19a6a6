"""Every path of the service. The probes and /metrics are middleware: core.http.health."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path, re_path

from catalog.images.media import media
from core.admin.autocomplete import autocomplete
from core.admin.front_page import front_page
from core.graphql.view import GraphQLView
from core.http import pages
from core.rest.errors import NoSuchPath
from core.rest.openapi import SchemaView
from core.schema import COSTS, KEPT_ANSWERS, schema
from users.admin import sign_in
from users.password_forms import change_own_password

graphql = GraphQLView(schema.graphql_schema, COSTS, KEPT_ANSWERS)
urlpatterns = [
    path("", pages.landing, name="landing"),
    re_path(r"^graphql/?$", graphql, name="graphql"),
    path("api/v1/", include("users.urls")),
    path("api/v1/", include("catalog.urls")),
    re_path(r"^api/v1/", NoSuchPath.as_view()),
    path("api/schema/", SchemaView.as_view(), name="schema"),
    path("api/docs/", pages.swagger, name="swagger"),
    # In the place of the admin's own pages.
    path(f"{settings.ADMIN_PATH}login/", sign_in),
    path(f"{settings.ADMIN_PATH}password_change/", admin.site.admin_view(change_own_password)),
    path(settings.ADMIN_PATH, admin.site.admin_view(front_page)),
    path(f"{settings.ADMIN_PATH}autocomplete/", admin.site.admin_view(autocomplete)),
    path(settings.ADMIN_PATH, admin.site.urls),
    path("media/<path:name>", media, name="media"),
    path("favicon.ico", pages.favicon),
    path(".well-known/security.txt", pages.security_txt),
]
if settings.DEBUG:
    # In the place of a storefront, for the links of mails.
    urlpatterns.append(path("", include("catalog.demo.urls")))
