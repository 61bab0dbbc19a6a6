"""Both APIs give what the plain model gives, for random catalogues and random searches."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from catalog.category_tree import CategoryTree
from catalog.models import Brand, Category, Product
from catalog.search.criteria import Range, SearchCriteria, SortField
from catalog.search.cursors import encode_cursor
from catalog.search.engine import Engine
from catalog.search.index import store
from catalog.search.index.engine import TantivyEngine
from catalog.search.pages import Page
from catalog.search.sql.engine import DatabaseEngine
from catalog.search.tests.both_apis import by_graphql, by_rest
from catalog.search.tests.oracle import Search, expected
from catalog.search.validation import SearchInput, parse_criteria
from catalog.tests.factories import BrandFactory, CategoryFactory, ProductFactory
from core.tests.clients import Api
from core.tests.examples import examples

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


def ranges(values: st.SearchStrategy) -> st.SearchStrategy:
    """Open, half-open and closed ranges, mostly open."""

    def ordered(pair: tuple) -> tuple:
        low, high = pair
        return (high, low) if low is not None and high is not None and low > high else pair

    return st.one_of(st.just((None, None)), st.tuples(st.none() | values, st.none() | values).map(ordered))


@st.composite
def any_search(draw: st.DrawFn) -> Search:
    """Any valid search about the catalogue of these tests."""
    text = draw(
        st.none()
        | st.sampled_from(
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
            ]
        )
    )
    sorts = [
        "NAME",
        "PRICE",
        "RATING",
        "QUANTITY",
        "CREATED_AT",
        None,
        *(["RELEVANCE"] if (text or "").strip() else []),
    ]
    return Search(
        text=text,
        categories=draw(st.lists(st.sampled_from(["root", "sub", "leaf", "other"]), max_size=2, unique=True)),
        brands=draw(st.lists(st.sampled_from(["brand-0", "brand-1", "brand-2"]), max_size=2, unique=True)),
        price=draw(ranges(prices)),
        quantity=draw(ranges(quantities)),
        rating=draw(ranges(ratings)),
        created=draw(ranges(moments)),
        in_stock=draw(st.sampled_from([None, None, True, False])),
        sort=draw(st.sampled_from(sorts)),
        descending=draw(st.booleans()),
    )


def fill(rows: list[tuple[dict, int, int, bool]]) -> list[Product]:
    """A tree of four categories, three brands, and the drawn products."""
    root = CategoryFactory(name="Root", slug="root")
    sub = CategoryFactory(name="Sub", slug="sub", parent=root)
    leaf = CategoryFactory(name="Leaf", slug="leaf", parent=sub)
    categories: list[Category] = [root, sub, leaf, CategoryFactory(name="Other", slug="other")]
    brands: list[Brand] = [BrandFactory(name=f"Bränd {n}", slug=f"brand-{n}") for n in range(3)]
    return [
        ProductFactory(**row, category=categories[c], brand=brands[b % 3], sku=f"SKU-{n}" if has_sku else None)
        for n, (row, c, b, has_sku) in enumerate(rows)
    ]


drawn = given(
    rows=st.lists(st.tuples(products, places, places, st.booleans()), max_size=12),
    searched=st.lists(any_search(), min_size=1, max_size=6),
    size=st.integers(1, 5),
)
patient = settings(deadline=None, suppress_health_check=list(HealthCheck))


def has_text(search: Search) -> bool:
    """Whether the search asks for words: then the two engines mean different things."""
    return bool((search.text or "").strip())


@override_settings(SEARCH_MIN_HITS=3)
@pytest.mark.usefixtures("_patient_hashing")
class TestBothApis(TestCase):
    """Each example runs in a transaction of its own, on the database engine."""

    @settings(patient, max_examples=examples(60))
    @drawn
    def test_they_agree_with_the_model(self, rows: list, searched: list[Search], size: int) -> None:
        catalogue = fill(rows)
        api = Api(get_user_model().objects.create_user("shopper@example.com"))
        for search in searched:
            wanted = expected(catalogue, search)
            assert by_graphql(api, search, size) == wanted
            assert by_rest(api, search, size) == wanted
            if search.sort != "RELEVANCE" and (search.sort or not has_text(search)):
                assert by_graphql(api, search, size, backward=True) == wanted


class IndexTestCase(TestCase):
    """Each example is rolled back, which no record tells the index: each begins with none."""

    def setup_example(self) -> None:
        """As the parent's, with the last example's index gone."""
        super().setup_example()
        store.discard()


@pytest.mark.usefixtures("_patient_hashing", "index")
class TestBothApisOnTheIndex(IndexTestCase):
    """The same on the embedded engine."""

    @settings(patient, max_examples=examples(30))
    @drawn
    def test_they_agree_with_the_model(self, rows: list, searched: list[Search], size: int) -> None:
        catalogue = fill(rows)
        api = Api(get_user_model().objects.create_user("shopper@example.com"))
        for search in searched:
            if has_text(search):
                # Whatever it finds, all pages of both APIs find it, and once.
                found = by_graphql(api, search, size)
                assert by_rest(api, search, size) == found
                assert len(set(found)) == len(found)
            else:
                assert by_graphql(api, search, size) == (wanted := expected(catalogue, search))
                assert by_rest(api, search, size) == wanted
                assert by_graphql(api, search, size, backward=True) == wanted


def criteria_of(search: Search) -> SearchCriteria:
    """The search as both APIs would understand it."""
    given = SearchInput(
        text=search.text,
        categories=search.categories,
        brands=search.brands,
        price=Range(*search.price),
        quantity=Range(*search.quantity),
        rating=Range(*search.rating),
        created=Range(*search.created),
        in_stock=search.in_stock,
        sort=SortField(search.sort) if search.sort and (search.text or search.sort != "RELEVANCE") else None,
        descending=search.descending if search.sort and search.sort != "RELEVANCE" else None,
    )
    return parse_criteria(given)


def everything(engine: Engine, criteria: SearchCriteria, size: int) -> list[object]:
    """All that an engine answers to a search without a text: pages there and back, cursors, total, facets."""
    answers: list[object] = [engine.resolve(criteria).total()]
    for backward in (False, True):
        page = Page(size, backward)
        while True:
            hits = engine.resolve(criteria, page.position).page(page)
            answers.append((hits, [encode_cursor(criteria.digest, position) for position in hits.positions]))
            if not (hits.has_previous if backward else hits.has_next):
                break
            page = Page(size, backward, hits.positions[0 if backward else -1])
    facets = engine.resolve(criteria).facets(CategoryTree.load)
    return [
        *answers,
        [(row.slug, *counted) for row, *counted in facets.categories(3)],
        [(row.slug, *counted) for row, *counted in facets.brands(2)],
        (facets.price(), facets.ratings(), facets.in_stock(), facets.on_sale(), facets.attributes()),
    ]


@pytest.mark.usefixtures("index")
class TestBothEngines(IndexTestCase):
    """Searches without a text get the same answers from both, to the last cursor."""

    @settings(patient, max_examples=examples(60))
    @drawn
    def test_they_agree(self, rows: list, searched: list[Search], size: int) -> None:
        fill(rows)
        for search in searched:
            search.text = None
            criteria = criteria_of(search)
            assert everything(TantivyEngine(), criteria, size) == everything(DatabaseEngine(), criteria, size)

    @settings(patient, max_examples=examples(20))
    @given(rows=st.lists(st.tuples(products, places, places, st.booleans()), max_size=12), searched=any_search())
    def test_a_range_of_prices_gives_its_own_count(self, rows: list, searched: Search) -> None:
        fill(rows)
        criteria = criteria_of(searched)
        engine = TantivyEngine()
        facets = engine.resolve(criteria).facets(CategoryTree.load)
        price = facets.price()
        for each in price.ranges:
            chosen = replace(criteria, price=Range(each.low, each.high))
            assert engine.resolve(chosen).total() == each.count > 0
        assert sum(each.count for each in price.ranges) == engine.resolve(replace(criteria, price=Range())).total()
