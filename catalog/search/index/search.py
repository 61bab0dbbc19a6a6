"""One search on one commit of the index."""

from collections.abc import Collection
from dataclasses import replace

from catalog.search.criteria import SearchCriteria
from catalog.search.facets import FACETS
from catalog.search.index.facet_counts import IndexFacetCounts
from catalog.search.index.grouped_counts import GroupedFacetCounts
from catalog.search.index.grouping import count_groups, first_positions, first_ranked_ids
from catalog.search.index.paging import positions_in_order
from catalog.search.index.ranking import count, ranked_ids
from catalog.search.index.reading import SnapshotIndex
from catalog.search.index.snapshots import Snapshot
from catalog.search.matching.filters import BRANDS_AND_CATEGORIES, PRODUCTS, ends_of, filters, sort_field
from catalog.search.matching.search import TextSearch
from catalog.search.pages import Hits, Page, hits_of, ranked_hits_of, ranks_of
from catalog.search.queries import all_of
from catalog.search.strategy import MatchLevel


class IndexSearch(TextSearch):
    """The products that match all filters and, at its resolved level, the text."""

    def __init__(self, index: Snapshot, criteria: SearchCriteria, level: MatchLevel | None) -> None:
        super().__init__(SnapshotIndex(index), index.results, criteria, level)
        self._index = index

    def facet_counts(self, names: Collection[str] = FACETS) -> IndexFacetCounts:
        counts = GroupedFacetCounts if self.criteria.grouped else IndexFacetCounts
        return counts(self._index, self.criteria, self._text, names)

    def _read(self, page: Page) -> Hits:
        criteria, text = self.criteria, self._text
        if text and text.by_relevance:
            start, stop = ranks_of(page)
            stop += not page.backward
            ranked = first_ranked_ids if criteria.grouped else ranked_ids
            ids = ranked(self._index, text, filters(criteria), start, stop)
            return ranked_hits_of(ids, page, text.level)
        queries = self._queries
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
        queries = self._queries
        if self.criteria.grouped:
            return count_groups(self._index, all_of(queries or [PRODUCTS]))
        if queries:
            return count(self._index, all_of(queries))
        return self._index.searcher.num_docs - count(self._index, BRANDS_AND_CATEGORIES, "named")
