"""What staff can do with products (make, change, archive, bring back; none is ever deleted), what others may ask."""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import partial
from itertools import count
from typing import Any, TypedDict

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import IntegrityError

from catalog import policy
from catalog.models import SLUG_LENGTH, Brand, Category, Product
from catalog.slugs import normal_form, shortened, slug_of
from catalog.text import squeeze
from core.auth.policy import Actor
from core.db.transactions import run_in_transaction
from core.errors import ErrorCode, FieldError, InvalidInput

# What null clears in an update; everything else has always a value.
CLEARABLE = {"sku", "rating"}
# Products archived or brought back in one transaction.
BATCH = 200
# Of five: what is rated below is not well rated.
WELL_RATED = 3.0
# Kept by the model itself.
_KEYS = {"name_key", "search_text"}
_CODES = {"unique": ErrorCode.ALREADY_EXISTS, "blank": ErrorCode.REQUIRED, "null": ErrorCode.REQUIRED}


class ProductFields(TypedDict, total=False):
    """A product as its editor gives it; category and brand by their slugs."""

    name: str | None
    slug: str | None
    sku: str | None
    description: str | None
    category: str | None
    brand: str | None
    price: Decimal | None
    quantity: int | None
    rating: float | None
    is_active: bool | None


def product_create(*, actor: Actor, fields: ProductFields) -> Product:
    """A new product in the shop; without a slug it gets one made of its name. Raises InvalidInput."""
    policy.CREATE_PRODUCTS.check(actor)
    given = {name: value for name, value in fields.items() if value is not None}

    def work() -> Product:
        product = Product()
        if "slug" not in given:
            product.slug = _free_slug(str(given.get("name", "")))
        # A slug of ours that is taken by now is not the caller's mistake: the database says so, and we make another.
        field_errors = _fill(product, given, ours=() if "slug" in given else ("slug",))
        field_errors += [_required(name) for name in ("category", "brand") if name not in given]
        if field_errors:
            raise InvalidInput(field_errors)
        product.save(force_insert=True)
        return product

    return _saved(work)


def product_update(*, actor: Actor, product_id: int | None, fields: ProductFields) -> Product:
    """The product with the fields that are given changed, the others as they were. Raises InvalidInput."""
    policy.CHANGE_PRODUCTS.check(actor)
    return _changed(product_id, fields)


def product_delete(*, actor: Actor, product_id: int | None) -> Product:
    """The product, archived: out of the shop, still in the database and in carts. Raises InvalidInput."""
    policy.ARCHIVE_PRODUCTS.check(actor)
    return _changed(product_id, {"is_active": False})


def _changed(product_id: int | None, fields: ProductFields) -> Product:
    def work() -> Product:
        product = _locked(product_id)
        field_errors = [_required(name) for name, value in fields.items() if value is None and name not in CLEARABLE]
        field_errors += _fill(product, {n: value for n, value in fields.items() if value is not None or n in CLEARABLE})
        if field_errors:
            raise InvalidInput(field_errors)
        product.save()
        return product

    return _saved(work)


def products_set_active(*, actor: Actor, ids: Sequence[int], active: bool) -> int:
    """Archives the products or brings them back, some hundred at a time; how many changed. Raises InvalidInput."""
    policy.CHANGE_PRODUCTS.check(actor)

    def work(batch: Sequence[int]) -> int:
        products = Product.objects.select_for_update().filter(pk__in=batch, is_active=not active).order_by("pk")
        for product in (changed := list(products)):
            product.is_active = active
            product.save(update_fields=["is_active"])
        return len(changed)

    ids = sorted(ids)
    batches = (ids[start : start + BATCH] for start in range(0, len(ids), BATCH))
    return sum(run_in_transaction(partial(work, batch)) for batch in batches)


def _required(name: str) -> FieldError:
    return FieldError((_shown(name),), "A value is wanted here.", ErrorCode.REQUIRED)


def _shown(name: str) -> str:
    """The field's name as GraphQL has it."""
    return "isActive" if name == "is_active" else name


def _locked(product_id: int | None) -> Product:
    """The product, nobody else's to change until the transaction ends. Raises InvalidInput."""
    product = None
    if product_id is not None:
        product = Product.objects.select_for_update().filter(pk=product_id).first()
    if product is None:
        raise InvalidInput.at("id", message="There is no such product.", code=ErrorCode.NOT_FOUND)
    return product


def _fill(product: Product, values: dict[str, Any], ours: Sequence[str] = ()) -> list[FieldError]:
    """Sets the values and answers what is wrong with the product then, by the model's own validators.

    What is `ours` was not the caller's to give, and is not looked at.
    """
    field_errors: list[FieldError] = []
    for name, model in (("category", Category), ("brand", Brand)):
        if name not in values:
            continue
        found = model._default_manager.filter(slug=normal_form(values[name])).first()
        if found is None:
            message = f"There is no {name} with this slug."
            field_errors.append(FieldError((name,), message, ErrorCode.NOT_FOUND))
        else:
            setattr(product, name, found)
    for name in values.keys() - {"category", "brand"}:
        setattr(product, name, _neat(name, values[name]))
    try:
        # The constraints say what the validators say, one query each; foreign keys were looked at above.
        product.full_clean(exclude={"category", "brand", *_KEYS, *ours}, validate_constraints=False)
    except ValidationError as refused:
        field_errors += _field_errors(refused)
    return field_errors


def _neat(name: str, value: Any) -> Any:
    """The value as it is stored."""
    if name == "name":
        return squeeze(value)
    if name == "sku":
        return (value or "").strip() or None
    if name == "price":
        return value + 0  # There is no minus zero.
    return value


def _field_errors(refused: ValidationError) -> Iterator[FieldError]:
    for name, errors in refused.error_dict.items():
        path = () if name == NON_FIELD_ERRORS else (_shown(name),)
        for error in errors:
            yield FieldError(path, " ".join(error.messages), _CODES.get(error.code or "", ErrorCode.INVALID))


def _free_slug(name: str) -> str:
    """A slug for the name that no product has now: the name's own, else with the first free number behind it."""
    base = shortened(slug_of(name), SLUG_LENGTH - 10) or "product"
    for start in count(1, 100):
        wanted = [base if number == 1 else f"{base}-{number}" for number in range(start, start + 100)]
        taken = set(Product.objects.filter(slug__in=wanted).values_list("slug", flat=True))
        free = [slug for slug in wanted if slug not in taken]
        if free:
            return free[0]
    raise AssertionError("unreachable: there are more numbers than products")


def _saved(work: Callable[[], Product]) -> Product:
    """What the work saved. Whoever loses a race for a slug or SKU looks again, and is told. Raises InvalidInput."""
    try:
        return run_in_transaction(work, again_on=(IntegrityError,))
    except IntegrityError:
        message = "Others keep taking this slug or SKU at the same moment: try again."
        raise InvalidInput.at("slug", message=message, code=ErrorCode.ALREADY_EXISTS) from None


def recommended_products(*, limit: int) -> list[Product]:
    """The best rated products that can be bought now, the newest first among equals."""
    rows = Product.objects.filter(is_active=True, quantity__gt=0, rating_low__gte=WELL_RATED)
    return list(rows.order_by("-rating_low", "-id")[:limit])
