"""Counts for facets by aggregations over all shards. They are exact: a count that may be too low is made again."""

from collections.abc import Collection, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

from catalog.search.attribute_codes import from_fixed_point, number_path
from catalog.search.attribute_facets import AttributeCounts
from catalog.search.code_counts import attribute_counts
from catalog.search.criteria import SearchCriteria
from catalog.search.documents import ATTRIBUTE_NUMBERS, VALUES, cents
from catalog.search.facets import STARS, without_own_filter
from catalog.search.matching.filters import filters, price_of
from catalog.search.matching.resolving import ResolvedText
from catalog.search.opensearch.counting import Index, counting
from catalog.search.opensearch.scripts import counts_by_field, values_of_groups
from catalog.search.price_ranges import SCALE
from catalog.search.queries import NOTHING, Query

# Different values that an aggregation counts. All aggregations of a search together may have 65,535
# (`search.max_buckets`). A script counts what there is more of.
MAX_TERMS = 10_000


def _terms(field: str) -> dict[str, Any]:
    # By default a shard sends fewer values than it has, and the sums may be too low.
    return {"terms": {"field": field, "size": MAX_TERMS, "shard_size": MAX_TERMS}}


def ranges_between(field: str, edges: Sequence[float]) -> dict[str, Any]:
    """Below the first edge, between the edges, and from the last on. Values are at least 0."""
    between = [{"from": low, "to": high} for low, high in pairwise([-1.0, *edges])]
    return {"range": {"field": field, "ranges": [*between, {"from": edges[-1] if edges else -1.0}]}}


AT_LEAST_STARS = {"range": {"field": "rating_low", "ranges": [{"from": float(stars)} for stars in STARS]}}
# The aggregations of each facet, by name.
AGGREGATIONS: dict[str, dict[str, Any]] = {
    "categories": {"category": _terms("category")},
    "brands": {"brand": _terms("brand")},
    "price": {"span": {"stats": {"field": "price"}}, "scale": _terms("price_step")},
    "ratings": {"ratings": AT_LEAST_STARS},
    "in_stock": {"in_stock": {"filter": {"term": {"in_stock": 1}}}},
    "on_sale": {"on_sale": {"filter": {"term": {"on_sale": 1}}}},
    "attributes": {VALUES: _terms(VALUES)},
}


class ClusterFacetCounts:
    """Implements catalog.search.facets.FacetCounts.

    All facets that will be wanted are counted in one request. The results are kept while the index does not change.
    """

    def __init__(
        self, index: Index, criteria: SearchCriteria, text: ResolvedText | None, names: Collection[str]
    ) -> None:
        """`names` are the facets that will be wanted."""
        self._index, self._criteria, self._text = index, criteria, text
        self._names = AGGREGATIONS.keys() & set(names)

    def by_category(self, criteria: SearchCriteria) -> dict[tuple[int, ...], int]:
        return self._results(criteria, "categories")  # type: ignore[no-any-return]

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
        prices = ranges_between("price", [cents(bound) for bound in bounds])
        return _in_order(self._aggregate((criteria, {"prices": prices}))[0]["prices"])

    def by_rating(self, criteria: SearchCriteria) -> list[int]:
        return self._results(criteria, "ratings")  # type: ignore[no-any-return]

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
        (results,) = self._aggregate((criteria, stats))
        return {
            int(attribute): (from_fixed_point(result["min"]), from_fixed_point(result["max"]))
            for attribute, result in results.items()
            if result["count"]
        }

    def _results(self, criteria: SearchCriteria, facet: str) -> Any:
        """The counts of the facet. Those of all wanted facets are made in the same request."""
        results = self._kept(criteria)
        if facet not in results:
            by_criteria = self._unknown(criteria, facet)
            for some, counts in zip(
                by_criteria, self._count([(one, names) for one, names in by_criteria.items()]), strict=True
            ):
                self._kept(some).update(counts)
        return results[facet]

    def _unknown(self, criteria: SearchCriteria, facet: str) -> dict[SearchCriteria, set[str]]:
        """The facet and all other wanted ones whose counts are not known, by the criteria that they are counted by."""
        wanted = [(criteria.without_sort, facet)]
        for name in self._names:
            own = without_own_filter(self._criteria, name).without_sort
            wanted.append((own, name))
            if name == "attributes":
                chosen = {condition.attribute for condition in own.attributes}
                wanted += [(own.without_conditions(attribute), name) for attribute in chosen]
        by_criteria: dict[SearchCriteria, set[str]] = {}
        for own, name in wanted:
            if name not in self._kept(own):
                by_criteria.setdefault(own, set()).add(name)
        return by_criteria

    def _count(self, wanted: Sequence[tuple[SearchCriteria, set[str]]]) -> list[dict[str, Any]]:
        """The counts of the facets, by name, for each of the criteria."""
        searches = [
            (criteria, {key: how for name in names for key, how in AGGREGATIONS[name].items()})
            for criteria, names in wanted
        ]
        return [
            {name: self._read(name, aggregated, criteria) for name in names}
            for (criteria, names), aggregated in zip(wanted, self._aggregate(*searches), strict=True)
        ]

    def _read(self, facet: str, aggregated: dict[str, Any], criteria: SearchCriteria) -> Any:
        """The counts of a facet, from its aggregations."""
        match facet:
            case "categories":
                return {
                    (category,): count for category, count in self._by_key(criteria, "category", aggregated).items()
                }
            case "brands":
                return self._by_key(criteria, "brand", aggregated)
            case "price":
                return aggregated["span"], _by_key(aggregated["scale"])
            case "ratings":
                return _in_order(aggregated["ratings"])[::-1]
            case "attributes":
                return attribute_counts(self._index.attribute_of, self._by_key(criteria, VALUES, aggregated))
        return aggregated[facet]["doc_count"]

    def _by_key(self, criteria: SearchCriteria, field: str, aggregated: dict[str, Any]) -> dict[int, int]:
        """The counts by the numbers of a field. A script counts again where there are too many."""
        result = aggregated[field]
        if not result["sum_other_doc_count"] and not result["doc_count_error_upper_bound"]:
            return _by_key(result)
        (again,) = self._aggregate((criteria, {field: values_of_groups([field], grouped=False)}))
        return counts_by_field([field], again[field])[field]

    def _kept(self, criteria: SearchCriteria) -> dict[str, Any]:
        # Without its own filter a facet may find more than the search, but the text alone decides the level.
        if self._text and not criteria.matches_nothing:
            self._text.resolve()
        return self._index.results.of(criteria, self._text.key if self._text else None)

    def _queries(self, criteria: SearchCriteria) -> list[Query]:
        if criteria.matches_nothing:
            return [NOTHING]
        return [*([self._text.query] if self._text else []), *filters(criteria)]

    def _aggregate(self, *searches: tuple[SearchCriteria, dict[str, Any]]) -> list[dict[str, Any]]:
        """The results of aggregations, which are asked for in one request."""
        bodies = [counting(self._queries(criteria), aggregations) for criteria, aggregations in searches]
        return [answer["aggregations"] for answer in self._index.search(*bodies)]


def _by_key(result: dict[str, Any]) -> dict[int, int]:
    return {int(bucket["key"]): bucket["doc_count"] for bucket in result["buckets"]}


def _in_order(result: dict[str, Any]) -> list[int]:
    """The counts of ranges, from the lowest on."""
    return [bucket["doc_count"] for bucket in in_order(result)]


def in_order(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Ranges from the lowest on."""
    return sorted(result["buckets"], key=lambda bucket: bucket["from"])
