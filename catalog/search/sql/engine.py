"""The engine that searches the database: exact, by an index for filters and sorts, by a scan for texts."""

from catalog.search.criteria import SearchCriteria
from catalog.search.cursors import Position
from catalog.search.engine import Suggestion
from catalog.search.sql import suggestions
from catalog.search.sql.search import DatabaseSearch
from core.telemetry.metrics import timed_search


class DatabaseEngine:
    """Answers with the ORM and django-filter."""

    def resolve(self, criteria: SearchCriteria, position: Position | None = None) -> DatabaseSearch:
        """A text is always matched in the same way here, so the position decides nothing."""
        return DatabaseSearch(criteria)

    @timed_search("database", "suggest")
    def suggest(self, words: list[str], first: int) -> list[Suggestion]:
        return suggestions.suggest(words, first)
