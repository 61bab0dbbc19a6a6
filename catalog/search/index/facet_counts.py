"""Counts for facets by aggregations over the index."""

from collections.abc import Collection, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

from tantivy import Query

from catalog.search.criteria import SearchCriteria
from catalog.search.facets import STARS, without_own_filter
from catalog.search.index.documents import cents
from catalog.search.index.filters import PRODUCTS, filters, price_of
from catalog.search.index.resolving import ResolvedText
from catalog.search.index.store import Snapshot
from catalog.search.index.terms import all_of
from catalog.search.price_ranges import SCALE

# Tantivy's limit. If an answer has more brands or categories than this, the database counts them.
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

    def by_category(self, criteria: SearchCriteria) -> dict[int, int]:
        return _by_key(self._results(criteria, "categories")["categories"])

    def by_brand(self, criteria: SearchCriteria) -> dict[int, int]:
        return _by_key(self._results(criteria, "brands")["brands"])

    def price_span(self, criteria: SearchCriteria) -> tuple[Decimal, Decimal] | None:
        span = self._results(criteria, "price")["span"]
        return (price_of(span["min"]), price_of(span["max"])) if span["count"] else None

    def by_price(self, criteria: SearchCriteria, bounds: list[Decimal]) -> list[int]:
        if set(bounds) <= set(SCALE):
            steps = _by_key(self._results(criteria, "price")["scale"])
            ends = [0, *(SCALE.index(bound) + 1 for bound in bounds), len(SCALE) + 1]
            return [sum(steps.get(step, 0) for step in range(start, end)) for start, end in pairwise(ends)]
        edges = [float(cents(bound)) for bound in bounds]
        return _in_order(self._aggregate(criteria, {"prices": _ranges("price", edges)})["prices"])

    def by_rating(self, criteria: SearchCriteria) -> list[int]:
        counts = _in_order(self._results(criteria, "ratings")["ratings"])
        return [sum(counts[stars:]) for stars in STARS]

    def in_stock(self, criteria: SearchCriteria) -> int:
        return _in_order(self._results(criteria, "in_stock")["stock"])[1]

    def _results(self, criteria: SearchCriteria, facet: str) -> dict[str, Any]:
        """The aggregations of the facet, made together with those of all wanted facets that have the same criteria."""
        # Without its own filter a facet may find more than the search, but the text alone decides the level.
        if self._text and not criteria.matches_nothing:
            self._text.resolve()
        results = self._index.results.of(criteria, self._text.key if self._text else None)
        if not AGGREGATIONS[facet].keys() <= results.keys():
            same = criteria.without_sort
            together = [n for n in self._names if without_own_filter(self._criteria, n).without_sort == same]
            wanted = {name: how for n in {facet, *together} for name, how in AGGREGATIONS[n].items()}
            results |= self._aggregate(criteria, {name: how for name, how in wanted.items() if name not in results})
        return results

    def _aggregate(self, criteria: SearchCriteria, aggregations: dict[str, Any]) -> dict[str, Any]:
        if criteria.matches_nothing:
            query = Query.empty_query()
        else:
            query = all_of([*([self._text.query] if self._text else []), *filters(criteria)] or [PRODUCTS])
        return self._index.searcher.aggregate(query, aggregations)


def _by_key(result: dict[str, Any]) -> dict[int, int]:
    return {int(bucket["key"]): bucket["doc_count"] for bucket in result["buckets"]}


def _in_order(result: dict[str, Any]) -> list[int]:
    """The counts of ranges, from the lowest on."""
    return [bucket["doc_count"] for bucket in sorted(result["buckets"], key=lambda bucket: bucket.get("from", -1.0))]
