"""Writes the attributes of products: makes rows of what APIs and imports give, and stores what differs.

Call everything here within a transaction that is run again on IntegrityError (core.db.transactions): another process
may make the same attribute, the same value or the same options at the same time.
"""

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Generic, TypeVar

from catalog.attributes.models import (
    ATTRIBUTE_NAME_LENGTH,
    MAX_ATTRIBUTES,
    MAX_NUMBER,
    MAX_VALUES,
    NUMBER_DECIMALS,
    NUMBER_STEP,
    UNIT_LENGTH,
    VALUE_LENGTH,
    Attribute,
    AttributeKind,
    AttributeValue,
    ProductAttribute,
    options_key,
    stored_key,
)
from catalog.attributes.ordering import value_key
from catalog.attributes.recording import record_rows
from catalog.models import Product
from catalog.search import changes
from catalog.search.changes import CHUNK_KEYS
from catalog.slugs import normal_form, shortened, slug_of
from catalog.text import squeeze
from core.errors import ErrorCode, FieldError
from core.parsing import UNSAFE_CHARACTERS, has_unsafe_characters

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class AttributeInput:
    """One value of one attribute. `attribute` is a slug or a name; an unknown name makes the attribute.

    One of `text`, `number` and `boolean` is given. `unit` goes with `number`. With `name`, `attribute` is a slug, and
    `name` the name of the attribute that is made if there is none with this slug.
    """

    attribute: str
    text: str | None = None
    number: Decimal | None = None
    boolean: bool | None = None
    unit: str = ""
    name: str = ""

    @property
    def kind(self) -> AttributeKind:
        if self.number is not None:
            return AttributeKind.NUMBER
        return AttributeKind.TEXT if self.boolean is None else AttributeKind.BOOLEAN


@dataclass
class Resolved(Generic[Key]):
    """For each product its rows, without their products, or its errors. Paths begin with the index of the input."""

    rows: dict[Key, list[ProductAttribute]] = field(default_factory=dict)
    errors: dict[Key, list[FieldError]] = field(default_factory=dict)


def resolve(wanted: Mapping[Key, Sequence[AttributeInput]], *, create: bool = True) -> Resolved[Key]:
    """Finds the attributes and values that are wanted for some products, and makes those that are missing.

    With `create` false nothing is written: rows then may have attributes and values without primary keys.
    """
    resolved: Resolved[Key] = Resolved()
    valid: dict[Key, Sequence[AttributeInput]] = {}
    for key, inputs in wanted.items():
        if errors := _mistakes(inputs):
            resolved.errors[key] = errors
        else:
            valid[key] = inputs
    attributes = _attributes((given for inputs in valid.values() for given in inputs), create=create)
    for key, inputs in [*valid.items()]:
        if errors := _mismatches(inputs, attributes):
            resolved.errors[key] = errors
            del valid[key]
    values = _values(((given, attributes) for inputs in valid.values() for given in inputs), create=create)
    for key, inputs in valid.items():
        rows: dict[tuple[int, int | str], ProductAttribute] = {}
        for given in inputs:
            row = _row(given, attributes[value_key(given.attribute)], values)
            # A value that is given twice is there once.
            rows[id(row.attribute), row.value.key if row.value else 0] = row
        resolved.rows[key] = [*rows.values()]
    return resolved


def _mistakes(inputs: Sequence[AttributeInput]) -> list[FieldError]:
    """What is wrong with the inputs of one product, whatever attributes there are."""
    if len(inputs) > MAX_VALUES:
        message = f"A product has at most {MAX_VALUES} values of attributes."
        return [FieldError((), message, ErrorCode.LIMIT_EXCEEDED, allowed=MAX_VALUES)]
    errors = [error for place, given in enumerate(inputs) for error in _mistakes_of(str(place), given)]
    if not errors and len({value_key(given.attribute) for given in inputs}) > MAX_ATTRIBUTES:
        message = f"A product has at most {MAX_ATTRIBUTES} attributes."
        errors.append(FieldError((), message, ErrorCode.LIMIT_EXCEEDED, allowed=MAX_ATTRIBUTES))
    return errors


def _mistakes_of(place: str, given: AttributeInput) -> Iterable[FieldError]:
    for name, text, length in (
        ("attribute", given.attribute, ATTRIBUTE_NAME_LENGTH),
        ("name", given.name or None, ATTRIBUTE_NAME_LENGTH),
        ("text", given.text, VALUE_LENGTH),
        ("unit", given.unit or None, UNIT_LENGTH),
    ):
        if text is None:
            continue
        if has_unsafe_characters(text):
            yield FieldError((place, name), UNSAFE_CHARACTERS)
        elif not value_key(text):
            yield FieldError((place, name), "A value is required.", ErrorCode.REQUIRED)
        elif len(squeeze(text)) > length:
            yield FieldError((place, name), f"At most {length} characters are allowed.")
    if sum(value is not None for value in (given.text, given.number, given.boolean)) != 1:
        yield FieldError((place,), "Give one of text, number and boolean.")
    if given.unit and given.number is None:
        yield FieldError((place, "unit"), "A unit goes with a number only.")
    if given.number is not None:
        if not given.number.is_finite() or abs(given.number) > MAX_NUMBER:
            yield FieldError((place, "number"), f"The number must be from -{MAX_NUMBER} to {MAX_NUMBER}.")
        elif given.number % NUMBER_STEP:
            yield FieldError((place, "number"), f"The number has more than {NUMBER_DECIMALS} decimals.")


