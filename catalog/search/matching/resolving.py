"""Decides how strictly the text of a search is matched at one moment of an index."""

from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Protocol, TypeVar

from django.conf import settings

from catalog.search.analysis.tokens import Word
from catalog.search.criteria import SearchCriteria, SortField
from catalog.search.matching.texts import Matching
from catalog.search.matching.vocabulary import Words
from catalog.search.queries import ButNot, Query, any_of, with_ids
from catalog.search.strategy import STRICT, MatchingStrategy, MatchLevel

Answer = TypeVar("Answer")


class Index(Protocol):
    """What is asked of an engine's index at one moment."""

    @property
    def state(self) -> Hashable:
        """Tells this moment of the index from others."""
        ...

    @property
    def words(self) -> Words: ...

    def block_of(self, query: Query) -> list[int]:
        """The first block of ids that the query finds, best first."""
        ...

    def best_ids(self, query: Query, excluded: Collection[int], size: int) -> list[int]:
        """Up to `size` ids of what the query finds, best first, without the excluded."""
        ...


@dataclass(frozen=True)
class Resolution:
    """The level of a text, and the ids that come first by relevance: pinned products and hits of stricter levels."""

    level: MatchLevel
    first_ids: tuple[int, ...] = ()


MAX_KEPT_RESOLUTIONS = 1_000
_resolutions: OrderedDict[object, Resolution] = OrderedDict()
_lock = Lock()


