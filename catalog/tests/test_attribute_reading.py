"""Attributes and groups as both APIs show them."""

from decimal import Decimal
from typing import Any

import pytest
from graphql_relay import to_global_id

from catalog.attributes import selectors
from catalog.attributes.tests.builders import group, product
from catalog.models import Attribute, Product
from core.tests.clients import Api

ATTRIBUTES = "attributes { text number boolean attribute { id name slug kind unit } }"
GROUP = """group { id name slug minPrice { amount } maxPrice { amount } options { attribute { slug } values }
           products { slug price { amount } attributes { text } } }"""
PRODUCT = f"query($slug: String, $id: ID) {{ product(slug: $slug, id: $id) {{ name {ATTRIBUTES} {GROUP} }} }}"
NODE = f"""query($id: ID!) {{ node(id: $id) {{ __typename id ... on ProductGroup {{ name {GROUP[16:]}
           ... on Attribute {{ unit }} }} }}"""


@pytest.fixture
def shirts(db: None) -> list[Product]:
    """A shirt in two colours and three sizes, of which one is archived, and the others' prices rise."""
    Attribute.objects.create(name="Colour", slug="colour", position=1)
    Attribute.objects.create(name="Size", slug="size", position=2)
    variants = [("Red", "L"), ("Blue", "XL"), ("Red", "M"), ("Blue", "M"), ("Red", "S")]
    made = [
        product(
            f"Shirt {colour} {size}",
            {"Size": size, "Colour": colour, "Material": ["Linen", "Cotton"]},
            of="Shirt",
            slug=f"shirt-{colour}-{size}".lower(),
            price=Decimal(10 + place),
        )
        for place, (colour, size) in enumerate(variants)
    ]
    archived = made[-1]
    archived.is_active = False
    archived.save()
    return made


def test_attributes_of_every_kind_in_their_order(shopper: Api) -> None:
    Attribute.objects.create(name="Power", slug="power", kind="NUMBER", unit="W", position=1)
    lamp = product("Lamp", {"Dimmable": False, "power": 7.5, "Colour": ["Red", "Blue"], "Length": (-120, "cm")})
    shown = shopper.graphql(PRODUCT, slug=lamp.slug)["product"]["attributes"]
    assert [(row["attribute"]["name"], row["text"], row["number"], row["boolean"]) for row in shown] == [
        *(("Colour", "Blue", None, None), ("Colour", "Red", None, None), ("Dimmable", "No", None, False)),
        *(("Length", "-120", -120.0, None), ("Power", "7.5", 7.5, None)),
    ]
    assert [row["attribute"]["unit"] for row in shown] == [None, None, None, "cm", "W"]
    assert {row["attribute"]["kind"] for row in shown} == {"TEXT", "NUMBER", "BOOLEAN"}
    power = Attribute.objects.get(slug="power")
    assert shown[-1]["attribute"]["id"] == to_global_id("Attribute", power.pk)
    rest = shopper.get(f"products/{lamp.slug}/").json()
    assert rest["group"] is None
    assert rest["attributes"][0] == {
        **{"slug": "colour", "name": "Colour", "kind": "TEXT", "unit": None},
        **{"text": "Blue", "number": None, "boolean": None},
    }
    assert rest["attributes"][-1] == {
        **{"slug": "power", "name": "Power", "kind": "NUMBER", "unit": "W"},
        **{"text": "7.5", "number": 7.5, "boolean": None},
    }


def test_a_group_shows_its_active_products_in_the_order_of_their_options(shopper: Api, shirts: list[Product]) -> None:
    shown = shopper.graphql(PRODUCT, slug="shirt-red-m")["product"]["group"]
    assert shown["options"] == [
        {"attribute": {"slug": "colour"}, "values": ["Blue", "Red"]},
        {"attribute": {"slug": "size"}, "values": ["M", "L", "XL"]},
    ]
    in_order = ["shirt-blue-m", "shirt-blue-xl", "shirt-red-m", "shirt-red-l"]
    assert [row["slug"] for row in shown["products"]] == in_order
    assert shown["products"][0]["attributes"] == [{"text": t} for t in ("Cotton", "Linen", "Blue", "M")]
    assert (shown["minPrice"]["amount"], shown["maxPrice"]["amount"]) == ("10.00", "13.00")
    detail = shopper.get("products/shirt-red-m/").json()
    assert [row["slug"] for row in detail["group"]["products"]] == in_order
    assert (detail["group"]["slug"], detail["group"]["name"]) == ("shirt", "Shirt")
    assert detail["group"]["products"][2] == {
        **{"slug": "shirt-red-m", "name": "Shirt Red M", "attributes": detail["attributes"]},
        **{"price": {"amount": "12.00", "currency": "EUR"}, "in_stock": True},
    }
    listed = shopper.get("products/search/").json()["results"]
    assert {frozenset(row["group"].items()) for row in listed} == {frozenset({("slug", "shirt"), ("name", "Shirt")})}


