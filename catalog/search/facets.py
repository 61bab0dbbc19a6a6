"""Facets: what a shopper could choose next, each counted with its own filter lifted; the same for both engines."""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Protocol

from catalog.category_tree import CategoryTree
from catalog.models import CENT, MAX_PRICE, Brand, Category
from catalog.search.criteria import Range, SearchCriteria
from catalog.search.cursors import MAX_SIZE
from core.errors import InvalidInput

DEFAULT_FIRST = 20
STARS = (4, 3, 2, 1)
MOST_RANGES, LEAST_RANGES = 5, 4
# From so many bounds on a scale is fine enough to choose from.
ENOUGH_BOUNDS = 12
MOST_LOOKS = 6
# The roundest bounds: most price ranges lie between some of them.
SCALE = [Decimal(mantissa).scaleb(power) for power in range(-2, 10) for mantissa in (1, 2, 5)]


@dataclass(frozen=True)
class PriceRange:
    """Both ends inclusive; None: open."""

    low: Decimal | None
    high: Decimal | None
    count: int


@dataclass(frozen=True)
class PriceFacet:
    """The lowest and the highest price, and ranges between them."""

    low: Decimal | None = None
    high: Decimal | None = None
    ranges: list[PriceRange] = field(default_factory=list)


# What each facet does not let narrow it: its own filter.
_OWN: dict[str, dict[str, Any]] = {
    "categories": {"categories": None, "category_subtree": None},
    "brands": {"brands": None},
    "price": {"price": Range()},
    "ratings": {"rating": Range()},
    "in_stock": {"in_stock": None},
}
FACETS = tuple(_OWN)


def lifted(criteria: SearchCriteria, facet: str) -> SearchCriteria:
    """The question that a facet is counted by: without the facet's own filter."""
    return replace(criteria, **_OWN[facet])


class Counts(Protocol):
    """What an engine counts for facets, each for all that the criteria find, whatever their sort."""

    def by_category(self, criteria: SearchCriteria) -> dict[int, int]:
        """Products by the id of the category that they lie in."""
        ...

    def by_brand(self, criteria: SearchCriteria) -> dict[int, int]:
        """Products by brand id."""
        ...

    def price_bounds(self, criteria: SearchCriteria) -> tuple[Decimal, Decimal] | None:
        """The lowest and the highest price; None when nothing is found."""
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
    """How many of a facet's values are wanted. Raises InvalidInput for less than 1 and more than 100."""
    if not 1 <= first <= MAX_SIZE:
        raise InvalidInput.at(argument, message=f"Ask for 1 to {MAX_SIZE} of them.")
    return first


