"""Pages in the place of a storefront's, so that the links of mails lead somewhere while DEBUG is on."""

from django.urls import path

from catalog.demo import views

urlpatterns = [
    path("products/<str:slug>", views.product),
    path("password-reset", views.password_reset),
    path("email-change", views.email_change),
]
