"""Reads the attributes of products, and what a group shows of its products."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from django.apps import apps

from catalog.attributes.models import Attribute, ProductAttribute, ProductGroup, text_of
from catalog.attributes.shown import ProductOption, ShownAttribute, Siblings
from catalog.kept import store
from catalog.text import fold
from core.caching import revision
from core.caching.kept import size_of
from core.db.prepared import Prepared, instances
from core.errors import LimitExceeded

if TYPE_CHECKING:
    from catalog.models import Product

# Of one answer, read and listed together. A group has no page size, so no cost of a query bounds them in advance.
MAX_SIBLINGS, MAX_LISTED_VALUES = 20_000, 50_000
_ATTRIBUTE = ("id", "name", "slug", "kind", "unit", "position")
_GROUP = ("id", "name", "slug")
_KEYS = ("product_id", "attribute_id", "value_id", "number", "boolean")
# What is kept, by the keys of the rows, and whether anything of it is.
_ATTRIBUTES, _VALUES, _VALUES_ARE_KEPT = "attribute of a product", "value of a product", "values of products"
_VALUE_BYTES = 400
# One row more than is allowed tells that there are more.
_ROWS, _MEMBERS = MAX_LISTED_VALUES + 1, MAX_SIBLINGS + 1

# The keys of an attribute and of a value of it, a number, or yes or no.
_Value = tuple[int, int | None, Decimal | None, bool | None]
_rows = Prepared(
    lambda keys: (
        ProductAttribute.objects.filter(product__in=keys)
        .order_by()
        .values_list(
            *_KEYS,
            *("value__text", "value__position", "value__order_key"),
            *(f"attribute__{name}" for name in _ATTRIBUTE[1:]),
        )[:_ROWS]
    )
)
_keys = Prepared(lambda keys: ProductAttribute.objects.filter(product__in=keys).order_by().values_list(*_KEYS)[:_ROWS])
_groups = Prepared(lambda keys: ProductGroup.objects.filter(pk__in=keys).order_by().values_list(*_GROUP))


class Allowance:
    """How many of some things an answer may still read or list."""

    def __init__(self, what: str, allowed: int) -> None:
        self.what, self.allowed, self.taken = what, allowed, 0

    def take(self, count: int) -> None:
        """Raises LimitExceeded when there are too many together."""
        self.taken += count
        if self.taken > self.allowed:
            raise LimitExceeded(self.what, self.allowed)


@dataclass(frozen=True, slots=True)
class Allowances:
    """What one answer may read and list of groups and attributes."""

    siblings: Allowance = field(default_factory=lambda: Allowance("products of groups", MAX_SIBLINGS))
    values: Allowance = field(default_factory=lambda: Allowance("values of attributes", MAX_LISTED_VALUES))


def attach_attributes(products: "Iterable[Product]", allowance: Allowance) -> None:
    """Sets each product's `shown_attributes`, in order. Raises LimitExceeded.

    One query, none without products; rarely two, while values are kept in this process, but not all of these products.
    """
    products = list(products)
    rows, shown = _read_values([*dict.fromkeys(product.id for product in products)])
    allowance.take(len(rows))
    by_product: dict[int, list[_Value]] = defaultdict(list)
    for product_id, *value in rows:
        by_product[product_id].append(cast(_Value, tuple(value)))
    places = _places({row.attribute.pk: row.attribute for row in shown.values()}.values())
    in_order = sorted(shown, key=lambda value: (places[value[0]], shown[value].order))
    ranks = {value: rank for rank, value in enumerate(in_order)}
    for product in products:
        product.shown_attributes = [shown[value] for value in sorted(by_product[product.id], key=ranks.__getitem__)]


def _read_values(product_ids: list[int]) -> tuple[Sequence[tuple[Any, ...]], dict[_Value, ShownAttribute]]:
    """The key of a product and of a value for each row, and what is shown of each value."""
    at = revision.known()
    if at is not None and store.find(at, _VALUES_ARE_KEPT):
        rows = _keys(product_ids)
        if (kept := _kept_values({cast(_Value, row[1:]) for row in rows})) is not None:
            return rows, kept
    joined = _rows(product_ids)
    attributes: dict[int, Attribute] = {}
    # Many products have the same value, which is one object for all of them.
    shown: dict[_Value, ShownAttribute] = {}
    for _, key, value_id, number, boolean, text, position, order_key, *columns in joined:
        if (value := (key, value_id, number, boolean)) not in shown:
            if key not in attributes:
                attributes |= instances(Attribute, _ATTRIBUTE, [[key, *columns]])
            order = (position, order_key, value_id) if value_id is not None else None
            shown[value] = _shown(attributes[key], text, number, boolean, order)
    if at is not None:
        for key, attribute in attributes.items():
            store.keep(at, (_ATTRIBUTES, key), attribute, size_of([attribute]))
        for (_, value_id, *_), row in shown.items():
            if value_id is not None:
                store.keep(at, (_VALUES, value_id), row, _VALUE_BYTES + len(row.text) * 2)
        store.keep(at, _VALUES_ARE_KEPT, True, 0)
    return [row[:5] for row in joined], shown


def _kept_values(values: set[_Value]) -> dict[_Value, ShownAttribute] | None:
    """What is shown of each value, if all are kept."""
    by_key = store.get_many(_VALUES, {value[1] for value in values if value[1] is not None}, _nothing, len)
    attributes = store.get_many(_ATTRIBUTES, {value[0] for value in values if value[1] is None}, _nothing, len)
    shown: dict[_Value, ShownAttribute] = {}
    for value in values:
        key, value_id, number, boolean = value
        if value_id is not None:
            row = by_key.get(value_id)
        else:
            row = _shown(attributes[key], None, number, boolean, None) if key in attributes else None
        if row is None:
            return None
        shown[value] = row
    return shown


def _nothing(keys: list[int]) -> dict[int, Any]:
    """What is not kept is read by another query, with all else."""
    return {}


def _shown(
    attribute: Attribute, text: str | None, number: Decimal | None, boolean: bool | None, order: tuple[Any, ...] | None
) -> ShownAttribute:
    """What is shown of a value. Its order is that of the stored value, or follows the number, or no before yes."""
    return ShownAttribute(
        attribute,
        text_of(text, number, boolean),
        None if number is None else float(number),
        boolean,
        order or (boolean if number is None else number,),
    )


def _places(attributes: Iterable[Attribute]) -> dict[int, int]:
    """The place of each attribute, by its key, in the order of all."""
    ordered = sorted(attributes, key=lambda attribute: (attribute.position, fold(attribute.name), attribute.pk))
    return {attribute.pk: place for place, attribute in enumerate(ordered)}


def read_groups(ids: Iterable[int]) -> dict[int, ProductGroup]:
    """The groups of these keys, by key: one query."""
    return instances(ProductGroup, _GROUP, _groups([*ids]))


@lru_cache(maxsize=16)
def _members(columns: tuple[str, ...]) -> Prepared:
    # By the registry, because catalog.models imports this package.
    products = apps.get_model("catalog.Product")._default_manager.order_by()
    return Prepared(lambda keys: products.filter(group__in=keys).values_list(*columns)[:_MEMBERS])


def read_members(group_ids: Iterable[int], columns: tuple[str, ...], allowance: Allowance) -> "list[Product]":
    """The products of these groups, archived ones too: one query. The first of the columns is the id.

    Raises LimitExceeded.
    """
    rows = _members(columns)([*group_ids])
    allowance.take(len(rows))
    return list(instances(apps.get_model("catalog.Product"), columns, rows).values())


def siblings_of(members: "Sequence[Product]", *, options: bool) -> Siblings:
    """What a group shows of its products, at least one. With `options`, active ones have their attributes attached.

    Without, there are no options, and the products are in no particular order.
    """
    active = [product for product in members if product.is_active]
    prices = [product.price for product in active or members]
    if not options:
        return Siblings(active, [], min(prices), max(prices))
    by_product = {product.id: _by_attribute(product) for product in active}
    attributes = {row.attribute.id: row.attribute for product in active for row in product.shown_attributes}
    found = []
    keys: dict[int, list[tuple[bool, list[tuple[Any, ...]]]]] = {key: [] for key in by_product}
    for attribute_id in _places(attributes.values()):
        values = {key: of_product.get(attribute_id, ()) for key, of_product in by_product.items()}
        if len(distinct := set(values.values())) > 1:
            occurring = sorted({row for rows in distinct for row in rows}, key=lambda row: row.order)
            found.append(ProductOption(attributes[attribute_id], [row.text for row in occurring]))
            for key, own in values.items():
                # A product without the attribute comes after those that have it.
                keys[key].append((not own, [row.order for row in own]))
    return Siblings(sorted(active, key=lambda p: (keys[p.id], p.id)), found, min(prices), max(prices))


def _by_attribute(product: "Product") -> dict[int, tuple[ShownAttribute, ...]]:
    """The values of the product by the key of the attribute."""
    values: dict[int, tuple[ShownAttribute, ...]] = {}
    for row in product.shown_attributes:
        values[row.attribute.id] = (*values.get(row.attribute.id, ()), row)
    return values