class ResolvedText:
    """A text and how it is matched. That depends on the text alone, not on filters.

    By relevance, the level is the strictest one that finds SEARCH_MIN_HITS products. Hits of stricter levels come
    first. Under another sort, weak matches would come first anywhere, so the level is the strictest one that finds any,
    and descriptions count only when nothing else matches.

    Finding the level out costs a query, which is saved while STRICT finds enough: see `resolve`.
    """

    def __init__(self, index: Index, criteria: SearchCriteria, level: MatchLevel | None) -> None:
        """`level` is that of an earlier page of the same search."""
        self._index, self._criteria = index, criteria
        self.by_relevance = criteria.sort is SortField.RELEVANCE
        self._matchings: dict[bool, Matching] = {}
        if level is not None:
            given = level
            if not self._ask(level.without_descriptions, lambda matching: matching.has_level(given)):
                level = None
        self._given = level
        self._resolution = None if level is None or self.by_relevance else Resolution(level)

    @property
    def level(self) -> MatchLevel:
        """The level, or the strictest one until it is resolved."""
        return self._resolution.level if self._resolution else self._strictest

    @property
    def unknown_words(self) -> frozenset[Word]:
        """The words that no product has, which may have typos."""
        return self._ask(self.level.without_descriptions, lambda matching: matching.unknown_words)

    @property
    def synonyms(self) -> list[Word]:
        """The words of the synonyms of the text."""
        return self._ask(self.level.without_descriptions, lambda matching: matching.synonyms)

    @property
    def first_ids(self) -> tuple[int, ...]:
        return self.resolve().first_ids

    @property
    def query(self) -> Query:
        """All products that match the text."""
        pinned = self._criteria.steering.pinned
        queries = [self._all(self.level)]
        if self.level.strategy is MatchingStrategy.PARTIAL and self.first_ids:
            queries.append(with_ids(self.first_ids))
        elif pinned:
            queries.append(with_ids(pinned))
        return any_of(queries)

    @property
    def tail(self) -> Query:
        """The better products after the first ids."""
        # Ranks are counted in blocks of what this finds, and those of STRICT begin with `first_block`.
        best = self._visible(self._best(self.level))
        return ButNot(best, with_ids(self.first_ids)) if self.first_ids else best

    @property
    def rest(self) -> Query | None:
        """The products after those of `tail`."""
        rest = self._rest(self.level)
        if rest is None:
            return None
        rest = self._visible(rest)
        return ButNot(rest, with_ids(self.first_ids)) if self.first_ids else rest

    @property
    def is_resolved(self) -> bool:
        return self._resolution is not None

    @property
    def key(self) -> object:
        """Tells one matched set from another of the same criteria, of which only the sort differs."""
        return self._resolution.level if self._resolution else self._given, self.by_relevance

    def assume(self, num_hits: int) -> bool:
        """Fixes the level if STRICT is known to have so many hits and they are enough. Returns whether it is fixed."""
        enough = settings.SEARCH_MIN_HITS if self.by_relevance else 1
        may_be_strict = self._given in (None, STRICT) and not self._criteria.steering.pinned
        if self._resolution is None and num_hits >= enough and may_be_strict:
            self._resolution = Resolution(self._strictest)
        return self.is_resolved

    def resolve(self) -> Resolution:
        """Finds the level out, once."""
        if self._resolution is None:
            key = (
                *(self._index.state, self._criteria.text, self._criteria.steering),
                *(self.by_relevance, self._given, settings.SEARCH_MIN_HITS),
            )
            with _lock:
                kept = _resolutions.get(key)
            self._resolution = kept or (self._by_relevance() if self.by_relevance else self._by_value())
            with _lock:
                _resolutions[key] = self._resolution
                if len(_resolutions) > MAX_KEPT_RESOLUTIONS:
                    _resolutions.popitem(last=False)
        return self._resolution

    @cached_property
    def first_block(self) -> list[int]:
        """The first block of the best hits of STRICT."""
        return self._index.block_of(self._visible(self._best(STRICT)))

    def _visible(self, query: Query) -> Query:
        """What the query finds without the hidden products."""
        hidden = self._criteria.steering.hidden
        return ButNot(query, with_ids(hidden)) if hidden else query

    @property
    def _strictest(self) -> MatchLevel:
        return STRICT if self.by_relevance else MatchLevel(MatchingStrategy.STRICT, without_descriptions=True)

    def _ask(self, without_descriptions: bool, ask: Callable[[Matching], Answer]) -> Answer:
        """What the matching of the text answers, once all that it asks the index is known."""
        while True:
            if without_descriptions not in self._matchings:
                self._matchings[without_descriptions] = Matching(
                    self._index.words,
                    self._criteria.text or "",
                    synonyms=self._criteria.steering.synonyms,
                    without_descriptions=without_descriptions,
                )
            answer = ask(self._matchings[without_descriptions])
            if not self._index.words.learn():
                return answer
            del self._matchings[without_descriptions]

    def _best(self, level: MatchLevel) -> Query:
        return self._ask(level.without_descriptions, lambda matching: matching.best(level))

    def _all(self, level: MatchLevel) -> Query:
        return self._ask(level.without_descriptions, lambda matching: matching.all(level))

    def _rest(self, level: MatchLevel) -> Query | None:
        return self._ask(level.without_descriptions, lambda matching: matching.rest(level))

    def _levels(self, without_descriptions: bool) -> list[MatchLevel]:
        return self._ask(without_descriptions, lambda matching: matching.levels())

    def _by_relevance(self) -> Resolution:
        pinned = self._pinned()
        ids, enough = [*pinned], settings.SEARCH_MIN_HITS + len(pinned)
        if self._given == STRICT or (self._given is None and len(self.first_block) >= settings.SEARCH_MIN_HITS):
            return Resolution(STRICT, tuple(ids))
        levels = self._levels(False)
        for level in levels:
            if level == (self._given or levels[-1]):
                break
            hits = self._hits(level, ids, enough - len(ids))
            if self._given is None and len(ids) + len(hits) >= enough:
                break
            ids += hits
        return Resolution(level, tuple(ids))

    def _hits(self, level: MatchLevel, excluded: Collection[int], size: int) -> list[int]:
        """The first ids of a level that are not among the excluded."""
        ids = self._index.best_ids(self._visible(self._best(level)), excluded, size)
        rest = self._rest(level)
        if rest is None or len(ids) >= size:
            return ids
        return ids + self._index.best_ids(self._visible(rest), [*excluded, *ids], size)

    def _by_value(self) -> Resolution:
        for without_descriptions in (True, False):
            *stricter, last = levels = self._levels(without_descriptions)
            if self._finds(last):
                return Resolution(next((level for level in stricter if self._finds(level)), last))
        return Resolution(levels[-1])

    def _finds(self, level: MatchLevel) -> bool:
        return bool(self._index.best_ids(self._visible(self._all(level)), (), 1))

    def _pinned(self) -> list[int]:
        """The pinned products that the index has."""
        pinned = self._criteria.steering.pinned
        there = set(self._index.best_ids(with_ids(pinned), (), len(pinned))) if pinned else set()
        return [pk for pk in pinned if pk in there]
