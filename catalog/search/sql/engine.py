"""The engine that asks the database: exact, indexed for the structured questions, a scan for text."""

from collections.abc import Collection, Iterator
from decimal import Decimal
from typing import Any

from django.db.models import Case, Count, F, IntegerField, Max, Min, Q, QuerySet, Value, When
from django.db.models.functions import StrIndex
from django_filters import BaseInFilter, BooleanFilter, FilterSet, IsoDateTimeFilter, NumberFilter

from catalog.models import Brand, Category, Product
from catalog.search.criteria import SearchCriteria, SortField
from catalog.search.cursors import Boundary, Page
from catalog.search.engine import Hits, Suggestion, SuggestionKind, hits, positions, ranked_hits
from catalog.search.facets import STARS, Counts
from catalog.search.highlight import Highlighter
from catalog.text import fold
from core.telemetry.metrics import timed_search


class ProductFilters(FilterSet):
    """The structured filters of a question, by the names that `_filter_values` gives them."""

    ids = BaseInFilter(field_name="pk", lookup_expr="in")
    category_subtree = BaseInFilter(field_name="category_id", lookup_expr="in")
    brands = BaseInFilter(field_name="brand_id", lookup_expr="in")
    min_price = NumberFilter(field_name="price", lookup_expr="gte")
    max_price = NumberFilter(field_name="price", lookup_expr="lte")
    min_quantity = NumberFilter(field_name="quantity", lookup_expr="gte")
    max_quantity = NumberFilter(field_name="quantity", lookup_expr="lte")
    min_rating = NumberFilter(field_name="rating", lookup_expr="gte")
    max_rating = NumberFilter(field_name="rating", lookup_expr="lte")
    created_from = IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_until = IsoDateTimeFilter(field_name="created_at", lookup_expr="lte")
    in_stock = BooleanFilter(method="filter_in_stock")

    class Meta:
        model = Product
        fields: list[str] = []

    @staticmethod
    def filter_in_stock(products: QuerySet[Product], name: str, value: bool) -> QuerySet[Product]:
        """Those with units in stock, or those without."""
        return products.filter(quantity__gt=0) if value else products.filter(quantity=0)


def _filter_values(criteria: SearchCriteria) -> dict[str, object]:
    """The criteria's structured part as filter name → value; what was not asked is left out."""
    asked = {
        "ids": criteria.ids,
        "category_subtree": criteria.category_subtree,
        "brands": criteria.brands,
        "min_price": criteria.price.low,
        "max_price": criteria.price.high,
        "min_quantity": criteria.quantity.low,
        "max_quantity": criteria.quantity.high,
        "min_rating": criteria.rating.low,
        "max_rating": criteria.rating.high,
        "created_from": criteria.created.low,
        "created_until": criteria.created.high,
        "in_stock": criteria.in_stock,
    }
    return {name: sorted(v) if isinstance(v, frozenset) else v for name, v in asked.items() if v is not None}


def _matching(criteria: SearchCriteria) -> QuerySet[Product]:
    """The active products that the criteria find, in no order."""
    if criteria.finds_nothing:
        return Product.objects.none()
    products = Product.objects.filter(is_active=True)
    filters = ProductFilters(queryset=products).filters
    for name, value in _filter_values(criteria).items():
        products = filters[name].filter(products, value)
    for word in criteria.words:
        products = products.filter(
            Q(search_text__contains=word)
            | Q(brand__in=Brand.objects.filter(folded_name__contains=word))
            | Q(category__in=Category.objects.filter(folded_name__contains=word))
        )
    return products


def _column(criteria: SearchCriteria) -> str:
    """The stored column that the sort goes by: never null, so that an index alone gives the order."""
    if criteria.sort is SortField.RATING:
        return "rating_low" if criteria.descending else "rating_high"
    return {
        SortField.NAME: "name_key",
        SortField.PRICE: "price",
        SortField.QUANTITY: "quantity",
        SortField.CREATED_AT: "created_at",
    }[criteria.sort]


def keyset(rows: QuerySet[Any], column: str, *, descending: bool, page: Page) -> list[Boundary]:
    """Up to `page.size + 1` boundaries of the rows by (column, id), read in the page's direction.

    The condition is written so that MySQL takes a range of the index: it takes none for (a, b) > (x, y).
    """
    down = descending != page.backward
    if page.boundary is not None:
        value, row_id = page.boundary.value, page.boundary.id
        compare = "lt" if down else "gt"
        rows = rows.filter(
            Q(**{f"{column}__{compare}e": value})
            & (Q(**{f"{column}__{compare}": value}) | Q(**{f"id__{compare}": row_id}))
        )
    sign = "-" if down else ""
    read = rows.order_by(f"{sign}{column}", f"{sign}id").values_list(column, "id")[: page.size + 1]
    return [Boundary(value, row_id) for value, row_id in read]


