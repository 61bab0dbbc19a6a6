"""One search on one commit of the index."""

from collections.abc import Collection
from dataclasses import replace
from functools import cached_property

from catalog.search.criteria import SearchCriteria
from catalog.search.facets import FACETS
from catalog.search.highlight import Highlighter
from catalog.search.index.facet_counts import IndexFacetCounts
from catalog.search.index.filters import BRANDS_AND_CATEGORIES, PRODUCTS, ends_of, filters, sort_field
from catalog.search.index.grouped_counts import GroupedFacetCounts
from catalog.search.index.grouping import count_groups, first_positions, first_ranked_ids
from catalog.search.index.paging import positions_in_order
from catalog.search.index.ranking import count, ranked_ids
from catalog.search.index.resolving import ResolvedText
from catalog.search.index.store import Snapshot
from catalog.search.index.terms import all_of
from catalog.search.pages import Hits, Page, hits_of, ranked_hits_of, ranks_of
from catalog.search.strategy import MatchLevel


class IndexSearch:
    """The products that match all filters and, at its resolved level, the text."""

    def __init__(self, index: Snapshot, criteria: SearchCriteria, level: MatchLevel | None) -> None:
        self._index, self.criteria = index, criteria
        self._text: ResolvedText | None = None
        if criteria.text and not criteria.matches_nothing:
            self._text = ResolvedText(index, criteria, level)

    def page(self, page: Page) -> Hits:
        if self.criteria.matches_nothing:
            return hits_of([], page)
        text = self._text
        before = text.level if text else None
        hits = self._read(page)
        if text and not text.by_relevance and not text.assume(len(hits.positions)) and text.resolve().level != before:
            hits = self._read(page)
        return hits

    def total(self) -> int:
        if self.criteria.matches_nothing:
            return 0
        text = self._text
        results = self._index.results.of(self.criteria, text.key if text else None)
        if "total" not in results:
            total = self._count()
            if text and not text.assume(total):
                text.resolve()
                total = self._count()
            results["total"] = total
        return int(results["total"])

    def facet_counts(self, names: Collection[str] = FACETS) -> IndexFacetCounts:
        counts = GroupedFacetCounts if self.criteria.grouped else IndexFacetCounts
        return counts(self._index, self.criteria, self._text, names)

    def highlight(self, name: str) -> str:
        return self._highlighter(name)

    @cached_property
    def _highlighter(self) -> Highlighter:
        if self._text is None:
            return Highlighter(self.criteria.text or "", None)
        self._text.resolve()
        matching = self._text.matching
        return Highlighter(self.criteria.text or "", self._text.level, matching.unknown_words, matching.synonyms)

    def _read(self, page: Page) -> Hits:
        criteria, text = self.criteria, self._text
        if text and text.by_relevance:
            start, stop = ranks_of(page)
            stop += not page.backward
            ranked = first_ranked_ids if criteria.grouped else ranked_ids
            ids = ranked(self._index, text, filters(criteria), start, stop)
            return ranked_hits_of(ids, page, text.level)
        queries = [*([text.query] if text else []), *filters(criteria)]
        field, descending = sort_field(criteria), criteria.descending
        if criteria.grouped:
            rows = first_positions(self._index, queries, field, descending=descending, page=page)
        else:
            limits = criteria.ranges.get(field) if len(queries) == 1 else None
            ends = ends_of(limits) if limits else None
            rows = positions_in_order(self._index, queries, field, descending=descending, page=page, ends=ends)
        if text:
            rows = [replace(row, level=text.level) for row in rows]
        return hits_of(rows, page)

    def _count(self) -> int:
        queries = [*([self._text.query] if self._text else []), *filters(self.criteria)]
        if self.criteria.grouped:
            return count_groups(self._index, all_of(queries or [PRODUCTS]))
        if queries:
            return count(self._index, all_of(queries))
        return self._index.searcher.num_docs - count(self._index, BRANDS_AND_CATEGORIES, "named")
