"""Products of which the first of each group stands for the others: their pages, in a total order or by rank.

Rows are read in order, with the keys of their groups, in ever larger parts. Those are left out whose group has a
matching product before them. A page of most searches takes two requests, the first page one.
"""

from collections.abc import Callable, Sequence
from typing import Any

from catalog.search.cursors import Position
from catalog.search.matching.filters import PRODUCTS, before, beyond, equal, from_index, to_index
from catalog.search.opensearch.counting import Index, counting
from catalog.search.opensearch.lowering import lower
from catalog.search.opensearch.scripts import number_of_groups
from catalog.search.pages import MAX_RANKED, Page
from catalog.search.queries import Query, Range, all_of, any_of, one_of, with_ids

# Rows of the first part for each one that is wanted, how many times as large the next part is, and the largest part,
# which the index's `max_result_window` must allow.
ROWS_EACH, GROWTH, MAX_PART = 4, 4, 10_000

Rows = list[tuple[Position, int]]


def first_positions(index: Index, queries: list[Query], field: str, *, descending: bool, page: Page) -> list[Position]:
    """Up to `page.size + 1` positions of the products that come first in their groups, in the page's direction.

    They are among those that match all queries, by (field, id).
    """
    want, after = page.size + 1, page.position
    size = ROWS_EACH * want
    # By group key, the product that comes first; 0 when the page does not have it.
    first: dict[int, int] = {}
    positions: list[Position] = []
    while True:
        rows = _rows(index, queries, field, after, size, down=descending != page.backward)
        new: dict[int, int] = {}
        for row, group in rows:
            if group not in first:
                new.setdefault(group, row.id)
        if page.backward or page.position is not None:
            new |= _before_page(index, queries, field, [*new], descending=descending, page=page)
        first |= new
        positions += [row for row, group in rows if first[group] == row.id]
        if len(positions) >= want or len(rows) < size:
            return positions[:want]
        after, size = rows[-1][0], min(GROWTH * size, MAX_PART)


def _rows(index: Index, queries: list[Query], field: str, after: Position | None, size: int, *, down: bool) -> Rows:
    """So many rows after the position, by (field, id), with the keys of their groups."""
    if after is not None:
        value = to_index(after.value)
        farther = Range(field, *beyond(value, down), open_ends=True)
        tied = all_of([equal(field, value), Range("id", *beyond(after.id, down), open_ends=True)])
        queries = [*queries, any_of([farther, tied])]
    (answer,) = index.search(_listing(queries, field, size, down=down))
    return [
        (Position(from_index(field, hit["sort"][0]), int(hit["sort"][1])), int(hit["fields"]["group"][0]))
        for hit in answer["hits"]["hits"]
    ]


def _before_page(
    index: Index, queries: list[Query], field: str, groups: list[int], *, descending: bool, page: Page
) -> dict[int, int]:
    """The first matching products of groups that have one before the page's position.

    A forward page begins there, so it does not have them: they are 0. A backward page is all that is before it.
    """
    # A product without a group stands for itself.
    groups = [group for group in groups if group % 2]
    if not groups:
        return {}
    queries = [*queries, one_of("group", groups)]
    if page.position is not None:
        queries.append(before(field, page.position, descending=descending, inclusive=not page.backward))
    search = {**_listing(queries, field, len(groups), down=descending), "collapse": {"field": "group"}}
    (answer,) = index.search(search)
    return {
        int(hit["fields"]["group"][0]): int(hit["sort"][1]) if page.backward else 0 for hit in answer["hits"]["hits"]
    }


def _listing(queries: Sequence[Query], field: str, size: int, *, down: bool) -> dict[str, Any]:
    order = "desc" if down else "asc"
    return {
        "size": size,
        "track_total_hits": False,
        "_source": False,
        "query": {"bool": {"filter": [lower(query) for query in queries or [PRODUCTS]]}},
        "sort": [{field: order}, {"id": order}],
        "docvalue_fields": ["group"],
    }


def first_ranked_ids(index: Index, ranked_ids: Callable[[int, int], list[int]], start: int, stop: int) -> list[int]:
    """As `ranked_ids` (from a rank to before another), of those products only that rank first in their groups.

    They alone are counted by rank.
    """
    size = ROWS_EACH * stop
    while start < stop:
        ids = ranked_ids(0, size)
        groups = groups_of(index, ids)
        first: dict[int, int] = {}
        for pk in ids:
            # A product that is gone since it was ranked has no group.
            if pk in groups:
                first.setdefault(groups[pk], pk)
        if len(first) >= stop or len(ids) < size or size >= MAX_RANKED:
            return [*first.values()][start:stop]
        size = min(GROWTH * size, MAX_RANKED)
    return []


def groups_of(index: Index, ids: Sequence[int]) -> dict[int, int]:
    """The group keys of products, by their ids."""
    parts = [ids[start : start + MAX_PART] for start in range(0, len(ids), MAX_PART)]
    answers = (
        index.search(*(_listing([with_ids(part)], "id", len(part), down=False) for part in parts)) if parts else []
    )
    return {int(hit["sort"][0]): int(hit["fields"]["group"][0]) for answer in answers for hit in answer["hits"]["hits"]}


def count_groups(index: Index, queries: Sequence[Query]) -> int:
    """How many groups have a product that matches all queries; products without a group count as one each."""
    (answer,) = index.search(counting(queries, {"groups": number_of_groups()}))
    return int(answer["aggregations"]["groups"]["value"] or 0)
