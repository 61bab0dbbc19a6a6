"""Reads carts, each by one statement, so that the lines always belong to the version that is read with them."""

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet

from cart.models import Cart, CartLine
from catalog.models import Product
from catalog.selectors import COLUMNS
from core.db.prepared import Prepared, instances

_CART = ("version", "updated_at")
_LINE = ("id", "product_id", "quantity", "unit_price_when_added")


def read_cart(user_id: int) -> Cart:
    """The user's cart with its lines and their products, archived ones too: one query.

    A cart without a row is empty, at version 0, and its `updated_at` is None.
    """
    return _cart(user_id, _cart_rows([user_id]), with_products=True)


def empty_cart(user_id: int) -> Cart:
    """The cart of a user who has never used it."""
    return _cart(user_id, [], with_products=False)


def lock_cart(user_id: int) -> Cart | None:
    """The user's cart with its lines, locked until the transaction ends; None without a row. One query.

    The products are not read. The join begins with the cart's row, so that it is locked first.
    """
    rows = list(_select(Cart.objects.select_for_update(), user_id, _LINE))
    return _cart(user_id, rows, with_products=False) if rows else None


def _select(carts: QuerySet[Cart], user_id: int, columns: Iterable[str]) -> QuerySet[Cart, tuple[Any, ...]]:
    """One row for each line: the cart's columns, then the line's, which are NULL when the cart is empty."""
    return carts.filter(pk=user_id).order_by("lines__id").values_list(*_CART, *(f"lines__{name}" for name in columns))


_cart_rows = Prepared(
    lambda keys: _select(Cart.objects.all(), keys[0], [*_LINE, *(f"product__{name}" for name in COLUMNS)])
)


def _cart(user_id: int, rows: list[tuple[Any, ...]], *, with_products: bool) -> Cart:
    cart = Cart(user_id=user_id, **dict(zip(_CART, rows[0] if rows else (0, None), strict=False)))
    cart.contents = []
    for row in rows:
        values = row[len(_CART) :]
        if values[0] is None:
            continue
        line = CartLine(cart=cart, **dict(zip(_LINE, values, strict=False)))
        if with_products:
            (line.product,) = instances(Product, COLUMNS, [values[len(_LINE) :]]).values()
        cart.contents.append(line)
    return cart


def read_line(key: int, *, user_id: int) -> CartLine | None:
    """The line with its product, if it is in this user's cart: one query."""
    columns = (*_LINE, "cart_id", *(f"product__{name}" for name in COLUMNS))
    return CartLine.objects.filter(pk=key, cart_id=user_id).select_related("product").only(*columns).first()