def test_a_product_without_an_option_comes_last(shopper: Api) -> None:
    for name, attributes in (
        ("None", {}),
        ("Two", {"Size": "2"}),
        ("One", {"Size": "1"}),
        ("Both", {"Size": ["2", "1"]}),
    ):
        product(name, attributes, of="Ring", slug=name.lower())
    shown = shopper.graphql(PRODUCT, slug="one")["product"]["group"]
    assert shown["options"] == [{"attribute": {"slug": "size"}, "values": ["1", "2"]}]
    assert [row["slug"] for row in shown["products"]] == ["one", "both", "two", "none"]


def test_numbers_and_booleans_are_options_too(shopper: Api) -> None:
    for length, dimmable in ((10, True), (9.5, True), (100, False), (9.5, False)):
        name = f"{length} {dimmable}"
        product(
            name,
            {"Length": (length, "cm"), "Dimmable": dimmable, "Weight": 1},
            of="Lamp",
            slug=f"{length}-{dimmable}".replace(".", "-"),
        )
    shown = shopper.graphql(PRODUCT, slug="10-True")["product"]["group"]
    assert shown["options"] == [
        {"attribute": {"slug": "dimmable"}, "values": ["No", "Yes"]},
        {"attribute": {"slug": "length"}, "values": ["9.5", "10", "100"]},
    ]
    assert [row["slug"] for row in shown["products"]] == ["9-5-False", "100-False", "9-5-True", "10-True"]


def test_a_group_of_one_has_no_options(shopper: Api) -> None:
    product("Ring", {"Size": "1"}, of="Ring", slug="ring")
    shown = shopper.graphql(PRODUCT, slug="ring")["product"]["group"]
    assert (shown["options"], [row["slug"] for row in shown["products"]]) == ([], ["ring"])


def test_products_of_products_of_a_group_have_all_that_is_selected(shopper: Api, shirts: list[Product]) -> None:
    document = """{ product(slug: "shirt-red-m") { group { products { slug group { slug
                    products { brand { name } group { options { values } } } } } } } }"""
    first = shopper.graphql(document)["product"]["group"]["products"][0]
    assert first["group"]["slug"] == "shirt"
    assert {row["brand"]["name"] for row in first["group"]["products"]} == {p.brand.name for p in shirts[:-1]}
    assert first["group"]["products"][0]["group"]["options"] == [
        {"values": ["Blue", "Red"]},
        {"values": ["M", "L", "XL"]},
    ]


def test_nodes(shopper: Api, staff: Api, nobody: Api, shirts: list[Product]) -> None:
    global_id = to_global_id("ProductGroup", shirts[0].group_id)
    shown = shopper.graphql(NODE, id=global_id)["node"]
    assert shown["name"] == "Shirt"
    assert (len(shown["products"]), shown["minPrice"]["amount"]) == (4, "10.00")
    assert shopper.graphql("query($id: ID!) { node(id: $id) { id } }", id=global_id)["node"] == {"id": global_id}
    colour = to_global_id("Attribute", Attribute.objects.get(slug="colour").pk)
    assert shopper.graphql(NODE, id=colour)["node"] == {"__typename": "Attribute", "id": colour, "unit": None}
    for hidden in (global_id, colour):
        assert nobody.graphql(NODE, id=hidden)["node"] is None
    empty = to_global_id("ProductGroup", group("Empty").pk)
    assert staff.graphql(NODE, id=empty)["node"] is None
    assert shopper.graphql(NODE, id=to_global_id("Attribute", 10**9))["node"] is None


