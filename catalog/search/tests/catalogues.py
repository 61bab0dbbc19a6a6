"""Draws catalogues and searches at random, for tests that compare APIs, engines and the plain model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from catalog.attributes import writing
from catalog.attributes.models import Attribute, AttributeValue, ProductGroup
from catalog.attributes.ordering import value_key
from catalog.attributes.writing import AttributeInput
from catalog.models import CENT, MAX_PRICE, Brand, Category, Product
from catalog.search.index import store
from catalog.search.tests.oracle import Condition, Search
from catalog.tests.factories import BrandFactory, CategoryFactory, ProductFactory

WORDS = [
    "Lamp",
    "lámp",
    "LAMPE",
    "straße",
    "Größe",
    "T-shirt",
    "TV",
    "l'été",
    "ﬁne",
    "日本",
    "x",
    "Żółw",
    "100%",
    "a_b",
    "🎉",
    "Lamps",
    "40 × 60 cm",
    "18V",
    "蓝色头盔",
    "l\u200bamp",
    "Øre",
]
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join)
prices = st.sampled_from(["0.00", "0.01", "0.10", "9.99", "10.00", "10.01", "1234567890.12", "9999999999.99"]).map(
    Decimal
)
quantities = st.sampled_from([0, 1, 2, 10, 2_147_483_647])
ratings = st.sampled_from([0.0, 0.1, 2.5, 3.3, 4.999, 5.0])
START = datetime(2026, 1, 1, tzinfo=UTC)
moments = st.sampled_from([0, 1, 999_999, 1_000_000, 86_400_000_000]).map(lambda us: START + timedelta(microseconds=us))
places = st.integers(0, 3)
NUM_GROUPS = 3
# The slug, kind and position of each attribute, by its name.
ATTRIBUTES = {
    "Colour": ("colour", "TEXT", 1),
    "Size": ("size", "TEXT", 0),
    "Größe": ("größe", "TEXT", 0),
    "Power": ("power", "NUMBER", 0),
    "Depth": ("depth", "NUMBER", 2),
    "Washable": ("washable", "BOOLEAN", 3),
}
# Some are the same value in another spelling, and some a word of names.
TEXTS = {
    "Colour": ["Red", "RED ", "Rosé", "rose", "dark red", "Lamp", "赤"],
    "Size": ["S", "m", "XL", "10", "9", "Lamp"],
    "Größe": ["M", "XL", "Ｘ Ｌ"],
}
NUMBERS = ["-999999999", "-1.5", "0", "0.000001", "0.1", "60", "60.5", "999999999"]
given_values = st.one_of(
    *(st.builds(AttributeInput, attribute=st.just(name), text=st.sampled_from(texts)) for name, texts in TEXTS.items()),
    st.builds(
        AttributeInput, attribute=st.sampled_from(["Power", "Depth"]), number=st.sampled_from(NUMBERS).map(Decimal)
    ),
    st.builds(AttributeInput, attribute=st.just("Washable"), boolean=st.booleans()),
)


@dataclass(frozen=True)
class Row:
    """A product as it is drawn. `category`, `brand` and `group` are places in the lists of `fill`."""

    fields: dict[str, Any]
    category: int
    brand: int
    has_sku: bool
    group: int | None = None
    attributes: Sequence[AttributeInput] = ()


def with_price_before(fields: dict[str, Any], is_reduced: bool) -> dict[str, Any]:
    """The fields, with a price before where there can be one."""
    price = fields["price"]
    return fields | {"compare_at_price": price + CENT if is_reduced and price < MAX_PRICE else None}


products = st.fixed_dictionaries(
    {
        "name": texts,
        "description": st.one_of(st.just(""), texts),
        "price": prices,
        "quantity": quantities,
        "unlimited_stock": st.sampled_from([False, False, True]),
        "rating": st.none() | ratings,
        "created_at": moments,
        "is_active": st.sampled_from([True, True, True, True, False]),
    }
)
rows = st.builds(
    Row,
    fields=st.builds(with_price_before, products, st.booleans()),
    category=places,
    brand=places,
    has_sku=st.booleans(),
    group=st.sampled_from([0, 0, 1, 2, None]),
    # One number or boolean of an attribute.
    attributes=st.lists(given_values, max_size=6, unique_by=lambda given: (given.attribute, given.text)),
)

# Small ones are easier to read when a test fails, and large ones find more.
catalogues = st.lists(rows, max_size=4) | st.lists(rows, min_size=8, max_size=16)


def some_of(*values: str) -> st.SearchStrategy:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique_by=value_key).map(tuple)


def ranges(values: st.SearchStrategy) -> st.SearchStrategy:
    """Open, half-open and closed ranges, mostly open."""

    def ordered(pair: tuple) -> tuple:
        low, high = pair
        return (high, low) if low is not None and high is not None and low > high else pair

    return st.one_of(st.just((None, None)), st.tuples(st.none() | values, st.none() | values).map(ordered))


conditions = st.one_of(
    st.builds(
        Condition,
        attribute=st.just("colour"),
        values=some_of("Red", "red", "ROSÉ", "rose", "Green", "dark red", "Lamp", "赤", "no such colour"),
    ),
    st.builds(Condition, attribute=st.just("size"), values=some_of("M", "xl", "10", "S")),
    st.builds(Condition, attribute=st.just("größe"), values=some_of("M", "x l")),
    st.builds(
        Condition,
        attribute=st.sampled_from(["power", "depth"]),
        numbers=ranges(st.sampled_from(NUMBERS).map(float)).filter(lambda bounds: bounds != (None, None)),
    ),
    st.builds(Condition, attribute=st.just("washable"), boolean=st.booleans()),
)


FILTERS: dict[str, st.SearchStrategy] = {
    "categories": st.lists(st.sampled_from(["root", "sub", "leaf", "other"]), max_size=2, unique=True),
    "brands": st.lists(st.sampled_from(["brand-0", "brand-1", "brand-2"]), max_size=2, unique=True),
    "price": ranges(prices),
    "quantity": ranges(quantities),
    "rating": ranges(ratings),
    "created": ranges(moments),
    "in_stock": st.booleans(),
    "on_sale": st.booleans(),
    "slugs": st.lists(st.sampled_from(["p-0", "p-1", "p-2", "p-5", "unknown"]), min_size=1, max_size=4, unique=True),
    "attributes": st.lists(conditions, min_size=1, max_size=2, unique_by=lambda condition: condition.attribute),
}


any_text = st.none() | st.sampled_from(
    [
        "",
        "  ",
        "!?",
        "lamp",
        "Lámp x",
        '"lamp"',
        "STRASSE",
        "t-shirt",
        "fine",
        "ete",
        "%",
        "100%",
        "a_b",
        "brand 1",
        "sub",
        "🎉",
        "SKU-1",
        "sku1",
        "lamps x",
        "lamp for the TV",
        "for the",
        "lamp nowhere",
        "lamp 18 volt l'été x",
        "40x60",
        "头盔蓝色",
        "日",
        "ore",
        "red",
        "rosé lamp",
        "dark red xl",
        "washable lamp",
    ]
)


@st.composite
def any_search(draw: st.DrawFn, *, with_text: bool = True) -> Search:
    """Any valid search about the catalogue of these tests."""
    text = draw(any_text if with_text else st.none())
    sorts = [
        "NAME",
        "PRICE",
        "RATING",
        "QUANTITY",
        "CREATED_AT",
        None,
        *(["RELEVANCE"] if (text or "").strip() else []),
    ]
    # More filters at once leave nothing of a catalogue this small.
    names = draw(st.lists(st.sampled_from([*FILTERS, *["attributes"] * 4]), max_size=2))
    return Search(
        text=text,
        **{name: draw(FILTERS[name]) for name in sorted({*names})},
        grouped=draw(st.booleans()),
        sort=draw(st.sampled_from(sorts)),
        descending=draw(st.booleans()),
    )


def fill(rows: Sequence[Row]) -> list[Product]:
    """A tree of four categories, three brands, six attributes, and the drawn products."""
    root = CategoryFactory(name="Root", slug="root")
    sub = CategoryFactory(name="Sub", slug="sub", parent=root)
    leaf = CategoryFactory(name="Leaf", slug="leaf", parent=sub)
    categories: list[Category] = [root, sub, leaf, CategoryFactory(name="Other", slug="other")]
    brands: list[Brand] = [BrandFactory(name=f"Bränd {n}", slug=f"brand-{n}") for n in range(3)]
    for name, (slug, kind, position) in ATTRIBUTES.items():
        Attribute.objects.create(name=name, slug=slug, kind=kind, position=position)
    colour = Attribute.objects.get(slug="colour")
    for position, text in enumerate(["Green", "Red", "Dark red"]):
        AttributeValue.objects.create(attribute=colour, text=text, position=position)
    groups = [ProductGroup.objects.create(name=f"Group {n}", slug=f"group-{n}") for n in range(NUM_GROUPS)]
    products: list[Product] = [
        ProductFactory(
            **row.fields,
            slug=f"p-{n}",
            category=categories[row.category],
            brand=brands[row.brand % 3],
            sku=f"SKU-{n}" if row.has_sku else None,
            group=None if row.group is None else groups[row.group],
        )
        for n, row in enumerate(rows)
    ]
    give({product.pk: row.attributes for product, row in zip(products, rows, strict=True)})
    return loaded()


@transaction.atomic
def give(attributes: Mapping[int, Sequence[AttributeInput]]) -> None:
    """Gives products, by their keys, exactly these values. One with the options of another leaves their group."""
    resolved = writing.resolve(attributes)
    assert not resolved.errors
    group_of = dict(Product.objects.filter(pk__in=attributes).values_list("pk", "group"))
    wanted = {pk: (group_of[pk], rows) for pk, rows in resolved.rows.items()}
    Product.objects.filter(pk__in=writing.taken_options(wanted, attributes)).update(group=None, options_key=None)
    writing.write_rows(resolved.rows)
    writing.write_options_keys(attributes)


def loaded() -> list[Product]:
    """All products with what the plain model looks at."""
    related = ("category__parent__parent", "brand", "group")
    products = Product.objects.select_related(*related).order_by("id")
    return [*products.prefetch_related("attribute_rows__attribute", "attribute_rows__value")]


patient = settings(deadline=None, suppress_health_check=list(HealthCheck))


class IndexTestCase(TestCase):
    """Each example is rolled back, which no record tells the index: each begins with none."""

    def setup_example(self) -> None:
        """As the parent's, with the last example's index gone."""
        super().setup_example()
        store.discard()
