"""What the facets of a search must be, said once more in plain Python over a list of products."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from catalog.attributes.ordering import value_key
from catalog.models import Product
from catalog.search.tests.oracle import Condition, Search, categories_above, matching, tile


class Tally(dict[str, set[Any]]):
    """What is listed, by a value that it has. A group is counted once for a value, however many products have it."""

    def __init__(self, search: Search) -> None:
        self.grouped = search.grouped

    def add(self, value: str, product: Product) -> None:
        self.setdefault(value, set()).add(tile(product) if self.grouped else product.pk)

    def counts(self, selected: Iterable[str], order: Callable[[str], Any] = str) -> list[tuple[str, int, bool]]:
        """The value, its count and whether it is selected: what is selected first, then the highest counts."""
        chosen = {*selected}
        rows = [(value, len(self.get(value, ())), value in chosen) for value in self.keys() | chosen]
        return sorted(rows, key=lambda row: (not row[2], -row[1], order(row[0])))


def count(products: Iterable[Product], search: Search) -> int:
    """How many the search would list of the products."""
    return len({tile(product) if search.grouped else product.pk for product in products})


Counts = list[tuple[str, int, bool]]
# An attribute's slug, its values, the lowest and highest number, and whether it is selected.
AttributeCounts = tuple[str, Counts, float | None, float | None, bool]


@dataclass
class FacetCounts:
    """The facets of a search, each without its own filter."""

    categories: Counts
    brands: Counts
    price: tuple[Decimal | None, Decimal | None]
    ratings: Counts
    in_stock: int
    on_sale: int
    attributes: list[AttributeCounts]


def facets(products: Sequence[Product], search: Search) -> FacetCounts:
    """The facets of the search, with all their values."""
    categories, brands = Tally(search), Tally(search)
    for product in matching(products, replace(search, categories=[])):
        for category in categories_above(product.category):
            categories.add(category.slug, product)
    for product in matching(products, replace(search, brands=[])):
        brands.add(product.brand.slug, product)
    prices = [product.price for product in matching(products, replace(search, price=(None, None)))]
    rated = matching(products, replace(search, rating=(None, None)))
    ratings = [(n, count((p for p in rated if p.rating is not None and p.rating >= n), search)) for n in (4, 3, 2, 1)]
    least = search.rating[0] if search.rating[1] is None else None
    stocked = matching(products, replace(search, in_stock=None))
    reduced = matching(products, replace(search, on_sale=None))
    return FacetCounts(
        categories.counts(search.categories),
        brands.counts(search.brands),
        (min(prices, default=None), max(prices, default=None)),
        [(str(n), number, least == n) for n, number in ratings if number or least == n],
        count((product for product in stocked if product.in_stock), search),
        count((product for product in reduced if product.compare_at_price is not None), search),
        attribute_facets(products, search),
    )


def attribute_facets(products: Sequence[Product], search: Search) -> list[AttributeCounts]:
    """What is selected first, then what most of the listed products have."""
    having, by_slug = Tally(search), {}
    for product in products:
        for row in product.attribute_rows.all():
            by_slug[row.attribute.slug] = row.attribute
    for product in matching(products, search):
        for row in product.attribute_rows.all():
            having.add(row.attribute.slug, product)
    conditions = {condition.attribute: condition for condition in search.attributes}

    def order(slug: str) -> Any:
        attribute = by_slug.get(slug)
        return (attribute.position, attribute.name, attribute.pk) if attribute else ()

    return [
        attribute_facet(products, search, slug, conditions.get(slug)) for slug, _, _ in having.counts(conditions, order)
    ]


def attribute_facet(
    products: Sequence[Product], search: Search, slug: str, condition: Condition | None
) -> AttributeCounts:
    others = [condition for condition in search.attributes if condition.attribute != slug]
    numbers: list[Decimal] = []
    tally, order = Tally(search), {}
    for product in products:
        for row in product.attribute_rows.all():
            if row.attribute.slug == slug and row.value:
                order[row.value.text] = (row.value.position, row.value.order_key, row.value.pk)
    for product in matching(products, replace(search, attributes=others)):
        for row in product.attribute_rows.all():
            if row.attribute.slug != slug:
                continue
            if row.number is not None:
                numbers.append(row.number)
            else:
                tally.add(row.value.text if row.value else str(row.boolean).lower(), product)
    selected: list[str] = []
    if condition is not None:
        spelled = {value_key(text): text for text in order}
        selected = [spelled.get(value_key(value), value) for value in condition.values]
        if condition.boolean is not None:
            selected = [str(condition.boolean).lower()]
    low, high = (float(min(numbers)), float(max(numbers))) if numbers else (None, None)
    # A value that nothing has comes behind those that are known.
    counts = tally.counts(selected, lambda value: order.get(value, (float("inf"), value)))
    return slug, counts, low, high, condition is not None
