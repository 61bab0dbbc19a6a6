"""What a search engine promises, and which one answers."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from catalog.search.criteria import SearchCriteria, SortField, text_mistake
from catalog.search.cursors import Boundary, Page, Value, decode, page_arguments
from catalog.search.facets import Counts, check_first
from catalog.text import words
from core.errors import InvalidInput

# RELEVANCE has no stable key: its boundaries are positions, and these many hits can be paged through.
RELEVANCE_WINDOW = 10_000
# The type of the value that each sort goes by.
KINDS: dict[SortField, type[Value]] = {
    SortField.RELEVANCE: int,
    SortField.NAME: str,
    SortField.PRICE: Decimal,
    SortField.RATING: float,
    SortField.QUANTITY: int,
    SortField.CREATED_AT: datetime,
}
ENGINES = {
    "database": "catalog.search.sql.engine.DatabaseEngine",
    "tantivy": "catalog.search.index.engine.TantivyEngine",
}


@dataclass(frozen=True)
class Hits:
    """One page of an answer: boundaries in order (each with its product's id) and whether more lie on either side."""

    boundaries: list[Boundary]
    has_next: bool
    has_previous: bool
    # The stage that answered a text: the total and the facets beside this page are to be of the same.
    stage: int | None = None


class SuggestionKind(StrEnum):
    """What a suggestion leads to."""

    PRODUCT = "PRODUCT"
    BRAND = "BRAND"
    CATEGORY = "CATEGORY"


@dataclass(frozen=True)
class Suggestion:
    """A completion for a search box."""

    text: str
    kind: SuggestionKind
    slug: str


class Engine(Protocol):
    """Answers questions about active products with their ids; the rows come fresh from the database."""

    def search(self, criteria: SearchCriteria, page: Page) -> Hits:
        """The page of the products that the criteria find, in their order."""
        ...

    def count(self, criteria: SearchCriteria, stage: int | None = None) -> int:
        """How many products the criteria find, exactly; for a text in the stage of a page, when that is known."""
        ...

    def counts(self, criteria: SearchCriteria, stage: int | None = None, facets: Collection[str] = ()) -> Counts:
        """What the facets of the criteria are counted by, in the same stage; `facets`: which of them will be wanted."""
        ...

    def suggest(self, words: list[str], first: int) -> list[Suggestion]:
        """Up to `first` completions of the words of an unfinished text (at least one), best first."""
        ...

    def highlighter(self, criteria: SearchCriteria, stage: int | None = None) -> Callable[[str], str]:
        """Makes of a name the name, HTML-escaped, with <mark> around what the criteria's text matched."""
        ...


@cache
def _engine(name: str) -> Engine:
    return import_string(ENGINES[name])()


def engine() -> Engine:
    """The engine that the setting SEARCH_ENGINE chooses."""
    return _engine(settings.SEARCH_ENGINE)


def parse_page(
    criteria: SearchCriteria,
    *,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
) -> Page:
    """The page of an answer that Relay's arguments ask for. Raises InvalidInput at the argument at fault."""
    size, backward, cursor = page_arguments(first=first, after=after, last=last, before=before)
    argument = "before" if backward else "after"
    relevance = criteria.sort is SortField.RELEVANCE
    if cursor is None:
        if relevance and backward:
            raise InvalidInput.at("last", message="RELEVANCE is read from its best hit on: `last` needs `before`.")
        return Page(size, backward)
    boundary = decode(cursor, criteria.digest, KINDS[criteria.sort], argument)
    if relevance and isinstance(boundary.value, int) and boundary.value >= RELEVANCE_WINDOW - (not backward):
        message = f"Only the first {RELEVANCE_WINDOW} hits by RELEVANCE can be paged through: sort or filter instead."
        raise InvalidInput.at(argument, message=message)
    return Page(size, backward, boundary)


def positions(page: Page) -> tuple[int, int]:
    """From which to before which of the hits by RELEVANCE, counted from 0, the page goes."""
    position = page.boundary.value if page.boundary is not None else -1
    assert isinstance(position, int)  # noqa: S101  (the cursor's kind)
    if page.backward:
        return max(0, position - page.size), min(position, RELEVANCE_WINDOW)
    return position + 1, min(position + 1 + page.size, RELEVANCE_WINDOW)


def ranked_hits(ids: list[int], page: Page, start: int, stop: int, stage: int | None = None) -> Hits:
    """The page's hits by RELEVANCE, of the ids from `start` on; forward there may be one more than fit."""
    boundaries = [Boundary(start + offset, row_id, stage) for offset, row_id in enumerate(ids[: stop - start])]
    given = page.boundary is not None
    if page.backward:
        return Hits(boundaries, has_next=given, has_previous=start > 0, stage=stage)
    return Hits(boundaries, has_next=len(ids) > stop - start, has_previous=given, stage=stage)


def suggestions(text: str, first: int) -> list[Suggestion]:
    """Completions for a search box, best first; none for a blank text. Raises InvalidInput at the argument at fault."""
    check_first(first)
    if mistake := text_mistake(text):
        raise InvalidInput.at("query", message=mistake)
    looked_for = words(text)
    return engine().suggest(looked_for, first) if looked_for else []


def hits(boundaries: list[Boundary], page: Page) -> Hits:
    """The page's hits from up to `page.size + 1` rows read in the page's own direction, nearest to the boundary first.

    The flag in the paging direction is exact (one row more was read); the other is true when a cursor was given.
    """
    more, given = len(boundaries) > page.size, page.boundary is not None
    kept = boundaries[: page.size]
    if page.backward:
        return Hits(kept[::-1], has_next=given, has_previous=more)
    return Hits(kept, has_next=more, has_previous=given)
