"""The engine that searches the index in a cluster. While the cluster fails, the database answers."""

import logging

from catalog.models import Product
from catalog.search.criteria import SearchCriteria
from catalog.search.cursors import Position
from catalog.search.engine import ResolvedSearch, Suggestion
from catalog.search.fallback import Fallback, note_fallback
from catalog.search.matching import related, suggestions
from catalog.search.opensearch.client import ClusterFailed
from catalog.search.opensearch.moments import moments
from catalog.search.opensearch.reading import Reading
from catalog.search.opensearch.search import ClusterSearch
from catalog.search.sql.engine import DatabaseEngine
from core.caching.conditions import depends_on
from core.telemetry.metrics import timed_search

logger = logging.getLogger(__name__)
_fallback = Fallback("opensearch", moments.forget)


class OpenSearchEngine:
    """Searches the index behind the alias of this version of the code."""

    def __init__(self) -> None:
        self._database = DatabaseEngine()
        self._complaint = ""

    def resolve(self, criteria: SearchCriteria, position: Position | None = None) -> ResolvedSearch:
        reading = self.reading()
        if reading is None:
            return self._database.resolve(criteria, position)
        return _fallback.search(
            criteria,
            lambda: ClusterSearch(reading, criteria, position.level if position else None),
            lambda: self._database.resolve(criteria, position),
        )

    @timed_search("opensearch", "suggest")
    def suggest(self, words: list[str], first: int) -> list[Suggestion]:
        reading = self.reading()
        if reading is None:
            return self._database.suggest(words, first)
        return _fallback.suggest(lambda: suggestions.suggest(reading, words, first), words, first)

    @timed_search("opensearch", "related")
    def related(self, product: Product, first: int) -> list[int]:
        reading = self.reading()
        if reading is None:
            return self._database.related(product, first)
        return _fallback.related(lambda: related.related_ids(reading, product, first), product, first)

    def reading(self) -> Reading | None:
        """The index at this moment. None, with a warning in the log, when the cluster does not answer."""
        try:
            moment = moments.now()
        except ClusterFailed as failure:
            # The same reason is logged once, not for each search.
            if self._complaint != str(failure):
                self._complaint = str(failure)
                logger.warning("searching in the database: %s", failure)
            note_fallback()
            return None
        self._complaint = ""
        depends_on(moments.state, moment.state)
        return Reading(moment)
