"""Cursors and pages: exact, stable while rows come and go, and refused when they belong to another search."""

import random
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product
from typing import Any

import orjson
import pytest

from catalog.attributes.writing import AttributeInput
from catalog.models import Attribute, AttributeValue, Product
from catalog.search import pages
from catalog.search.tests.both_apis import PRODUCTS
from catalog.search.tests.catalogues import give
from catalog.tests.factories import BrandFactory, CategoryFactory, ProductFactory
from core.tests.clients import Api

pytestmark = [pytest.mark.usefixtures("each_engine"), pytest.mark.slow]
SORTS = ["NAME", "PRICE", "RATING", "QUANTITY", "CREATED_AT"]


def make(n: int, **fields: Any) -> list[Product]:
    """Products with many ties, of one category and brand."""
    category, brand, rng = CategoryFactory(), BrandFactory(), random.Random(n)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        ProductFactory(
            name=f"Lamp {rng.randrange(4)}",
            category=category,
            brand=brand,
            price=Decimal(rng.randrange(4)),
            quantity=rng.randrange(4),
            rating=rng.choice([None, 1.5, 3.0, 4.5]),
            created_at=start + timedelta(days=rng.randrange(4)),
            **fields,
        )
        for _ in range(n)
    ]


# Each sort once in `make test`, in either direction and either way; all combinations in `make test-all`.
QUICK_WALKS = dict(
    zip(SORTS, [("ASC", "first"), ("DESC", "last"), ("DESC", "first"), ("ASC", "last"), ("DESC", "first")], strict=True)
)
WALKS = [
    pytest.param(*walk, marks=[] if QUICK_WALKS[walk[0]] == walk[1:] else [pytest.mark.slow])
    for walk in product(SORTS, ["ASC", "DESC"], ["first", "last"])
]


@pytest.mark.parametrize(("field", "direction", "way"), WALKS)
def test_a_walk_while_rows_come_and_go_misses_none_and_repeats_none(
    shopper: Api, field: str, direction: str, way: str
) -> None:
    survivors = {row.slug for row in make(12)}
    passing = [row.slug for row in make(5)]
    seen: list[str] = []
    cursor: dict[str, Any] = {}
    for turn in range(100):
        sort = {"field": field, "direction": direction}
        page = shopper.graphql(PRODUCTS, sortBy=sort, **{way: 3}, **cursor)["products"]
        slugs = [edge["node"]["slug"] for edge in page["edges"]]
        seen += slugs if way == "first" else slugs[::-1]
        if not page["pageInfo"]["hasNextPage" if way == "first" else "hasPreviousPage"]:
            break
        cursor = (
            {"after": page["pageInfo"]["endCursor"]} if way == "first" else {"before": page["pageInfo"]["startCursor"]}
        )
        make(1 + turn % 2)
        if passing:
            Product.objects.filter(slug=passing.pop()).delete()
    else:
        pytest.fail("the walk does not end")
    assert len(seen) == len(set(seen))
    assert survivors <= set(seen)


def test_the_position_of_a_deleted_row_still_holds(shopper: Api) -> None:
    make(6)
    page = shopper.graphql(PRODUCTS, first=3)["products"]
    rest = shopper.graphql(PRODUCTS, first=3, after=page["pageInfo"]["endCursor"])["products"]["edges"]
    Product.objects.filter(slug=page["edges"][-1]["node"]["slug"]).delete()
    assert shopper.graphql(PRODUCTS, first=3, after=page["pageInfo"]["endCursor"])["products"]["edges"] == rest


def test_page_flags_are_exact_in_the_paging_direction(shopper: Api) -> None:
    make(4)

    def flags(**page: Any) -> tuple[bool, bool]:
        info = shopper.graphql(PRODUCTS, **page)["products"]["pageInfo"]
        return info["hasPreviousPage"], info["hasNextPage"]

    end = shopper.graphql(PRODUCTS, first=2)["products"]["pageInfo"]["endCursor"]
    assert flags(first=4) == (False, False)
    assert flags(first=3) == (False, True)
    assert flags(last=3) == (True, False)
    assert flags(first=2, after=end) == (True, False)
    assert flags(last=2, before=end) == (False, True)
    assert flags(after=end) == (True, False)
    assert flags(before=end) == (False, True)


