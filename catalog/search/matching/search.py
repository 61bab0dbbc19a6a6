"""One search on one moment of an index: what does not depend on the engine."""

from abc import ABC, abstractmethod
from collections.abc import Collection
from functools import cached_property
from typing import Any, Protocol

from catalog.search.criteria import SearchCriteria
from catalog.search.facets import FACETS, FacetCounts
from catalog.search.highlight import Highlighter
from catalog.search.matching.filters import filters
from catalog.search.matching.resolving import Index, ResolvedText
from catalog.search.pages import Hits, Page, hits_of
from catalog.search.queries import Query
from catalog.search.strategy import MatchLevel


class Results(Protocol):
    """Keeps totals and counts of one moment of an index."""

    def of(self, criteria: SearchCriteria, text: object) -> dict[str, Any]: ...


class TextSearch(ABC):
    """The products that match all filters and, at its resolved level, the text."""

    def __init__(self, index: Index, results: Results, criteria: SearchCriteria, level: MatchLevel | None) -> None:
        """`level` is that of an earlier page of the same search."""
        self._results, self.criteria = results, criteria
        self._text: ResolvedText | None = None
        if criteria.text and not criteria.matches_nothing:
            self._text = ResolvedText(index, criteria, level)

    def page(self, page: Page) -> Hits:
        if self.criteria.matches_nothing:
            return hits_of([], page)
        text = self._text
        before = text.level if text else None
        hits = self._read(page)
        if text and not text.by_relevance and not text.assume(len(hits.positions)) and text.resolve().level != before:
            hits = self._read(page)
        return hits

    def total(self) -> int:
        if self.criteria.matches_nothing:
            return 0
        text = self._text
        results = self._results.of(self.criteria, text.key if text else None)
        if "total" not in results:
            total = self._count()
            if text and not text.assume(total):
                text.resolve()
                total = self._count()
            results["total"] = total
        return int(results["total"])

    def highlight(self, name: str) -> str:
        return self._highlighter(name)

    @cached_property
    def _highlighter(self) -> Highlighter:
        if self._text is None:
            return Highlighter(self.criteria.text or "", None)
        self._text.resolve()
        return Highlighter(self.criteria.text or "", self._text.level, self._text.unknown_words, self._text.synonyms)

    @property
    def _queries(self) -> list[Query]:
        """What a product must match: the text, and each filter."""
        return [*([self._text.query] if self._text else []), *filters(self.criteria)]

    @abstractmethod
    def facet_counts(self, names: Collection[str] = FACETS) -> FacetCounts: ...

    @abstractmethod
    def _read(self, page: Page) -> Hits: ...

    @abstractmethod
    def _count(self) -> int: ...
