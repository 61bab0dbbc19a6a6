"""Applies the filters of a search with the ORM."""

from typing import Any

from django.db.models import QuerySet
from django_filters import BaseInFilter, BooleanFilter, FilterSet, IsoDateTimeFilter, NumberFilter

from catalog.models import IN_STOCK, OUT_OF_STOCK, Product, ProductAttribute
from catalog.search.criteria import AttributeCondition, SearchCriteria, SortField


class ProductFilters(FilterSet):
    """Named after the choices and ranges of SearchCriteria."""

    id = BaseInFilter(field_name="pk", lookup_expr="in")
    category = BaseInFilter(field_name="category_id", lookup_expr="in")
    brand = BaseInFilter(field_name="brand_id", lookup_expr="in")
    min_price = NumberFilter(field_name="price", lookup_expr="gte")
    max_price = NumberFilter(field_name="price", lookup_expr="lte")
    min_quantity = NumberFilter(field_name="quantity", lookup_expr="gte")
    max_quantity = NumberFilter(field_name="quantity", lookup_expr="lte")
    min_rating = NumberFilter(field_name="rating", lookup_expr="gte")
    max_rating = NumberFilter(field_name="rating", lookup_expr="lte")
    min_created = IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    max_created = IsoDateTimeFilter(field_name="created_at", lookup_expr="lte")
    in_stock = BooleanFilter(method="filter_in_stock")
    on_sale = BooleanFilter(field_name="compare_at_price", lookup_expr="isnull", exclude=True)

    class Meta:
        model = Product
        fields: list[str] = []

    @staticmethod
    def filter_in_stock(products: QuerySet[Product], name: str, value: bool) -> QuerySet[Product]:
        return products.filter(IN_STOCK if value else OUT_OF_STOCK)


def _filter_values(criteria: SearchCriteria) -> dict[str, Any]:
    """The values of ProductFilters, by name."""
    values: dict[str, Any] = {name: sorted(ids) for name, ids in criteria.choices.items()}
    for name, limits in criteria.ranges.items():
        values |= {f"min_{name}": limits.low, f"max_{name}": limits.high}
    values |= {"in_stock": criteria.in_stock, "on_sale": criteria.on_sale}
    return {name: value for name, value in values.items() if value is not None}


def filtered(products: QuerySet[Product], criteria: SearchCriteria) -> QuerySet[Product]:
    """Those of the products that pass the filters."""
    filters = ProductFilters(queryset=products).filters
    for name, value in _filter_values(criteria).items():
        products = filters[name].filter(products, value)
    for condition in criteria.attributes:
        products = products.filter(pk__in=_rows(condition).values("product_id"))
    return products


def _rows(condition: AttributeCondition) -> QuerySet[ProductAttribute]:
    """The values that meet a condition."""
    rows = ProductAttribute.objects.filter(attribute=condition.attribute)
    if condition.numbers is not None:
        low, high = condition.numbers.low, condition.numbers.high
        rows = rows.filter(number__gte=low) if low is not None else rows
        return rows.filter(number__lte=high) if high is not None else rows
    if condition.booleans is not None:
        return rows.filter(boolean__in=condition.booleans)
    return rows.filter(value__in=condition.values or ())


def has_filters(criteria: SearchCriteria) -> bool:
    return bool(_filter_values(criteria) or criteria.attributes)


def sort_column(criteria: SearchCriteria) -> str:
    """The stored column to sort by. It is never null, so an index alone gives the order."""
    if criteria.sort is SortField.RATING:
        return "rating_low" if criteria.descending else "rating_high"
    return {
        SortField.NAME: "name_key",
        SortField.PRICE: "price",
        SortField.QUANTITY: "quantity",
        SortField.CREATED_AT: "created_at",
    }[criteria.sort]
