"""The facets of attributes: which attributes most of the products have, and how many have each value."""

from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass, field
from decimal import Decimal
from heapq import nlargest
from itertools import islice
from typing import TypeVar

from catalog.attributes.models import Attribute, AttributeKind, AttributeValue
from catalog.search.attribute_conditions import YES_NO
from catalog.search.criteria import SearchCriteria

CHUNK_KEYS = 1_000

Key = TypeVar("Key", bound=Hashable)


@dataclass
class AttributeCounts:
    """How many products have each attribute, each value of each TEXT attribute, and each yes and no; all by keys."""

    attributes: dict[int, int] = field(default_factory=dict)
    values: dict[int, dict[int, int]] = field(default_factory=dict)
    booleans: dict[tuple[int, bool], int] = field(default_factory=dict)

    def corrected(self, less: "AttributeCounts", more: "AttributeCounts") -> "AttributeCounts":
        """These counts without some and with others. Those that become 0 are left out."""
        return AttributeCounts(
            _corrected(self.attributes, less.attributes, more.attributes),
            {
                attribute: _corrected(counts, less.values.get(attribute, {}), more.values.get(attribute, {}))
                for attribute, counts in self.values.items()
            },
            _corrected(self.booleans, less.booleans, more.booleans),
        )

    def __len__(self) -> int:
        return len(self.attributes) + len(self.booleans) + sum(map(len, self.values.values()))


def _corrected(counts: dict[Key, int], less: dict[Key, int], more: dict[Key, int]) -> dict[Key, int]:
    sums = {key: count - less.get(key, 0) + more.get(key, 0) for key, count in counts.items()}
    return {key: count for key, count in sums.items() if count}


@dataclass(frozen=True)
class ValueCount:
    """A value as people read it ("true" and "false" for BOOLEAN), and how many products have it."""

    value: str
    count: int
    selected: bool


@dataclass(frozen=True)
class AttributeFacet:
    """An attribute with its values (TEXT, BOOLEAN) or the span of its numbers (NUMBER)."""

    attribute: Attribute
    values: list[ValueCount]
    low: float | None
    high: float | None
    selected: bool


Counts = Callable[[SearchCriteria], AttributeCounts]
# The lowest and the highest number of each of these attributes that has any.
Spans = Callable[[SearchCriteria, Collection[int]], dict[int, tuple[Decimal, Decimal]]]


def attribute_facets(
    criteria: SearchCriteria, counts: Counts, spans: Spans, *, first: int, num_values: int
) -> list[AttributeFacet]:
    """The `first` attributes: those of the search's own conditions, then those that most products have.

    Each has up to `num_values` values: those that are asked for, then those that most products have. They are counted
    without the attribute's own conditions. Reads attributes and values by one query each.
    """
    everywhere = counts(criteria)
    selected = {condition.attribute for condition in criteria.attributes}
    rows = Attribute.objects.filter(pk__in={*everywhere.attributes} | selected).order_by()

    def place(row: Attribute) -> tuple[bool, int, int, str, int]:
        return row.pk not in selected, -everywhere.attributes.get(row.pk, 0), row.position, row.name, row.pk

    shown = sorted(rows, key=place)[: max(first, len(selected))]
    counted = {
        row.pk: counts(criteria.without_conditions(row.pk)) if row.pk in selected else everywhere for row in shown
    }
    numbers = {row.pk for row in shown if row.kind == AttributeKind.NUMBER}
    number_spans = spans(criteria, numbers - selected) if numbers - selected else {}
    for pk in numbers & selected:
        number_spans |= spans(criteria.without_conditions(pk), [pk])
    texts = _text_values(shown, counted, criteria, num_values)
    facets = []
    for row in shown:
        values = texts.get(row.pk, [])
        if row.kind == AttributeKind.BOOLEAN:
            values = _boolean_values(row, counted[row.pk], criteria)
        num_selected = sum(value.selected for value in values)
        low, high = number_spans.get(row.pk, (None, None))
        facets.append(
            AttributeFacet(
                attribute=row,
                values=values[: max(num_values, num_selected)],
                low=None if low is None else float(low),
                high=None if high is None else float(high),
                selected=row.pk in selected,
            )
        )
    return facets


def _boolean_values(row: Attribute, counts: AttributeCounts, criteria: SearchCriteria) -> list[ValueCount]:
    chosen = {value for c in criteria.attributes if c.attribute == row.pk for value in c.booleans or ()}
    values = [
        ValueCount(name, counts.booleans.get((row.pk, value), 0), value in chosen) for name, value in YES_NO.items()
    ]
    return sorted((v for v in values if v.count or v.selected), key=lambda v: (not v.selected, -v.count))


def _text_values(
    shown: list[Attribute], counted: dict[int, AttributeCounts], criteria: SearchCriteria, num_values: int
) -> dict[int, list[ValueCount]]:
    """The values of TEXT attributes, by attribute: those asked for, then the highest count, then in their order."""
    of_text = {row.pk for row in shown if row.kind == AttributeKind.TEXT}
    chosen: dict[int, dict[int, None]] = {pk: {} for pk in of_text}
    unknown: dict[int, list[str]] = {pk: [] for pk in of_text}
    for condition in criteria.attributes:
        if condition.attribute in of_text:
            chosen[condition.attribute] |= dict.fromkeys(condition.values or ())
            unknown[condition.attribute] += condition.unknown
    found = {pk: dict.fromkeys(chosen[pk], 0) | counted[pk].values.get(pk, {}) for pk in of_text}
    for pk, values in found.items():
        # Several may share the count of the last place. Their order decides between them.
        lowest = (nlargest(num_values, values.values()) or [0])[-1]
        sharing = [value for value, count in values.items() if count == lowest and value not in chosen[pk]]
        first = sharing if len(sharing) <= CHUNK_KEYS else _first_of(pk, {*sharing}, num_values)
        found[pk] = {value: count for value, count in values.items() if count > lowest or value in chosen[pk]}
        found[pk] |= dict.fromkeys(first, lowest)
    rows = _value_rows(sorted(value for values in found.values() for value in values))
    listed: dict[int, list[ValueCount]] = {}
    for pk, values in found.items():
        in_order = sorted((rows[value] for value in values if value in rows), key=_natural)
        counts_in_order = [ValueCount(row.text, values[row.pk], row.pk in chosen[pk]) for row in in_order]
        without_product = [ValueCount(text, 0, True) for text in dict.fromkeys(unknown[pk])]
        listed[pk] = sorted([*counts_in_order, *without_product], key=lambda value: (not value.selected, -value.count))
    return listed


def _first_of(attribute: int, values: Collection[int], number: int) -> list[int]:
    """The first of these values of an attribute in their order: so many of them. All of its keys are read, not rows."""
    in_order = AttributeValue.objects.filter(attribute=attribute).order_by("position", "order_key", "id")
    keys = in_order.values_list("id", flat=True).iterator(CHUNK_KEYS)
    return [*islice((key for key in keys if key in values), number)]


def _natural(row: AttributeValue) -> tuple[int, str, int]:
    return row.position, row.order_key, row.pk


def _value_rows(keys: list[int]) -> dict[int, AttributeValue]:
    rows: dict[int, AttributeValue] = {}
    for start in range(0, len(keys), CHUNK_KEYS):
        some = AttributeValue.objects.filter(pk__in=keys[start : start + CHUNK_KEYS]).order_by()
        rows |= {row.pk: row for row in some.only("id", "text", "position", "order_key")}
    return rows
