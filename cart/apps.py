"""Starts the cart app."""

from django.apps import AppConfig


class CartConfig(AppConfig):
    name = "cart"

    def ready(self) -> None:
        # Models can be imported only now.
        from cart.models import Cart, CartLine
        from core.auth import shop_staff

        for model in (Cart, CartLine):
            shop_staff.grant(model, ["view"])
