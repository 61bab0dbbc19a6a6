"""Facets: what a shopper could choose next, each counted without its own filter. All engines share this module."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Protocol

from catalog.category_tree import CategoryTree
from catalog.models import Brand, Category
from catalog.search.criteria import OPEN, SearchCriteria
from catalog.search.price_ranges import PriceFacet, price_facet
from core.errors import InvalidInput
from core.parsing import MAX_PAGE_SIZE

DEFAULT_FIRST = 20
STARS = (4, 3, 2, 1)
# The filter of each facet, and its value when there is none.
_OWN_FILTERS: dict[str, dict[str, Any]] = {
    "categories": {"categories": None, "category_subtree": None},
    "brands": {"brands": None},
    "price": {"price": OPEN},
    "ratings": {"rating": OPEN},
    "in_stock": {"in_stock": None},
}
FACETS = tuple(_OWN_FILTERS)


def without_own_filter(criteria: SearchCriteria, facet: str) -> SearchCriteria:
    """The criteria that a facet is counted by."""
    return replace(criteria, **_OWN_FILTERS[facet])


class FacetCounts(Protocol):
    """The counts that an engine makes for the facets of a search. `criteria` are the search's without one filter."""

    def by_category(self, criteria: SearchCriteria) -> dict[int, int]:
        """Products by the id of their own category."""
        ...

    def by_brand(self, criteria: SearchCriteria) -> dict[int, int]:
        """Products by brand id."""
        ...

    def price_span(self, criteria: SearchCriteria) -> tuple[Decimal, Decimal] | None:
        """The lowest and the highest price; None when nothing matches."""
        ...

    def by_price(self, criteria: SearchCriteria, bounds: list[Decimal]) -> list[int]:
        """Products below the first bound, from each bound to the next, and from the last on: one count more."""
        ...

    def by_rating(self, criteria: SearchCriteria) -> list[int]:
        """Products rated at least 4, 3, 2 and 1."""
        ...

    def in_stock(self, criteria: SearchCriteria) -> int:
        """Products with units in stock."""
        ...


def check_first(first: int, argument: str = "first") -> int:
    """Raises InvalidInput when `first` is less than 1 or more than 100."""
    if not 1 <= first <= MAX_PAGE_SIZE:
        raise InvalidInput.at(argument, message=f"Ask for 1 to {MAX_PAGE_SIZE} of them.")
    return first


@dataclass(frozen=True)
class Facets:
    """The facets of a resolved search. Each is counted when its method is called."""

    criteria: SearchCriteria
    counts: FacetCounts
    tree: Callable[[], CategoryTree]

    def categories(self, first: int = DEFAULT_FIRST) -> list[tuple[Category, int]]:
        """Categories with the count of their whole subtree, highest first, then by slug."""
        check_first(first)
        tree = self.tree()
        totals: dict[int, int] = {}
        for category_id, count in self.counts.by_category(without_own_filter(self.criteria, "categories")).items():
            if category_id in tree.by_id:
                for ancestor in tree.path(tree.by_id[category_id]):
                    totals[ancestor.pk] = totals.get(ancestor.pk, 0) + count
        counted = [(tree.by_id[pk], count) for pk, count in totals.items()]
        return sorted(counted, key=_highest_first)[:first]

    def brands(self, first: int = DEFAULT_FIRST) -> list[tuple[Brand, int]]:
        """Brands, highest count first, then by slug. Reads their rows by one query."""
        check_first(first)
        counts = self.counts.by_brand(without_own_filter(self.criteria, "brands"))
        # Several may share the count of the last place. All of them are read, because the slug decides between them.
        lowest = sorted(counts.values(), reverse=True)[:first][-1:] or [1]
        rows = Brand.objects.filter(pk__in=[pk for pk, count in counts.items() if count >= lowest[0]])
        counted = [(row, counts[row.pk]) for row in rows.only("id", "name", "slug")]
        return sorted(counted, key=_highest_first)[:first]

    def price(self) -> PriceFacet:
        """The span of prices, and round ranges in it."""
        criteria = without_own_filter(self.criteria, "price")
        return price_facet(
            lambda limits: self.counts.price_span(replace(criteria, price=limits)),
            lambda bounds: self.counts.by_price(criteria, bounds),
        )

    def ratings(self) -> list[tuple[int, int]]:
        """For 4, 3, 2 and 1 stars, how many products have at least that rating. Leaves out counts of 0."""
        counts = self.counts.by_rating(without_own_filter(self.criteria, "ratings"))
        return [(stars, count) for stars, count in zip(STARS, counts, strict=True) if count]

    def in_stock(self) -> int:
        """How many products are in stock."""
        return self.counts.in_stock(without_own_filter(self.criteria, "in_stock"))


def _highest_first(counted: tuple[Category | Brand, int]) -> tuple[int, str]:
    row, count = counted
    return -count, row.slug
