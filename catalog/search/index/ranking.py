"""The hits of a text best first, the same on every page."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from tantivy import Query

from catalog.search.index.store import Snapshot
from catalog.search.index.terms import all_of, but_not, with_ids
from catalog.search.strategy import STRICT

if TYPE_CHECKING:
    from catalog.search.index.resolving import ResolvedText

# Hits are ranked in blocks of so many, so that their order does not depend on how many are read.
BLOCK = 200


def ranked_ids(index: Snapshot, text: "ResolvedText", filters: list[Query], start: int, stop: int) -> list[int]:
    """The ids of the hits of a text from the rank `start`, counted from 0, to before `stop`, best first."""
    if start >= stop:
        # Nothing is before the first hit, and Tantivy panics when it is to read no rows.
        return []
    first_ids = _passing(index, text.first_ids, filters) if filters else [*text.first_ids]
    ids = first_ids[start:stop]
    start, stop = max(0, start - len(first_ids)), stop - len(first_ids)
    if stop <= 0:
        return ids
    first_block = text.first_block if text.level == STRICT and not text.first_ids else None
    queries = [text.tail, *([rest] if (rest := text.rest) is not None else [])]
    for n, query in enumerate(queries):
        size = stop - start
        found = _ranked(index, query, filters, start, size, first_block if n == 0 else None)
        ids += found
        if len(found) == size or n == len(queries) - 1:
            break
        passed = start + len(found) if found or not start else count(index, all_of([query, *filters]))
        start, stop = max(0, start - passed), stop - passed
    return ids


def best_ids(index: Snapshot, query: Query, excluded: Collection[int], size: int) -> list[int]:
    """Up to `size` ids of what the query finds, best first, without the excluded."""
    if size <= 0:
        return []
    blocks = (size - 1) // BLOCK + 1
    return _blocks(index, but_not(query, with_ids(excluded)) if excluded else query, 0, blocks)[:size]


def block_of(index: Snapshot, query: Query) -> list[int]:
    """The first block of ids that the query finds, best first."""
    return _blocks(index, query, 0, 1)


def count(index: Snapshot, query: Query, key: str = "id") -> int:
    """How many products the query finds; with another field as key, how many documents that have one."""
    # The binding couples Tantivy's own counting with ranking, which is slower.
    return int(index.searcher.aggregate(query, {"n": {"value_count": {"field": key}}})["n"]["value"])


def _ranked(
    index: Snapshot, query: Query, filters: list[Query], start: int, size: int, first: list[int] | None
) -> list[int]:
    """Up to `size` ids of what the query finds and the filters let pass, from `start`, best first.

    `first` is the first block of the query if it is known.
    """
    if filters:
        first = _blocks(index, query, 0, 1) if first is None else first
        passing = _passing(index, first, filters)
        if len(passing) * 2 >= BLOCK:
            # Without filters, Tantivy skips what cannot come first: what passes is picked out afterwards.
            return _sifted(index, query, filters, passing, start + size)[start:]
        query = all_of([query, *filters])
    elif first is not None and (start + size <= BLOCK or len(first) < BLOCK):
        return first[start : start + size]
    begin, end = start // BLOCK, (start + size - 1) // BLOCK + 1
    return _blocks(index, query, begin, end)[start - begin * BLOCK : start - begin * BLOCK + size]


def _sifted(index: Snapshot, query: Query, filters: list[Query], passing: list[int], stop: int) -> list[int]:
    """The first `stop` ids under filters that let most pass: `passing`, of the first block, then ever more blocks."""
    begin, end = 1, 3
    while len(passing) < stop and (ids := _blocks(index, query, begin, end)):
        passing += _passing(index, ids, filters)
        begin, end = end, 2 * end + 1
    return passing[:stop]


def _passing(index: Snapshot, ids: Sequence[int], filters: list[Query]) -> list[int]:
    """The products that the filters let pass, in the same order."""
    if not ids:
        return []
    query = all_of([with_ids(ids), *filters])
    # By id, so that nothing is scored.
    hits = index.searcher.search(query, len(ids), count=False, order_by_field="id").hits
    passing = {row_id for row_id, _ in hits}
    return [row_id for row_id in ids if row_id in passing]


def _blocks(index: Snapshot, query: Query, begin: int, end: int) -> list[int]:
    """Ids by score, within a block by rounded score and id: sums of floats differ by the order they are made in."""
    hits = index.searcher.search(query, (end - begin) * BLOCK, count=False, offset=begin * BLOCK).hits
    ids = index.searcher.fast_field_values("id", [address for _, address in hits])
    scored = [(-round(score, 3), int(row_id or 0)) for (score, _), row_id in zip(hits, ids, strict=True)]
    return [row_id for start in range(0, len(scored), BLOCK) for _, row_id in sorted(scored[start : start + BLOCK])]