def test_the_default_is_a_page_of_twenty_newest_first(shopper: Api) -> None:
    make(25)
    page = shopper.graphql(PRODUCTS)["products"]
    newest = Product.objects.order_by("-created_at", "-id").values_list("slug", flat=True)[:20]
    assert [edge["node"]["slug"] for edge in page["edges"]] == list(newest)
    assert page["totalCount"] == 25


@pytest.mark.parametrize(
    "other",
    [
        {"search": "lamp"},
        {"filter": {"price": {"min": "1"}}},
        {"filter": {"inStock": True}},
        {"filter": {"onSale": True}},
        {"filter": {"slugs": ["lamp"]}},
        {"filter": {"attributes": [{"attribute": "colour", "values": ["red"]}]}},
        {"groupBy": "GROUP"},
        {"sortBy": {"field": "NAME"}},
        {"sortBy": {"field": "CREATED_AT", "direction": "ASC"}},
    ],
)
def test_a_cursor_of_another_search_is_refused(shopper: Api, other: dict[str, Any]) -> None:
    make(3)
    Attribute.objects.create(name="Colour", slug="colour")
    cursor = shopper.graphql(PRODUCTS, first=1)["products"]["pageInfo"]["endCursor"]
    error = shopper.error(PRODUCTS, first=1, after=cursor, **other)
    assert (error["code"], error["field"]) == ("BAD_USER_INPUT", "after")
    assert shopper.error(PRODUCTS, last=1, before=cursor, **other)["field"] == "before"


def test_the_same_search_written_otherwise_keeps_its_cursor(shopper: Api) -> None:
    make(3)
    price = {"filter": {"price": {"min": "0", "max": "9.50"}}}
    cursor = shopper.graphql(PRODUCTS, first=1, **price)["products"]["pageInfo"]["endCursor"]
    same = {"filter": {"price": {"min": "0.00", "max": "9.5"}, "category": []}, "search": "  "}
    assert shopper.graphql(PRODUCTS, first=1, after=cursor, **same)["products"]["edges"]


def test_a_cursor_holds_when_what_is_asked_for_comes_and_goes(shopper: Api) -> None:
    first, second, _ = make(3)
    colour = Attribute.objects.create(name="Colour", slug="colour")
    AttributeValue.objects.create(attribute=colour, text="Red")
    asked = {"filter": {"slugs": [first.slug, second.slug], "attributes": []}}
    asked["filter"]["attributes"] = [{"attribute": "colour", "values": ["red", "green"]}]
    give({product.pk: [AttributeInput("colour", text="red")] for product in (first, second)})
    cursor = shopper.graphql(PRODUCTS, first=1, **asked)["products"]["pageInfo"]["endCursor"]
    rest = shopper.graphql(PRODUCTS, first=1, after=cursor, **asked)["products"]["edges"]
    seen = next(product for product in (first, second) if product.slug != rest[0]["node"]["slug"])
    seen.delete()
    AttributeValue.objects.create(attribute=colour, text="Green")
    assert shopper.graphql(PRODUCTS, first=1, after=cursor, **asked)["products"]["edges"] == rest


@pytest.mark.parametrize("field", SORTS)
def test_a_forged_cursor_is_an_error_or_harmless(shopper: Api, field: str) -> None:
    make(2)
    sort = {"field": field, "direction": "ASC"}
    cursor = shopper.graphql(PRODUCTS, first=1, sortBy=sort)["products"]["pageInfo"]["endCursor"]
    version, digest, *_ = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    values = [None, True, -1, 2**63, 1.5, "x", "\x00", "NaN", "1e9999", "1E+3", [], {}, 10**18]
    for value, row_id in product(values, [1, -1, 2**63, 1.5, None, "1"]):
        forged = urlsafe_b64encode(orjson.dumps([version, digest, value, row_id])).rstrip(b"=").decode()
        answer = shopper.post(PRODUCTS, first=1, sortBy=sort, after=forged).json()
        codes = [error["extensions"]["code"] for error in answer.get("errors", [])]
        assert codes in ([], ["BAD_USER_INPUT"]), (value, row_id)


