"""Facets through both APIs and from both engines."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.search.criteria import SearchCriteria
from catalog.search.engine import engine
from catalog.search.index import facet_counts
from catalog.search.price_ranges import round_bounds
from catalog.tests.factories import BrandFactory, CategoryFactory, ProductFactory
from core.tests.clients import Api

pytestmark = pytest.mark.usefixtures("each_engine")

FACETS = """query($search: String, $filter: ProductFilter, $first: Int = 20) {
  products(search: $search, filter: $filter) {
    totalCount
    facets {
      categories(first: $first) { category { slug } count }
      brands(first: $first) { brand { slug } count }
      price { min { amount currency } max { amount } ranges { min { amount } max { amount } count } }
      ratings { atLeast count }
      inStock
    }
  }
}"""


@pytest.fixture(autouse=True)
def _shop(db: None) -> None:
    root = CategoryFactory(name="Lighting", slug="lighting")
    lamps = CategoryFactory(name="Lamps", slug="lamps", parent=root)
    bulbs = CategoryFactory(name="Bulbs", slug="bulbs", parent=root)
    zen, abc = BrandFactory(name="Zen", slug="zen"), BrandFactory(name="Abc", slug="abc")
    CategoryFactory(name="Empty", slug="empty")
    BrandFactory(name="Nobody", slug="nobody")
    rows = [
        ("Floor lamp", lamps, zen, "120.00", 3, 4.5),
        ("Table lamp", lamps, abc, "49.90", 0, 3.9),
        ("Night lamp", lamps, abc, "19.99", 5, None),
        ("Warm bulb", bulbs, zen, "4.00", 100, 1.0),
        ("Cold bulb", bulbs, abc, "4.50", 50, 5.0),
        ("Odd bulb", bulbs, zen, "7.25", 0, 0.5),
    ]
    for name, category, brand, price, quantity, rating in rows:
        ProductFactory(
            name=name, category=category, brand=brand, price=Decimal(price), quantity=quantity, rating=rating
        )
    ProductFactory(name="Archived lamp", category=lamps, brand=abc, is_active=False)
    engine().resolve(SearchCriteria()).total()


def facets(api: Api, **variables: Any) -> dict[str, Any]:
    return api.graphql(FACETS, **variables)["products"]["facets"]


def by_slug(counts: list[dict[str, Any]], what: str) -> list[tuple[str, int]]:
    return [(each[what]["slug"], each["count"]) for each in counts]


def test_counts_of_every_facet(shopper: Api) -> None:
    found = facets(shopper)
    assert by_slug(found["categories"], "category") == [("lighting", 6), ("bulbs", 3), ("lamps", 3)]
    assert by_slug(found["brands"], "brand") == [("abc", 3), ("zen", 3)]
    assert found["price"]["min"] == {"amount": "4.00", "currency": "EUR"}
    assert found["price"]["max"] == {"amount": "120.00"}
    assert found["ratings"] == [{"atLeast": n, "count": c} for n, c in ((4, 2), (3, 3), (2, 3), (1, 4))]
    assert found["inStock"] == 4


def test_each_facet_is_counted_without_its_own_filter_and_with_all_others(shopper: Api) -> None:
    asked = {"category": ["lamps"], "brand": ["abc"], "price": {"min": "10"}, "rating": {"min": 3}, "inStock": False}
    answer = shopper.graphql(FACETS, filter=asked)["products"]
    found = answer["facets"]
    assert answer["totalCount"] == 1
    assert by_slug(found["categories"], "category") == [("lamps", 1), ("lighting", 1)]
    assert by_slug(found["brands"], "brand") == [("abc", 1)]
    assert found["price"]["min"]["amount"] == "49.90"
    assert found["ratings"] == [{"atLeast": 3, "count": 1}, {"atLeast": 2, "count": 1}, {"atLeast": 1, "count": 1}]
    assert found["inStock"] == 0
    found = facets(shopper, filter={"brand": ["zen"]})
    assert by_slug(found["brands"], "brand") == [("zen", 3), ("abc", 3)]
    assert by_slug(found["categories"], "category") == [("lighting", 3), ("bulbs", 2), ("lamps", 1)]


def test_they_are_of_the_text_s_answer(shopper: Api) -> None:
    found = facets(shopper, search="bulb", filter={"brand": ["zen"]})
    assert by_slug(found["brands"], "brand") == [("zen", 2), ("abc", 1)]
    assert by_slug(found["categories"], "category") == [("bulbs", 2), ("lighting", 2)]
    assert found["inStock"] == 1


def test_ranges_of_prices_give_their_own_counts_when_sent_back(shopper: Api) -> None:
    ranges = facets(shopper, filter={"price": {"min": "100"}})["price"]["ranges"]
    assert 4 <= len(ranges) <= 6
    assert sum(each["count"] for each in ranges) == 6
    for each in ranges:
        price = {end: each[end]["amount"] for end in ("min", "max") if each[end]}
        assert shopper.graphql(FACETS, filter={"price": price})["products"]["totalCount"] == each["count"] > 0
    ends = [(each["min"], each["max"]) for each in ranges]
    assert ends[-1][1] is None
    for (_, high), (low, _) in pairwise(ends):
        assert Decimal(low["amount"]) - Decimal(high["amount"]) == Decimal("0.01")


def test_nothing_found_is_nothing_counted(shopper: Api) -> None:
    found = facets(shopper, search="!?")
    assert found == {
        "categories": [],
        "brands": [],
        "price": {"min": None, "max": None, "ranges": []},
        "ratings": [],
        "inStock": 0,
    }


@pytest.mark.parametrize("first", [0, -1, 101])
def test_first_is_1_to_100(shopper: Api, first: int) -> None:
    assert shopper.error(FACETS, first=first)["code"] == "BAD_USER_INPUT"
    assert shopper.error(FACETS, first=first)["field"] == "first"


def test_first_cuts_the_list(shopper: Api) -> None:
    found = facets(shopper, first=1)
    assert by_slug(found["categories"], "category") == [("lighting", 6)]
    assert by_slug(found["brands"], "brand") == [("abc", 3)]


def test_rest(shopper: Api) -> None:
    answer = shopper.get("products/search/", facets="true", brand="zen").json()
    zen, abc = answer["facets"]["brands"]
    assert (zen["brand"], zen["count"], abc["count"]) == ({"name": "Zen", "slug": "zen"}, 3, 3)
    assert answer["facets"]["categories"][0]["category"] == {"name": "Lighting", "slug": "lighting"}
    assert answer["facets"]["price"]["min"] == {"amount": "4.00", "currency": "EUR"}
    assert set(answer["facets"]["price"]["ranges"][0]) == {"min", "max", "count"}
    assert (answer["facets"]["ratings"][0]["at_least"], answer["facets"]["ratings"][0]["count"]) == (4, 1)
    assert answer["facets"]["in_stock"] == 2
    for off in ({}, {"facets": "false"}):
        assert "facets" not in shopper.get("products/search/", **off).json()
    assert shopper.get("products/search/", facets="maybe").status_code == 400


def test_they_cost_the_same_few_queries_for_more_rows(shopper: Api) -> None:
    facets(shopper)

    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            facets(shopper)
        return len(captured)

    before = cost()
    for n in range(20):
        ProductFactory(name=f"More {n}", price=Decimal(n) + Decimal("0.5"))
    facets(shopper)
    assert cost() == before <= 14


def test_what_is_not_asked_for_is_not_counted(shopper: Api) -> None:
    shopper.graphql("{ products { totalCount } }")
    with CaptureQueriesContext(connection) as captured:
        shopper.graphql("{ products { nodes { name } } }")
    assert not [query for query in captured if "COUNT" in query["sql"] or "catalog_brand" in query["sql"]]


@pytest.mark.parametrize(
    ("low", "high", "first"),
    [
        ("4.00", "120.00", "5"),
        ("0.01", "0.03", "0.02"),
        ("100.00", "100.99", "100.05"),
        ("0.00", "9999999999.99", "0.01"),
    ],
)
def test_bounds_are_round_and_within(low: str, high: str, first: str) -> None:
    bounds = round_bounds(Decimal(low), Decimal(high))
    assert bounds[0] == Decimal(first)
    assert bounds == sorted(set(bounds))
    assert all(Decimal(low) < bound <= Decimal(high) for bound in bounds)
    assert len(bounds) <= 100


def test_more_brands_and_categories_than_the_index_counts_at_once(
    shopper: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, field in (("categories", "category"), ("brands", "brand")):
        few = {name: {"terms": {"field": field, "size": 1, "segment_size": 1}}}
        monkeypatch.setitem(facet_counts.AGGREGATIONS, name, few)
    found = facets(shopper)
    assert by_slug(found["categories"], "category") == [("lighting", 6), ("bulbs", 3), ("lamps", 3)]
    assert by_slug(found["brands"], "brand") == [("abc", 3), ("zen", 3)]
