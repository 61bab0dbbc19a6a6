"""A shop of random words in several scripts, random searches of it with texts, and walks through all their pages."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings as django_settings
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from catalog.attributes.writing import AttributeInput
from catalog.models import Product, ProductGroup
from catalog.search.criteria import Range, SearchCriteria, SortField, Steering
from catalog.search.cursors import Position
from catalog.search.engine import engine
from catalog.search.pages import Page
from catalog.search.strategy import MatchLevel
from catalog.search.tests.catalogues import give
from catalog.search.validation import AttributeFilter, SearchInput, parse_criteria
from catalog.tests.factories import BrandFactory, CategoryFactory, ProductFactory
from core.tests.examples import examples

WORDS = (
    *("lamp", "lamps", "lampe", "Stehlampe", "desk", "oak", "for", "the", "40x60", "40 × 60 cm", "18V", "C++", "C#"),
    *("t-shirt", "tshirt", "wolves", "wolf", "shelf", "shelves", "painting", "paint", "自転車", "自転車ヘルメット"),
    *(
        "등산화를",
        "등산화",
        "เดินป่า",
        "الخيمة",
        "خيمة",
        "straße",
        "Żółw",
        "🎉",
        "½",
        "iphone case",
        "Regenjacke",
        "Jacke",
    ),
)
TYPED = (
    *WORDS,
    "lmap",
    "shelvs",
    "jacke",
    "iphonecase",
    "40*60",
    "nothing",
    "wold",
    "SKU-0007",
    "sku7",
    "sta",
    "自転",
    "l",
)
SIZES = (1, 2, 3, 7, 50, 100)

CONDITIONS = (
    AttributeFilter(attribute="material", values=["oak"]),
    AttributeFilter(attribute="material", values=["RED", "paint", "nothing of this"]),
    AttributeFilter(attribute="size", values=["m"]),
    AttributeFilter(attribute="power", min=0),
    AttributeFilter(attribute="power", min=-1, max=0.5),
    AttributeFilter(attribute="foldable", is_=True),
)


def fill(count: int) -> list[Product]:
    """Products of random words in several scripts, with many ties."""
    dice = random.Random(11)
    root = CategoryFactory(name="Lamps and desks", slug="root")
    categories = [root, CategoryFactory(name="Oak", slug="oak", parent=root), CategoryFactory(name="自転車", slug="x")]
    brands = [BrandFactory(name=name) for name in ("Wolf", "Żółw & Co", "18V")]
    start = datetime(2026, 1, 1, tzinfo=UTC)
    groups = [ProductGroup.objects.create(name=f"Group {n}", slug=f"group-{n}") for n in range(count // 4)]
    products: list[Product] = [
        ProductFactory(
            name=" ".join(dice.choices(WORDS, k=dice.randint(1, 4))),
            description=" ".join(dice.choices(WORDS, k=dice.choice((0, 0, 2, 8)))),
            sku=f"SKU-{n:04}" if n % 3 else None,
            category=dice.choice(categories),
            brand=dice.choice(brands),
            price=Decimal(dice.randrange(5)),
            quantity=dice.randrange(3),
            unlimited_stock=dice.random() < 0.3,
            rating=dice.choice([None, 1.5, 3.0, 5.0]),
            created_at=start + timedelta(days=dice.randrange(4)),
            compare_at_price=dice.choice([None, Decimal(9)]),
            group=dice.choice([None, *groups]),
        )
        for n in range(count)
    ]
    give({product.pk: some_values(dice) for product in products})
    return products


def some_values(dice: random.Random) -> list[AttributeInput]:
    """Values of up to three attributes. Some are words of names too."""
    values = [AttributeInput("Material", text=text) for text in dice.sample(["oak", "Paint", "自転車", "red"], 2)]
    values += [AttributeInput("Size", text=dice.choice(["S", "M", "40x60"]))] * dice.randrange(2)
    values += [AttributeInput("Power", number=Decimal(dice.choice(["-1", "0.5", "18"])))] * dice.randrange(2)
    values += [AttributeInput("Foldable", boolean=dice.random() < 0.5)] * dice.randrange(2)
    return dice.sample(values, dice.randrange(len(values) + 1))


def steered(draw: st.DrawFn, ids: list[int]) -> Steering:
    """No steering in half of all cases; pinned products may not exist, or be hidden too."""
    if draw(st.booleans()):
        return Steering()
    some = st.lists(st.sampled_from([*ids, 10**9]), max_size=5, unique=True)
    word = st.sampled_from(["lamp", "desk", "oak", "wolf", "the", "40x60", "自転車", "tshirt"])
    sequence = st.lists(word, min_size=1, max_size=2).map(tuple)
    synonyms = st.lists(st.tuples(sequence, st.lists(sequence, min_size=1, max_size=2).map(tuple)), max_size=2)
    return Steering(tuple(draw(some)), frozenset(draw(some)), tuple(draw(synonyms)))


@st.composite
def any_criteria(draw: st.DrawFn, ids: list[int], *, filtered: bool = True) -> SearchCriteria:
    """Any valid search with a text."""
    text = " ".join(draw(st.lists(st.sampled_from(TYPED), min_size=1, max_size=4)))
    sort = draw(st.sampled_from(SortField))
    brands = categories = price = in_stock = on_sale = None
    attributes: list[AttributeFilter] = []
    if filtered:
        attributes = draw(
            st.just([]) | st.lists(st.sampled_from(CONDITIONS), max_size=2, unique_by=lambda given: given.attribute)
        )
        on_sale = draw(st.sampled_from([None, None, True, False]))
        brands = draw(st.sampled_from([None, None, ["wolf"], ["wolf", "18v"]]))
        categories = draw(st.sampled_from([None, None, ["root"], ["oak"]]))
        price = draw(st.sampled_from([None, None, Range(Decimal(2)), Range(None, Decimal(1))]))
        in_stock = draw(st.sampled_from([None, None, True, False]))
    criteria = parse_criteria(
        SearchInput(
            text=text,
            brands=brands,
            categories=categories,
            price=price or Range(),
            in_stock=in_stock,
            on_sale=on_sale,
            attributes=attributes,
            grouped=draw(st.booleans()),
            sort=sort,
            descending=None if sort is SortField.RELEVANCE else draw(st.booleans()),
        )
    )
    return replace(criteria, steering=steered(draw, ids))


def walk(criteria: SearchCriteria, size: int, *, search: Any = None) -> list[int]:
    """All ids, page by page, each page of a search of its own unless one is given."""
    ids: list[int] = []
    page = Page(size)
    while True:
        hits = (search or engine().resolve(criteria, page.position)).page(page)
        assert hits.has_previous == (page.position is not None)
        ids += hits.ids
        if not hits.has_next:
            return ids
        assert len(hits.ids) == size
        page = Page(size, position=hits.positions[-1])


def walk_at(criteria: SearchCriteria, level: MatchLevel) -> list[int]:
    """All ids at a level, as the pages after a cursor that holds it have them."""
    return walk(criteria, 100, search=engine().resolve(criteria, Position(0, 0, level)))


def walk_back(criteria: SearchCriteria, size: int) -> list[int]:
    """All ids from the last page to the first one. RELEVANCE begins before the last hit."""
    ids: list[int] = []
    page = Page(size, backward=True)
    if criteria.sort is SortField.RELEVANCE:
        forward = Page(100)
        while (hits := engine().resolve(criteria, forward.position).page(forward)).has_next:
            forward = Page(100, position=hits.positions[-1])
        if not hits.positions:
            return []
        ids, page = hits.ids[-1:], Page(size, True, hits.positions[-1])
    while True:
        hits = engine().resolve(criteria, page.position).page(page)
        assert hits.has_next == (page.position is not None)
        ids = [*hits.ids, *ids]
        if not hits.has_previous:
            return ids
        page = Page(size, True, hits.positions[0])


def patient(check: Callable[..., None]) -> Callable[..., None]:
    """Tries many examples, however long they take. The database takes ten times as long as the index."""
    number = examples(100 if django_settings.SEARCH_ENGINE == "tantivy" else 25)
    return settings(deadline=None, max_examples=number, suppress_health_check=[*HealthCheck], print_blob=True)(check)
