"""Bad input is answered by an error that names the field, in GraphQL and REST."""

from typing import Any

import pytest

from catalog.search.tests.both_apis import PRODUCTS
from catalog.tests.factories import ProductFactory
from core.tests.clients import Api

pytestmark = pytest.mark.usefixtures("each_engine")
LONG = "x" * 201
GRAPHQL = [
    ({"search": LONG}, "search"),
    ({"search": "a\x00b"}, "search"),
    ({"search": 5}, "search"),
    ({"filter": {"price": {"min": "2", "max": "1"}}}, "filter.price"),
    ({"filter": {"price": {"min": "-0.01"}}}, "filter.price.min"),
    ({"filter": {"price": {"max": "10000000000"}}}, "filter.price.max"),
    ({"filter": {"price": {"min": "1e400"}}}, "filter.price.min"),
    ({"filter": {"price": {"min": "1e2"}}}, "filter.price.min"),
    ({"filter": {"price": {"min": "NaN"}}}, "filter.price.min"),
    ({"filter": {"price": {"min": "Infinity"}}}, "filter.price.min"),
    ({"filter": {"price": {"min": "9" * 30}}}, "filter.price.min"),
    ({"filter": {"price": {"min": "9" * 3000}}}, "filter.price.min"),
    ({"filter": {"price": {"min": "0." + "0" * 39 + "1"}}}, "filter.price.min"),
    ({"filter": {"price": {"min": 1.1}}}, "filter.price.min"),
    ({"filter": {"price": {"min": "1.001"}}}, "filter.price.min"),
    ({"filter": {"price": {"min": "١٢"}}}, "filter.price.min"),
    ({"filter": {"price": {"min": True}}}, "filter.price.min"),
    ({"filter": {"price": {"min": ""}}}, "filter.price.min"),
    ({"filter": {"price": "5"}}, "filter.price"),
    ({"filter": {"price": {"least": "5"}}}, "filter.price"),
    ({"filter": {"quantity": {"min": 2, "max": 1}}}, "filter.quantity"),
    ({"filter": {"quantity": {"min": -1}}}, "filter.quantity.min"),
    ({"filter": {"quantity": {"min": 2**31}}}, "filter.quantity.min"),
    ({"filter": {"quantity": {"min": 10**30}}}, "filter.quantity.min"),
    ({"filter": {"quantity": {"min": "3"}}}, "filter.quantity.min"),
    ({"filter": {"rating": {"min": 5.1}}}, "filter.rating.min"),
    ({"filter": {"rating": {"max": -0.1}}}, "filter.rating.max"),
    ({"filter": {"rating": {"min": 4, "max": 3}}}, "filter.rating"),
    ({"filter": {"createdAt": {"from": "2026-01-01T00:00:00"}}}, "filter.createdAt.from"),
    ({"filter": {"createdAt": {"from": "2026-01-01"}}}, "filter.createdAt.from"),
    ({"filter": {"createdAt": {"from": "2026-02-30T00:00:00Z"}}}, "filter.createdAt.from"),
    ({"filter": {"createdAt": {"to": "9999-12-31T23:59:59-12:00"}}}, "filter.createdAt.to"),
    ({"filter": {"createdAt": {"to": "0001-01-01T00:00:00+00:00"}}}, "filter.createdAt.to"),
    ({"filter": {"createdAt": {"to": 1767225600}}}, "filter.createdAt.to"),
    ({"filter": {"createdAt": {"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}}}, "filter.createdAt"),
    ({"filter": {"category": ["nowhere"]}}, "filter.category"),
    ({"filter": {"category": [""]}}, "filter.category"),
    ({"filter": {"category": ["x\x00"]}}, "filter.category.0"),
    ({"filter": {"category": ["x"] * 101}}, "filter.category"),
    ({"filter": {"brand": ["nobody"]}}, "filter.brand"),
    ({"filter": {"brand": [None]}}, "filter.brand.0"),
    ({"filter": {"ids": ["x"] * 1001}}, "filter.ids"),
    ({"filter": {"inStock": "yes"}}, "filter.inStock"),
    ({"filter": {"nonsense": 1}}, "filter"),
    ({"sortBy": {"field": "RELEVANCE"}}, "sortBy.field"),
    ({"search": "  ", "sortBy": {"field": "RELEVANCE"}}, "sortBy.field"),
    ({"search": "x", "sortBy": {"field": "RELEVANCE", "direction": "ASC"}}, "sortBy.direction"),
    ({"sortBy": {"field": "WEIGHT"}}, "sortBy.field"),
    ({"sortBy": {}}, "sortBy"),
    ({"first": 0}, "first"),
    ({"first": 101}, "first"),
    ({"first": -5}, "first"),
    ({"first": "5"}, "first"),
    ({"first": 1.5}, "first"),
    ({"last": 0}, "last"),
    ({"first": 5, "last": 5}, "last"),
    ({"first": 5, "after": "x", "before": "y"}, "before"),
    ({"last": 5, "after": "x"}, "after"),
    ({"first": 5, "before": "x"}, "before"),
    ({"after": ""}, "after"),
    ({"after": "garbage"}, "after"),
    ({"after": "🎉"}, "after"),
    ({"after": "W10"}, "after"),
    ({"after": "x" * 100_000}, "after"),
    ({"last": 5, "before": "bnVsbA"}, "before"),
    ({"search": "x", "last": 5}, "last"),
]


@pytest.mark.parametrize(("variables", "field"), GRAPHQL, ids=lambda value: str(value)[:60])
def test_graphql_names_the_field(shopper: Api, variables: dict[str, Any], field: str) -> None:
    response = shopper.post(PRODUCTS, **variables)
    error = response.json()["errors"][0]
    assert response.status_code == 200
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", field)
    assert error["message"]


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ("filter: {price: {min: 1.5}}", "filter.price.min"),
        ('filter: {price: {min: "1e400"}}', "filter.price.min"),
        ('filter: {createdAt: {from: "2026-01-01T00:00:00"}}', "filter.createdAt.from"),
        ("filter: {quantity: {min: 99999999999}}", "filter.quantity.min"),
        (f"filter: {{quantity: {{min: {'9' * 5000}}}}}", "filter.quantity.min"),
        (r'search: "\u0000"', "search"),
        (r'filter: {brand: ["a", "\u0000"]}', "filter.brand"),
        ('first: "x"', "first"),
        ("sortBy: {field: WEIGHT}", "sortBy.field"),
        ("sortBy: {direction: ASC}", "sortBy"),
    ],
)
def test_graphql_literals_name_the_field_too(shopper: Api, arguments: str, field: str) -> None:
    error = shopper.error(f"{{ products({arguments}) {{ totalCount }} }}")
    assert (error["code"], error["field"]) == ("BAD_USER_INPUT", field)


REST = [
    ({"q": LONG}, "q"),
    ({"q": "a\x00b"}, "q"),
    ({"q": ["a", "b"]}, "q"),
    ({"colour": "red"}, "colour"),
    ({"page": "2"}, "page"),
    ({"min_price": "2", "max_price": "1"}, "min_price"),
    ({"min_price": "-1"}, "min_price"),
    ({"max_price": "1e400"}, "max_price"),
    ({"max_price": "NaN"}, "max_price"),
    ({"max_price": "9" * 30}, "max_price"),
    ({"max_price": "1.001"}, "max_price"),
    ({"max_price": ""}, "max_price"),
    ({"max_price": "1,5"}, "max_price"),
    ({"min_quantity": "-1"}, "min_quantity"),
    ({"min_quantity": "x"}, "min_quantity"),
    ({"min_quantity": "9" * 2000}, "min_quantity"),
    ({"min_quantity": "2", "max_quantity": "1"}, "min_quantity"),
    ({"max_rating": "nan"}, "max_rating"),
    ({"max_rating": "1e400"}, "max_rating"),
    ({"min_rating": "6"}, "min_rating"),
    ({"created_at": "2026-01-01"}, "created_at"),
    ({"created_at": "2026-01-01T00:00:00 01:00"}, "created_at"),
    ({"created_until": "0001-01-01T00:00:00+00:00"}, "created_until"),
    ({"created_at": "2026-02-01T00:00:00Z", "created_until": "2026-01-01T00:00:00Z"}, "created_at"),
    ({"category": "nowhere"}, "category"),
    ({"category": ""}, "category"),
    ({"category": "x\x00"}, "category"),
    ({"brand": ["nobody", "x"]}, "brand"),
    ({"in_stock": "maybe"}, "in_stock"),
    ({"in_stock": ""}, "in_stock"),
    ({"ordering": "weight"}, "ordering"),
    ({"ordering": "relevance"}, "ordering"),
    ({"ordering": "-relevance", "q": "x"}, "ordering"),
    ({"limit": "0"}, "limit"),
    ({"limit": "101"}, "limit"),
    ({"limit": "1.5"}, "limit"),
    ({"limit": "1_0"}, "limit"),
    ({"limit": "１０"}, "limit"),
    ({"min_quantity": "+5"}, "min_quantity"),
    ({"min_rating": "４"}, "min_rating"),
    ({"format": "xml"}, "format"),
    ({"cursor": "garbage"}, "cursor"),
    ({"cursor": "ngarbage"}, "cursor"),
    ({"cursor": ""}, "cursor"),
]


@pytest.mark.parametrize(("parameters", "attr"), REST, ids=lambda value: str(value)[:60])
def test_rest_names_the_parameter(shopper: Api, parameters: dict[str, Any], attr: str) -> None:
    response = shopper.get("products/search/", **parameters)
    assert response.status_code == 400
    answer = response.json()
    assert answer["type"] == "validation_error"
    assert attr in [error["attr"] for error in answer["errors"]]


def test_every_mistake_is_named_at_once(shopper: Api) -> None:
    answer = shopper.get("products/search/", q=LONG, min_price="-1", category="nowhere").json()
    assert [error["attr"] for error in answer["errors"]] == ["q", "min_price", "category"]


@pytest.mark.parametrize("text", ["", "   ", "\t\n"])
def test_blank_text_counts_as_absent(shopper: Api, text: str) -> None:
    ProductFactory.create_batch(2)
    assert shopper.graphql(PRODUCTS, search=text)["products"]["totalCount"] == 2
    assert shopper.get("products/search/", q=text).json()["count"] == 2


@pytest.mark.parametrize("text", ["!", '"', "--", "()", "* ?", "%", "&|", "'", "\\", "…"])
def test_punctuation_alone_finds_nothing(shopper: Api, text: str) -> None:
    ProductFactory(name="100% (new) 'lamp' -- \\ …")
    assert shopper.graphql(PRODUCTS, search=text)["products"]["totalCount"] == 0
    assert shopper.get("products/search/", q=text).json()["count"] == 0


@pytest.mark.parametrize("text", ['"red lamp"', "red, lamp!", "(lamp) +red", "lamp* red?", "LAMP 🎉", "lámp"])
def test_operators_quotes_and_emoji_are_plain_text(shopper: Api, text: str) -> None:
    ProductFactory(name="Red lamp 🎉", slug="red-lamp")
    ProductFactory(name="Red chair")
    # What has only some of the words may follow.
    page = shopper.graphql(PRODUCTS, search=text)["products"]
    assert [edge["node"]["slug"] for edge in page["edges"]][:1] == ["red-lamp"]


@pytest.mark.parametrize("text", ["lamp OR chair", "name: lamp", "lamp AND NOT chair", "lamp NOT red"])
def test_an_operator_is_a_word_like_any_other(shopper: Api, text: str) -> None:
    ProductFactory(name="Red lamp")
    assert shopper.graphql(PRODUCTS, search=text)["products"]["totalCount"] == 1


@pytest.mark.parametrize("text", ["l%z", "l_z", "r[a-z]d"])
def test_a_pattern_is_words_like_any_other(shopper: Api, text: str) -> None:
    ProductFactory(name="Red lamp")
    assert shopper.graphql(PRODUCTS, search=text)["products"]["totalCount"] == 0


def test_unknown_ids_match_nothing(shopper: Api) -> None:
    product = ProductFactory()
    known = shopper.graphql("{ products { nodes { id } } }")["products"]["nodes"][0]["id"]
    query = "query($ids: [ID!]) { products(filter: {ids: $ids}) { nodes { slug } totalCount } }"
    found = shopper.graphql(query, ids=[known, "x", "", "VXNlcjox", "UHJvZHVjdDo5OTk5"])["products"]
    assert found == {"nodes": [{"slug": product.slug}], "totalCount": 1}
    for ids in ([], ["x"], ["UHJvZHVjdDo5OTk5"]):
        assert shopper.graphql(query, ids=ids)["products"]["totalCount"] == 0


def test_empty_lists_do_not_filter(shopper: Api) -> None:
    ProductFactory()
    found = shopper.graphql("{ products(filter: {category: [], brand: []}) { totalCount } }")
    assert found["products"]["totalCount"] == 1


@pytest.mark.parametrize("query", ["q=%ED%A0%80", "q=%ff", "category=a&q=caf%E9", "limit=1&q=%C3"])
def test_invalid_utf8_is_refused_by_name(shopper: Api, query: str) -> None:
    response = shopper.client.get(f"/api/v1/products/search/?{query}", headers=shopper.headers)
    assert response.status_code == 400
    assert response.json()["errors"][0]["attr"] == "q"
    response = shopper.client.get("/graphql/?query=%7Bme%7Bid%7D%7D&variables=%ff", headers=shopper.headers)
    assert response.json()["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT", "field": "variables"}


def test_too_many_parameters_are_refused(shopper: Api) -> None:
    for path in ("/", "/graphql/", "/api/v1/products/search/"):
        assert shopper.client.get(path + "?" + "a&" * 1001, headers=shopper.headers).status_code == 400


def test_a_text_of_many_words_is_named(shopper: Api) -> None:
    assert shopper.error(PRODUCTS, search=" ".join(f"w{n}" for n in range(51)))["field"] == "search"
    assert shopper.graphql(PRODUCTS, search="ﷺ" * 200)["products"]["totalCount"] == 0


def test_a_default_of_a_wrong_type_names_the_field(shopper: Api) -> None:
    error = shopper.error('query($f: Int = "x") { products(first: $f) { totalCount } }')
    assert (error["code"], error["field"]) == ("BAD_USER_INPUT", "first")


def test_an_unknown_parent_category_is_named(shopper: Api) -> None:
    error = shopper.error('{ categories(parent: "nowhere") { name } }')
    assert (error["code"], error["field"]) == ("BAD_USER_INPUT", "parent")


@pytest.mark.parametrize("arguments", ["", '(id: "x", slug: "y")'])
def test_product_wants_exactly_one_of_id_and_slug(shopper: Api, arguments: str) -> None:
    assert shopper.error(f"{{ product{arguments} {{ name }} }}")["code"] == "BAD_USER_INPUT"
