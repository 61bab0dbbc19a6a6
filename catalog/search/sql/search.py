"""One search in the database."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property

from django.db.models import Count

from catalog.category_tree import CategoryTree
from catalog.search.criteria import SearchCriteria, SortField
from catalog.search.facets import FACETS, Facets
from catalog.search.highlight import Highlighter
from catalog.search.pages import Hits, Page, hits_of, ranked_hits_of, ranks_of
from catalog.search.sql.facet_counts import DatabaseFacetCounts
from catalog.search.sql.filters import matching_products, sort_column
from catalog.search.sql.paging import positions_in_order
from catalog.search.sql.ranking import ranked
from core.telemetry.metrics import timed_search


@dataclass(frozen=True)
class DatabaseSearch:
    """The products whose texts contain every word: one query for a page, one for the total."""

    criteria: SearchCriteria

    @timed_search("database", "search")
    def page(self, page: Page) -> Hits:
        criteria = self.criteria
        if criteria.matches_nothing:
            return hits_of([], page)
        products = matching_products(criteria)
        if criteria.sort is SortField.RELEVANCE:
            start, stop = ranks_of(page)
            ids = ranked(products, criteria).values_list("id", flat=True)[start : stop + (not page.backward)]
            return ranked_hits_of(list(ids), page)
        rows = positions_in_order(products, sort_column(criteria), descending=criteria.descending, page=page)
        return hits_of(rows, page)

    @timed_search("database", "count")
    def total(self) -> int:
        return matching_products(self.criteria).aggregate(count=Count("id"))["count"] or 0

    def facets(self, tree: Callable[[], CategoryTree], names: Collection[str] = FACETS) -> Facets:
        return Facets(self.criteria, self.facet_counts(names), tree)

    def facet_counts(self, names: Collection[str] = FACETS) -> DatabaseFacetCounts:
        return DatabaseFacetCounts()

    def highlight(self, name: str) -> str:
        return self._highlighter(name)

    @cached_property
    def _highlighter(self) -> Highlighter:
        return Highlighter(self.criteria.text or "", None)
