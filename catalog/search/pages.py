"""Parses the page that a request asks for, and makes pages of what an engine has read."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from catalog.search.criteria import SearchCriteria, SortField
from catalog.search.cursors import Position, Value, decode_cursor
from catalog.search.strategy import MatchLevel
from core.errors import InvalidInput
from core.parsing import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE

# RELEVANCE has no stable key, so its positions are ranks. Only so many hits can be paged through.
RELEVANCE_WINDOW = 10_000
# In a grouped search, hits of one group count as one. So many hits are looked at.
MAX_RANKED = 5 * RELEVANCE_WINDOW
# The type of the value that each sort compares.
VALUE_TYPES: dict[SortField, type[Value]] = {
    SortField.RELEVANCE: int,
    SortField.NAME: str,
    SortField.PRICE: Decimal,
    SortField.RATING: float,
    SortField.QUANTITY: int,
    SortField.CREATED_AT: datetime,
}


@dataclass(frozen=True)
class Page:
    """Part of an answer: `size` rows (1 to 100) after the position, or before it when `backward`."""

    size: int
    backward: bool = False
    position: Position | None = None


@dataclass(frozen=True)
class Hits:
    """The positions of a page's rows, in order, and whether there are more rows before and after them."""

    positions: list[Position]
    has_next: bool
    has_previous: bool

    @property
    def ids(self) -> list[int]:
        return [position.id for position in self.positions]


NO_HITS = Hits([], has_next=False, has_previous=False)


def page_arguments(
    *, first: int | None = None, after: str | None = None, last: int | None = None, before: str | None = None
) -> tuple[int, bool, str | None]:
    """The size of the page, whether it goes backward, and the cursor, from Relay's arguments.

    (Cursor connections specification, §4.) Raises InvalidInput with the argument that is wrong, also for arguments of
    both directions at once.
    """
    backward = last is not None or (first is None and before is not None)
    if first is not None and last is not None:
        raise InvalidInput.at("last", message="Ask for `first` or for `last`, not for both.")
    if backward and after is not None:
        raise InvalidInput.at("after", message="`after` goes with `first` only.")
    if not backward and before is not None:
        raise InvalidInput.at("before", message="`before` goes with `last` only.")
    size = last if backward else first
    if size is not None and not 1 <= size <= MAX_PAGE_SIZE:
        raise InvalidInput.at("last" if backward else "first", message=f"A page has from 1 to {MAX_PAGE_SIZE} items.")
    return DEFAULT_PAGE_SIZE if size is None else size, backward, before if backward else after


def parse_page(
    criteria: SearchCriteria,
    *,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
) -> Page:
    """The page that Relay's arguments ask for. Raises InvalidInput with the argument that is wrong."""
    size, backward, cursor = page_arguments(first=first, after=after, last=last, before=before)
    argument = "before" if backward else "after"
    by_relevance = criteria.sort is SortField.RELEVANCE
    if cursor is None:
        if by_relevance and backward:
            raise InvalidInput.at("last", message="RELEVANCE is read from its best hit on: `last` needs `before`.")
        return Page(size, backward)
    position = decode_cursor(cursor, criteria.digest, VALUE_TYPES[criteria.sort], argument)
    if by_relevance and isinstance(position.value, int) and position.value >= RELEVANCE_WINDOW - (not backward):
        message = f"Only the first {RELEVANCE_WINDOW} hits by RELEVANCE can be paged through: sort or filter instead."
        raise InvalidInput.at(argument, message=message)
    return Page(size, backward, position)


def hits_of(rows: list[Position], page: Page) -> Hits:
    """The page's hits, from up to `page.size + 1` rows that were read in the page's direction.

    The flag in that direction is exact, because one row more was read; the other is true when a cursor was given.
    """
    has_more, has_cursor = len(rows) > page.size, page.position is not None
    positions = rows[: page.size]
    if page.backward:
        return Hits(positions[::-1], has_next=has_cursor, has_previous=has_more)
    return Hits(positions, has_next=has_more, has_previous=has_cursor)


def ranks_of(page: Page) -> tuple[int, int]:
    """The rank of the page's first hit by RELEVANCE, counted from 0, and the rank after its last."""
    rank = page.position.value if page.position is not None else -1
    assert isinstance(rank, int)  # noqa: S101  (`decode_cursor` checked it)
    if page.backward:
        return max(0, rank - page.size), min(rank, RELEVANCE_WINDOW)
    return rank + 1, min(rank + 1 + page.size, RELEVANCE_WINDOW)


def ranked_hits_of(ids: list[int], page: Page, level: MatchLevel | None = None) -> Hits:
    """The page's hits by RELEVANCE, from the ids at the page's ranks and, forward, one more if there is one."""
    start, stop = ranks_of(page)
    positions = [Position(start + n, row_id, level) for n, row_id in enumerate(ids[: stop - start])]
    has_cursor = page.position is not None
    if page.backward:
        return Hits(positions, has_next=has_cursor, has_previous=start > 0)
    return Hits(positions, has_next=len(ids) > stop - start, has_previous=has_cursor)
