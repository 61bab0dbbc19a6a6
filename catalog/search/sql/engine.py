"""The engine that searches the database. It uses indexes for filters and sorts, and scans for texts."""

from catalog.models import Product
from catalog.search.criteria import SearchCriteria
from catalog.search.cursors import Position
from catalog.search.engine import Suggestion
from catalog.search.sql import related, suggestions
from catalog.search.sql.search import DatabaseSearch
from core.telemetry.metrics import timed_search


class DatabaseEngine:
    """Answers with the ORM and django-filter."""

    def resolve(self, criteria: SearchCriteria, position: Position | None = None) -> DatabaseSearch:
        return DatabaseSearch(criteria, position.level if position else None)

    @timed_search("database", "suggest")
    def suggest(self, words: list[str], first: int) -> list[Suggestion]:
        return suggestions.suggest(words, first)

    @timed_search("database", "related")
    def related(self, product: Product, first: int) -> list[int]:
        return related.related_ids(product, first)
