"""Counts for facets by GROUP BY and sums: one query each, two for prices and seldom more."""

from decimal import Decimal

from django.db.models import Case, Count, IntegerField, Max, Min, Q, QuerySet, When

from catalog.models import IN_STOCK, Product
from catalog.search.criteria import SearchCriteria
from catalog.search.facets import STARS
from catalog.search.sql.resolving import ResolvedText, matching_products


class DatabaseFacetCounts:
    """Implements catalog.search.facets.FacetCounts."""

    def __init__(self, text: ResolvedText | None) -> None:
        self._text = text

    def by_category(self, criteria: SearchCriteria) -> dict[int, int]:
        return self._by(criteria, "category_id")

    def by_brand(self, criteria: SearchCriteria) -> dict[int, int]:
        return self._by(criteria, "brand_id")

    def price_span(self, criteria: SearchCriteria) -> tuple[Decimal, Decimal] | None:
        span = self._products(criteria).aggregate(low=Min("price"), high=Max("price"))
        return None if span["low"] is None else (span["low"], span["high"])

    def by_price(self, criteria: SearchCriteria, bounds: list[Decimal]) -> list[int]:
        cell = Case(
            *(When(price__lt=bound, then=place) for place, bound in enumerate(bounds)),
            default=len(bounds),
            output_field=IntegerField(),
        )
        products = self._products(criteria).order_by().annotate(cell=cell)
        counts = dict(products.values_list("cell").annotate(count=Count("id")))
        return [counts.get(place, 0) for place in range(len(bounds) + 1)]

    def by_rating(self, criteria: SearchCriteria) -> list[int]:
        sums = {f"at_least_{stars}": Count("id", filter=Q(rating__gte=stars)) for stars in STARS}
        counts = self._products(criteria).aggregate(**sums)
        return [counts[name] or 0 for name in sums]

    def in_stock(self, criteria: SearchCriteria) -> int:
        return self._products(criteria).filter(IN_STOCK).aggregate(count=Count("id"))["count"] or 0

    def _by(self, criteria: SearchCriteria, column: str) -> dict[int, int]:
        return dict(self._products(criteria).order_by().values_list(column).annotate(count=Count("id")))

    def _products(self, criteria: SearchCriteria) -> QuerySet[Product]:
        if self._text:
            self._text.resolve()
        return matching_products(criteria, self._text)