def _mismatches(inputs: Sequence[AttributeInput], attributes: Mapping[str, Attribute]) -> list[FieldError]:
    """Inputs that their attributes cannot have."""
    errors = []
    single: dict[str, AttributeInput] = {}
    for place, given in enumerate(inputs):
        attribute = attributes[value_key(given.attribute)]
        if attribute.kind != given.kind:
            message = f"“{attribute.name}” has values of the kind {attribute.kind}."
            errors.append(FieldError((str(place), given.kind.lower()), message))
        elif given.unit and squeeze(given.unit) != attribute.unit:
            how = f"is measured in {attribute.unit}" if attribute.unit else "has no unit"
            errors.append(FieldError((str(place), "unit"), f"“{attribute.name}” {how}."))
        elif given.kind != AttributeKind.TEXT:
            first = single.setdefault(attribute.slug, given)
            if (first.number, first.boolean) != (given.number, given.boolean):
                message = f"A product has one value of “{attribute.name}”."
                errors.append(FieldError((str(place), given.kind.lower()), message))
    return errors


class KnownAttributes:
    """All attributes of the shop: it has hundreds at most."""

    def __init__(self) -> None:
        self._by_slug: dict[str, Attribute] = {}
        self._by_name: dict[str, Attribute] = {}
        self.by_id: dict[int, Attribute] = {}
        for attribute in Attribute.objects.order_by("-id"):
            self._by_slug[attribute.slug] = self._by_name[value_key(attribute.name)] = attribute
            self.by_id[attribute.pk] = attribute

    def get(self, slug_or_name: str, *, is_slug: bool = False) -> Attribute | None:
        """The attribute with this slug, else with this name, else with the slug that a new one of this name gets."""
        found = self._by_slug.get(normal_form(slug_or_name))
        if found is None and not is_slug:
            found = self._by_name.get(value_key(slug_or_name)) or self._by_slug.get(new_slug(slug_or_name))
        return found

    def add(self, attribute: Attribute) -> None:
        """Adds a new attribute. It is found by its slug."""
        self._by_slug[attribute.slug] = attribute
        if attribute.pk is not None:
            self.by_id[attribute.pk] = attribute


def _attributes(inputs: Iterable[AttributeInput], *, create: bool) -> dict[str, Attribute]:
    """The attribute of each name or slug that is given, by its key."""
    first: dict[str, AttributeInput] = {}
    for given in inputs:
        first.setdefault(value_key(given.attribute), given)
    if not first:
        return {}
    known = KnownAttributes()
    attributes = {}
    for key, given in first.items():
        attribute = known.get(given.attribute, is_slug=bool(given.name))
        if attribute is None:
            slug = normal_form(given.attribute) if given.name else new_slug(given.attribute)
            name = squeeze(given.name or given.attribute)
            attribute = Attribute(name=name, slug=slug, kind=given.kind, unit=squeeze(given.unit))
            if create:
                attribute.save(force_insert=True)
            known.add(attribute)
        attributes[key] = attribute
    return attributes


def new_slug(name: str) -> str:
    """The slug of a new attribute: of its name, or of the codes of the signs of a name such as "%"."""
    slug = slug_of(name) or "-".join(f"u{ord(c):x}" for c in squeeze(name))
    return shortened(slug, ATTRIBUTE_NAME_LENGTH) or "attribute"


ValueKey = tuple[int, str]


def _values(
    inputs: Iterable[tuple[AttributeInput, Mapping[str, Attribute]]], *, create: bool
) -> dict[ValueKey, AttributeValue]:
    """The value of each text that is given, by its attribute's identity and its key."""
    wanted: dict[ValueKey, AttributeValue] = {}
    for given, attributes in inputs:
        if given.text is not None:
            attribute = attributes[value_key(given.attribute)]
            key = id(attribute), stored_key(given.text)
            if key not in wanted:
                wanted[key] = AttributeValue(attribute=attribute, text=given.text)
    _find(wanted)
    new = [value for value in wanted.values() if value.pk is None]
    for value in new:
        value.fill_keys()
    if new and create:
        # Past the recording: no product has a value that is new. MySQL does not return the keys.
        AttributeValue._base_manager.bulk_create(new, batch_size=CHUNK_KEYS)
        if new[0].pk is None:
            _find(wanted)
    return wanted


