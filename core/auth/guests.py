"""Guests: people with a cart and without an account. Their token is signed; nothing is stored for it."""

from datetime import datetime

from django.contrib.auth.models import AnonymousUser
from django.dispatch import Signal

# Sent by whoever signs a user in, within that transaction, with the `guest` whose token came along and the `user`.
# A receiver returns the field errors of what it could not take over.
guest_signed_in = Signal()


class Guest(AnonymousUser):
    """Nobody to all but the cart and the rule of who reads the catalogue: not authenticated, and without rights."""

    def __init__(self, cart_key: int, since: datetime) -> None:
        super().__init__()
        # The primary key of the guest's cart, below 0. Accounts' carts have keys above 0.
        self.cart_key = cart_key
        # When the token was issued.
        self.since = since
