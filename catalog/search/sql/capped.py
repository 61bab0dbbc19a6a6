"""The database in place of an index that fails: it answers a few expensive searches at once and refuses the others.

Texts and facets read all that they find. Without a limit, the searches of a busy shop would leave the database no room
for pages and carts. Pages that only filter and sort use its indexes, and they are not limited.
"""

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Concatenate, ParamSpec, TypeVar

from django.conf import settings

from catalog.models import Product
from catalog.search.criteria import SearchCriteria
from catalog.search.cursors import Position
from catalog.search.engine import Suggestion
from catalog.search.facets import FACETS
from catalog.search.pages import Hits, Page
from catalog.search.sql.engine import DatabaseEngine
from catalog.search.sql.facet_counts import DatabaseFacetCounts
from catalog.search.sql.search import DatabaseSearch
from core.errors import Overloaded
from core.telemetry.metrics import REFUSED_FALLBACKS

RETRY_AFTER_SECONDS = 5
MESSAGE = "The search is being restored and has no room for more at the moment. Try again in a few seconds."

Given = ParamSpec("Given")
Result = TypeVar("Result")
Owner = TypeVar("Owner")

_lock = threading.Lock()
_num_running = 0
_thread = threading.local()


@contextmanager
def room() -> Iterator[None]:
    """Takes one of SEARCH_FALLBACKS places, and none within a block that has one. Raises Overloaded at once."""
    global _num_running
    if getattr(_thread, "has_place", False):
        yield
        return
    with _lock:
        if _num_running >= settings.SEARCH_FALLBACKS:
            REFUSED_FALLBACKS.inc()
            raise Overloaded(MESSAGE, RETRY_AFTER_SECONDS)
        _num_running += 1
    _thread.has_place = True
    try:
        yield
    finally:
        _thread.has_place = False
        with _lock:
            _num_running -= 1


def _capped(
    method: Callable[Concatenate[Owner, Given], Result],
) -> Callable[Concatenate[Owner, Given], Result]:
    def capped(owner: Owner, /, *args: Given.args, **kwargs: Given.kwargs) -> Result:
        with room():
            return method(owner, *args, **kwargs)

    return capped


class CappedEngine(DatabaseEngine):
    """The engine of the database with these limits."""

    def resolve(self, criteria: SearchCriteria, position: Position | None = None) -> "CappedSearch":
        return CappedSearch(criteria, position.level if position else None)

    @_capped
    def suggest(self, words: list[str], first: int) -> list[Suggestion]:
        return super().suggest(words, first)

    @_capped
    def related(self, product: Product, first: int) -> list[int]:
        return super().related(product, first)


class CappedSearch(DatabaseSearch):
    def page(self, page: Page) -> Hits:
        if not self.criteria.words:
            return super().page(page)
        with room():
            return super().page(page)

    def total(self) -> int:
        if not self.criteria.words:
            return super().total()
        with room():
            return super().total()

    def facet_counts(self, names: Collection[str] = FACETS) -> "CappedFacetCounts":
        return CappedFacetCounts(self._text)


class CappedFacetCounts(DatabaseFacetCounts):
    by_category = _capped(DatabaseFacetCounts.by_category)
    by_brand = _capped(DatabaseFacetCounts.by_brand)
    price_span = _capped(DatabaseFacetCounts.price_span)
    by_price = _capped(DatabaseFacetCounts.by_price)
    by_rating = _capped(DatabaseFacetCounts.by_rating)
    in_stock = _capped(DatabaseFacetCounts.in_stock)
    on_sale = _capped(DatabaseFacetCounts.on_sale)
    by_attribute = _capped(DatabaseFacetCounts.by_attribute)
    number_spans = _capped(DatabaseFacetCounts.number_spans)
