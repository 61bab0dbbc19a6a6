"""Counts for facets by GROUP BY and sums: one query each, two for prices and attributes and seldom more."""

from collections import Counter
from collections.abc import Collection
from decimal import Decimal

from django.db.models import Case, Count, IntegerField, Max, Min, Q, QuerySet, When

from catalog.models import IN_STOCK, Product, ProductAttribute
from catalog.search.attribute_facets import AttributeCounts
from catalog.search.criteria import SearchCriteria
from catalog.search.facets import STARS
from catalog.search.sql.grouping import counted, group_key
from catalog.search.sql.resolving import ResolvedText, matching_products


class DatabaseFacetCounts:
    """Implements catalog.search.facets.FacetCounts."""

    def __init__(self, text: ResolvedText | None) -> None:
        self._text = text

    def by_category(self, criteria: SearchCriteria) -> dict[tuple[int, ...], int]:
        if not criteria.grouped:
            return {(category,): count for category, count in self._by(criteria, "category_id").items()}
        of_groups: dict[int, set[int]] = {}
        pairs = self._products(criteria).order_by().annotate(key=group_key()).values_list("key", "category_id")
        for key, category in pairs.distinct():
            of_groups.setdefault(key, set()).add(category)
        return Counter(tuple(sorted(categories)) for categories in of_groups.values())

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
        counts = dict(products.values_list("cell").annotate(count=counted(grouped=criteria.grouped)))
        return [counts.get(place, 0) for place in range(len(bounds) + 1)]

    def by_rating(self, criteria: SearchCriteria) -> list[int]:
        conditions = [Q(rating__gte=stars) for stars in STARS]
        sums = {
            f"at_least_{stars}": counted(grouped=criteria.grouped, condition=condition)
            for stars, condition in zip(STARS, conditions, strict=True)
        }
        counts = self._products(criteria).aggregate(**sums)
        return [counts[name] or 0 for name in sums]

    def in_stock(self, criteria: SearchCriteria) -> int:
        return self._count(criteria, IN_STOCK)

    def on_sale(self, criteria: SearchCriteria) -> int:
        return self._count(criteria, Q(compare_at_price__isnull=False))

    def by_attribute(self, criteria: SearchCriteria) -> AttributeCounts:
        rows = self._attribute_rows(criteria)
        num_groups = counted("product__", grouped=criteria.grouped)
        counts = AttributeCounts()
        num_products = num_groups if criteria.grouped else Count("product_id", distinct=True)
        counts.attributes = dict(rows.values_list("attribute_id").annotate(count=num_products))
        of_values = rows.filter(number=None).values_list("attribute_id", "value_id", "boolean")
        for attribute, value, boolean, count in of_values.annotate(count=num_groups):
            if value is None:
                counts.booleans[attribute, boolean] = count
            else:
                counts.values.setdefault(attribute, {})[value] = count
        return counts

    def number_spans(self, criteria: SearchCriteria, attributes: Collection[int]) -> dict[int, tuple[Decimal, Decimal]]:
        rows = self._attribute_rows(criteria).filter(attribute__in=attributes, number__isnull=False)
        spans = rows.values_list("attribute_id").annotate(low=Min("number"), high=Max("number"))
        return {attribute: (low, high) for attribute, low, high in spans}

    def _attribute_rows(self, criteria: SearchCriteria) -> QuerySet[ProductAttribute]:
        return ProductAttribute.objects.filter(product__in=self._products(criteria).order_by().values("pk")).order_by()

    def _count(self, criteria: SearchCriteria, condition: Q) -> int:
        products = self._products(criteria).filter(condition)
        return products.aggregate(count=counted(grouped=criteria.grouped))["count"] or 0

    def _by(self, criteria: SearchCriteria, column: str) -> dict[int, int]:
        products = self._products(criteria).order_by().values_list(column)
        return dict(products.annotate(count=counted(grouped=criteria.grouped)))

    def _products(self, criteria: SearchCriteria) -> QuerySet[Product]:
        if self._text:
            self._text.resolve()
        return matching_products(criteria, self._text)