class TestRelevance:
    """Positions in the first hits."""

    def test_it_pages_there_and_back(self, shopper: Api) -> None:
        make(7)
        first = shopper.graphql(PRODUCTS, search="lamp", first=3)["products"]
        second = shopper.graphql(PRODUCTS, search="lamp", first=3, after=first["pageInfo"]["endCursor"])["products"]
        third = shopper.graphql(PRODUCTS, search="lamp", first=3, after=second["pageInfo"]["endCursor"])["products"]
        assert [len(page["edges"]) for page in (first, second, third)] == [3, 3, 1]
        assert not third["pageInfo"]["hasNextPage"]
        start = third["pageInfo"]["startCursor"]
        back = shopper.graphql(PRODUCTS, search="lamp", last=3, before=start)["products"]
        assert back["edges"] == second["edges"]
        start = second["pageInfo"]["startCursor"]
        back = shopper.graphql(PRODUCTS, search="lamp", last=100, before=start)["products"]
        assert back["edges"] == first["edges"]
        assert back["pageInfo"]["hasPreviousPage"] is False

    def test_nothing_is_before_the_first_hit(self, shopper: Api) -> None:
        make(7)
        first = shopper.graphql(PRODUCTS, search="lamp", first=3)["products"]
        page = shopper.graphql(PRODUCTS, search="lamp", last=3, before=first["pageInfo"]["startCursor"])["products"]
        assert page["edges"] == []
        assert (page["pageInfo"]["hasPreviousPage"], page["pageInfo"]["hasNextPage"]) == (False, True)

    def test_past_the_window_is_a_clear_error(self, shopper: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pages, "RELEVANCE_WINDOW", 5)
        make(7)
        first = shopper.graphql(PRODUCTS, search="lamp", first=3)["products"]
        second = shopper.graphql(PRODUCTS, search="lamp", first=3, after=first["pageInfo"]["endCursor"])["products"]
        assert len(second["edges"]) == 2
        assert second["pageInfo"]["hasNextPage"]
        error = shopper.error(PRODUCTS, search="lamp", first=3, after=second["pageInfo"]["endCursor"])
        assert (error["code"], error["field"]) == ("BAD_USER_INPUT", "after")
        response = shopper.get("products/search/", q="lamp", limit=5)
        response = shopper.client.get(response.json()["next"], headers=shopper.headers)
        assert response.status_code == 400
        assert response.json()["errors"][0]["attr"] == "cursor"

    def test_it_ranks_names_before_the_rest(self, shopper: Api) -> None:
        shared = {"category": CategoryFactory(name="Lamps"), "brand": BrandFactory()}
        ProductFactory(name="A rug", description="goes with a blue lamp", slug="rest", **shared)
        ProductFactory(name="Lamp, blue", slug="words", **shared)
        ProductFactory(name="Blue lamp shade", slug="starts", **shared)
        ProductFactory(name="Blue Lámp", slug="equals", **shared)
        page = shopper.graphql(PRODUCTS, search="blue lamp")["products"]
        assert [edge["node"]["slug"] for edge in page["edges"]] == ["equals", "starts", "words", "rest"]


class TestBrands:
    """Brands page by name, by the same rules."""

    QUERY = """query($search: String, $first: Int, $after: String, $last: Int, $before: String) {
      brands(search: $search, first: $first, after: $after, last: $last, before: $before) {
        totalCount nodes { name } edges { cursor } pageInfo { hasNextPage hasPreviousPage endCursor startCursor }
      }
    }"""

    def names(self, api: Api, **arguments: Any) -> list[str]:
        return [node["name"] for node in api.graphql(self.QUERY, **arguments)["brands"]["nodes"]]

    def test_order_search_and_pages(self, shopper: Api) -> None:
        for name in ("Zebra", "ätelier", "Atelier", "Brut", "Móllegard"):
            BrandFactory(name=name)
        assert self.names(shopper) == ["ätelier", "Atelier", "Brut", "Móllegard", "Zebra"]
        assert self.names(shopper, search="ATEL") == ["ätelier", "Atelier"]
        assert self.names(shopper, search="!") == []
        page = shopper.graphql(self.QUERY, first=2)["brands"]
        assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (5, True)
        assert self.names(shopper, first=2, after=page["pageInfo"]["endCursor"]) == ["Brut", "Móllegard"]
        assert self.names(shopper, last=2) == ["Móllegard", "Zebra"]

    @pytest.mark.parametrize(
        ("arguments", "field"),
        [
            ({"first": 0}, "first"),
            ({"after": "x"}, "after"),
            ({"search": "x" * 201}, "search"),
            ({"last": 101}, "last"),
        ],
    )
    def test_bad_input_is_named(self, shopper: Api, arguments: dict[str, Any], field: str) -> None:
        error = shopper.error(self.QUERY, **arguments)
        assert (error["code"], error["field"]) == ("BAD_USER_INPUT", field)
