"""Counts for facets of a grouped search. A group counts once for a value when any of its matching products has it.

OpenSearch counts products exactly, and different groups approximately. So scripts count groups in each shard.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from catalog.search.code_counts import attribute_counts
from catalog.search.criteria import SearchCriteria
from catalog.search.documents import ATTRIBUTES, VALUES, cents
from catalog.search.opensearch.counting import Index, counting
from catalog.search.opensearch.facet_counts import (
    AGGREGATIONS,
    AT_LEAST_STARS,
    ClusterFacetCounts,
    in_order,
    ranges_between,
)
from catalog.search.opensearch.scripts import (
    counts_by_field,
    counts_by_set,
    number_of_groups,
    sets_of_groups,
    values_of_groups,
)
from catalog.search.queries import Query, Range

# How many products about are counted at once by scripts that remember what each group has.
MAX_SLICE = 500_000
# The fields whose values are counted, and those whose sets of values are, by facet.
_FIELDS = {"brands": ["brand"], "attributes": [VALUES, ATTRIBUTES]}
_SETS = {"categories": "category"}
_GROUPS = {"groups": number_of_groups()}
_AGGREGATIONS = {
    "price": {"span": AGGREGATIONS["price"]["span"]},
    "ratings": {"ratings": {**AT_LEAST_STARS, "aggs": _GROUPS}},
    "in_stock": {"in_stock": {**AGGREGATIONS["in_stock"]["in_stock"], "aggs": _GROUPS}},
    "on_sale": {"on_sale": {**AGGREGATIONS["on_sale"]["on_sale"], "aggs": _GROUPS}},
}
_EXTENT = {"number": {"value_count": {"field": "group"}}, "highest": {"max": {"field": "group"}}}


class GroupedFacetCounts(ClusterFacetCounts):
    """Implements catalog.search.facets.FacetCounts for groups."""

    def by_price(self, criteria: SearchCriteria, bounds: list[Decimal]) -> list[int]:
        prices = ranges_between("price", [cents(bound) for bound in bounds])
        (results,) = self._aggregate((criteria, {"prices": {**prices, "aggs": _GROUPS}}))
        return [_groups(bucket) for bucket in in_order(results["prices"])]

    def _count(self, wanted: Sequence[tuple[SearchCriteria, set[str]]]) -> list[dict[str, Any]]:
        searches = [
            (criteria, {key: how for name in names for key, how in _AGGREGATIONS.get(name, _EXTENT).items()})
            for criteria, names in wanted
        ]
        aggregated = self._aggregate(*searches)
        tallies = [_Tally(names - _AGGREGATIONS.keys()) for _, names in wanted]
        part: list[tuple[_Tally, dict[str, Any]]] = []
        part_size = 0
        for (criteria, _), extent, tally in zip(wanted, aggregated, tallies, strict=True):
            for queries, size in self._slices(criteria, extent) if tally.facets else ():
                if part and part_size + size > MAX_SLICE:
                    self._tally(part)
                    part, part_size = [], 0
                part.append((tally, counting(queries, tally.aggregations)))
                part_size += size
        self._tally(part)
        return [
            {name: _read(name, results) for name in names & _AGGREGATIONS.keys()} | tally.read(self._index)
            for (_, names), results, tally in zip(wanted, aggregated, tallies, strict=True)
        ]

    def _slices(self, criteria: SearchCriteria, extent: dict[str, Any]) -> Iterator[tuple[list[Query], int]]:
        """Queries of what the criteria find, in slices, and about how many products each finds.

        Products of one group are in one slice.
        """
        number, highest = extent["number"]["value"], int(extent["highest"]["value"] or 0)
        num_slices = -(-number // MAX_SLICE)
        for n in range(num_slices):
            low, high = ((highest + 1) * place // num_slices for place in (n, n + 1))
            slice_of = [Range("group", low, high - 1)] if num_slices > 1 else []
            yield [*self._queries(criteria), *slice_of], number // num_slices

    def _tally(self, part: Sequence[tuple["_Tally", dict[str, Any]]]) -> None:
        """Adds the counts of some searches, which are asked for in one request."""
        answers = self._index.search(*(search for _, search in part)) if part else []
        for (tally, _), answer in zip(part, answers, strict=True):
            tally.add(answer["aggregations"])


class _Tally:
    """The counts of facets by value or by set of values, added up over slices."""

    def __init__(self, facets: set[str]) -> None:
        self.facets = facets
        self._fields = [field for facet in sorted(facets & _FIELDS.keys()) for field in _FIELDS[facet]]
        self._by_field: dict[str, Counter[int]] = {field: Counter() for field in self._fields}
        self._by_set: dict[str, Counter[tuple[int, ...]]] = {facet: Counter() for facet in facets & _SETS.keys()}

    @property
    def aggregations(self) -> dict[str, Any]:
        values = {"values": values_of_groups(self._fields)} if self._fields else {}
        return values | {facet: sets_of_groups(_SETS[facet]) for facet in self._by_set}

    def add(self, aggregated: dict[str, Any]) -> None:
        if self._fields:
            for field, counts in counts_by_field(self._fields, aggregated["values"]).items():
                self._by_field[field].update(counts)
        for facet, sets in self._by_set.items():
            sets.update(counts_by_set(aggregated[facet]))

    def read(self, index: Index) -> dict[str, Any]:
        """The counts of the facets."""
        counts: dict[str, Any] = {**self._by_set}
        if "brands" in self.facets:
            counts["brands"] = self._by_field["brand"]
        if "attributes" in self.facets:
            counts["attributes"] = attribute_counts(index.attribute_of, self._by_field[VALUES])
            counts["attributes"].attributes = dict(self._by_field[ATTRIBUTES])
        return counts


def _read(facet: str, aggregated: dict[str, Any]) -> Any:
    match facet:
        case "price":
            return aggregated["span"], {}
        case "ratings":
            return [_groups(bucket) for bucket in in_order(aggregated["ratings"])][::-1]
    return _groups(aggregated[facet])


def _groups(bucket: dict[str, Any]) -> int:
    return int(bucket["groups"]["value"] or 0)
