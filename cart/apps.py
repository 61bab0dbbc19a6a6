"""The cart: one for each user."""

from django.apps import AppConfig


class CartConfig(AppConfig):
    """The cart app."""

    name = "cart"

    def ready(self) -> None:
        """Lets shop staff look at carts. Imported here: models are not there any earlier."""
        from cart.models import Cart, CartLine
        from core.auth import shop_staff

        for model in (Cart, CartLine):
            shop_staff.grant(model, ["view"])
