"""Validates the conditions on attributes that a request makes, and resolves slugs and values to ids."""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from catalog.attributes.models import (
    MAX_NUMBER,
    NUMBER_STEP,
    Attribute,
    AttributeKind,
    AttributeValue,
    stored_key,
)
from catalog.search.criteria import AttributeCondition, Range
from catalog.slugs import normal_form
from core.errors import ErrorCode, FieldError
from core.parsing import UNSAFE_CHARACTERS, has_unsafe_characters

MAX_CONDITIONS, MAX_VALUES = 20, 100
YES_NO = {"true": True, "false": False}
# What each kind of attribute can be asked for.
_PARTS = {AttributeKind.TEXT: ("values",), AttributeKind.NUMBER: ("min", "max"), AttributeKind.BOOLEAN: ("is",)}


@dataclass(frozen=True, kw_only=True)
class AttributeFilter:
    """What a request asks of one attribute: `values` of TEXT, `min` and `max` of NUMBER, or `is_` of BOOLEAN."""

    attribute: str
    values: Collection[str] | None = None
    min: float | Decimal | None = None
    max: float | Decimal | None = None
    is_: bool | None = None

    @property
    def parts(self) -> dict[str, object]:
        """What is given, by the names of GraphQL."""
        given = {"values": self.values, "min": self.min, "max": self.max, "is": self.is_}
        return {name: value for name, value in given.items() if value is not None}


def conditions(
    filters: Sequence[AttributeFilter], errors: list[FieldError], *, by_name: bool
) -> tuple[AttributeCondition, ...]:
    """The conditions of the filters. Mistakes are added to `errors`.

    With `by_name` the values "true" and "false" are taken for BOOLEAN. Empty `values` are no condition.
    """
    if len(filters) > MAX_CONDITIONS:
        message = f"At most {MAX_CONDITIONS} conditions can be asked for at once."
        errors.append(FieldError(("filter", "attributes"), message))
        return ()
    slugs = {normal_form(f.attribute) for f in filters if not has_unsafe_characters(f.attribute)}
    attributes = {row.slug: row for row in Attribute.objects.filter(slug__in=slugs)} if slugs else {}
    checked: list[tuple[Attribute, AttributeFilter]] = []
    for place, given in enumerate(filters):
        path = ("filter", "attributes", str(place))
        attribute = attributes.get(normal_form(given.attribute))
        if attribute is None:
            message = f"There is no attribute “{given.attribute[:100]}”."
            if has_unsafe_characters(given.attribute):
                message = UNSAFE_CHARACTERS
            errors.append(FieldError((*path, "attribute"), message, ErrorCode.NOT_FOUND))
            continue
        if mistakes := [
            FieldError((*path, *where), message) for where, message in _mistakes(attribute, given, by_name)
        ]:
            errors += mistakes
        else:
            checked.append((attribute, given))
    values = _value_ids(checked)
    made = (
        _condition(attribute, given, values) for attribute, given in checked if given.values is None or given.values
    )
    return tuple(sorted(dict.fromkeys(made), key=lambda condition: condition.attribute))


def _mistakes(attribute: Attribute, given: AttributeFilter, by_name: bool) -> Iterator[tuple[tuple[str, ...], str]]:
    """What the attribute cannot be asked for: where, and a message."""
    allowed = _PARTS[AttributeKind(attribute.kind)]
    if by_name and attribute.kind == AttributeKind.BOOLEAN:
        allowed = (*allowed, "values")
        if given.values and not YES_NO.keys() >= {*given.values}:
            yield ("values",), f"“{attribute.name}” is of the kind {attribute.kind}: ask for true or false."
    named = " or ".join(f"`{name}`" for name in allowed)
    message = f"“{attribute.name}” is of the kind {attribute.kind}: ask for {named}."
    if not given.parts:
        yield (), message
    for name in given.parts:
        if name not in allowed:
            yield (name,), message
    if given.values is not None:
        if len(given.values) > MAX_VALUES:
            yield ("values",), f"At most {MAX_VALUES} values can be asked for at once."
        elif any(has_unsafe_characters(value) for value in given.values):
            yield ("values",), UNSAFE_CHARACTERS
    ends = {name: float(end) for name, end in (("min", given.min), ("max", given.max)) if end is not None}
    outside = [name for name, end in ends.items() if not math.isfinite(end) or abs(end) > MAX_NUMBER]
    for name in outside:
        yield (name,), f"The number must be from -{MAX_NUMBER} to {MAX_NUMBER}."
    if not outside and len(ends) == 2 and ends["min"] > ends["max"]:
        yield (), "The range is reversed: its minimum is above its maximum."


def _value_ids(checked: Sequence[tuple[Attribute, AttributeFilter]]) -> dict[tuple[int, str], int]:
    """The keys of the rows of all values that are asked for, by attribute and key."""
    keys = {stored_key(value) for _, given in checked for value in given.values or ()}
    if not keys:
        return {}
    ids = {attribute.pk for attribute, given in checked if given.values}
    rows = AttributeValue.objects.filter(attribute__in=ids, key__in=keys).order_by()
    return {(attribute, key): pk for pk, attribute, key in rows.values_list("id", "attribute_id", "key")}


def _condition(attribute: Attribute, given: AttributeFilter, ids: dict[tuple[int, str], int]) -> AttributeCondition:
    if given.values is not None:
        keys = {value: (attribute.pk, stored_key(value)) for value in given.values}
        if attribute.kind == AttributeKind.BOOLEAN:
            return AttributeCondition(attribute.pk, booleans=frozenset(YES_NO[value] for value in given.values))
        unknown = tuple(value for value, key in keys.items() if key not in ids)
        known = frozenset(ids[key] for key in keys.values() if key in ids)
        texts = frozenset(key for _, key in keys.values())
        return AttributeCondition(attribute.pk, values=known, unknown=unknown, texts=texts)
    if given.is_ is not None:
        return AttributeCondition(attribute.pk, booleans=frozenset([given.is_]))
    low, high = (_rounded(given.min, ROUND_CEILING), _rounded(given.max, ROUND_FLOOR))
    return AttributeCondition(attribute.pk, numbers=Range(low, high))


def _rounded(end: float | Decimal | None, rounding: str) -> Decimal | None:
    """The end of a range as a number that products can have. The rounded range holds the same ones."""
    if end is None:
        return None
    number = end if isinstance(end, Decimal) else Decimal(repr(end))
    return number.quantize(NUMBER_STEP, rounding) + 0  # Turns minus zero into zero.
