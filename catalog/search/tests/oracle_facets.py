"""What the facets of a search must be, said once more in plain Python over a list of products."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from catalog.attributes.ordering import value_key
from catalog.models import Attribute, AttributeValue, Product
from catalog.search.tests.oracle import Search, categories_above, matching, tile


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
    having = Tally(search)
    for product in matching(products, search):
        for row in product.attribute_rows.all():
            having.add(row.attribute.slug, product)
    rows = {row.slug: row for row in Attribute.objects.all()}
    selected = {condition.attribute for condition in search.attributes}
    listed = having.counts(selected, lambda slug: (rows[slug].position, rows[slug].name, rows[slug].pk))
    return [attribute_facet(products, search, slug) for slug, _, _ in listed]


def attribute_facet(products: Sequence[Product], search: Search, slug: str) -> AttributeCounts:
    """One attribute, counted without its own condition."""
    tally = Tally(search)
    numbers: list[Decimal] = []
    others = [condition for condition in search.attributes if condition.attribute != slug]
    for product in matching(products, replace(search, attributes=others)):
        for row in product.attribute_rows.all():
            if row.attribute.slug == slug and row.number is not None:
                numbers.append(row.number)
            elif row.attribute.slug == slug:
                tally.add(row.value.text if row.value else str(row.boolean).lower(), product)
    values = AttributeValue.objects.filter(attribute__slug=slug)
    order = {value.text: (value.position, value.order_key, value.pk) for value in values}
    spellings = {value_key(text): text for text in order}
    selected: list[str] = []
    for condition in search.attributes:
        if condition.attribute == slug:
            selected += [spellings.get(value_key(value), value) for value in condition.values]
            selected += [] if condition.boolean is None else [str(condition.boolean).lower()]
    low, high = (float(min(numbers)), float(max(numbers))) if numbers else (None, None)
    # "true" comes before "false". Values that there are not come last, as they are asked for.
    unknown = {value: (float("inf"), place) for place, value in enumerate(["true", "false", *selected])}
    counts = tally.counts(selected, lambda value: order.get(value) or unknown[value])
    return slug, counts, low, high, len(others) < len(search.attributes)
