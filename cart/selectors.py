"""Reads carts, each by one statement, so that the lines always belong to the version that is read with them."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import QuerySet

from cart.models import Cart, CartLine
from catalog.models import Product
from catalog.selectors import COLUMNS
from core.auth.guests import Guest
from core.db.prepared import Prepared, instances

Owner = AbstractBaseUser | Guest

_CART = ("version", "updated_at")
_LINE = ("id", "product_id", "quantity", "unit_price_when_added")


def cart_key(owner: Owner) -> int:
    """The primary key of the owner's cart, whether or not it has a row."""
    key: int = owner.cart_key if isinstance(owner, Guest) else owner.pk
    return key


def read_cart(key: int) -> Cart:
    """The cart with this key, with its lines and their products, archived ones too: one query.

    A cart without a row is empty, at version 0, and its `updated_at` is None.
    """
    return _cart(key, _cart_rows([key]), with_products=True)


def empty_cart(key: int) -> Cart:
    """The cart of a user or guest who has never used it."""
    return _cart(key, [], with_products=False)


def lock_cart(key: int) -> Cart | None:
    """The cart with its lines, locked until the transaction ends; None without a row. One query.

    The products are not read. The join begins with the cart's row, so that it is locked first.
    """
    rows = list(_select(Cart.objects.select_for_update(), key, _LINE))
    return _cart(key, rows, with_products=False) if rows else None


def _select(carts: QuerySet[Cart], key: int, columns: Iterable[str]) -> QuerySet[Cart, tuple[Any, ...]]:
    """One row for each line: the cart's columns, then the line's, which are NULL when the cart is empty."""
    return carts.filter(pk=key).order_by("lines__id").values_list(*_CART, *(f"lines__{name}" for name in columns))


_cart_rows = Prepared(
    lambda keys: _select(Cart.objects.all(), keys[0], [*_LINE, *(f"product__{name}" for name in COLUMNS)])
)


def _cart(key: int, rows: Sequence[tuple[Any, ...]], *, with_products: bool) -> Cart:
    cart = Cart(pk=key, **dict(zip(_CART, rows[0] if rows else (0, None), strict=False)))
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


def read_line(key: int, *, cart_key: int) -> CartLine | None:
    """The line with its product, if it is in this cart: one query."""
    columns = (*_LINE, "cart_id", *(f"product__{name}" for name in COLUMNS))
    return CartLine.objects.filter(pk=key, cart_id=cart_key).select_related("product").only(*columns).first()
