"""On MySQL every sort alone and the searches that shops make most are ranges of an index, without a filesort."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.models import Brand, Category, IndexChange, Product
from catalog.search.criteria import Range, SortField
from catalog.search.engine import engine
from catalog.search.pages import Page
from catalog.search.validation import SearchInput, parse_criteria
from catalog.tests.factories import BrandFactory, CategoryFactory
from core.history.models import Change

pytestmark = [pytest.mark.mysql, pytest.mark.django_db]
MIDDLE = Range(Decimal("40.00"), Decimal("60.00"))


@pytest.fixture(autouse=True, scope="module")
def _catalogue(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Enough rows for the planner to prefer an index, committed: ANALYZE ends a transaction."""
    with django_db_blocker.unblock():
        fill()
        yield
        # What deleting records last: no transaction here takes it back.
        for model in (Product, Category, Brand, IndexChange, Change):
            model.objects.all().delete()


def fill() -> None:
    """Makes the rows and the planner's statistics of them."""
    categories = [CategoryFactory(name=f"c{n}") for n in range(10)]
    brands = [BrandFactory(name=f"b{n}") for n in range(10)]
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [
        Product(
            name=f"Lamp {n * 7919 % 3000}",
            slug=f"lamp-{n}",
            category=categories[n * 7 % 10],
            brand=brands[n * 3 % 10],
            price=Decimal(n * 31 % 10_000) / 100,
            quantity=n * 13 % 300,
            rating=(n * 17 % 51) / 10,
            created_at=start + timedelta(minutes=n * 97 % 3000),
        )
        for n in range(3000)
    ]
    for row in rows:
        row.fill_keys()
    Product.objects.bulk_create(rows)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE TABLE catalog_product")
        cursor.fetchall()


def plan(page: Page | None = None, **given: Any) -> tuple[dict[str, Any], Page]:
    """EXPLAIN of the page's query, and the page behind it."""
    criteria = parse_criteria(SearchInput(**given))
    with CaptureQueriesContext(connection) as captured:
        hits = engine().resolve(criteria).page(page or Page(20))
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN FORMAT=TRADITIONAL " + captured[-1]["sql"].replace("%", "%%"))
        row = dict(zip([column[0] for column in cursor.description], cursor.fetchone(), strict=True))
    return row, Page(20, position=hits.positions[-1])


def is_range_without_sort(row: dict[str, Any]) -> bool:
    """Whether the plan reads part of one index in order."""
    return row["type"] in ("range", "ref") and "filesort" not in (row["Extra"] or "")


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("sort", [sort for sort in SortField if sort is not SortField.RELEVANCE])
def test_every_sort_alone(sort: SortField, descending: bool) -> None:
    first, page = plan(sort=sort, descending=descending)
    second, _ = plan(page, sort=sort, descending=descending)
    assert is_range_without_sort(first), first
    assert is_range_without_sort(second), second


@pytest.mark.parametrize(
    "given",
    [
        {"categories": ["c1"], "price": MIDDLE, "sort": SortField.PRICE},
        {"categories": ["c1"], "price": MIDDLE, "sort": SortField.PRICE, "descending": True},
        {"categories": ["c1"], "created": Range(datetime(2026, 1, 2, tzinfo=UTC))},
        {"categories": ["c1"]},
        {"brands": ["b1"], "price": MIDDLE, "sort": SortField.PRICE},
    ],
    ids=["leaf price", "leaf price desc", "leaf created", "leaf newest", "brand price"],
)
def test_the_commonest_searches(given: dict[str, Any]) -> None:
    row, _ = plan(**given)
    assert is_range_without_sort(row), row
