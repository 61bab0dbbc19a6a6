"""A mutation's input held against the cart and the shop: lines to write and to take out, or every fault."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.conf import settings

from cart.models import Cart, CartLine
from catalog.models import Product
from core.errors import ErrorCode, FieldError

NO_LINE = "There is no such line in your cart."


@dataclass(frozen=True)
class Wanted:
    """So many of a product (in an add) or of a line (in an update); the key is None when its id was no such id."""

    key: int | None
    quantity: int


@dataclass
class Plan:
    """The lines to write (told by their product, without a key), the keys of those to take out, and what is wrong."""

    write: list[CartLine] = field(default_factory=list)
    remove: list[int] = field(default_factory=list)
    field_errors: list[FieldError] = field(default_factory=list)

    def field_error(self, *path: str, message: str, code: ErrorCode = ErrorCode.INVALID) -> None:
        """Notes one more mistake."""
        self.field_errors.append(FieldError(path, message, code))

    def check_quantity(self, *path: str, product: Product, quantity: int, held: int = 0) -> None:
        """Notes what stands against so many of a product, `held` of which are in the cart already."""
        if quantity > settings.CART_MAX_QUANTITY:
            message = f"At most {settings.CART_MAX_QUANTITY} of a product fit into a cart; this would make {quantity}."
            self.field_error(*path, message=message, code=ErrorCode.LIMIT_EXCEEDED)
        if quantity > product.quantity:
            there = f"There {'is' if product.quantity == 1 else 'are'} only {product.quantity} in stock"
            message = f"{there}, and the cart holds {held} already." if held else f"{there}."
            self.field_error(*path, message=message, code=ErrorCode.INSUFFICIENT_STOCK)


def plan_add(cart: Cart, lines: Sequence[Wanted]) -> Plan:
    """Each product's wishes summed, on top of what the cart holds; a sum's fault is told at its last wish."""
    plan = Plan()
    products = _products_in_shop(line.key for line in lines)
    held = {line.product_id: line.quantity for line in cart.contents}
    sums: dict[int, int] = {}
    last: dict[int, int] = {}
    for index, wanted in enumerate(lines):
        product = products.get(wanted.key)
        if product is None:
            message = "There is no such product."
            plan.field_error("lines", str(index), "productId", message=message, code=ErrorCode.NOT_FOUND)
        if wanted.quantity < 1:
            plan.field_error("lines", str(index), "quantity", message="The quantity must be at least 1.")
        elif product is not None:
            sums[product.pk] = sums.get(product.pk, held.get(product.pk, 0)) + wanted.quantity
            last[product.pk] = index
    for key, quantity in sums.items():
        product = products[key]
        path = ("lines", str(last[key]), "quantity")
        plan.check_quantity(*path, product=product, quantity=quantity, held=held.get(key, 0))
        plan.write.append(CartLine(cart=cart, product_id=key, quantity=quantity, unit_price_when_added=product.price))
    count = len(held.keys() | sums.keys())
    # A cart that was fuller before the limit was lowered may stay so, and may get more of what it holds.
    if count > max(settings.CART_MAX_LINES, len(held)):
        message = f"A cart holds at most {settings.CART_MAX_LINES} lines; this would make {count}."
        plan.field_error("lines", message=message, code=ErrorCode.LIMIT_EXCEEDED)
    return plan


def plan_update(cart: Cart, lines: Sequence[Wanted]) -> Plan:
    """Each line's new quantity, 0 to take it out.

    What does not fit is refused even when it is fewer than before, or just as many: whoever names a quantity wants
    to buy it. A line whose product was archived can only be taken out.
    """
    plan = Plan()
    held = {line.pk: line for line in cart.contents}
    products = _products_in_shop(held[wanted.key].product_id for wanted in lines if wanted.key in held)
    seen: set[int] = set()
    for index, wanted in enumerate(lines):
        line = held.get(wanted.key) if wanted.key is not None else None
        if wanted.quantity < 0:
            message = "The quantity must be at least 0, which takes the line out."
            plan.field_error("lines", str(index), "quantity", message=message)
        if line is None:
            plan.field_error("lines", str(index), "lineId", message=NO_LINE, code=ErrorCode.NOT_FOUND)
        elif line.pk in seen:
            plan.field_error("lines", str(index), "lineId", message="The same line comes twice.")
        elif wanted.quantity == 0:
            plan.remove.append(line.pk)
        elif wanted.quantity > 0:
            _plan_quantity(plan, index, line, products.get(line.product_id), wanted.quantity)
        if line is not None:
            seen.add(line.pk)
    return plan


def _plan_quantity(plan: Plan, index: int, line: CartLine, product: Product | None, quantity: int) -> None:
    if product is None:
        message = "The product has left the shop: this line can only be taken out."
        plan.field_error("lines", str(index), "lineId", message=message, code=ErrorCode.NOT_FOUND)
        return
    plan.check_quantity("lines", str(index), "quantity", product=product, quantity=quantity)
    if quantity != line.quantity:
        price = line.unit_price_when_added
        plan.write.append(
            CartLine(cart=line.cart, product_id=product.pk, quantity=quantity, unit_price_when_added=price)
        )


def plan_remove(cart: Cart, keys: Sequence[int | None]) -> Plan:
    """The lines to take out; naming one twice is no mistake."""
    held = {line.pk for line in cart.contents}
    plan = Plan(remove=sorted(held & set(keys)))
    for index, key in enumerate(keys):
        if key not in held:
            plan.field_error("lineIds", str(index), message=NO_LINE, code=ErrorCode.NOT_FOUND)
    return plan


def plan_clear(cart: Cart) -> Plan:
    """Every line out."""
    return Plan(remove=[line.pk for line in cart.contents])


def _products_in_shop(keys: Iterable[int | None]) -> dict[int | None, Product]:
    """The products of the keys that are not archived, with what a plan must know of them; one query at most."""
    wanted = {key for key in keys if key is not None}
    if not wanted:
        return {}
    found = Product.objects.filter(pk__in=wanted, is_active=True).only("id", "price", "quantity")
    return {product.pk: product for product in found}