def _rank(criteria: SearchCriteria) -> Case:
    """How well a product matches: 0 its name is the text, 1 it starts with it, 2 holds every word, 3 the rest.

    The folded name is the first line of `search_text`, so a word is in the name when it comes before the line's end.
    """
    wholes = {fold(criteria.text or ""), " ".join(criteria.words)}
    equals, starts = Q(), Q()
    for whole in wholes:
        equals |= Q(search_text__startswith=f"{whole}\n")
        starts |= Q(search_text__startswith=whole)
    end_of_name = StrIndex(F("search_text"), Value("\n"))
    in_name = Q()
    for index, _ in enumerate(criteria.words):
        in_name &= Q(**{f"place_{index}__gt": 0, f"place_{index}__lt": end_of_name})
    return Case(When(equals, 0), When(starts, 1), When(in_name, 2), default=3, output_field=IntegerField())


class DatabaseEngine:
    """Answers with the ORM and django-filter."""

    @timed_search("database")
    def search(self, criteria: SearchCriteria, page: Page) -> Hits:
        """The page of the products that the criteria find, in their order: one query."""
        products = _matching(criteria)
        if criteria.finds_nothing:
            return hits([], page)
        if criteria.sort is SortField.RELEVANCE:
            return self._by_relevance(criteria, products, page)
        return hits(keyset(products, _column(criteria), descending=criteria.descending, page=page), page)

    @timed_search("database")
    def count(self, criteria: SearchCriteria, stage: int | None = None) -> int:
        """How many products the criteria find: one query."""
        return _matching(criteria).aggregate(count=Count("id"))["count"] or 0

    def counts(self, criteria: SearchCriteria, stage: int | None = None, facets: Collection[str] = ()) -> Counts:
        """What facets are counted by: one query each, two for prices and seldom more."""
        return DatabaseCounts()

    @timed_search("database")
    def suggest(self, words: list[str], first: int) -> list[Suggestion]:
        """Names that hold every word, those that begin with them first: three queries."""
        return sorted(_named(words, first), key=lambda each: not fold(each.text).startswith(" ".join(words)))[:first]

    def highlighter(self, criteria: SearchCriteria, stage: int | None = None) -> Highlighter:
        """The words of a name that hold a word of the text."""
        return Highlighter(criteria.text or "")

    def _by_relevance(self, criteria: SearchCriteria, products: QuerySet[Product], page: Page) -> Hits:
        """The page by rank, then id; a boundary's value is the position among the hits, counted from 0."""
        start, stop = positions(page)
        places = {
            f"place_{index}": StrIndex(F("search_text"), Value(word)) for index, word in enumerate(criteria.words)
        }
        ranked = products.alias(**places).order_by(_rank(criteria), "id").values_list("id", flat=True)
        return ranked_hits(list(ranked[start : stop + (not page.backward)]), page, start, stop)


class DatabaseCounts:
    """Counts by GROUP BY and sums."""

    def by_category(self, criteria: SearchCriteria) -> dict[int, int]:
        """Products by category id."""
        return self._by(criteria, "category_id")

    def by_brand(self, criteria: SearchCriteria) -> dict[int, int]:
        """Products by brand id."""
        return self._by(criteria, "brand_id")

    def price_bounds(self, criteria: SearchCriteria) -> tuple[Decimal, Decimal] | None:
        """The lowest and the highest price."""
        found = _matching(criteria).aggregate(low=Min("price"), high=Max("price"))
        return None if found["low"] is None else (found["low"], found["high"])

    def by_price(self, criteria: SearchCriteria, bounds: list[Decimal]) -> list[int]:
        """Products below the first bound, between the bounds, and from the last on."""
        cell = Case(
            *(When(price__lt=bound, then=place) for place, bound in enumerate(bounds)),
            default=len(bounds),
            output_field=IntegerField(),
        )
        found = dict(_matching(criteria).order_by().annotate(cell=cell).values_list("cell").annotate(count=Count("id")))
        return [found.get(place, 0) for place in range(len(bounds) + 1)]

    def by_rating(self, criteria: SearchCriteria) -> list[int]:
        """Products rated at least 4, 3, 2 and 1."""
        sums = {f"least_{stars}": Count("id", filter=Q(rating__gte=stars)) for stars in STARS}
        found = _matching(criteria).aggregate(**sums)
        return [found[name] or 0 for name in sums]

    def in_stock(self, criteria: SearchCriteria) -> int:
        """Products with units in stock."""
        return _matching(criteria).filter(quantity__gt=0).aggregate(count=Count("id"))["count"] or 0

    def _by(self, criteria: SearchCriteria, column: str) -> dict[int, int]:
        return dict(_matching(criteria).order_by().values_list(column).annotate(count=Count("id")))


def _named(words: list[str], first: int) -> Iterator[Suggestion]:
    """Categories, brands, and active products by their names."""
    for model, kind in ((Category, SuggestionKind.CATEGORY), (Brand, SuggestionKind.BRAND)):
        rows = model.objects.all()
        for word in words:
            rows = rows.filter(folded_name__contains=word)
        for name, slug in rows.order_by("folded_name", "id").values_list("name", "slug")[:first]:
            yield Suggestion(name, kind, slug)
    products = Product.objects.filter(is_active=True)
    for word in words:
        products = products.filter(name_key__contains=word)
    for name, slug in products.order_by("name_key", "id").values_list("name", "slug")[:first]:
        yield Suggestion(name, SuggestionKind.PRODUCT, slug)
