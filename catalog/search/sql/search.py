"""One search in the database."""

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import cached_property

from catalog.category_tree import CategoryTree
from catalog.search.criteria import SearchCriteria
from catalog.search.cursors import Position
from catalog.search.facets import FACETS, Facets
from catalog.search.highlight import Highlighter
from catalog.search.pages import Hits, Page, hits_of, ranked_hits_of, ranks_of
from catalog.search.sql.facet_counts import DatabaseFacetCounts
from catalog.search.sql.filters import has_filters, sort_column
from catalog.search.sql.grouping import counted, first_of_groups, first_ranked_ids
from catalog.search.sql.paging import positions_in_order
from catalog.search.sql.ranking import ranked
from catalog.search.sql.resolving import ResolvedText, matching_products
from catalog.search.strategy import MatchLevel
from core.telemetry.metrics import timed_search


class DatabaseSearch:
    """The products that match all filters and, at its resolved level, the text."""

    def __init__(self, criteria: SearchCriteria, level: MatchLevel | None = None) -> None:
        self.criteria = criteria
        self._text = ResolvedText(criteria, level) if criteria.words else None

    @timed_search("database", "search")
    def page(self, page: Page) -> Hits:
        if self.criteria.matches_nothing:
            return hits_of([], page)
        text = self._text
        if text and page.position is not None:
            text.resolve()
        if text is None or text.is_resolved:
            return self._hits(self._read(page, page.size), page)
        # Also a small page reads as many as are enough, so that the number of queries does not depend on its size.
        size, assumed = max(page.size, text.enough), text.level
        rows = self._read(page, size)
        is_all = len(rows) <= size and self._has_all_hits
        if not text.assume(len(rows), is_all=is_all) and text.resolve() != assumed:
            rows = self._read(page, page.size)
        return self._hits(rows, page)

    @timed_search("database", "count")
    def total(self) -> int:
        text, total = self._text, self._count()
        if text and not text.is_resolved:
            assumed = text.level
            if not text.assume(total, is_all=self._has_all_hits) and text.resolve() != assumed:
                total = self._count()
        return total

    def facets(self, tree: Callable[[], CategoryTree], names: Collection[str] = FACETS) -> Facets:
        return Facets(self.criteria, self.facet_counts(names), tree)

    def facet_counts(self, names: Collection[str] = FACETS) -> DatabaseFacetCounts:
        return DatabaseFacetCounts(self._text)

    def highlight(self, name: str) -> str:
        return self._highlighter(name)

    @cached_property
    def _highlighter(self) -> Highlighter:
        synonyms = self._text.matching.synonyms if self._text else ()
        return Highlighter(self.criteria.text or "", None, synonyms=synonyms)

    @property
    def _has_all_hits(self) -> bool:
        """Whether the search lists all products that the text finds."""
        return not has_filters(self.criteria) and not self.criteria.grouped

    def _count(self) -> int:
        products = matching_products(self.criteria, self._text)
        return products.aggregate(count=counted(grouped=self.criteria.grouped))["count"] or 0

    def _read(self, page: Page, size: int) -> list[Position]:
        """Up to `size + 1` positions, in the page's direction."""
        criteria, text = self.criteria, self._text
        products = matching_products(criteria, text)
        if text and text.by_relevance:
            start, stop = ranks_of(page)
            stop = stop if page.backward else max(stop, start + size) + 1
            in_order = ranked(products, criteria, text.matching, text.level)
            if criteria.grouped:
                ids = first_ranked_ids(in_order, start, stop)
            else:
                ids = [*in_order.values_list("id", flat=True)[start:stop]]
            return [Position(rank, pk) for rank, pk in enumerate(ids, start)]
        page, column = replace(page, size=size), sort_column(criteria)
        if criteria.grouped:
            sign = "-" if criteria.descending else ""
            products = first_of_groups(products, f"{sign}{column}", f"{sign}id")
        return positions_in_order(products, column, descending=criteria.descending, page=page)

    def _hits(self, rows: list[Position], page: Page) -> Hits:
        level = self._text.level if self._text else None
        if self._text and self._text.by_relevance:
            return ranked_hits_of([row.id for row in rows], page, level)
        return hits_of([replace(row, level=level) for row in rows], page)