def _find(values: dict[ValueKey, AttributeValue]) -> None:
    """Replaces the values that exist already by the stored ones."""
    identities = {value.attribute.pk: identity for (identity, _), value in values.items()}
    keys = [*{key for (_, key), value in values.items() if value.attribute.pk is not None and value.pk is None}]
    attributes = [pk for pk in identities if pk is not None]
    for start in range(0, len(keys), CHUNK_KEYS):
        some = AttributeValue.objects.filter(attribute__in=attributes, key__in=keys[start : start + CHUNK_KEYS])
        for stored in some.order_by():
            key = identities[stored.attribute_id], stored.key
            if key in values:
                values[key] = stored


def _row(given: AttributeInput, attribute: Attribute, values: Mapping[ValueKey, AttributeValue]) -> ProductAttribute:
    if given.text is None:
        number = None if given.number is None else given.number + 0  # Turns minus zero into zero.
        return ProductAttribute(attribute=attribute, number=number, boolean=given.boolean, slot=0)
    value = values[id(attribute), stored_key(given.text)]
    # Without a primary key it does not exist yet, so no stored row has it.
    return ProductAttribute(attribute=attribute, value=value, slot=value.pk or -1)


def stored_rows(product_ids: Iterable[int]) -> dict[int, list[ProductAttribute]]:
    """The rows of these products. All that have none are there with an empty list."""
    rows: dict[int, list[ProductAttribute]] = {pk: [] for pk in product_ids}
    for row in ProductAttribute.objects.filter(product__in=rows).select_related("value").order_by("id"):
        rows[row.product_id].append(row)
    return rows


def differs(stored: Sequence[ProductAttribute], wanted: Sequence[ProductAttribute]) -> bool:
    """Whether a product that has the stored rows would change by the wanted ones."""
    return {*map(_content, stored)} != {*map(_content, wanted)}


def _content(row: ProductAttribute) -> tuple[int | None, int, Decimal | None, bool | None]:
    return row.attribute_id, row.slot, row.number, row.boolean


def write_rows(
    wanted: Mapping[int, Sequence[ProductAttribute]],
    stored: Mapping[int, Sequence[ProductAttribute]] | None = None,
    *,
    new_products: Collection[int] = (),
) -> set[int]:
    """Gives each product, by its key, exactly the wanted rows. Returns the products that changed.

    They are recorded for search and, except new products, in the history, which moves `updated_at`. `stored` are the
    rows that they have, if they were read in this transaction. Call `write_options_keys` afterwards.
    """
    stored = stored_rows(wanted) if stored is None else stored
    outdated: list[int] = []
    new: list[ProductAttribute] = []
    changed = set()
    for pk, rows in wanted.items():
        there = {_content(row): row for row in stored[pk]}
        missing = [row for row in rows if _content(row) not in there]
        kept = {*map(_content, rows)}
        left_over = [row.pk for content, row in there.items() if content not in kept]
        if missing or left_over:
            changed.add(pk)
        for row in missing:
            row.product_id = pk
        new += missing
        outdated += left_over
    for start in range(0, len(outdated), CHUNK_KEYS):
        ProductAttribute.objects.filter(pk__in=outdated[start : start + CHUNK_KEYS]).delete()
    ProductAttribute.objects.bulk_create(new, batch_size=CHUNK_KEYS)
    changes.record(Product, changed, "default")
    record_rows({pk: (stored[pk], wanted[pk]) for pk in changed.difference(new_products)})
    return changed


def taken_options(wanted: Mapping[Key, tuple[int | None, Sequence[ProductAttribute]]], own: Iterable[int]) -> set[Key]:
    """The products that would have the same options as another one of their group, the first of several left out.

    `wanted` has the group's key and the rows of each product; `own` are the keys of those that are stored already.
    """
    keys = {key: (group, options_key(rows)) for key, (group, rows) in wanted.items() if group is not None}
    groups = {group for group, _ in keys.values()}
    others = Product.objects.filter(group__in=groups).exclude(pk__in=[*own]).order_by()
    taken = {*others.values_list("group_id", "options_key")} if keys else set()
    refused = set()
    for key, pair in keys.items():
        if pair in taken:
            refused.add(key)
        taken.add(pair)
    return refused


def write_options_keys(
    product_ids: Iterable[int], rows: Mapping[int, Sequence[ProductAttribute]] | None = None
) -> None:
    """Brings `Product.options_key` of these products in step. Raises IntegrityError when options are there twice.

    `rows` are those of all of them, if they were written in this transaction.
    """
    products = [*Product.objects.filter(pk__in=[*product_ids]).only("id", "group_id", "options_key")]
    rows = stored_rows(product.pk for product in products) if rows is None else rows
    changed, outdated = [], []
    for product in products:
        key = None if product.group_id is None else options_key(rows[product.pk])
        if key != product.options_key:
            if product.options_key is not None:
                outdated.append(product.pk)
            product.options_key = key
            changed.append(product)
    if changed:
        # Products may swap their options, but the unique index is checked row by row, so the keys are cleared first.
        Product.objects.filter(pk__in=outdated).update(options_key=None)
        Product.objects.update_each(changed, ["options_key"])
