"""Every path of the service. The probes and /metrics are middleware: core.http.health."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path, re_path

from catalog.images.media import media
from core.graphql.view import graphql
from core.http import pages
from core.rest.errors import NoSuchPath
from core.rest.openapi import SchemaView
from users.admin import sign_in

urlpatterns = [
    path("", pages.landing, name="landing"),
    re_path(r"^graphql/?$", graphql, name="graphql"),
    path("api/v1/", include("users.urls")),
    path("api/v1/", include("catalog.urls")),
    re_path(r"^api/v1/", NoSuchPath.as_view()),
    path("api/schema/", SchemaView.as_view(), name="schema"),
    path("api/docs/", pages.swagger, name="swagger"),
    # In the place of the admin's own page.
    path(f"{settings.ADMIN_PATH}login/", sign_in),
    path(settings.ADMIN_PATH, admin.site.urls),
    path("media/<path:name>", media, name="media"),
    path("favicon.ico", pages.favicon),
    path(".well-known/security.txt", pages.security_txt),
]
