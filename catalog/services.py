"""Creates, changes and archives products, one by one. Products are never deleted here. catalog.policy says who may."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, TypedDict

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import IntegrityError

from catalog import policy
from catalog.attributes import writing
from catalog.attributes.models import GROUP_NAME_LENGTH, ProductAttribute, options_key
from catalog.attributes.writing import AttributeInput
from catalog.models import SLUG_LENGTH, Brand, Category, Product, ProductGroup
from catalog.slugs import free_slug, normal_form, validate_slug
from catalog.text import squeeze
from core.auth.policy import Actor
from core.db.transactions import run_in_transaction
from core.errors import ErrorCode, FieldError, InvalidInput

# The fields that null clears in an update. All others must have a value.
CLEARABLE = {"sku", "rating", "compare_at_price", "group"}
# Fields that the model computes.
_STORED_KEYS = {"name_key", "search_text"}
_CODES = {"unique": ErrorCode.ALREADY_EXISTS, "blank": ErrorCode.REQUIRED, "null": ErrorCode.REQUIRED}


class ProductFields(TypedDict, total=False):
    """The fields of a product that staff give. The category, the brand and the group are slugs.

    `attributes` are all that the product has. A group that there is not yet is made.
    """

    name: str | None
    slug: str | None
    sku: str | None
    description: str | None
    category: str | None
    brand: str | None
    price: Decimal | None
    compare_at_price: Decimal | None
    quantity: int | None
    rating: float | None
    is_active: bool | None
    attributes: Sequence[AttributeInput] | None
    group: str | None


def create_product(*, actor: Actor, fields: ProductFields) -> Product:
    """Creates a product. Without a slug it gets one made from its name. Raises InvalidInput."""
    policy.CREATE_PRODUCTS.check(actor)
    values = {name: value for name, value in fields.items() if value is not None}

    def create() -> Product:
        product = Product()
        if "slug" not in values:
            product.slug = free_slug(Product.objects, str(values.get("name", "")), SLUG_LENGTH, "product")
        # A slug made here is not validated, because the caller cannot correct it. If another product takes it first,
        # the database refuses it, and the next attempt makes another.
        field_errors = _fill(product, values, exclude=() if "slug" in values else ("slug",))
        field_errors += [_required(name) for name in ("category", "brand") if name not in values]
        _save(product, values, field_errors)
        return product

    return _run(create)


def update_product(
    *, actor: Actor, product_id: int | None, fields: ProductFields, expected_updated_at: datetime | None = None
) -> Product:
    """Changes the given fields of a product. Raises InvalidInput.

    That is VERSION_CONFLICT when the product was changed after `expected_updated_at`.
    """
    policy.CHANGE_PRODUCTS.check(actor)
    return _update(product_id, fields, expected_updated_at)


def archive_product(*, actor: Actor, product_id: int | None) -> Product:
    """Takes a product out of the shop. It stays in the database and in carts. Raises InvalidInput."""
    policy.ARCHIVE_PRODUCTS.check(actor)
    return _update(product_id, {"is_active": False})


def _is_after(changed: datetime, expected: datetime) -> bool:
    """Whether the product was changed after a moment. JavaScript's Date cuts one to milliseconds."""
    if expected.microsecond % 1000 == 0:
        changed = changed.replace(microsecond=changed.microsecond // 1000 * 1000)
    return changed > expected


def _update(product_id: int | None, fields: ProductFields, expected_updated_at: datetime | None = None) -> Product:
    def update() -> Product:
        product = _lock(product_id)
        stored = _columns(product)
        if expected_updated_at is not None and _is_after(product.updated_at, expected_updated_at):
            message = f"The product was changed at {product.updated_at.isoformat()}. Read it again."
            raise InvalidInput.at("expectedUpdatedAt", message=message, code=ErrorCode.VERSION_CONFLICT)
        field_errors = [_required(name) for name, value in fields.items() if value is None and name not in CLEARABLE]
        values = {name: value for name, value in fields.items() if value is not None or name in CLEARABLE}
        field_errors += _fill(product, values)
        _save(product, values, field_errors, stored)
        return product

    return _run(update)


def _columns(product: Product) -> list[Any]:
    return [getattr(product, field.attname) for field in Product._meta.concrete_fields]


def _required(name: str) -> FieldError:
    return FieldError((_graphql_name(name),), "A value is required.", ErrorCode.REQUIRED)


def _graphql_name(name: str) -> str:
    return {"is_active": "isActive", "compare_at_price": "compareAtPrice"}.get(name, name)


def _lock(product_id: int | None) -> Product:
    """The product, locked until the transaction ends. Raises InvalidInput."""
    product = None
    if product_id is not None:
        product = Product.objects.select_for_update().filter(pk=product_id).first()
    if product is None:
        raise InvalidInput.at("id", message="There is no such product.", code=ErrorCode.NOT_FOUND)
    return product


def _fill(product: Product, values: dict[str, Any], exclude: Sequence[str] = ()) -> list[FieldError]:
    """Sets the values, validates the product by its model except the fields in `exclude`, and returns the errors."""
    field_errors: list[FieldError] = []
    for name, model in (("category", Category), ("brand", Brand)):
        if name not in values:
            continue
        related = model._default_manager.filter(slug=normal_form(values[name])).first()
        if related is None:
            message = f"There is no {name} with this slug."
            field_errors.append(FieldError((name,), message, ErrorCode.NOT_FOUND))
        else:
            setattr(product, name, related)
    if "group" in values:
        field_errors += _fill_group(product, values["group"])
    for name in values.keys() - {"category", "brand", "group", "attributes"}:
        setattr(product, name, _clean(name, values[name]))
    if "compare_at_price" not in values:
        product.clear_outdated_compare_at_price()
    try:
        # The constraints repeat the validators and cost a query each. The foreign keys are checked above.
        product.full_clean(exclude={"category", "brand", "group", *_STORED_KEYS, *exclude}, validate_constraints=False)
    except ValidationError as error:
        field_errors += _field_errors(error)
    return field_errors


def _fill_group(product: Product, slug: str | None) -> list[FieldError]:
    """Sets the group with this slug, which is made if there is none; none for None."""
    group = None
    if slug is not None:
        slug = normal_form(slug)
        try:
            validate_slug(slug)
        except ValidationError as error:
            return [FieldError(("group",), " ".join(error.messages))]
        if len(slug) > GROUP_NAME_LENGTH:
            return [FieldError(("group",), f"At most {GROUP_NAME_LENGTH} characters are allowed.")]
        group = ProductGroup.objects.filter(slug=slug).first()
        if group is None:
            name = slug.replace("-", " ").replace("_", " ")
            group = ProductGroup(name=name[:1].upper() + name[1:], slug=slug)
    if (group and group.pk) != product.group_id:
        # It is of the group that the product leaves.
        product.options_key = None
    product.group = group
    return []


def _save(
    product: Product, values: dict[str, Any], field_errors: list[FieldError], stored: list[Any] | None = None
) -> None:
    """Saves the filled product with its attributes. Raises InvalidInput with these errors and with further ones.

    `stored`: the columns before. Nothing is written, and `updated_at` stays, when they are the same.
    """
    attributes: Sequence[AttributeInput] | None = values.get("attributes")
    if field_errors:
        # Nothing is written, but all mistakes are told at once.
        raise InvalidInput([*field_errors, *_attribute_errors(writing.resolve({0: attributes or ()}, create=False))])
    if product.group and product.group.pk is None:
        product.group.save(force_insert=True)
        product.group = product.group  # Takes over its key.
    is_new = product.pk is None
    if stored is None or _columns(product) != stored:
        product.save(force_insert=is_new)
    if attributes is None and "group" not in values:
        return
    if attributes is None:
        rows = writing.stored_rows([product.pk])[product.pk]
    else:
        resolved = writing.resolve({product.pk: attributes})
        if resolved.errors:
            raise InvalidInput(_attribute_errors(resolved))
        rows = resolved.rows[product.pk]
    _check_options(product, rows)
    if attributes is not None and writing.write_rows({product.pk: rows}, new_products=[product.pk] if is_new else ()):
        product.refresh_from_db(fields=["updated_at"])
    writing.write_options_keys([product.pk])


def _attribute_errors(resolved: writing.Resolved[int]) -> list[FieldError]:
    return [replace(error, path=("attributes", *error.path)) for errors in resolved.errors.values() for error in errors]


def _check_options(product: Product, rows: Sequence[ProductAttribute]) -> None:
    """Raises InvalidInput when another product of the group has the same values of all attributes."""
    if product.group_id is None:
        return
    others = Product.objects.filter(group=product.group_id, options_key=options_key(rows)).exclude(pk=product.pk)
    twin = others.values_list("slug", flat=True).first()
    if twin is not None:
        message = f"“{twin}”, a product of the same group, has the same attributes."
        raise InvalidInput.at("attributes", message=message, code=ErrorCode.ALREADY_EXISTS)


def _clean(name: str, value: Any) -> Any:
    """The value in the form in which it is stored."""
    if name == "name":
        return squeeze(value)
    if name == "sku":
        return (value or "").strip() or None
    if isinstance(value, Decimal):
        return value + 0  # Turns minus zero into zero.
    return value


def _field_errors(invalid: ValidationError) -> Iterator[FieldError]:
    for name, errors in invalid.error_dict.items():
        path = () if name == NON_FIELD_ERRORS else (_graphql_name(name),)
        for error in errors:
            yield FieldError(path, " ".join(error.messages), _CODES.get(error.code or "", ErrorCode.INVALID))


def _run(write: Callable[[], Product]) -> Product:
    """Runs `write` in a transaction, and again when another request took its slug, its SKU or its options.

    Raises InvalidInput.
    """
    try:
        return run_in_transaction(write, again_on=(IntegrityError,))
    except IntegrityError:
        message = "Others are saving the same slug, SKU or attributes at the same time. Try again."
        raise InvalidInput.at("slug", message=message, code=ErrorCode.ALREADY_EXISTS) from None
