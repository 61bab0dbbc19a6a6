"""The engine that searches the embedded index. Without an index that works, the database answers."""

import logging
from collections.abc import Callable, Collection
from decimal import Decimal
from typing import TypeVar

from catalog.category_tree import CategoryTree
from catalog.models import Product
from catalog.search.attribute_facets import AttributeCounts
from catalog.search.criteria import SearchCriteria
from catalog.search.cursors import Position
from catalog.search.engine import ResolvedSearch, Suggestion
from catalog.search.facets import FACETS, FacetCounts, Facets
from catalog.search.index import related, store, suggestions
from catalog.search.index.search import IndexSearch
from catalog.search.pages import Hits, Page
from catalog.search.sql.engine import DatabaseEngine
from catalog.search.sql.search import DatabaseSearch
from core.caching.conditions import depends_on, forbid_keeping
from core.errors import InvalidInput
from core.telemetry.metrics import FALLBACKS, timed_search

logger = logging.getLogger(__name__)
Result = TypeVar("Result")


class TantivyEngine:
    """Searches the newest commit of the index."""

    def __init__(self) -> None:
        self._database = DatabaseEngine()
        self._complaint = ""

    def resolve(self, criteria: SearchCriteria, position: Position | None = None) -> ResolvedSearch:
        snapshot = self.snapshot()
        if snapshot is None:
            return self._database.resolve(criteria, position)
        search = IndexSearch(snapshot, criteria, position.level if position else None)
        return SearchWithFallback(snapshot, search, lambda: self._database.resolve(criteria, position))

    @timed_search("tantivy", "suggest")
    def suggest(self, words: list[str], first: int) -> list[Suggestion]:
        snapshot = self.snapshot()
        if snapshot is None:
            return self._database.suggest(words, first)
        return _with_fallback(
            snapshot,
            lambda: suggestions.suggest(snapshot.searcher, words, first),
            lambda: self._database.suggest(words, first),
        )

    @timed_search("tantivy", "related")
    def related(self, product: Product, first: int) -> list[int]:
        snapshot = self.snapshot()
        if snapshot is None:
            return self._database.related(product, first)
        return _with_fallback(
            snapshot,
            lambda: related.related_ids(snapshot, product, first),
            lambda: self._database.related(product, first),
        )

    def snapshot(self) -> store.Snapshot | None:
        """The newest commit of the index. None, with a warning in the log, when no index works."""
        try:
            snapshot = store.reader.snapshot()
        except store.IndexUnavailable as unavailable:
            # The same reason is logged once, not for each search.
            if self._complaint != str(unavailable):
                self._complaint = str(unavailable)
                logger.warning("searching in the database: %s", unavailable)
            FALLBACKS.inc()
            forbid_keeping()
            return None
        self._complaint = ""
        depends_on(store.commit_in_use, snapshot.commit)
        return snapshot


class SearchWithFallback:
    """A search on the index. Once the index fails, the database answers the rest of the search."""

    def __init__(self, snapshot: store.Snapshot, search: IndexSearch, fallback: Callable[[], DatabaseSearch]) -> None:
        self._snapshot, self._fallback = snapshot, fallback
        self._search: IndexSearch | DatabaseSearch = search

    @timed_search("tantivy", "search")
    def page(self, page: Page) -> Hits:
        return self.answer(lambda search: search.page(page))

    @timed_search("tantivy", "count")
    def total(self) -> int:
        return self.answer(lambda search: search.total())

    def facets(self, tree: Callable[[], CategoryTree], names: Collection[str] = FACETS) -> Facets:
        return Facets(self.criteria, _CountsWithFallback(self, names), tree)

    def highlight(self, name: str) -> str:
        return self.answer(lambda search: search.highlight(name))

    @property
    def criteria(self) -> SearchCriteria:
        return self._search.criteria

    def answer(self, ask: Callable[[IndexSearch | DatabaseSearch], Result]) -> Result:
        """What the search answers, on the index or in the database."""
        if isinstance(self._search, DatabaseSearch):
            return ask(self._search)

        def ask_database() -> Result:
            self._search = self._fallback()
            return ask(self._search)

        return _with_fallback(self._snapshot, lambda: ask(self._search), ask_database)


class _CountsWithFallback:
    """Implements catalog.search.facets.FacetCounts."""

    def __init__(self, search: SearchWithFallback, names: Collection[str]) -> None:
        self._search, self._names = search, names

    def _answer(self, ask: Callable[[FacetCounts], Result]) -> Result:
        return self._search.answer(lambda search: ask(search.facet_counts(self._names)))

    def by_category(self, criteria: SearchCriteria) -> dict[tuple[int, ...], int]:
        return self._answer(lambda counts: counts.by_category(criteria))

    def by_brand(self, criteria: SearchCriteria) -> dict[int, int]:
        return self._answer(lambda counts: counts.by_brand(criteria))

    def price_span(self, criteria: SearchCriteria) -> tuple[Decimal, Decimal] | None:
        return self._answer(lambda counts: counts.price_span(criteria))

    def by_price(self, criteria: SearchCriteria, bounds: list[Decimal]) -> list[int]:
        return self._answer(lambda counts: counts.by_price(criteria, bounds))

    def by_rating(self, criteria: SearchCriteria) -> list[int]:
        return self._answer(lambda counts: counts.by_rating(criteria))

    def in_stock(self, criteria: SearchCriteria) -> int:
        return self._answer(lambda counts: counts.in_stock(criteria))

    def on_sale(self, criteria: SearchCriteria) -> int:
        return self._answer(lambda counts: counts.on_sale(criteria))

    def by_attribute(self, criteria: SearchCriteria) -> AttributeCounts:
        return self._answer(lambda counts: counts.by_attribute(criteria))

    def number_spans(self, criteria: SearchCriteria, attributes: Collection[int]) -> dict[int, tuple[Decimal, Decimal]]:
        return self._answer(lambda counts: counts.number_spans(criteria, attributes))


def _with_fallback(
    snapshot: store.Snapshot, ask_index: Callable[[], Result], ask_database: Callable[[], Result]
) -> Result:
    """What the index answers, or the database when the index fails."""
    try:
        return ask_index()
    except InvalidInput:
        raise
    except BaseException as error:
        # A panic of Rust is a BaseException of its own.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        logger.exception("the index failed; searching in the database")
        store.reader.examine(snapshot)
        FALLBACKS.inc()
        forbid_keeping()
        return ask_database()
