"""The engine that searches the embedded index. Without an index that works, the database answers."""

import logging

from catalog.models import Product
from catalog.search.criteria import SearchCriteria
from catalog.search.cursors import Position
from catalog.search.engine import ResolvedSearch, Suggestion
from catalog.search.fallback import Fallback, note_fallback
from catalog.search.index import snapshots, store
from catalog.search.index.reading import SnapshotIndex
from catalog.search.index.search import IndexSearch
from catalog.search.matching import related, suggestions
from catalog.search.sql.capped import CappedEngine
from core.caching.conditions import depends_on
from core.telemetry.metrics import timed_search

logger = logging.getLogger(__name__)


class TantivyEngine:
    """Searches the newest commit of the index."""

    def __init__(self) -> None:
        self._database = CappedEngine()
        self._complaint = ""

    def resolve(self, criteria: SearchCriteria, position: Position | None = None) -> ResolvedSearch:
        snapshot = self.snapshot()
        if snapshot is None:
            return self._database.resolve(criteria, position)
        return _fallback(snapshot).search(
            criteria,
            lambda: IndexSearch(snapshot, criteria, position.level if position else None),
            lambda: self._database.resolve(criteria, position),
        )

    @timed_search("tantivy", "suggest")
    def suggest(self, words: list[str], first: int) -> list[Suggestion]:
        snapshot = self.snapshot()
        if snapshot is None:
            return self._database.suggest(words, first)
        return _fallback(snapshot).suggest(
            lambda: suggestions.suggest(SnapshotIndex(snapshot), words, first), words, first
        )

    @timed_search("tantivy", "related")
    def related(self, product: Product, first: int) -> list[int]:
        snapshot = self.snapshot()
        if snapshot is None:
            return self._database.related(product, first)
        return _fallback(snapshot).related(
            lambda: related.related_ids(SnapshotIndex(snapshot), product, first), product, first
        )

    def snapshot(self) -> snapshots.Snapshot | None:
        """The newest commit of the index. None, with a warning in the log, when no index works."""
        try:
            snapshot = snapshots.reader.snapshot()
        except store.IndexUnavailable as unavailable:
            # The same reason is logged once, not for each search.
            if self._complaint != str(unavailable):
                self._complaint = str(unavailable)
                logger.warning("searching in the database: %s", unavailable)
            note_fallback()
            return None
        self._complaint = ""
        depends_on(store.commit_in_use, snapshot.commit)
        return snapshot


def _fallback(snapshot: snapshots.Snapshot) -> Fallback:
    return Fallback("tantivy", lambda: snapshots.reader.examine(snapshot))
