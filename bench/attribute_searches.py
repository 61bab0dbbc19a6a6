"""The searches by attributes and in groups that bench/search.py times."""

from decimal import Decimal
from typing import Any

from bench.searches import Calls, Shape, afresh
from catalog.models import Product
from catalog.search.criteria import Range, SortField
from catalog.search.cursors import Position
from catalog.search.facets import FACETS
from catalog.search.pages import Page
from catalog.search.validation import AttributeFilter

# What many searches of groups find.
MANY = 100_000


def attribute_shapes(engine: Any, size: int, deep: Position) -> list[Shape]:
    """The searches for an engine over `size` products; `deep` is a position by price in the middle of all."""
    calls = Calls(engine)
    red, medium = _one_of("colour", "red"), _one_of("size", "M")
    number = AttributeFilter(attribute="measure-0", min=Decimal(10), max=Decimal(40))
    price = SortField.PRICE
    many, middle = _price_range(size)
    ten: Any = ("attributes",)
    return [
        ("colour, by price", calls.page(attributes=[red], sort=price)),
        ("colour + size, by price", calls.page(attributes=[red, medium], sort=price)),
        ("colour + category, by price", calls.page(attributes=[red], categories=["root-1"], sort=price)),
        ("a measure from 10 to 40 cm, by price", calls.page(attributes=[number], sort=price)),
        ("on sale, by price", calls.page(on_sale=True, sort=price)),
        ("exact total of a colour", calls.total(attributes=[red])),
        ("red M, by words", calls.page(text="red m")),
        ("ten attribute facets over all", calls.facets(*ten)),
        ("ten attribute facets of a category", calls.facets(*ten, categories=["root-1"])),
        ("ten attribute facets of a text", calls.facets(*ten, text="lamp")),
        ("ten attribute facets of colour + size", calls.facets(*ten, attributes=[red, medium])),
        ("all facets over all", calls.facets(*FACETS)),
        ("related", afresh(lambda: engine.related(_product(size), 8))),
        *(
            (f"groups of {name}: {shape}", call)
            for name, place, given in (("100,000", middle, {"price": many}), ("everything", deep, {}))
            for shape, call in _grouped(calls, place, given)
        ),
        ("groups of a text", calls.page(text="lamp", grouped=True)),
        # One product of twelve has the word. A text, unlike a filter, applies to all facets.
        ("groups of a text: total", calls.total(text="leather", grouped=True)),
        ("groups of a text: all facets", calls.facets(*FACETS, text="leather", grouped=True)),
        ("groups of a colour, by price", calls.page(attributes=[red], sort=price, grouped=True)),
    ]


def _grouped(calls: Calls, place: Position, given: dict[str, Any]) -> list[Shape]:
    grouped: dict[str, Any] = {**given, "grouped": True}
    by_price: dict[str, Any] = {**grouped, "sort": SortField.PRICE}
    return [
        ("first page", afresh(calls.page(**by_price))),
        ("deep page", afresh(calls.page(Page(20, position=place), **by_price))),
        ("last page", afresh(calls.page(Page(20, backward=True), **by_price))),
        ("total", calls.total(**grouped)),
        ("all facets", calls.facets(*FACETS, **grouped)),
    ]


def _one_of(attribute: str, *values: str) -> AttributeFilter:
    return AttributeFilter(attribute=attribute, values=values)


def _product(size: int) -> Product:
    return Product.objects.only("id", "name", "category_id", "group_id").get(pk=size // 3)


def _price_range(size: int) -> tuple[Range[Decimal], Position]:
    """Prices that as many products have as MANY, or a tenth of all, and the position in the middle of them."""
    first, count = size // 2, min(MANY, size // 10)
    ordered = Product.objects.order_by("price", "id").values_list("price", "id")
    low, middle, high = (ordered[first + place] for place in (0, count // 2, count))
    return Range(low[0], high[0]), Position(*middle)