@dataclass(frozen=True)
class Facets:
    """The facets of a question; each is counted when it is called for, and costs nothing before."""

    criteria: SearchCriteria
    counts: Counts
    tree: Callable[[], CategoryTree]

    def categories(self, first: int = DEFAULT_FIRST) -> list[tuple[Category, int]]:
        """Categories with the count of their whole subtree, highest first, then by slug."""
        check_first(first)
        tree = self.tree()
        totals: dict[int, int] = {}
        for category_id, count in self.counts.by_category(lifted(self.criteria, "categories")).items():
            if category_id in tree.by_id:
                for above in tree.path(tree.by_id[category_id]):
                    totals[above.pk] = totals.get(above.pk, 0) + count
        found = [(tree.by_id[pk], count) for pk, count in totals.items()]
        return sorted(found, key=lambda each: (-each[1], each[0].slug))[:first]

    def brands(self, first: int = DEFAULT_FIRST) -> list[tuple[Brand, int]]:
        """Brands, highest count first, then by slug: one query for their rows."""
        check_first(first)
        counts = self.counts.by_brand(lifted(self.criteria, "brands"))
        # All with the last place's count come into question for it: the slug decides.
        least = sorted(counts.values(), reverse=True)[:first][-1:] or [1]
        rows = Brand.objects.filter(pk__in=[pk for pk, count in counts.items() if count >= least[0]])
        found = [(row, counts[row.pk]) for row in rows.only("id", "name", "slug")]
        return sorted(found, key=lambda each: (-each[1], each[0].slug))[:first]

    def price(self) -> PriceFacet:
        """The span of prices and 4 to 6 ranges of round bounds, as far as there are so many prices."""
        criteria = lifted(self.criteria, "price")
        span = self.counts.price_bounds(criteria)
        if span is None:
            return PriceFacet()
        cells = self._cells(criteria, *span)
        while len(cells) > MOST_RANGES:
            # The two neighbours that together hold the fewest become one.
            least = min(range(len(cells) - 1), key=lambda n: cells[n][1] + cells[n + 1][1])
            cells[least : least + 2] = [(cells[least][0], cells[least][1] + cells[least + 1][1])]
        lows = [Decimal(0), *(low for low, _ in cells[1:])]
        highs: list[Decimal | None] = [*(low - CENT for low in lows[1:]), None]
        ranges = [
            PriceRange(low.quantize(CENT), high and high.quantize(CENT), count)
            for low, high, (_, count) in zip(lows, highs, cells, strict=True)
        ]
        return PriceFacet(span[0].quantize(CENT), span[1].quantize(CENT), ranges)

    def ratings(self) -> list[tuple[int, int]]:
        """For 4, 3, 2 and 1: how many products are rated at least that; only counts above 0."""
        counted = self.counts.by_rating(lifted(self.criteria, "ratings"))
        return [(stars, count) for stars, count in zip(STARS, counted, strict=True) if count]

    def in_stock(self) -> int:
        """How many products are in stock."""
        return self.counts.in_stock(lifted(self.criteria, "in_stock"))

    def _cells(self, criteria: SearchCriteria, low: Decimal, high: Decimal) -> list[tuple[Decimal, int]]:
        """Neighbouring ranges that each hold a product, by their lower bound, with their counts."""
        bounds = round_bounds(low, high)
        for _ in range(MOST_LOOKS):
            counts = self.counts.by_price(criteria, bounds)
            cells = [(start, n) for start, n in zip([Decimal(0), *bounds], counts, strict=True) if n]
            if len(cells) >= LEAST_RANGES:
                break
            finer = self._bounds_within(criteria, cells, bounds)
            if not finer:
                break
            bounds = sorted({*bounds, *finer})
        return cells

    def _bounds_within(
        self, criteria: SearchCriteria, cells: list[tuple[Decimal, int]], bounds: list[Decimal]
    ) -> list[Decimal]:
        """Finer bounds within the fullest cell that holds more than one price."""
        for start, _ in sorted(cells, key=lambda cell: -cell[1]):
            place = bisect_right(bounds, start)
            end = bounds[place] - CENT if place < len(bounds) else MAX_PRICE
            span = self.counts.price_bounds(replace(criteria, price=Range(start, end)))
            if span is not None and span[0] < span[1]:
                return round_bounds(*span)
        return []


def round_bounds(low: Decimal, high: Decimal) -> list[Decimal]:
    """Round numbers above `low` and up to `high`, at least 12 of them where cents allow: the roundest that suffice."""
    found: list[Decimal] = []
    for mantissas in _mantissas():
        found = sorted(
            {
                bound
                for power in range(-2 - len(str(mantissas[-1])), 11)
                for mantissa in mantissas
                if low < (bound := Decimal(mantissa).scaleb(power)) <= high and not bound % CENT
            }
        )
        if len(found) >= ENOUGH_BOUNDS:
            return found
    step = _linear_step(low, high)
    first = (low // step + 1) * step
    return [first + step * n for n in range(int((high - first) / step) + 1)]


def _mantissas() -> list[list[int]]:
    """Leading digits, from the roundest scale to the finest."""
    return [[1, 2, 5], [10, 15, 20, 30, 40, 50, 60, 80], list(range(10, 100))]


def _linear_step(low: Decimal, high: Decimal) -> Decimal:
    """The largest of 1, 2 and 5 times a power of ten that goes into the span 12 times; at least a cent."""
    for power in range(9, -3, -1):
        for mantissa in (5, 2, 1):
            step = Decimal(mantissa).scaleb(power)
            if (high - low) / step >= ENOUGH_BOUNDS:
                return step
    return CENT
