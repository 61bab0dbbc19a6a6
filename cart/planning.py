"""Plans a cart mutation: checks its input, and decides which lines to write and remove."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.conf import settings

from cart.models import Cart, CartLine
from catalog.models import Product
from core.errors import ErrorCode, FieldError

NO_LINE = "There is no such line in your cart."


@dataclass(frozen=True)
class LineChange:
    """One line of a mutation's input: the key of a product (to add) or of a line (to update), and a quantity.

    The key is None when the client's id is not the id of such an object.
    """

    key: int | None
    quantity: int


@dataclass
class Plan:
    """The lines to write (identified by their product), the keys of the lines to remove, and what is wrong."""

    write: list[CartLine] = field(default_factory=list)
    remove: list[int] = field(default_factory=list)
    field_errors: list[FieldError] = field(default_factory=list)

    def add_error(self, *path: str, message: str, code: ErrorCode = ErrorCode.INVALID, **numbers: int) -> None:
        self.field_errors.append(FieldError(path, message, code, **numbers))

    def check_quantity(self, *path: str, product: Product, quantity: int, held: int = 0) -> None:
        """Adds an error when the cart cannot hold this quantity of the product. `held` are in the cart already."""
        if quantity > settings.CART_MAX_QUANTITY:
            message = f"At most {settings.CART_MAX_QUANTITY} of a product fit into a cart; this would make {quantity}."
            self.add_error(*path, message=message, code=ErrorCode.LIMIT_EXCEEDED, allowed=settings.CART_MAX_QUANTITY)
        if not product.has_units(quantity):
            stock = _stock(product).capitalize()
            message = f"{stock}, and the cart holds {held} already." if held else f"{stock}."
            self.add_error(*path, message=message, code=ErrorCode.INSUFFICIENT_STOCK, available=product.quantity)


def plan_add(cart: Cart, lines: Sequence[LineChange]) -> Plan:
    """Adds quantities to what the cart holds.

    The quantities of a product that is named more than once are summed; an error in the sum is reported at the last.
    """
    plan = Plan()
    products = _products_in_shop(line.key for line in lines)
    held = {line.product_id: line.quantity for line in cart.contents}
    sums: dict[int, int] = {}
    last_index: dict[int, int] = {}
    for index, change in enumerate(lines):
        product = products.get(change.key)
        if product is None:
            message = "There is no such product."
            plan.add_error("lines", str(index), "productId", message=message, code=ErrorCode.NOT_FOUND)
        if change.quantity < 1:
            plan.add_error("lines", str(index), "quantity", message="The quantity must be at least 1.")
        elif product is not None:
            sums[product.pk] = sums.get(product.pk, held.get(product.pk, 0)) + change.quantity
            last_index[product.pk] = index
    for key, quantity in sums.items():
        product = products[key]
        path = ("lines", str(last_index[key]), "quantity")
        plan.check_quantity(*path, product=product, quantity=quantity, held=held.get(key, 0))
        plan.write.append(CartLine(cart=cart, product_id=key, quantity=quantity, unit_price_when_added=product.price))
    count = len(held.keys() | sums.keys())
    # A cart that was fuller before the limit was lowered may stay so, and take more of the products it holds.
    if count > max(settings.CART_MAX_LINES, len(held)):
        message = f"A cart holds at most {settings.CART_MAX_LINES} lines; this would make {count}."
        plan.add_error("lines", message=message, code=ErrorCode.LIMIT_EXCEEDED, allowed=settings.CART_MAX_LINES)
    return plan


def plan_update(cart: Cart, lines: Sequence[LineChange]) -> Plan:
    """Sets the lines' quantities; 0 removes a line.

    A quantity that exceeds the stock is refused even if it does not exceed the old one, since the shopper wants to buy
    that many. A line whose product was archived can only be removed.
    """
    plan = Plan()
    held = {line.pk: line for line in cart.contents}
    products = _products_in_shop(held[change.key].product_id for change in lines if change.key in held)
    named: set[int] = set()
    for index, change in enumerate(lines):
        line = held.get(change.key) if change.key is not None else None
        if change.quantity < 0:
            message = "The quantity must be at least 0, which removes the line."
            plan.add_error("lines", str(index), "quantity", message=message)
        if line is None:
            plan.add_error("lines", str(index), "lineId", message=NO_LINE, code=ErrorCode.NOT_FOUND)
        elif line.pk in named:
            plan.add_error("lines", str(index), "lineId", message="The same line is named twice.")
        elif change.quantity == 0:
            plan.remove.append(line.pk)
        elif change.quantity > 0:
            _plan_quantity(plan, index, line, products.get(line.product_id), change.quantity)
        if line is not None:
            named.add(line.pk)
    return plan


def _plan_quantity(plan: Plan, index: int, line: CartLine, product: Product | None, quantity: int) -> None:
    if product is None:
        message = "The product has left the shop: this line can only be removed."
        plan.add_error("lines", str(index), "lineId", message=message, code=ErrorCode.NOT_FOUND)
        return
    plan.check_quantity("lines", str(index), "quantity", product=product, quantity=quantity)
    if quantity != line.quantity:
        price = line.unit_price_when_added
        plan.write.append(
            CartLine(cart=line.cart, product_id=product.pk, quantity=quantity, unit_price_when_added=price)
        )


def plan_remove(cart: Cart, keys: Sequence[int | None]) -> Plan:
    """Removes lines. Naming a line twice is no error."""
    held = {line.pk for line in cart.contents}
    plan = Plan(remove=sorted(held & set(keys)))
    for index, key in enumerate(keys):
        if key not in held:
            plan.add_error("lineIds", str(index), message=NO_LINE, code=ErrorCode.NOT_FOUND)
    return plan


def plan_clear(cart: Cart) -> Plan:
    return Plan(remove=[line.pk for line in cart.contents])


def plan_merge(cart: Cart, guest_cart: Cart) -> Plan:
    """Adds a guest's cart to an account's, up to what stock and limits allow. What the account's cart holds stays.

    An error names what does not fit, and does not stop the rest. A product has one at most: that of the narrower limit.
    """
    plan = Plan()
    held = {line.product_id: line.quantity for line in cart.contents}
    products = Product.objects.only("id", "name", "quantity", "unlimited_stock", "is_active")
    found = products.in_bulk([line.product_id for line in guest_cart.contents])
    for line in guest_cart.contents:
        product, quantity = found[line.product_id], held.get(line.product_id, 0)
        fits = _plan_joining(
            plan, product, quantity, quantity + line.quantity, is_full=len(held) >= settings.CART_MAX_LINES
        )
        if fits > quantity:
            held[product.pk] = fits
            # Nobody adds anything now: a price that has moved since the guest did should be seen.
            price = line.unit_price_when_added
            plan.write.append(CartLine(cart=cart, product_id=product.pk, quantity=fits, unit_price_when_added=price))
    return plan


def _plan_joining(plan: Plan, product: Product, held: int, wanted: int, *, is_full: bool) -> int:
    """How many of a product the merged cart can hold, of those that are wanted. Adds an error when that is fewer."""
    if not product.is_active:
        message = f"{product.name} was left out: it has left the shop."
        plan.add_error("guestToken", message=message, code=ErrorCode.NOT_FOUND)
        return held
    if is_full and not held:
        message = f"{product.name} was left out: a cart holds at most {settings.CART_MAX_LINES} lines."
        plan.add_error("guestToken", message=message, code=ErrorCode.LIMIT_EXCEEDED, allowed=settings.CART_MAX_LINES)
        return held
    allowed = settings.CART_MAX_QUANTITY
    fits = max(held, min(wanted, allowed if product.unlimited_stock else min(allowed, product.quantity)))
    if fits == wanted:
        return fits
    fewer = f"Your cart has {fits} of {product.name}, not {wanted}:" if fits else f"{product.name} was left out:"
    if not product.has_units(min(wanted, allowed)):
        message = f"{fewer} {_stock(product)}."
        plan.add_error("guestToken", message=message, code=ErrorCode.INSUFFICIENT_STOCK, available=product.quantity)
    else:
        message = f"{fewer} at most {allowed} of a product fit into a cart."
        plan.add_error("guestToken", message=message, code=ErrorCode.LIMIT_EXCEEDED, allowed=allowed)
    return fits


def _stock(product: Product) -> str:
    """Why the stock does not suffice: a clause."""
    if not product.quantity:
        return "it is sold out"
    return f"there {'is' if product.quantity == 1 else 'are'} only {product.quantity} in stock"


def _products_in_shop(keys: Iterable[int | None]) -> dict[int | None, Product]:
    """The products of the keys that are not archived, with the fields that a plan needs: one query at most."""
    product_ids = {key for key in keys if key is not None}
    if not product_ids:
        return {}
    products = Product.objects.filter(pk__in=product_ids, is_active=True)
    products = products.only("id", "price", "quantity", "unlimited_stock")
    return {product.pk: product for product in products}
