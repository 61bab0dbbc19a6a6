"""Carts: one for each user or guest, with one line for each product."""

from decimal import Decimal
from enum import StrEnum

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from catalog.models import Product


class Availability(StrEnum):
    """Whether a line can be bought now. GraphQL shows the values."""

    AVAILABLE = "AVAILABLE"
    INSUFFICIENT_STOCK = "INSUFFICIENT_STOCK"
    UNAVAILABLE = "UNAVAILABLE"


class Cart(models.Model):
    """The cart of a user or a guest. Its key is known before the row is created: the user's, or the guest token's.

    The key's column has its name from before there were guests, so that processes of two releases can share the table.
    """

    # A guest's is below 0, and random.
    id = models.BigIntegerField(primary_key=True, db_column="user_id")
    # None: a guest's cart.
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+", db_column="account_id"
    )
    version = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now, db_index=True)

    # The lines in the order in which their products were first added. cart.selectors sets them.
    contents: list["CartLine"]

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"Cart {self.pk}" if self.pk > 0 else f"Guest cart {-self.pk}"

    @property
    def total_quantity(self) -> int:
        return sum(line.quantity for line in self.contents)

    @property
    def subtotal(self) -> Decimal:
        """The sum of the lines that can be bought now. It takes no units of a line with insufficient stock."""
        available = (line for line in self.contents if line.availability == Availability.AVAILABLE)
        return sum((line.line_total for line in available), Decimal(0))


class CartLine(models.Model):
    """A quantity of one product."""

    # The unique constraint begins with this column; MySQL takes it for the foreign key too.
    cart = models.ForeignKey(Cart, models.CASCADE, related_name="lines", db_index=False)
    product = models.ForeignKey(Product, models.PROTECT, related_name="cart_lines")
    quantity = models.PositiveIntegerField()
    unit_price_when_added = models.DecimalField(max_digits=12, decimal_places=2)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(name="cart_line_once_per_product", fields=["cart", "product"]),
            models.CheckConstraint(name="cart_line_quantity_positive", condition=Q(quantity__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of product {self.product_id}"

    @property
    def unit_price(self) -> Decimal:
        return self.product.price

    @property
    def line_total(self) -> Decimal:
        return self.product.price * self.quantity

    @property
    def availability(self) -> Availability:
        if not self.product.is_active:
            return Availability.UNAVAILABLE
        if not self.product.has_units(self.quantity):
            return Availability.INSUFFICIENT_STOCK
        return Availability.AVAILABLE
