"""Counts for facets by aggregations over the index."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

from tantivy import Query

from catalog.attributes.models import AttributeValue
from catalog.search.attribute_facets import CHUNK_KEYS, AttributeCounts
from catalog.search.criteria import SearchCriteria
from catalog.search.facets import STARS, without_own_filter
from catalog.search.index.attribute_codes import (
    COLUMNS,
    FURTHER_COLUMNS,
    MORE,
    Tag,
    decoded,
    decoded_further,
    from_fixed_point,
    number_path,
)
from catalog.search.index.documents import ATTRIBUTE_NUMBERS, cents
from catalog.search.index.filters import PRODUCTS, filters, price_of
from catalog.search.index.grouping import numbers_of, slices
from catalog.search.index.resolving import ResolvedText
from catalog.search.index.store import Snapshot
from catalog.search.index.terms import all_of
from catalog.search.price_ranges import SCALE

# Tantivy's limit. Without a word, it leaves out what there is more of.
MAX_TERMS = 65_000


def _terms(field: str) -> dict[str, Any]:
    return {"terms": {"field": field, "size": MAX_TERMS, "segment_size": MAX_TERMS}}


def _ranges(field: str, edges: Sequence[float]) -> dict[str, Any]:
    """Below the first edge, between the edges, and from the last on."""
    between = [{"from": low, "to": high} for low, high in pairwise(edges)]
    return {"range": {"field": field, "ranges": [{"to": edges[0]}, *between, {"from": edges[-1]}]}}


# The aggregations of each facet, by name.
AGGREGATIONS: dict[str, dict[str, Any]] = {
    "categories": {"categories": _terms("category")},
    "brands": {"brands": _terms("brand")},
    "price": {"span": {"stats": {"field": "price"}}, "scale": _terms("price_step")},
    "ratings": {"ratings": _ranges("rating_low", [float(stars) for stars in reversed(STARS)])},
    "in_stock": {"stock": _ranges("in_stock", [1.0])},
    "on_sale": {"sale": _ranges("on_sale", [1.0])},
    "attributes": {column: _terms(column) for column in (*COLUMNS, MORE)},
}


class IndexFacetCounts:
    """Implements catalog.search.facets.FacetCounts.

    Facets that have the same criteria are counted in one pass. The snapshot keeps the results, since a commit does not
    change.
    """

    def __init__(
        self, index: Snapshot, criteria: SearchCriteria, text: ResolvedText | None, names: Collection[str]
    ) -> None:
        """`names` are the facets that will be wanted."""
        self._index, self._criteria, self._text = index, criteria, text
        self._names = AGGREGATIONS.keys() & set(names)

    def by_category(self, criteria: SearchCriteria) -> dict[tuple[int, ...], int]:
        counts: dict[int, int] = self._results(criteria, "categories")
        return {(category,): count for category, count in counts.items()}

    def by_brand(self, criteria: SearchCriteria) -> dict[int, int]:
        return self._results(criteria, "brands")  # type: ignore[no-any-return]

    def price_span(self, criteria: SearchCriteria) -> tuple[Decimal, Decimal] | None:
        span, _ = self._results(criteria, "price")
        return (price_of(span["min"]), price_of(span["max"])) if span["count"] else None

    def by_price(self, criteria: SearchCriteria, bounds: list[Decimal]) -> list[int]:
        if set(bounds) <= set(SCALE):
            _, steps = self._results(criteria, "price")
            ends = [0, *(SCALE.index(bound) + 1 for bound in bounds), len(SCALE) + 1]
            return [sum(steps.get(step, 0) for step in range(start, end)) for start, end in pairwise(ends)]
        edges = [float(cents(bound)) for bound in bounds]
        return _in_order(self._aggregate(criteria, {"prices": _ranges("price", edges)})["prices"])

    def by_rating(self, criteria: SearchCriteria) -> list[int]:
        counts = self._results(criteria, "ratings")
        return [sum(counts[stars:]) for stars in STARS]

    def in_stock(self, criteria: SearchCriteria) -> int:
        return self._results(criteria, "in_stock")  # type: ignore[no-any-return]

    def on_sale(self, criteria: SearchCriteria) -> int:
        return self._results(criteria, "on_sale")  # type: ignore[no-any-return]

    def by_attribute(self, criteria: SearchCriteria) -> AttributeCounts:
        return self._results(criteria, "attributes")  # type: ignore[no-any-return]

    def number_spans(self, criteria: SearchCriteria, attributes: Collection[int]) -> dict[int, tuple[Decimal, Decimal]]:
        stats = {
            str(attribute): {"stats": {"field": f"{ATTRIBUTE_NUMBERS}.{number_path(attribute)}"}}
            for attribute in attributes
        }
        results = self._aggregate(criteria, stats)
        return {
            int(attribute): (from_fixed_point(result["min"]), from_fixed_point(result["max"]))
            for attribute, result in results.items()
            if result["count"]
        }

    def _results(self, criteria: SearchCriteria, facet: str) -> Any:
        """The counts of the facet, made together with those of all wanted facets that have the same criteria."""
        results = self._kept(criteria)
        if facet not in results:
            same = criteria.without_sort
            together = [n for n in self._names if without_own_filter(self._criteria, n).without_sort == same]
            names = {facet, *together} - results.keys()
            unused = {*COLUMNS} - {*columns_in_use(self._index)}
            wanted = {name: how for n in names for name, how in AGGREGATIONS[n].items() if name not in unused}
            aggregated = self._aggregate(criteria, wanted)
            # Buckets take ten times as much memory as numbers, so they are not kept.
            results |= {name: self._read(name, aggregated, criteria) for name in names}
        return results[facet]

    def _read(self, facet: str, aggregated: dict[str, Any], criteria: SearchCriteria) -> Any:
        """The counts of a facet, from its aggregations."""
        match facet:
            case "categories" | "brands":
                return self._by_key(criteria, "category" if facet == "categories" else "brand", aggregated[facet])
            case "price":
                return aggregated["span"], _by_key(aggregated["scale"])
            case "ratings":
                return _in_order(aggregated["ratings"])
            case "in_stock":
                return _in_order(aggregated["stock"])[1]
            case "on_sale":
                return _in_order(aggregated["sale"])[1]
        codes: Counter[int] = Counter()
        for column in (*columns_in_use(self._index), MORE):
            codes.update(self._by_key(criteria, column, aggregated[column]))
        return attribute_counts(self._index, codes)

    def _by_key(self, criteria: SearchCriteria, field: str, result: dict[str, Any]) -> dict[int, int]:
        """The counts by the numbers of a field. All are read when there are more different ones than Tantivy counts."""
        if not result.get("sum_other_doc_count"):
            return _by_key(result)
        counts: Counter[int] = Counter()
        for _, addresses in slices(self._index, self._query(criteria)):
            for column in FURTHER_COLUMNS if field == MORE else (field,):
                counts.update(number for number in numbers_of(self._index, column, addresses) if number is not None)
        return counts

    def _kept(self, criteria: SearchCriteria) -> dict[str, Any]:
        # Without its own filter a facet may find more than the search, but the text alone decides the level.
        if self._text and not criteria.matches_nothing:
            self._text.resolve()
        return self._index.results.of(criteria, self._text.key if self._text else None)

    def _query(self, criteria: SearchCriteria) -> Query:
        if criteria.matches_nothing:
            return Query.empty_query()
        # Only products have what is counted.
        return all_of([*([self._text.query] if self._text else []), *filters(criteria)] or [Query.all_query()])

    def _aggregate(self, criteria: SearchCriteria, aggregations: dict[str, Any]) -> dict[str, Any]:
        query, searcher = self._query(criteria), self._index.searcher
        try:
            return searcher.aggregate(query, aggregations)
        except ValueError:
            # Tantivy bounds the number of all counts together.
            return {name: searcher.aggregate(query, {name: how})[name] for name, how in aggregations.items()}


def columns_in_use(index: Snapshot) -> Sequence[str]:
    """The columns of codes that any product has. They are filled in order."""
    if index.num_columns is None:

        def is_unused(column: str) -> bool:
            return not index.searcher.aggregate(PRODUCTS, {"n": {"value_count": {"field": column}}})["n"]["value"]

        index.num_columns = bisect_left(COLUMNS, True, key=is_unused)
    return COLUMNS[: index.num_columns]


def attribute_counts(index: Snapshot, codes: Mapping[int, int]) -> AttributeCounts:
    """The counts of attributes and values, from those of codes."""
    counts = AttributeCounts()
    attributes: Counter[int] = Counter()
    # There may be a hundred thousand values, so they are told apart by numbers here.
    of_values = {key: count for number, count in codes.items() for tag, key in [decoded(number)] if tag == Tag.VALUE}
    attribute_of = attributes_of(index, of_values)
    for key, count in of_values.items():
        # A value that is unknown was deleted a moment ago.
        if attribute := attribute_of.get(key):
            counts.values.setdefault(attribute, {})[key] = count
    for attribute, values in counts.values.items():
        attributes[attribute] = sum(values.values())
    for number, count in codes.items():
        tag, key = decoded(number)
        if tag == Tag.FURTHER:
            attribute, num_further = decoded_further(key)
            attributes[attribute] -= count * num_further
        elif tag != Tag.VALUE:
            attributes[key] += count
            if tag != Tag.NUMBER:
                counts.booleans[key, tag == Tag.YES] = count
    counts.attributes = dict(attributes)
    return counts


def attributes_of(index: Snapshot, values: Collection[int]) -> dict[int, int]:
    """The attribute that each of these values is of. Makes a query for those that the snapshot does not know yet."""
    unknown = sorted({*values} - index.attribute_of.keys())
    for start in range(0, len(unknown), CHUNK_KEYS):
        rows = AttributeValue.objects.filter(pk__in=unknown[start : start + CHUNK_KEYS]).order_by()
        index.attribute_of.update(rows.values_list("id", "attribute_id"))
    return index.attribute_of


def _by_key(result: dict[str, Any]) -> dict[int, int]:
    return {int(bucket["key"]): bucket["doc_count"] for bucket in result["buckets"]}


def _in_order(result: dict[str, Any]) -> list[int]:
    """The counts of ranges, from the lowest on."""
    return [bucket["doc_count"] for bucket in sorted(result["buckets"], key=lambda bucket: bucket.get("from", -1.0))]
