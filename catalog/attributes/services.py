"""Creates, changes, merges and deletes attributes and their values. catalog.policy says who may."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, TypedDict, TypeVar

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models
from django.db.models import ProtectedError, QuerySet

from catalog import policy
from catalog.attributes.models import Attribute, AttributeKind, AttributeValue, ProductAttribute
from catalog.attributes.rewriting import Rewriting, Rows
from catalog.slugs import normal_form
from catalog.text import squeeze
from core.auth.policy import Actor
from core.db.transactions import run_in_transaction
from core.errors import ErrorCode, FieldError, InvalidInput
from core.parsing import UNSAFE_CHARACTERS, has_unsafe_characters

# Values that one call deletes.
MAX_DELETED = 1_000
_CODES = {"unique": ErrorCode.ALREADY_EXISTS, "blank": ErrorCode.REQUIRED, "null": ErrorCode.REQUIRED}

Row = TypeVar("Row", bound=models.Model)
Result = TypeVar("Result")


class AttributeFields(TypedDict, total=False):
    name: str
    slug: str
    kind: str
    unit: str
    position: int


class ValueFields(TypedDict, total=False):
    text: str
    position: int


def create_attribute(*, actor: Actor, fields: AttributeFields) -> Attribute:
    """Creates an attribute. Raises InvalidInput."""
    policy.CREATE_ATTRIBUTES.check(actor)

    def create() -> Attribute:
        attribute = Attribute()
        fill(attribute, fields)
        _check_unit(attribute)
        attribute.save(force_insert=True)
        return attribute

    return write(create)


def update_attribute(*, actor: Actor, attribute_id: int, fields: AttributeFields) -> Attribute:
    """Changes the given fields. The kind changes only while no product has a value. Raises InvalidInput."""
    policy.CHANGE_ATTRIBUTES.check(actor)

    def update() -> Attribute:
        attribute = locked(Attribute, attribute_id)
        kind = attribute.kind
        fill(attribute, fields)
        if attribute.kind != AttributeKind.NUMBER and "unit" not in fields:
            attribute.unit = ""
        _check_unit(attribute)
        if attribute.kind != kind:
            if ProductAttribute.objects.filter(attribute=attribute).exists():
                message = "The kind cannot be changed, because products have values of this attribute."
                raise InvalidInput.at("kind", message=message)
            _delete_all_values(attribute)
        attribute.save()
        return attribute

    return write(update)


def _check_unit(attribute: Attribute) -> None:
    if attribute.unit and attribute.kind != AttributeKind.NUMBER:
        raise InvalidInput.at("unit", message="Only numbers have a unit.")


def deletion_of_attribute(attribute_id: int) -> Rewriting:
    """What the deletion of an attribute does to products."""
    return Rewriting(
        condition={"attribute": attribute_id},
        after=lambda rows: [row for row in rows if row.attribute_id != attribute_id],
    )


def delete_attribute(*, actor: Actor, attribute_id: int) -> int:
    """Deletes an attribute, its values, and what products have of it.

    Returns how many products still have it: after rewriting.MAX_SECONDS, call it again until it returns 0.
    Raises InvalidInput, and changes nothing, when products of one group would then have the same options.
    """
    policy.DELETE_ATTRIBUTES.check(actor)
    if left := deletion_of_attribute(attribute_id).run():
        return left

    def delete() -> int:
        attribute = locked(Attribute, attribute_id)
        _delete_all_values(attribute)
        attribute.delete()
        return 0

    return write(delete)


def _delete_all_values(attribute: Attribute) -> None:
    """Deletes the values, which no product has, without reading each: there may be 40,000.

    The search index has nothing of a value that no product has, so no change is recorded.
    """
    values = AttributeValue.objects.filter(attribute=attribute)
    values._raw_delete(values.db)


def create_value(*, actor: Actor, attribute_id: int, fields: ValueFields) -> AttributeValue:
    """Adds a value to a TEXT attribute. Raises InvalidInput."""
    policy.CREATE_VALUES.check(actor)

    def create() -> AttributeValue:
        attribute = locked(Attribute, attribute_id, at="attribute")
        if attribute.kind != AttributeKind.TEXT:
            raise InvalidInput.at("attribute", message="Only attributes of the kind text have a list of values.")
        value = AttributeValue(attribute=attribute)
        fill(value, fields)
        _check_spelling(value)
        value.save(force_insert=True)
        return value

    return write(create)


def update_value(*, actor: Actor, value_id: int, fields: ValueFields) -> AttributeValue:
    """Renames or moves a value, for all products that have it.

    Raises InvalidInput: ALREADY_EXISTS at "text" when another value is spelled so; `merge_values` makes them one.
    """
    policy.CHANGE_VALUES.check(actor)

    def update() -> AttributeValue:
        value = locked(AttributeValue, value_id)
        fill(value, fields)
        _check_spelling(value)
        value.save()
        return value

    return write(update)


def same_spelling(value: AttributeValue) -> AttributeValue | None:
    """Another value of the attribute that is spelled as this one."""
    value.fill_keys()
    same = AttributeValue.objects.filter(attribute=value.attribute_id, key=value.key)
    return same.exclude(pk=value.pk).first()


def _check_spelling(value: AttributeValue) -> None:
    value.fill_keys()
    if not value.key:
        raise InvalidInput.at("text", message="A value is required.", code=ErrorCode.REQUIRED)
    if other := same_spelling(value):
        message = f"There is the value “{other.text}” already."
        raise InvalidInput.at("text", message=message, code=ErrorCode.ALREADY_EXISTS)


def merging(value: AttributeValue, into: AttributeValue) -> Rewriting:
    """What a merger does to products: those that have `value` get `into` in its place."""

    def after(rows: Rows) -> list[Any]:
        others = [row for row in rows if row.value_id != value.pk]
        if len(others) < len(rows) and not any(row.value_id == into.pk for row in others):
            others.append(ProductAttribute(attribute_id=into.attribute_id, value=into, slot=into.pk))
        return others

    return Rewriting(condition={"value": value.pk}, after=after, together={"value": into.pk})


def merge_values(*, actor: Actor, value_id: int, into_id: int) -> int:
    """Gives products another value of the same attribute in the place of this one, which is deleted.

    Returns how many products still have it: after rewriting.MAX_SECONDS, call it again until it returns 0.
    Raises InvalidInput, and changes nothing, when products of one group would then have the same options.
    """
    policy.CHANGE_VALUES.check(actor)
    policy.DELETE_VALUES.check(actor)
    value, into = _found(AttributeValue, value_id), _found(AttributeValue, into_id, at="into")
    if value.pk == into.pk:
        raise InvalidInput.at("into", message="A value cannot be merged into itself.")
    if value.attribute_id != into.attribute_id:
        raise InvalidInput.at("into", message="Both values must be of the same attribute.")
    return merging(value, into).run() or _delete_values([value.pk])


def deletion_of_values(ids: Collection[int]) -> Rewriting:
    """What the deletion of values does to products."""
    return Rewriting(
        condition={"value__in": [*ids]}, after=lambda rows: [row for row in rows if row.value_id not in ids]
    )


def delete_values(*, actor: Actor, ids: Collection[int]) -> int:
    """Deletes values and takes them from the products that have them.

    Returns how many products still have one: after rewriting.MAX_SECONDS, call it again until it returns 0.
    Raises InvalidInput, and changes nothing, when products of one group would then have the same options.
    """
    policy.DELETE_VALUES.check(actor)
    ids = {*ids}
    if len(ids) > MAX_DELETED:
        message = f"At most {MAX_DELETED} values are deleted at once."
        raise InvalidInput.at("ids", message=message, code=ErrorCode.LIMIT_EXCEEDED, allowed=MAX_DELETED)
    return deletion_of_values(ids).run() or _delete_values([*ids])


def _delete_values(ids: Sequence[int]) -> int:
    def delete() -> int:
        AttributeValue.objects.filter(pk__in=ids).delete()
        return 0

    return write(delete)


def fill(row: models.Model, fields: Any, *, exclude: Sequence[str] = ()) -> None:
    """Sets the fields and validates the row by its model, except the fields in `exclude`. Raises InvalidInput."""
    unsafe = [name for name, value in fields.items() if isinstance(value, str) and has_unsafe_characters(value)]
    if unsafe:
        raise InvalidInput(FieldError((name,), UNSAFE_CHARACTERS) for name in unsafe)
    for name, value in fields.items():
        value = squeeze(value) if isinstance(value, str) else value
        setattr(row, name, normal_form(value) if name == "slug" else value)
    try:
        row.full_clean(exclude={*exclude, "attribute", "key", "order_key"}, validate_constraints=False)
    except ValidationError as invalid:
        raise InvalidInput(
            FieldError((name,), " ".join(error.messages), _CODES.get(error.code or "", ErrorCode.INVALID))
            for name, errors in invalid.error_dict.items()
            for error in errors
        ) from None


def _found(model: type[Row], pk: int | None, at: str = "id", rows: QuerySet[Row] | None = None) -> Row:
    row = (model._default_manager.all() if rows is None else rows).filter(pk=pk).first()
    if row is None:
        message = f"There is no such {model._meta.verbose_name}. Somebody may have deleted it."
        raise InvalidInput.at(at, message=message, code=ErrorCode.NOT_FOUND)
    return row


def locked(model: type[Row], pk: int | None, at: str = "id") -> Row:
    """The row, locked until the transaction ends. Raises InvalidInput."""
    return _found(model, pk, at, rows=model._default_manager.select_for_update())


def write(work: Callable[[], Result]) -> Result:
    """Runs `work` in a transaction, and again when another request wrote the same. Raises InvalidInput."""
    try:
        return run_in_transaction(work, again_on=(IntegrityError,))
    except (IntegrityError, ProtectedError):
        message = "Somebody else is changing the same at this moment. Try again."
        raise InvalidInput.at(message=message, code=ErrorCode.VERSION_CONFLICT) from None