def test_a_group_without_active_products_is_for_staff_and_carts(shopper: Api, staff: Api) -> None:
    ring = product("Ring", {"Size": "1"}, of="Ring", price=Decimal(7))
    add = "mutation($id: ID!) { cartLinesAdd(input: {lines: [{productId: $id}]}) { errors { code } } }"
    shopper.graphql(add, id=to_global_id("Product", ring.pk))
    ring.is_active = False
    ring.save()
    global_id = to_global_id("ProductGroup", ring.group_id)
    assert shopper.graphql(NODE, id=global_id)["node"] is None
    seen: dict[str, Any] = staff.graphql(NODE, id=global_id)["node"]
    assert (seen["products"], seen["options"], seen["minPrice"], seen["maxPrice"]) == (
        [],
        [],
        {"amount": "7.00"},
        {"amount": "7.00"},
    )
    of_product = staff.graphql(PRODUCT, id=to_global_id("Product", ring.pk))["product"]
    assert (of_product["group"]["products"], of_product["attributes"][0]["text"]) == ([], "1")
    (line,) = shopper.graphql(f"{{ cart {{ lines {{ product {{ {ATTRIBUTES} {GROUP} }} }} }} }}")["cart"]["lines"]
    assert (line["product"]["group"]["slug"], line["product"]["group"]["products"]) == ("ring", [])
    assert line["product"]["attributes"][0]["text"] == "1"


def test_a_product_that_was_read_otherwise_shows_the_same(shopper: Api, shirts: list[Product]) -> None:
    add = "mutation($id: ID!) { cartLinesAdd(input: {lines: [{productId: $id}]}) { cart { lines { id } } } }"
    (line,) = shopper.graphql(add, id=to_global_id("Product", shirts[2].pk))["cartLinesAdd"]["cart"]["lines"]
    document = f"""query($id: ID!) {{ node(id: $id) {{ ... on CartLine {{ product {{ name {ATTRIBUTES} {GROUP}
                   again: group {{ products {{ brand {{ name }} }} }} }} }} }} }}"""
    shown = shopper.graphql(document, id=line["id"])["node"]["product"]
    assert len(shown.pop("again")["products"]) == 4
    assert shown == shopper.graphql(PRODUCT, slug="shirt-red-m")["product"]


class TestBounds:
    """A group has no page size. What an answer reads and lists of groups is bounded all the same."""

    def test_too_many_siblings_are_refused(
        self, shopper: Api, shirts: list[Product], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(selectors, "MAX_SIBLINGS", 5 + 4)
        one = "{ products(first: 1) { nodes { group { products { slug } } } } }"
        assert shopper.graphql(one)["products"]["nodes"]
        for document in (
            "{ products(first: 1) { nodes { group { products { group { products { slug } } } } } } }",
            "{ products { nodes { group { products { slug } } } } }",
            '{ a: product(slug: "shirt-red-m") { ...P } b: product(slug: "shirt-red-l") { ...P } }'
            " fragment P on Product { group { minPrice { amount } } }",
        ):
            error = shopper.error(document)
            assert (error["code"], error["limit"], error["allowed"]) == ("LIMIT_EXCEEDED", "products of groups", 9)
        assert shopper.graphql(one)["products"]["nodes"]

    def test_too_many_values_are_refused(
        self, shopper: Api, shirts: list[Product], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(selectors, "MAX_LISTED_VALUES", 16 + 16)
        every = "{ products { nodes { attributes { text } } } }"
        assert len(shopper.graphql(every)["products"]["nodes"]) == 4
        error = shopper.error("{ products { nodes { attributes { text } more: attributes { text } } } }")
        assert (error["code"], error["limit"], error["allowed"]) == ("LIMIT_EXCEEDED", "values of attributes", 32)

    def test_rest_names_the_limit(self, shopper: Api, shirts: list[Product], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(selectors, "MAX_SIBLINGS", 4)
        answer = shopper.get("products/shirt-red-m/")
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "limit_exceeded")

    def test_what_was_read_before_does_not_count(
        self, shopper: Api, shirts: list[Product], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(selectors, "MAX_LISTED_VALUES", 20)
        for _ in range(3):
            assert shopper.get("products/search/").status_code == 200

    def test_a_page_of_a_hundred_with_everything_is_allowed(self, shopper: Api) -> None:
        document = (
            f"{{ products(first: 100) {{ nodes {{ id name slug price {{ amount }} inStock {ATTRIBUTES} {GROUP} }} }} }}"
        )
        assert shopper.graphql(document) == {"products": {"nodes": []}}
