"""Searches that the database answers once an index fails. Both engines with an index share this module."""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, TypeVar

from catalog.category_tree import CategoryTree
from catalog.models import Product
from catalog.search.attribute_facets import AttributeCounts
from catalog.search.criteria import SearchCriteria
from catalog.search.engine import Suggestion
from catalog.search.facets import FACETS, FacetCounts, Facets
from catalog.search.pages import Hits, Page
from catalog.search.sql.capped import CappedEngine
from core.caching.conditions import forbid_keeping
from core.errors import InvalidInput
from core.telemetry.metrics import FALLBACKS, timed_search

logger = logging.getLogger(__name__)
Result = TypeVar("Result")


class Search(Protocol):
    """One search of an engine, whose answers may fail."""

    def page(self, page: Page) -> Hits: ...

    def total(self) -> int: ...

    def facet_counts(self, names: Collection[str] = FACETS) -> FacetCounts: ...

    def highlight(self, name: str) -> str: ...


@dataclass(frozen=True)
class Fallback:
    """What happens when an index fails: it is told, with `failed`, and the database answers."""

    engine: str
    failed: Callable[[], object]

    def answer(self, ask_index: Callable[[], Result], ask_database: Callable[[], Result]) -> Result:
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
            self.failed()
            note_fallback()
            return ask_database()

    def search(
        self, criteria: SearchCriteria, ask_index: Callable[[], Search], ask_database: Callable[[], Search]
    ) -> "SearchWithFallback":
        return SearchWithFallback(self, criteria, ask_index, ask_database)

    def suggest(self, ask_index: Callable[[], list[Suggestion]], words: list[str], first: int) -> list[Suggestion]:
        return self.answer(ask_index, lambda: CappedEngine().suggest(words, first))

    def related(self, ask_index: Callable[[], list[int]], product: Product, first: int) -> list[int]:
        return self.answer(ask_index, lambda: CappedEngine().related(product, first))


def note_fallback() -> None:
    """Counts that the database answers in place of an index. Its answer is not given again."""
    FALLBACKS.inc()
    forbid_keeping()


class SearchWithFallback:
    """A search on an index. Once the index fails, the database answers the rest of the search."""

    def __init__(
        self,
        fallback: Fallback,
        criteria: SearchCriteria,
        ask_index: Callable[[], Search],
        ask_database: Callable[[], Search],
    ) -> None:
        self.criteria = criteria
        self._fallback, self._ask_index, self._ask_database = fallback, ask_index, ask_database
        self._search: Search | None = None
        self._has_failed = False

    def page(self, page: Page) -> Hits:
        return self._timed("search", lambda search: search.page(page))

    def total(self) -> int:
        return self._timed("count", lambda search: search.total())

    def facets(self, tree: Callable[[], CategoryTree], names: Collection[str] = FACETS) -> Facets:
        return Facets(self.criteria, _CountsWithFallback(self, names), tree)

    def highlight(self, name: str) -> str:
        return self.answer(lambda search: search.highlight(name))

    def _timed(self, operation: str, ask: Callable[[Search], Result]) -> Result:
        return timed_search(self._fallback.engine, operation)(lambda: self.answer(ask))()

    def answer(self, ask: Callable[[Search], Result]) -> Result:
        """What the search answers, on the index or in the database."""

        def ask_index() -> Result:
            self._search = self._search or self._ask_index()
            return ask(self._search)

        def ask_database() -> Result:
            self._search, self._has_failed = self._ask_database(), True
            return ask(self._search)

        return ask_index() if self._has_failed else self._fallback.answer(ask_index, ask_database)


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
