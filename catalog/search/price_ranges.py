"""Computes the price facet: ranges between round prices, each with some products."""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from catalog.models import CENT, MAX_PRICE
from catalog.search.criteria import OPEN, Range

MIN_RANGES, MAX_RANGES = 4, 5
# A scale of so many bounds is fine enough to choose ranges from.
MIN_BOUNDS = 12
MAX_REFINEMENTS = 6
# The roundest bounds. Most price ranges lie between some of them.
SCALE = [Decimal(mantissa).scaleb(power) for power in range(-2, 10) for mantissa in (1, 2, 5)]

# A range by its lower bound, with its count.
Cell = tuple[Decimal, int]
# The lowest and the highest price within a range; None when there is none.
Span = Callable[[Range[Decimal]], tuple[Decimal, Decimal] | None]
# Products below the first bound, from each bound to the next, and from the last on.
CountBetween = Callable[[list[Decimal]], list[int]]


@dataclass(frozen=True)
class PriceRange:
    """Includes both ends. None means no limit."""

    low: Decimal | None
    high: Decimal | None
    count: int


@dataclass(frozen=True)
class PriceFacet:
    """The lowest and the highest price, and ranges between them."""

    low: Decimal | None = None
    high: Decimal | None = None
    ranges: list[PriceRange] = field(default_factory=list)


def price_facet(span_within: Span, count_between: CountBetween, *, is_additive: bool = True) -> PriceFacet:
    """The span of prices and 4 to 5 ranges of round bounds; fewer ranges when there are fewer prices.

    `is_additive` is false when the counts of two ranges cannot be added up, because groups may be in both.
    """
    span = span_within(OPEN)
    if span is None:
        return PriceFacet()
    cells = _cells(span_within, count_between, *span)
    is_joined = len(cells) > MAX_RANGES
    while len(cells) > MAX_RANGES:
        # Joins the two neighbours with the fewest products together.
        place = min(range(len(cells) - 1), key=lambda n: cells[n][1] + cells[n + 1][1])
        cells[place : place + 2] = [(cells[place][0], cells[place][1] + cells[place + 1][1])]
    if is_joined and not is_additive:
        starts = [low for low, _ in cells]
        cells = [*zip(starts, count_between(starts[1:]), strict=True)]
    lows = [Decimal(0), *(low for low, _ in cells[1:])]
    highs: list[Decimal | None] = [*(low - CENT for low in lows[1:]), None]
    ranges = [
        PriceRange(low.quantize(CENT), high and high.quantize(CENT), count)
        for low, high, (_, count) in zip(lows, highs, cells, strict=True)
    ]
    return PriceFacet(span[0].quantize(CENT), span[1].quantize(CENT), ranges)


def _cells(span_within: Span, count_between: CountBetween, low: Decimal, high: Decimal) -> list[Cell]:
    """Neighbouring ranges, each with at least one product."""
    bounds = round_bounds(low, high)
    for _ in range(MAX_REFINEMENTS):
        counts = count_between(bounds)
        cells = [(start, count) for start, count in zip([Decimal(0), *bounds], counts, strict=True) if count]
        if len(cells) >= MIN_RANGES:
            break
        finer = _finer_bounds(span_within, cells, bounds)
        if not finer:
            break
        bounds = sorted({*bounds, *finer})
    return cells


def _finer_bounds(span_within: Span, cells: list[Cell], bounds: list[Decimal]) -> list[Decimal]:
    """Bounds within the fullest cell that has more than one price."""
    for start, _ in sorted(cells, key=lambda cell: -cell[1]):
        place = bisect_right(bounds, start)
        end = bounds[place] - CENT if place < len(bounds) else MAX_PRICE
        span = span_within(Range(start, end))
        if span is not None and span[0] < span[1]:
            return round_bounds(*span)
    return []


def round_bounds(low: Decimal, high: Decimal) -> list[Decimal]:
    """Round numbers above `low` and up to `high`, at least 12 of them where cents allow: the roundest that suffice."""
    for mantissas in _mantissas():
        bounds = sorted(
            {
                bound
                for power in range(-2 - len(str(mantissas[-1])), 11)
                for mantissa in mantissas
                if low < (bound := Decimal(mantissa).scaleb(power)) <= high and not bound % CENT
            }
        )
        if len(bounds) >= MIN_BOUNDS:
            return bounds
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
            if (high - low) / step >= MIN_BOUNDS:
                return step
    return CENT
