"""Decides how strictly the text of a search is matched on one commit of the index."""

from bisect import bisect_left
from collections import OrderedDict
from threading import Lock

from tantivy import Query

from catalog.search.index.matching import Matching
from catalog.search.index.store import Snapshot
from catalog.search.strategy import STRICT, MatchLevel

MAX_KEPT_LEVELS = 1_000
_levels: OrderedDict[tuple[str, int, str], MatchLevel] = OrderedDict()
_lock = Lock()


class ResolvedText:
    """A text and the level at which it is matched.

    The level is the strictest one that finds any product. It depends on the text alone, not on filters. To find it out
    costs a query, which is saved while STRICT finds something. So `level` is STRICT until it is resolved, and may
    change then.
    """

    def __init__(self, index: Snapshot, text: str, level: MatchLevel | None) -> None:
        """`level` is that of an earlier page of the same search."""
        self._index, self._text = index, text
        self.matching = Matching(index.searcher, text)
        self.is_resolved = level in self.matching.levels()
        self.level = level if level is not None and self.is_resolved else STRICT

    def resolve(self, *, has_hits: bool = False) -> bool:
        """Fixes the level. If it is known to have hits, it stays. Returns whether it changed."""
        if self.is_resolved:
            return False
        self.is_resolved = True
        if not has_hits:
            self.level = _level_of(self._index, self.matching, self._text)
        return self.level != STRICT

    @property
    def query(self) -> Query:
        """All products that match the text."""
        return self.matching.all(self.level)


def _level_of(index: Snapshot, matching: Matching, text: str) -> MatchLevel:
    """The strictest level that finds any product; the last one when none does."""
    key = (index.generation.name, index.opstamp, text)
    with _lock:
        if key in _levels:
            _levels.move_to_end(key)
            return _levels[key]

    def finds(level: MatchLevel) -> bool:
        return bool(index.searcher.search(matching.all(level), 1, count=False).hits)

    strict, typos, *partial = matching.levels()
    if finds(strict):
        level = strict
    elif finds(typos) or not partial:
        level = typos
    else:
        # Each level finds at least what the level before it finds, so a binary search finds the first with any hit.
        level = partial[bisect_left(partial[:-1], True, key=finds)]
    with _lock:
        _levels[key] = level
        if len(_levels) > MAX_KEPT_LEVELS:
            _levels.popitem(last=False)
    return level
