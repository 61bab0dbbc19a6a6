"""A cart by one statement: a version and the lines that belong to it, never those of a moment later."""

from typing import Any

from cart.models import Cart, CartLine
from catalog.models import Product
from catalog.selectors import COLUMNS
from core.db.prepared import Prepared, instances

_CART = ("version", "updated_at")
_LINE = ("id", "product_id", "quantity", "unit_price_when_added")


def read_cart(user_id: int) -> Cart:
    """The user's cart with its lines and their products, archived ones too; one query.

    Without a row it is empty, at version 0, and its `updated_at` is None.
    """
    return _assemble(user_id, _whole([user_id]), with_products=True)


def empty_cart(user_id: int) -> Cart:
    """The cart of a user who never used it."""
    return _assemble(user_id, [], with_products=False)


def lock_cart(user_id: int) -> Cart | None:
    """The user's cart with its lines, without their products, locked until the transaction ends; one query.

    None without a row. The cart's row is locked first: it is the one that the join begins with.
    """
    rows = list(_rows(Cart.objects.select_for_update(), user_id, _LINE))
    return _assemble(user_id, rows, with_products=False) if rows else None


def _rows(carts: Any, user_id: int, columns: Any) -> Any:
    """The cart's columns beside each line's; an empty cart is one row of None behind its own columns."""
    return carts.filter(pk=user_id).order_by("lines__id").values_list(*_CART, *(f"lines__{name}" for name in columns))


_whole = Prepared(lambda keys: _rows(Cart.objects, keys[0], [*_LINE, *(f"product__{name}" for name in COLUMNS)]))


def _assemble(user_id: int, rows: list[tuple[Any, ...]], *, with_products: bool) -> Cart:
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
    """The line with its product, when it is in this user's cart; one query."""
    columns = (*_LINE, "cart_id", *(f"product__{name}" for name in COLUMNS))
    lines = CartLine.objects.filter(pk=key, cart_id=user_id).select_related("product").only(*columns)
    return lines.first()
