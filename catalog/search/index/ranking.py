"""Texts: which stage answers, what it finds, and its hits best first, the same on every page."""

from bisect import bisect_left
from collections import OrderedDict
from threading import Lock

from tantivy import Query

from catalog.search.criteria import SearchCriteria
from catalog.search.index.documents import SCHEMA
from catalog.search.index.filters import filters
from catalog.search.index.matching import EXACT, Matching, all_of
from catalog.search.index.store import Snapshot

# Hits are ranked in blocks of so many, so that their order does not depend on how many are read.
BLOCK = 200
REMEMBERED = 1_000
_stages: OrderedDict[tuple[str, int, str], int] = OrderedDict()
_lock = Lock()


def stage_of(index: Snapshot, matching: Matching, text: str) -> int:
    """The first stage that finds any product by the text alone: a filter only narrows its answer."""
    key = (index.generation.name, index.opstamp, text)
    with _lock:
        if key in _stages:
            _stages.move_to_end(key)
            return _stages[key]

    def finds(stage: int) -> bool:
        return bool(index.searcher.search(matching.all(stage), 1, count=False).hits)

    first, second, *partial = matching.stages()
    if finds(first):
        found = first
    elif finds(second) or not partial:
        found = second
    else:
        # Each finds all that the one before does: the first that finds anything is found by halving. The last answers
        # even when it finds nothing.
        found = partial[bisect_left(partial[:-1], True, key=finds)]
    with _lock:
        _stages[key] = found
        if len(_stages) > REMEMBERED:
            _stages.popitem(last=False)
    return found


class Text:
    """The text of a question on one commit of the index, and the stage that answers it."""

    def __init__(self, index: Snapshot, criteria: SearchCriteria, stage: int | None) -> None:
        self._index, self._text = index, criteria.text or ""
        self.matching = Matching(index.searcher, self._text)
        self.settled = stage in self.matching.stages()
        self.stage = stage if stage is not None and self.settled else EXACT

    @classmethod
    def of(cls, index: Snapshot, criteria: SearchCriteria, stage: int | None) -> "Text | None":
        """The text of the criteria, when they have one that can find anything."""
        return cls(index, criteria, stage) if criteria.text and not criteria.finds_nothing else None

    def settle(self) -> bool:
        """Goes to the stage that answers, when that is not the first; whether there is anything to ask again."""
        if self.settled:
            return False
        self.settled = True
        before, self.stage = self.stage, stage_of(self._index, self.matching, self._text)
        return self.stage != before

    @property
    def hits(self) -> Query:
        """All that the stage finds."""
        return self.matching.all(self.stage)

    def ranked(self, criteria: SearchCriteria, start: int, stop: int) -> list[int]:
        """The ids of the hits from `start` to before `stop`, best first."""
        asked = filters(criteria)
        best = self.matching.best(self.stage)
        ids = _ranked(self._index, best, asked, start, stop - start)
        if len(ids) < stop - start and self.stage <= 2:
            passed = start + len(ids) if ids or not start else count(self._index, all_of([best, *asked]))
            rest = self.matching.rest(self.stage)
            ids += _ranked(self._index, rest, asked, max(0, start - passed), stop - start - len(ids))
        return ids


def count(index: Snapshot, query: Query, key: str = "id") -> int:
    """How many products the query finds; with another field as key, how many of what has one."""
    # Faster than Tantivy's own counting collector, which the binding couples with ranking.
    return int(index.searcher.aggregate(query, {"n": {"value_count": {"field": key}}})["n"]["value"])


def _ranked(index: Snapshot, query: Query, asked: list[Query], start: int, size: int) -> list[int]:
    """The ids of what the query finds and the filters let pass, from `start`, best first."""
    if asked:
        first = _blocks(index, query, 0, 1)
        passing = _passing(index, first, asked)
        if len(passing) * 2 >= BLOCK:
            # Tantivy skips what cannot come first, but not under a filter: what passes is picked out afterwards.
            return _sifted(index, query, asked, passing, start + size)[start:]
        query = all_of([query, *asked])
    begin, end = start // BLOCK, (start + size - 1) // BLOCK + 1
    return _blocks(index, query, begin, end)[start - begin * BLOCK : start - begin * BLOCK + size]


def _sifted(index: Snapshot, query: Query, asked: list[Query], found: list[int], stop: int) -> list[int]:
    """The first `stop` ids, under filters that let most pass: after those `found` in the first block, twice as many."""
    begin, end = 1, 3
    while len(found) < stop and (ids := _blocks(index, query, begin, end)):
        found += _passing(index, ids, asked)
        begin, end = end, 2 * end + 1
    return found[:stop]


def _passing(index: Snapshot, ids: list[int], asked: list[Query]) -> list[int]:
    """Those of the products that the filters let pass, in the same order."""
    if not ids:
        return []
    chosen = all_of([Query.term_set_query(SCHEMA, "id", ids), *asked])
    found = index.searcher.search(chosen, len(ids), count=False).hits
    passing = set(index.searcher.fast_field_values("id", [address for _, address in found]))
    return [row_id for row_id in ids if row_id in passing]


def _blocks(index: Snapshot, query: Query, begin: int, end: int) -> list[int]:
    """Ids by score, within a block by rounded score and id: sums of floats differ by the order they are made in."""
    found = index.searcher.search(query, (end - begin) * BLOCK, count=False, offset=begin * BLOCK).hits
    ids = index.searcher.fast_field_values("id", [address for _, address in found])
    scored = [(-round(score, 3), int(row_id or 0)) for (score, _), row_id in zip(found, ids, strict=True)]
    return [row_id for at in range(0, len(scored), BLOCK) for _, row_id in sorted(scored[at : at + BLOCK])]
