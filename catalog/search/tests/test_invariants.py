"""What holds of every search, whatever its text, filters, sort and steering: random searches of one mixed catalogue."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import Settings

from catalog.category_tree import CategoryTree
from catalog.models import Product
from catalog.search.criteria import Range, SearchCriteria, SortField, Steering
from catalog.search.cursors import Position
from catalog.search.engine import engine
from catalog.search.index import ranking
from catalog.search.pages import Page
from catalog.search.strategy import STRICT, TYPOS, MatchingStrategy, MatchLevel
from catalog.search.validation import SearchInput, parse_criteria
from catalog.tests.factories import BrandFactory, CategoryFactory, ProductFactory
from core.tests.examples import examples

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
on_each_engine = pytest.mark.usefixtures("each_engine")

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


def fill(count: int) -> list[Product]:
    """Products of random words in several scripts, with many ties."""
    dice = random.Random(11)
    root = CategoryFactory(name="Lamps and desks", slug="root")
    categories = [root, CategoryFactory(name="Oak", slug="oak", parent=root), CategoryFactory(name="自転車", slug="x")]
    brands = [BrandFactory(name=name) for name in ("Wolf", "Żółw & Co", "18V")]
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return [
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
        )
        for n in range(count)
    ]


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
    brands = categories = price = in_stock = None
    if filtered:
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


patient = settings(deadline=None, max_examples=examples(100), suppress_health_check=[*HealthCheck], print_blob=True)


@pytest.fixture
def shop(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Eighty products; blocks of the ranking are so small that searches have several, and less than enough hits."""
    monkeypatch.setattr(ranking, "BLOCK", 5)
    settings.SEARCH_MIN_HITS = 8
    settings.SEARCH_LANGUAGES = ["en", "de"]
    return [product.pk for product in fill(80)]


@on_each_engine
def test_all_pages_give_each_product_once(shop: list[int]) -> None:
    @patient
    @given(st.data())
    def check(data: st.DataObject) -> None:
        criteria = data.draw(any_criteria(shop))
        ids = walk(criteria, 100)
        assert len(set(ids)) == len(ids)
        size = data.draw(st.sampled_from(SIZES))
        assert walk(criteria, size) == ids
        search = engine().resolve(criteria)
        if data.draw(st.booleans()):
            assert search.total() == len(ids)
        assert walk(criteria, size, search=search) == ids
        assert search.total() == len(ids) == engine().resolve(criteria).total()
        assert walk_back(criteria, size) == ids
        if criteria.steering.pinned and criteria.sort is SortField.RELEVANCE:
            pinned = [pk for pk in criteria.steering.pinned if pk in ids]
            assert ids[: len(pinned)] == pinned
        assert not criteria.steering.hidden & set(ids)

    check()


@on_each_engine
def test_facets_count_what_is_found(shop: list[int]) -> None:
    @patient
    @given(st.data())
    def check(data: st.DataObject) -> None:
        criteria = data.draw(any_criteria(shop))
        search = engine().resolve(criteria)
        facets = search.facets(CategoryTree.load)
        total = lambda **changes: engine().resolve(replace(criteria, **changes)).total()  # noqa: E731
        for brand, count in facets.brands(100):
            assert count == total(brands=frozenset([brand.pk]))
        assert sum(count for _, count in facets.brands(100)) == total(brands=None)
        for category, count in facets.categories(100):
            subtree = CategoryTree.load().subtree([category.pk])
            assert count == total(categories=frozenset([category.pk]), category_subtree=frozenset(subtree))
        assert facets.in_stock() == total(in_stock=True) == total(in_stock=None) - total(in_stock=False)
        for stars, count in facets.ratings():
            assert count == total(rating=Range(float(stars)))
        assert sum(each.count for each in facets.price().ranges) == total(price=Range())
        assert search.total() == len(walk(criteria, 100))

    check()


@on_each_engine
def test_a_filter_only_narrows(shop: list[int]) -> None:
    @patient
    @given(st.data())
    def check(data: st.DataObject) -> None:
        criteria = data.draw(any_criteria(shop))
        no_filters: dict[str, Any] = dict.fromkeys(("brands", "categories", "category_subtree", "in_stock"))
        everything = walk(replace(criteria, price=Range(), **no_filters), 100)
        rows = Product.objects.filter(pk__in=everything)
        if criteria.brands is not None:
            rows = rows.filter(brand__in=criteria.brands)
        if criteria.category_subtree is not None:
            rows = rows.filter(category__in=criteria.category_subtree)
        if criteria.price.low is not None:
            rows = rows.filter(price__gte=criteria.price.low)
        if criteria.price.high is not None:
            rows = rows.filter(price__lte=criteria.price.high)
        if criteria.in_stock is not None:
            rows = rows.filter(pk__in=[row.pk for row in rows if row.in_stock == criteria.in_stock])
        passing = {*rows.values_list("pk", flat=True)}
        assert walk(criteria, 100) == [pk for pk in everything if pk in passing]

    check()


@pytest.mark.usefixtures("index")
class TestLevels:
    """What the index alone has: weaker hits after the strict ones."""

    def test_weaker_hits_only_fill_up(self, shop: list[int], settings: Settings) -> None:
        @patient
        @given(st.data(), st.integers(1, 40))
        def check(data: st.DataObject, enough: int) -> None:
            settings.SEARCH_MIN_HITS = enough
            criteria = replace(data.draw(any_criteria(shop, filtered=False)), sort=SortField.RELEVANCE)
            ids, pinned = walk(criteria, 100), criteria.steering.pinned
            ids = [pk for pk in ids if pk not in pinned]
            by_level = [
                [pk for pk in walk_at(criteria, level) if pk not in pinned]
                for level in (STRICT, TYPOS, *(MatchLevel(MatchingStrategy.PARTIAL, n) for n in (1, 2, 3)))
            ]
            strict = by_level[0]
            assert ids[: len(strict)] == strict
            if len(strict) >= enough:
                assert ids == strict or pinned
            else:
                assert len(ids) >= min(enough, max(map(len, by_level)))

        check()

    def test_sorts_do_not_share_their_totals(self, shop: list[int]) -> None:
        @patient
        @given(st.data())
        def check(data: st.DataObject) -> None:
            criteria = data.draw(any_criteria(shop))
            for sort in data.draw(st.permutations([SortField.RELEVANCE, SortField.PRICE])):
                sorted_so = replace(criteria, sort=sort)
                total = engine().resolve(sorted_so).total()
                assert total == len(walk(sorted_so, 100))

        check()
