"""Facets: what a shopper could choose next, each counted without its own filter. All engines share this module."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Protocol, TypeVar

from catalog.category_tree import CategoryTree
from catalog.models import Brand, Category
from catalog.search.attribute_facets import AttributeCounts, AttributeFacet, attribute_facets
from catalog.search.criteria import OPEN, SearchCriteria
from catalog.search.price_ranges import PriceFacet, price_facet
from core.errors import InvalidInput
from core.parsing import MAX_PAGE_SIZE

DEFAULT_FIRST, DEFAULT_ATTRIBUTES = 20, 10
STARS = (4, 3, 2, 1)
# The filter of each facet, and its value when there is none.
_OWN_FILTERS: dict[str, dict[str, Any]] = {
    "categories": {"categories": None, "category_subtree": None},
    "brands": {"brands": None},
    "price": {"price": OPEN},
    "ratings": {"rating": OPEN},
    "in_stock": {"in_stock": None},
    "on_sale": {"on_sale": None},
    # Those of other attributes stay. `Facets.attributes` lifts an attribute's own ones.
    "attributes": {},
}
FACETS = tuple(_OWN_FILTERS)


def without_own_filter(criteria: SearchCriteria, facet: str) -> SearchCriteria:
    """The criteria that a facet is counted by."""
    return replace(criteria, **_OWN_FILTERS[facet])


class FacetCounts(Protocol):
    """The counts that an engine makes for the facets of a search. `criteria` are the search's without one filter.

    What is counted is what the search lists: products or, in a grouped search, products without a group and groups. A
    group counts once for a value when any of its matching products has it.
    """

    def by_category(self, criteria: SearchCriteria) -> dict[tuple[int, ...], int]:
        """By the ids of their own categories, in order. Only a group can have several."""
        ...

    def by_brand(self, criteria: SearchCriteria) -> dict[int, int]:
        """By brand id."""
        ...

    def price_span(self, criteria: SearchCriteria) -> tuple[Decimal, Decimal] | None:
        """The lowest and the highest price; None when nothing matches."""
        ...

    def by_price(self, criteria: SearchCriteria, bounds: list[Decimal]) -> list[int]:
        """Those below the first bound, from each bound to the next, and from the last on: one count more."""
        ...

    def by_rating(self, criteria: SearchCriteria) -> list[int]:
        """Those rated at least 4, 3, 2 and 1."""
        ...

    def in_stock(self, criteria: SearchCriteria) -> int:
        """Those with units in stock."""
        ...

    def on_sale(self, criteria: SearchCriteria) -> int:
        """Those reduced from a price before."""
        ...

    def by_attribute(self, criteria: SearchCriteria) -> AttributeCounts:
        """By attribute and by value."""
        ...

    def number_spans(self, criteria: SearchCriteria, attributes: Collection[int]) -> dict[int, tuple[Decimal, Decimal]]:
        """The lowest and the highest number of each of these NUMBER attributes that any product has."""
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

    def categories(self, first: int = DEFAULT_FIRST) -> list[tuple[Category, int, bool]]:
        """Categories with the count of their whole subtree, and whether they are asked for.

        Those that are asked for come first, then the highest count, then by slug.
        """
        check_first(first)
        tree = self.tree()
        totals: dict[int, int] = {}
        for ids, count in self.counts.by_category(without_own_filter(self.criteria, "categories")).items():
            known = (tree.by_id[pk] for pk in ids if pk in tree.by_id)
            for above in {category.pk for own in known for category in tree.path(own)}:
                totals[above] = totals.get(above, 0) + count
        chosen = self.criteria.categories or frozenset()
        return _in_order(
            {tree.by_id[pk]: totals.get(pk, 0) for pk in {*totals, *chosen} & tree.by_id.keys()}, chosen, first
        )

    def brands(self, first: int = DEFAULT_FIRST) -> list[tuple[Brand, int, bool]]:
        """Brands with their counts, in the same order. Reads their rows by one query."""
        check_first(first)
        counts = self.counts.by_brand(without_own_filter(self.criteria, "brands"))
        chosen = self.criteria.brands or frozenset()
        # Several may share the count of the last place. All of them are read, because the slug decides between them.
        lowest = sorted(counts.values(), reverse=True)[:first][-1:] or [1]
        keys = {pk for pk, count in counts.items() if count >= lowest[0]} | chosen
        rows = Brand.objects.filter(pk__in=keys).only("id", "name", "slug")
        return _in_order({row: counts.get(row.pk, 0) for row in rows}, chosen, first)

    def price(self) -> PriceFacet:
        """The span of prices, and round ranges in it."""
        criteria = without_own_filter(self.criteria, "price")
        return price_facet(
            lambda limits: self.counts.price_span(replace(criteria, price=limits)),
            lambda bounds: self.counts.by_price(criteria, bounds),
            is_additive=not criteria.grouped,
        )

    def ratings(self) -> list[tuple[int, int, bool]]:
        """For 4, 3, 2 and 1 stars: how many have at least that rating, and whether just that is asked for.

        Leaves out counts of 0, unless they are asked for.
        """
        counts = self.counts.by_rating(without_own_filter(self.criteria, "ratings"))
        rating = self.criteria.rating
        ratings = [
            (stars, count, rating.low == stars and rating.high is None)
            for stars, count in zip(STARS, counts, strict=True)
        ]
        return [(stars, count, selected) for stars, count, selected in ratings if count or selected]

    def in_stock(self) -> int:
        """How many products are in stock."""
        return self.counts.in_stock(without_own_filter(self.criteria, "in_stock"))

    def on_sale(self) -> int:
        """How many are reduced."""
        return self.counts.on_sale(without_own_filter(self.criteria, "on_sale"))

    def attributes(self, first: int = DEFAULT_ATTRIBUTES, values: int = DEFAULT_FIRST) -> list[AttributeFacet]:
        """The attributes that most have: see catalog.search.attribute_facets."""
        check_first(first)
        check_first(values, "values")
        counts = self.counts
        return attribute_facets(self.criteria, counts.by_attribute, counts.number_spans, first=first, num_values=values)


Row = TypeVar("Row", Category, Brand)


def _in_order(counts: dict[Row, int], chosen: Collection[int], first: int) -> list[tuple[Row, int, bool]]:
    """The first of the rows: those that are asked for, then the highest count, then by slug."""
    counted = [(row, count, row.pk in chosen) for row, count in counts.items()]
    counted.sort(key=lambda entry: (not entry[2], -entry[1], entry[0].slug))
    return counted[: max(first, sum(selected for _, _, selected in counted))]
