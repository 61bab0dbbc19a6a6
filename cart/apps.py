"""The cart: one for each user."""

from django.apps import AppConfig


class CartConfig(AppConfig):
    """The cart app."""

    name = "cart"
