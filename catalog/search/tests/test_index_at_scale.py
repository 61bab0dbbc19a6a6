"""What the index does otherwise when much is found, on little: the sizes from which it does so are lowered."""

import random
from collections.abc import Iterator
from decimal import Decimal

import pytest

from catalog.models import Product
from catalog.search import engine
from catalog.search.criteria import Range, SearchCriteria, SortField
from catalog.search.engine import Engine
from catalog.search.index import paging, ranking, store
from catalog.search.pages import Page
from catalog.search.sql.engine import DatabaseEngine
from catalog.search.validation import SearchInput, parse_criteria
from catalog.tests.factories import BrandFactory, CategoryFactory, ProductFactory
from core.telemetry.metrics import FALLBACKS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("index")]


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Product]]:
    """Some products, which count as many; it is the index that answers for them."""
    before = FALLBACKS._value.get()
    monkeypatch.setattr(paging, "MIN_PRODUCTS_FOR_WINDOW", 1)
    monkeypatch.setattr(paging, "SLICES", 8)
    monkeypatch.setattr(paging, "SAMPLES", 40)
    monkeypatch.setattr(ranking, "BLOCK", 8)
    category, brand, dice = CategoryFactory(), BrandFactory(), random.Random(5)
    yield [
        ProductFactory(
            name=" ".join(dice.choices(["lamp", "oak", "blue", "Émile"], k=dice.randint(1, 4))),
            category=category,
            brand=brand,
            price=Decimal(dice.randrange(1, 30)),
            rating=dice.choice([None, 1.5, 4.5]),
        )
        for _ in range(120)
    ]
    assert FALLBACKS._value.get() == before


def walk(engine: Engine, criteria: SearchCriteria, size: int) -> list[int]:
    """All ids, page by page."""
    found: list[int] = []
    page = Page(size)
    while True:
        hits = engine.resolve(criteria, page.position).page(page)
        found += hits.ids
        if not hits.has_next:
            return found
        page = Page(size, position=hits.positions[-1])


@pytest.mark.parametrize("sort", [sort for sort in SortField if sort is not SortField.RELEVANCE])
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.slow
def test_a_walk_by_windows_is_the_databases(shop: list[Product], sort: SortField, descending: bool) -> None:
    criteria = parse_criteria(SearchInput(sort=sort, descending=descending))
    assert walk(engine.engine(), criteria, 7) == walk(DatabaseEngine(), criteria, 7)


@pytest.mark.parametrize(("low", "high"), [(None, 20), (5, None), (5, 20), (28, 40), (7, 7)])
@pytest.mark.parametrize("descending", [False, True])
def test_a_range_of_what_sorts_is_read_by_windows(
    shop: list[Product], low: int | None, high: int | None, descending: bool
) -> None:
    price = Range(*(None if end is None else Decimal(end) for end in (low, high)))
    criteria = parse_criteria(SearchInput(sort=SortField.PRICE, descending=descending, price=price))
    of_index, of_database = engine.engine(), DatabaseEngine()
    assert walk(of_index, criteria, 3) == walk(of_database, criteria, 3)
    # From each end of another list, and so from outside the range too.
    everything = of_database.resolve(parse_criteria(SearchInput(sort=SortField.PRICE, descending=descending)), None)
    for position in everything.page(Page(100)).positions[::9]:
        for page in (Page(4, position=position), Page(4, position=position, backward=True)):
            expected = of_database.resolve(criteria, position).page(page)
            assert of_index.resolve(criteria, position).page(page).ids == expected.ids


@pytest.mark.parametrize("least", [2, 10, 25])
def test_a_filter_narrows_the_best_matches_and_changes_nothing_else(shop: list[Product], least: int) -> None:
    """Whether it lets most of them pass or few; each once, on pages of any size."""
    price = Range(Decimal(least), None)
    criteria = parse_criteria(SearchInput(text="lamp", price=price))
    expected = {p.pk for p in shop if "lamp" in p.name and p.price >= least}
    for size in (3, 50):
        found = walk(engine.engine(), criteria, size)
        assert len(found) == len(expected)
        assert set(found) == expected
    assert walk(engine.engine(), criteria, 3) == walk(engine.engine(), criteria, 50)


def test_a_total_is_counted_anew_when_the_catalogue_changed(shop: list[Product]) -> None:
    criteria = parse_criteria(SearchInput(text="lamp"))
    before = engine.engine().resolve(criteria).total()
    assert engine.engine().resolve(criteria).total() == before
    ProductFactory(name="lamp", category=shop[0].category, brand=shop[0].brand)
    assert engine.engine().resolve(criteria).total() == before + 1


def test_what_was_counted_longest_ago_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MAX_KEPT_RESULTS", 2)
    lamp, oak, blue = (parse_criteria(SearchInput(text=text)) for text in ("lamp", "oak", "blue"))
    results = store.KeptResults()
    for criteria in (lamp, oak, lamp):
        results.of(criteria, None)["total"] = 1
    results.of(blue, None)
    assert [bool(results.of(criteria, None)) for criteria in (lamp, oak)] == [True, False]
