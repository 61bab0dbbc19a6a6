"""Products of which the first of each group stands for the others: their pages, in a total order or by rank.

Tantivy cannot group. So rows are read in order, in ever larger parts, and those are left out whose group has a matching
product before them. That costs a few milliseconds where many rows stand for a group. At the end of an order, where
nearly all groups came before, more rows must be read for a page.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from tantivy import DocAddress, Order, Query

from catalog.search.cursors import Position
from catalog.search.index.filters import to_index, within
from catalog.search.index.paging import before, positions_in_order
from catalog.search.index.ranking import count, ranked_ids
from catalog.search.index.store import Snapshot
from catalog.search.index.terms import all_of, one_of, with_ids
from catalog.search.pages import MAX_RANKED, Page

if TYPE_CHECKING:
    from catalog.search.index.resolving import ResolvedText

# Rows of the first part for each one that is wanted, how many times as large the next part is, and the largest part.
ROWS_EACH, GROWTH, MAX_PART = 4, 4, 20_000
# How many products of groups are read to be compared with the position of a page; more are asked for by a query.
MAX_MEMBERS = 10_000
# How many products about are in memory at once while groups are counted.
MAX_SLICE = 200_000


def groups_of(index: Snapshot, ids: Sequence[int]) -> dict[int, int]:
    """The group keys of products, by their ids."""
    if not ids:
        return {}
    hits = index.searcher.search(with_ids(ids), len(ids), count=False, order_by_field="id", order=Order.Asc).hits
    groups = numbers_of(index, "group", [address for _, address in hits])
    return {pk: group for (pk, _), group in zip(hits, groups, strict=True)}


def numbers_of(index: Snapshot, field: str, addresses: list[DocAddress]) -> list[int]:
    """The whole numbers of a field that all products have."""
    return cast(list[int], index.searcher.fast_field_values(field, addresses))


def first_positions(
    index: Snapshot, queries: list[Query], field: str, *, descending: bool, page: Page
) -> list[Position]:
    """As `positions_in_order`, of those products only that come first in their groups."""
    want, part = page.size + 1, page
    size = ROWS_EACH * want
    # By group key, the product that comes first; 0 when the page does not have it.
    first: dict[int, int] = {}
    positions: list[Position] = []
    while True:
        rows = positions_in_order(index, queries, field, descending=descending, page=replace(part, size=size - 1))
        groups = groups_of(index, [row.id for row in rows])
        new: dict[int, int] = {}
        for row in rows:
            new.setdefault(groups[row.id], row.id)
        new = {group: pk for group, pk in new.items() if group not in first}
        if page.backward or page.position is not None:
            new |= _before_page(index, queries, field, [*new], descending=descending, page=page)
        first |= new
        positions += [row for row in rows if first[groups[row.id]] == row.id]
        if len(positions) >= want or len(rows) < size:
            return positions[:want]
        part, size = replace(part, position=rows[-1]), min(GROWTH * size, MAX_PART)


def _before_page(
    index: Snapshot, queries: list[Query], field: str, groups: list[int], *, descending: bool, page: Page
) -> dict[int, int]:
    """The first matching products of groups that have one before the page's position.

    A forward page begins there, so it does not have them: they are 0. A backward page is all that is before it.
    """
    # A product without a group stands for itself.
    groups = [group for group in groups if group % 2]
    if not groups:
        return {}
    query = all_of([one_of("group", groups), *queries])
    size = count(index, query)
    if page.position is not None and size > MAX_MEMBERS:
        query = all_of([query, before(index, field, page.position, descending=descending, inclusive=not page.backward)])
        size = count(index, query)
    if not size:
        return {}
    hits = index.searcher.search(query, size, count=False, order_by_field=field).hits
    addresses = [address for _, address in hits]
    keys, ids = numbers_of(index, "group", addresses), numbers_of(index, "id", addresses)
    # The first in the order of the search is the last one here.
    rows = sorted(zip((value for value, _ in hits), ids, keys, strict=True), reverse=not descending)
    if page.position is not None:
        place = (to_index(page.position.value), page.position.id)
        rows = [row for row in rows if (row[:2] > place if descending else row[:2] < place) or row[:2] == place]
    return {key: pk if page.backward else 0 for _, pk, key in rows}


def first_ranked_ids(index: Snapshot, text: "ResolvedText", filters: list[Query], start: int, stop: int) -> list[int]:
    """As `ranked_ids`, of those products only that rank first in their groups. They alone are counted by rank."""
    size = ROWS_EACH * stop
    while start < stop:
        ids = ranked_ids(index, text, filters, 0, size)
        groups = groups_of(index, ids)
        first: dict[int, int] = {}
        for pk in ids:
            first.setdefault(groups[pk], pk)
        if len(first) >= stop or len(ids) < size or size >= MAX_RANKED:
            return [*first.values()][start:stop]
        size = min(GROWTH * size, MAX_RANKED)
    return []


def slices(index: Snapshot, query: Query) -> Iterator[tuple[list[int], list[DocAddress]]]:
    """What the query finds, in slices: group keys and addresses. Products of one group are in one slice."""
    size = count(index, query)
    num_slices = -(-size // MAX_SLICE) or 1
    highest = index.searcher.aggregate(query, {"n": {"max": {"field": "group"}}})["n"]["value"] if num_slices > 1 else 0
    for n in range(num_slices):
        some = query
        if num_slices > 1:
            low, high = (int(highest + 1) * place // num_slices for place in (n, n + 1))
            some = all_of([query, within("group", low, high - 1)])
            size = count(index, some)
        hits = index.searcher.search(some, size, count=False, order_by_field="group").hits if size else []
        yield [key for key, _ in hits], [address for _, address in hits]


def count_groups(index: Snapshot, query: Query) -> int:
    """How many groups have a product that the query finds; products without a group count as one each."""
    return sum(len({*keys}) for keys, _ in slices(index, query))
