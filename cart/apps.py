"""Starts the cart app."""

from django.apps import AppConfig


class CartConfig(AppConfig):
    name = "cart"

    def ready(self) -> None:
        # Models can be imported only now.
        from cart.models import Cart, CartLine
        from cart.services import merge_guest_cart
        from core.auth import shop_staff
        from core.auth.guests import guest_signed_in

        for model in (Cart, CartLine):
            shop_staff.grant(model, ["view"])
        guest_signed_in.connect(merge_guest_cart, dispatch_uid="cart")
