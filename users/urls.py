"""The REST paths of accounts."""

from django.urls import path

from users.views import RefreshView, RegisterView, TokenView

urlpatterns = [
    path("auth/register/", RegisterView.as_view()),
    path("auth/token/", TokenView.as_view()),
    path("auth/token/refresh/", RefreshView.as_view()),
]
