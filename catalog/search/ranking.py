"""Texts: which stage answers, what it finds, and its hits best first, the same on every page."""

from collections import OrderedDict
from threading import Lock

from tantivy import Query

from catalog.search.criteria import SearchCriteria
from catalog.search.filters import filters
from catalog.search.matching import EXACT, Matching, all_of
from catalog.search.store import Snapshot

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
    stages = matching.stages()
    found = next((s for s in stages if index.searcher.search(matching.all(s), 1, count=False).hits), stages[-1])
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
        best = all_of([self.matching.best(self.stage), *asked])
        ids = _ranked(self._index, best, start, stop - start)
        if len(ids) < stop - start and self.stage <= 2:
            passed = start + len(ids) if ids or not start else self._count(best)
            rest = all_of([self.matching.rest(self.stage), *asked])
            ids += _ranked(self._index, rest, max(0, start - passed), stop - start - len(ids))
        return ids

    def _count(self, query: Query) -> int:
        return count(self._index, query)


def count(index: Snapshot, query: Query) -> int:
    """How many products the query finds."""
    # Faster than Tantivy's own counting collector, which the binding couples with ranking.
    return int(index.searcher.aggregate(query, {"n": {"value_count": {"field": "id"}}})["n"]["value"])


def _ranked(index: Snapshot, query: Query, start: int, size: int) -> list[int]:
    """Ids by score, within a block by rounded score and id: sums of floats differ by the order they are made in."""
    first, last = start // BLOCK, (start + size - 1) // BLOCK
    found = index.searcher.search(query, (last - first + 1) * BLOCK, count=False, offset=first * BLOCK).hits
    ids = index.searcher.fast_field_values("id", [address for _, address in found])
    scored = [(-round(score, 3), int(row_id or 0)) for (score, _), row_id in zip(found, ids, strict=True)]
    ordered = [each for at in range(0, len(scored), BLOCK) for each in sorted(scored[at : at + BLOCK])]
    return [row_id for _, row_id in ordered[start - first * BLOCK : start - first * BLOCK + size]]
