"""Sets units and prices of many products at once, as another system keeps them: all items or none."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, TypedDict, cast

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.db.models import Q
from django.utils import timezone

from catalog import policy
from catalog.models import SKU_LENGTH, SLUG_LENGTH, Product
from catalog.slugs import normal_form
from core.auth.policy import Actor
from core.db.transactions import run_in_transaction
from core.errors import ErrorCode, FieldError, InvalidInput
from core.idempotency import claim_key, input_digest

MAX_ITEMS = 1000
# Mistakes that are reported of one call.
MAX_REPORTED_ERRORS = 100
_WRITTEN = ("quantity", "price", "compare_at_price")
_READ = ("id", "sku", "slug", *_WRITTEN)


class InventoryItem(TypedDict, total=False):
    """A product by its SKU or slug; its units, or how many more or fewer; its prices. What is left out stays."""

    sku: str | None
    slug: str | None
    quantity: int | None
    change: int | None
    price: Decimal | None
    compare_at_price: Decimal | None


class Outcome(NamedTuple):
    """How many products have other values than before, and how many have the same."""

    updated: int
    unchanged: int


class _Mistake(NamedTuple):
    """What is wrong with an item: its field ("" for the item as a whole), the message, the code.

    For INSUFFICIENT_STOCK also the units that there are.
    """

    field: str
    message: str
    code: ErrorCode = ErrorCode.INVALID
    available: int | None = None


def update_inventory(*, actor: Actor, items: Sequence[InventoryItem], idempotency_key: str | None = None) -> Outcome:
    """Applies all items in one transaction, or none. Raises InvalidInput.

    The products are locked in the order of their ids, as every writer does. An unlimited stock stays unlimited.
    """
    policy.CHANGE_PRODUCTS.check(actor)
    if not items:
        raise InvalidInput.at("items", message="Name at least one item.", code=ErrorCode.REQUIRED)
    if len(items) > MAX_ITEMS:
        message = f"At most {MAX_ITEMS:,} items can be given at once; these are {len(items):,}."
        raise InvalidInput.at("items", message=message, code=ErrorCode.LIMIT_EXCEEDED, allowed=MAX_ITEMS)
    # Only users have keys: the program itself repeats nothing.
    key = idempotency_key if isinstance(actor, AbstractBaseUser) else None
    digest = input_digest(list(items)) if key is not None else ""

    def update() -> Outcome:
        claim = claim_key(owner=getattr(actor, "pk", 0), mutation="inventory", key=key, digest=digest)
        if claim.row and claim.is_retry:
            return Outcome(*cast(list[int], claim.row.answer))
        changed, field_errors = _apply(items)
        if field_errors := [*claim.field_errors, *field_errors]:
            raise InvalidInput(field_errors[:MAX_REPORTED_ERRORS])
        Product.objects.update_each(changed, [*_WRITTEN, "updated_at"])
        outcome = Outcome(updated=len(changed), unchanged=len(items) - len(changed))
        if claim.row:
            claim.row.answer = outcome
            claim.row.save(update_fields=["answer"])
        return outcome

    return run_in_transaction(update, again_on=(IntegrityError,))


def _apply(items: Sequence[InventoryItem]) -> tuple[list[Product], list[FieldError]]:
    """The locked products that an item gives other values, with these values, and what is wrong."""
    products = _lock(items)
    changed: list[Product] = []
    field_errors: list[FieldError] = []
    named: set[int] = set()
    now = timezone.now()
    for index, item in enumerate(items):
        mistakes = [*_mistakes_of_keys(item, products, named), *_mistakes_of_form(item)]
        product = products.get(_key(item))
        if product is not None:
            named.add(product.pk)
            before = _values(product)
            mistakes += _set(product, item)
            if _values(product) != before:
                product.updated_at = now
                changed.append(product)
        for field, message, code, available in mistakes:
            path = ("items", str(index), *([field] if field else []))
            field_errors.append(FieldError(path, message, code, available))
        if len(field_errors) >= MAX_REPORTED_ERRORS:
            break
    return changed, field_errors


def _values(product: Product) -> tuple[Any, ...]:
    return tuple(getattr(product, name) for name in _WRITTEN)


def _key(item: InventoryItem) -> tuple[str, str]:
    """The field that names the product, and its value as it is stored."""
    sku, slug = item.get("sku"), item.get("slug")
    return ("slug", normal_form(slug or "")) if sku is None else ("sku", sku.strip())


def _lock(items: Sequence[InventoryItem]) -> dict[tuple[str, str], Product]:
    """The products that the items name, by SKU and slug, locked: three queries at most.

    The ids are looked up first, each by its index. MySQL locks what it reads, and may read all rows for an OR.
    """
    keys = {_key(item) for item in items}
    longest = {"sku": SKU_LENGTH, "slug": SLUG_LENGTH}
    ids: set[int] = set()
    for name, length in longest.items():
        values = sorted(value for field, value in keys if field == name and 0 < len(value) <= length)
        if values:
            ids.update(Product.objects.filter(Q((f"{name}__in", values))).order_by().values_list("pk", flat=True))
    if not ids:
        return {}
    locked = Product.objects.select_for_update().filter(pk__in=ids).order_by("pk").only(*_READ)
    return {key: product for product in locked for key in (("sku", product.sku or ""), ("slug", product.slug))}


def _mistakes_of_keys(
    item: InventoryItem, products: dict[tuple[str, str], Product], named: set[int]
) -> Iterator[_Mistake]:
    field = _key(item)[0]
    product = products.get(_key(item))
    if item.get("sku") is None and item.get("slug") is None:
        yield _Mistake("", "Name the product by its sku or its slug.", ErrorCode.REQUIRED)
    elif item.get("sku") is not None and item.get("slug") is not None:
        yield _Mistake("slug", "Name the product by its sku or its slug, not by both.")
    elif product is None:
        label = {"sku": "SKU", "slug": "slug"}[field]
        yield _Mistake(field, f"There is no product with this {label}.", ErrorCode.NOT_FOUND)
    elif product.pk in named:
        yield _Mistake(field, "An item above names this product already.")


def _mistakes_of_form(item: InventoryItem) -> Iterator[_Mistake]:
    """What is wrong with an item whatever its product is."""
    for name in ("quantity", "change", "price"):
        if name in item and item[name] is None:
            yield _Mistake(name, "A value is required.", ErrorCode.REQUIRED)
    if "quantity" in item and "change" in item:
        yield _Mistake("change", "Give the quantity or its change, not both.")
    if not item.keys() & {"quantity", "change", "price", "compare_at_price"}:
        message = "Say what to set: quantity or change, price, compareAtPrice."
        yield _Mistake("", message, ErrorCode.REQUIRED)


def _set(product: Product, item: InventoryItem) -> Iterator[_Mistake]:
    """Sets what the item gives, and says what is wrong with it."""
    change, quantity = item.get("change"), item.get("quantity")
    if change is not None and product.quantity + change < 0:
        stock = f"There {'is' if product.quantity == 1 else 'are'} only {product.quantity} in stock."
        yield _Mistake("change", stock, ErrorCode.INSUFFICIENT_STOCK, available=product.quantity)
    elif change is not None:
        yield from _set_field(product, "quantity", product.quantity + change, "change")
    if quantity is not None:
        yield from _set_field(product, "quantity", quantity, "quantity")
    if (price := item.get("price")) is not None:
        # Adding 0 turns minus zero into zero.
        yield from _set_field(product, "price", price + 0, "price")
    if "compare_at_price" not in item:
        product.clear_outdated_compare_at_price()
        return
    yield from _set_field(product, "compare_at_price", item["compare_at_price"], "compareAtPrice")
    try:
        product.clean()
    except ValidationError as error:
        yield _Mistake("compareAtPrice", " ".join(error.messages))


def _set_field(product: Product, name: str, value: Any, path: str) -> Iterator[_Mistake]:
    setattr(product, name, value)
    try:
        cast(Any, Product._meta.get_field(name)).run_validators(value)
    except ValidationError as error:
        yield _Mistake(path, " ".join(error.messages))
