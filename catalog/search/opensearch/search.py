"""One search on one moment of the index in the cluster."""

from collections.abc import Collection
from dataclasses import replace
from functools import partial

from catalog.search.criteria import SearchCriteria
from catalog.search.facets import FACETS
from catalog.search.matching.filters import PRODUCTS, filters, sort_field
from catalog.search.matching.search import TextSearch
from catalog.search.opensearch.facet_counts import ClusterFacetCounts
from catalog.search.opensearch.grouped_counts import GroupedFacetCounts
from catalog.search.opensearch.grouping import count_groups, first_positions, first_ranked_ids
from catalog.search.opensearch.paging import positions_in_order
from catalog.search.opensearch.ranking import ranked_ids
from catalog.search.opensearch.reading import Reading
from catalog.search.pages import Hits, Page, hits_of, ranked_hits_of, ranks_of
from catalog.search.queries import all_of
from catalog.search.strategy import MatchLevel


class ClusterSearch(TextSearch):
    """The products that match all filters and, at its resolved level, the text."""

    def __init__(self, index: Reading, criteria: SearchCriteria, level: MatchLevel | None) -> None:
        super().__init__(index, index.results, criteria, level)
        self._index = index

    def facet_counts(self, names: Collection[str] = FACETS) -> ClusterFacetCounts:
        counts = GroupedFacetCounts if self.criteria.grouped else ClusterFacetCounts
        return counts(self._index, self.criteria, self._text, names)

    def _read(self, page: Page) -> Hits:
        criteria, text = self.criteria, self._text
        if text and text.by_relevance:
            start, stop = ranks_of(page)
            stop += not page.backward
            ranked = partial(ranked_ids, self._index, text, filters(criteria))
            ids = first_ranked_ids(self._index, ranked, start, stop) if criteria.grouped else ranked(start, stop)
            return ranked_hits_of(ids, page, text.level)
        read = first_positions if criteria.grouped else positions_in_order
        rows = read(self._index, self._queries, sort_field(criteria), descending=criteria.descending, page=page)
        if text:
            rows = [replace(row, level=text.level) for row in rows]
        return hits_of(rows, page)

    def _count(self) -> int:
        if self.criteria.grouped:
            return count_groups(self._index, self._queries)
        return self._index.count(all_of(self._queries or [PRODUCTS]))
