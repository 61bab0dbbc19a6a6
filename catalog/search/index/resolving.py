"""Decides how strictly the text of a search is matched on one commit of the index."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Lock

from django.conf import settings
from tantivy import Query

from catalog.search.criteria import SearchCriteria, SortField
from catalog.search.index.matching import Matching
from catalog.search.index.ranking import best_ids, block_of
from catalog.search.index.store import Snapshot
from catalog.search.index.terms import any_of, but_not, with_ids
from catalog.search.strategy import STRICT, MatchingStrategy, MatchLevel


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

    def __init__(self, index: Snapshot, criteria: SearchCriteria, level: MatchLevel | None) -> None:
        """`level` is that of an earlier page of the same search."""
        self._index, self._criteria = index, criteria
        self.by_relevance = criteria.sort is SortField.RELEVANCE
        self._matchings: dict[bool, Matching] = {}
        if level is not None and not self._matching(level.without_descriptions).has_level(level):
            level = None
        self._given = level
        self._resolution = None if level is None or self.by_relevance else Resolution(level)

    @property
    def level(self) -> MatchLevel:
        """The level, or the strictest one until it is resolved."""
        return self._resolution.level if self._resolution else self._strictest

    @property
    def matching(self) -> Matching:
        return self._matching(self.level.without_descriptions)

    @property
    def first_ids(self) -> tuple[int, ...]:
        return self.resolve().first_ids

    @property
    def query(self) -> Query:
        """All products that match the text."""
        pinned = self._criteria.steering.pinned
        queries = [self.matching.all(self.level)]
        if self.level.strategy is MatchingStrategy.PARTIAL and self.first_ids:
            queries.append(with_ids(self.first_ids))
        elif pinned:
            queries.append(with_ids(pinned))
        return any_of(queries)

    @property
    def tail(self) -> Query:
        """The better products after the first ids."""
        # Ranks are counted in blocks of what this finds, and those of STRICT begin with `first_block`.
        best = self._visible(self.matching.best(self.level))
        return but_not(best, with_ids(self.first_ids)) if self.first_ids else best

    @property
    def rest(self) -> Query | None:
        """The products after those of `tail`."""
        rest = self.matching.rest(self.level)
        if rest is None:
            return None
        rest = self._visible(rest)
        return but_not(rest, with_ids(self.first_ids)) if self.first_ids else rest

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
                *(self._index.generation.name, self._index.opstamp, self._criteria.text, self._criteria.steering),
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
        return block_of(self._index, self._visible(self._matching(False).best(STRICT)))

    def _visible(self, query: Query) -> Query:
        """What the query finds without the hidden products."""
        hidden = self._criteria.steering.hidden
        return but_not(query, with_ids(hidden)) if hidden else query

    @property
    def _strictest(self) -> MatchLevel:
        return STRICT if self.by_relevance else MatchLevel(MatchingStrategy.STRICT, without_descriptions=True)

    def _matching(self, without_descriptions: bool) -> Matching:
        if without_descriptions not in self._matchings:
            self._matchings[without_descriptions] = Matching(
                self._index.searcher,
                self._criteria.text or "",
                synonyms=self._criteria.steering.synonyms,
                without_descriptions=without_descriptions,
            )
        return self._matchings[without_descriptions]

    def _by_relevance(self) -> Resolution:
        pinned = self._pinned()
        ids, enough = [*pinned], settings.SEARCH_MIN_HITS + len(pinned)
        if self._given == STRICT or (self._given is None and len(self.first_block) >= settings.SEARCH_MIN_HITS):
            return Resolution(STRICT, tuple(ids))
        levels = self._matching(False).levels()
        for level in levels:
            if level == (self._given or levels[-1]):
                break
            hits = self._best(level, ids, enough - len(ids))
            if self._given is None and len(ids) + len(hits) >= enough:
                break
            ids += hits
        return Resolution(level, tuple(ids))

    def _best(self, level: MatchLevel, excluded: Sequence[int], size: int) -> list[int]:
        """The first ids of a level that are not among the excluded."""
        matching = self._matching(False)
        ids = best_ids(self._index, self._visible(matching.best(level)), excluded, size)
        rest = matching.rest(level)
        if rest is None or len(ids) >= size:
            return ids
        return ids + best_ids(self._index, self._visible(rest), [*excluded, *ids], size)

    def _by_value(self) -> Resolution:
        for without_descriptions in (True, False):
            matching = self._matching(without_descriptions)
            *stricter, last = levels = matching.levels()
            if self._finds(matching, last):
                place = next((n for n, level in enumerate(stricter) if self._finds(matching, level)), len(stricter))
                return Resolution(levels[place])
        return Resolution(levels[-1])

    def _finds(self, matching: Matching, level: MatchLevel) -> bool:
        return bool(best_ids(self._index, self._visible(matching.all(level)), (), 1))

    def _pinned(self) -> list[int]:
        """The pinned products that the index has."""
        pinned = self._criteria.steering.pinned
        there = set(best_ids(self._index, with_ids(pinned), (), len(pinned))) if pinned else set()
        return [pk for pk in pinned if pk in there]
