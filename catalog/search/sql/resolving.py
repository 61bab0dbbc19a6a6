"""Decides how strictly the text of a search is matched in the database."""

from dataclasses import replace
from functools import cached_property

from django.conf import settings
from django.db.models import Max, Q, QuerySet

from catalog.models import Product
from catalog.search.criteria import SearchCriteria, SortField
from catalog.search.sql.filters import filtered
from catalog.search.sql.matching import Matching
from catalog.search.strategy import STRICT, MatchLevel


class ResolvedText:
    """A text and how it is matched. That depends on the text alone, not on filters.

    By relevance, the level is the strictest one that finds SEARCH_MIN_HITS products. Under another sort, weak matches
    would come first anywhere, so the level is the strictest one that finds any, and descriptions count only when
    nothing else matches.

    Finding the level out costs up to four queries. None is made while the strictest level finds enough: see `assume`.
    """

    def __init__(self, criteria: SearchCriteria, level: MatchLevel | None) -> None:
        """`level` is that of an earlier page of the same search."""
        self._steering = criteria.steering
        self.by_relevance = criteria.sort is SortField.RELEVANCE
        self.matching = Matching(criteria.words, criteria.steering)
        levels = [*self._levels(False), *([] if self.by_relevance else self._levels(True))]
        self._level = level if level in levels else None
        if levels == [STRICT]:
            self._level = STRICT
        self._is_strictest_too_few = False

    @property
    def level(self) -> MatchLevel:
        """The level, or the strictest one until it is resolved."""
        return self._level or self._strictest

    @property
    def is_resolved(self) -> bool:
        return self._level is not None

    @property
    def enough(self) -> int:
        """How many products a level must find."""
        return settings.SEARCH_MIN_HITS if self.by_relevance else 1

    def products(self) -> QuerySet[Product]:
        """The active products that match at the level, and those that staff pinned."""
        condition = self.matching.condition(self.level)
        if self._steering.pinned:
            condition |= Q(pk__in=self._steering.pinned)
        return self._visible.filter(condition)

    def assume(self, num_hits: int, *, is_all: bool) -> bool:
        """Fixes the strictest level if it is known to find so many products and they are enough.

        `is_all` says that these are all that it finds. Returns whether the level is fixed.
        """
        # Pinned products may be among the hits without matching the text.
        if self._level is None and num_hits - len(self._steering.pinned) >= self.enough:
            self._level = self._strictest
        self._is_strictest_too_few = is_all and num_hits < self.enough
        return self.is_resolved

    def resolve(self) -> MatchLevel:
        """Finds the level out, once."""
        if self._level is None:
            self._level = self._by_relevance() if self.by_relevance else self._by_value()
        return self._level

    def _by_relevance(self) -> MatchLevel:
        strict, *partial = self.matching.levels(without_descriptions=False)
        if self._finds_enough(strict):
            return strict
        if len(partial) == 1:
            return partial[0]
        num_units = self.matching.num_units(without_descriptions=False)
        best = self._visible.annotate(units=num_units).order_by("-units").values_list("units", flat=True)[: self.enough]
        # The level is that of the last product that is needed.
        return self._partial(partial, min(best, default=0) if len(best) == self.enough else 0)

    def _by_value(self) -> MatchLevel:
        for without_descriptions in (True, False):
            strict, *partial = self.matching.levels(without_descriptions=without_descriptions)
            if self._finds_enough(strict):
                return strict
            if partial:
                num_units = self.matching.num_units(without_descriptions=without_descriptions)
                most = self._visible.aggregate(units=Max(num_units))["units"] or 0
                if most:
                    return self._partial(partial, most)
        return strict

    def _partial(self, levels: list[MatchLevel], num_units: int) -> MatchLevel:
        """The level of products with so many words; the loosest one without any."""
        missing = self.matching.num_counted - max(1, num_units)
        return levels[max(1, missing) - 1]

    @cached_property
    def _visible(self) -> QuerySet[Product]:
        products = Product.objects.filter(is_active=True)
        return products.exclude(pk__in=self._steering.hidden) if self._steering.hidden else products

    @property
    def _strictest(self) -> MatchLevel:
        return replace(STRICT, without_descriptions=not self.by_relevance)

    def _levels(self, without_descriptions: bool) -> list[MatchLevel]:
        return self.matching.levels(without_descriptions=without_descriptions)

    def _finds_enough(self, level: MatchLevel) -> bool:
        if level == self._strictest and self._is_strictest_too_few:
            return False
        hits = self._visible.filter(self.matching.condition(level)).order_by().values_list("id", flat=True)
        return len(hits[: self.enough]) == self.enough


def matching_products(criteria: SearchCriteria, text: ResolvedText | None) -> QuerySet[Product]:
    """The active products that match the text at its level, and the filters, in no particular order."""
    if criteria.matches_nothing:
        return Product.objects.none()
    return filtered(text.products() if text else Product.objects.filter(is_active=True), criteria)
