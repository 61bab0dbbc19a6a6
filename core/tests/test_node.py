"""`node` and `product`: the viewer's own to see, null for all else."""

import pytest
from graphql_relay import to_global_id
from pytest_django import Settings

from catalog.tests.factories import BrandFactory, CategoryFactory, ProductFactory
from core.tests.clients import Api
from users.models import User

NODE = "query($id: ID!) { node(id: $id) { __typename id ... on Product { name isActive category { name } } } }"
PRODUCT = "query($id: ID, $slug: String) { product(id: $id, slug: $slug) { name isActive brand { name } } }"


def test_objects_by_global_id(shopper: Api) -> None:
    product = ProductFactory(name="Lamp")
    for kind, row in (("Product", product), ("Category", product.category), ("Brand", product.brand)):
        global_id = to_global_id(kind, row.pk)
        assert shopper.graphql(NODE, id=global_id)["node"].items() >= {"__typename": kind, "id": global_id}.items()
    found = {"name": "Lamp", "isActive": True, "brand": {"name": product.brand.name}}
    assert shopper.graphql(PRODUCT, id=to_global_id("Product", product.pk))["product"] == found
    assert shopper.graphql(PRODUCT, slug=product.slug)["product"] == found


@pytest.mark.parametrize(
    "global_id",
    [
        "",
        "x",
        "🎉",
        "UHJvZHVjdDo=",
        "x" * 10_000,
        to_global_id("Product", 999_999),
        to_global_id("Product", "01"),
        to_global_id("Product", "-1"),
        to_global_id("Product", " 1"),
        to_global_id("Product", "1 "),
        to_global_id("Product", "١"),
        to_global_id("Product", 2**63),
        to_global_id("Product", "9" * 100),
        to_global_id("Nonsense", 1),
        to_global_id("ProductConnection", 1),
        to_global_id("product", 1),
        "UHJvZHVjdDox\n",
        "UHJvZHVjdDox=",
    ],
)
def test_unknown_and_malformed_ids_are_null(shopper: Api, global_id: str) -> None:
    ProductFactory(pk=1)
    assert shopper.graphql(NODE, id=global_id)["node"] is None
    assert shopper.graphql(PRODUCT, id=global_id)["product"] is None


@pytest.mark.parametrize("slug", ["", "nothing", "x" * 10_000, "🎉"])
def test_an_unknown_slug_is_null(shopper: Api, slug: str) -> None:
    assert shopper.graphql(PRODUCT, slug=slug)["product"] is None


BY_SLUG = "query($slug: String!) { category(slug: $slug) { name path { name } } brand(slug: $slug) { name } }"


def test_a_category_and_a_brand_by_slug(shopper: Api, nobody: Api) -> None:
    CategoryFactory(name="Café lamps", slug="café", parent=CategoryFactory(name="Lamps", slug="lamps"))
    BrandFactory(name="Café", slug="café")
    # Stored composed (é), asked decomposed (e and its accent).
    assert shopper.graphql(BY_SLUG, slug="cafe\u0301") == {
        "category": {"name": "Café lamps", "path": [{"name": "Lamps"}, {"name": "Café lamps"}]},
        "brand": {"name": "Café"},
    }
    for slug in ("", "x" * 10_000, "CAFÉ", "🎉"):
        assert shopper.graphql(BY_SLUG, slug=slug) == {"category": None, "brand": None}
    assert nobody.error(BY_SLUG, slug="café")["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize(("currency", "digits"), [("EUR", 2), ("JPY", 0), ("KWD", 3)])
@pytest.mark.parametrize("is_open", [True, False])
def test_the_shop_needs_no_token(settings: Settings, nobody: Api, currency: str, digits: int, is_open: bool) -> None:
    settings.CURRENCY, settings.SHOP_NAME = currency, "Lux & Co"
    settings.CATALOG_PUBLIC, settings.GUEST_CARTS = is_open, not is_open
    assert nobody.graphql("{ shop { name currency currencyDigits catalogIsPublic guestCarts } }")["shop"] == {
        "name": "Lux & Co",
        "currency": currency,
        "currencyDigits": digits,
        "catalogIsPublic": is_open,
        "guestCarts": not is_open,
    }


def test_archived_products_are_for_staff_by_id(shopper: Api, staff: Api) -> None:
    product = ProductFactory(is_active=False)
    global_id = to_global_id("Product", product.pk)
    assert shopper.graphql(NODE, id=global_id)["node"] is None
    assert shopper.graphql(PRODUCT, id=global_id)["product"] is None
    assert staff.graphql(NODE, id=global_id)["node"]["isActive"] is False
    assert staff.graphql(PRODUCT, id=global_id)["product"]["isActive"] is False
    for api in (shopper, staff):
        assert api.graphql(PRODUCT, slug=product.slug)["product"] is None
        assert api.get(f"products/{product.slug}/").status_code == 404


def test_a_user_is_only_oneself(shopper: Api, staff: Api) -> None:
    mine = shopper.graphql("{ me { id } }")["me"]["id"]
    assert shopper.graphql(NODE, id=mine)["node"] == {"__typename": "User", "id": mine}
    assert staff.graphql(NODE, id=mine)["node"] is None
    assert Api().graphql(NODE, id=mine)["node"] is None
    assert User.objects.count() == 2


def test_nobody_sees_no_catalogue(nobody: Api) -> None:
    for kind, row in (("Product", ProductFactory()), ("Category", CategoryFactory()), ("Brand", BrandFactory())):
        assert nobody.graphql(NODE, id=to_global_id(kind, row.pk))["node"] is None


def test_rest_detail(shopper: Api) -> None:
    product = ProductFactory(name="Crêpe pan", slug="crêpe-pan", sku="CP-1", rating=4.5)
    answer = shopper.get("products/crêpe-pan/").json()
    assert answer["id"] == to_global_id("Product", product.pk)
    assert answer["price"] == {"amount": "10.00", "currency": "EUR"}
    assert answer["category"] == {"name": product.category.name, "slug": product.category.slug}
    assert answer["in_stock"] is True
    missing = shopper.get("products/nothing/")
    assert (missing.status_code, missing.json()["type"]) == (404, "client_error")
    assert shopper.get("products/a%00b/").status_code == 404
