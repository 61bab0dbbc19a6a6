"""Products that are sold without limit, and what products cost before: the same in the APIs, search and the cart."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from cart.tests.documents import ADD, UPDATE, change, codes, read, wish
from catalog.models import IN_STOCK, OUT_OF_STOCK, Brand, Category, Product
from catalog.selectors import recommended_products
from catalog.tests.factories import ProductFactory

SEARCH = """query($filter: ProductFilter) { products(filter: $filter, sortBy: {field: NAME}) { nodes {
    name inStock quantity compareAtPrice { amount currency } } facets { inStock } } }"""
PRODUCT = "query($slug: String!) { product(slug: $slug) { inStock quantity compareAtPrice { amount } } }"


@pytest.fixture
def shelf(db):
    """Two products that can be bought, and one that cannot."""
    place = {"category": ProductFactory(name="Sold out", slug="sold-out", quantity=0, rating=5).category}
    ProductFactory(name="Counted", slug="counted", quantity=2, rating=4, compare_at_price=Decimal("12.50"), **place)
    ProductFactory(name="Endless", slug="endless", quantity=0, rating=3, unlimited_stock=True, **place)


def test_graphql(each_engine, shopper, shelf):
    def names(**filters):
        return [node["name"] for node in shopper.graphql(SEARCH, filter=filters)["products"]["nodes"]]

    assert names(inStock=True) == ["Counted", "Endless"]
    assert names(inStock=False) == ["Sold out"]
    assert names(inStock=True, quantity={"max": 0}) == ["Endless"]
    products = shopper.graphql(SEARCH)["products"]
    assert products["facets"] == {"inStock": 2}
    assert products["nodes"][0] == {
        **{"name": "Counted", "inStock": True, "quantity": 2},
        "compareAtPrice": {"amount": "12.50", "currency": "EUR"},
    }
    assert products["nodes"][1] == {"name": "Endless", "inStock": True, "quantity": 0, "compareAtPrice": None}
    # Alone too: the field knows its columns.
    alone = "{ products(sortBy: {field: NAME}) { nodes { inStock } } }"
    assert shopper.graphql(alone)["products"]["nodes"] == [{"inStock": found} for found in (True, True, False)]
    assert shopper.graphql(PRODUCT, slug="endless")["product"]["inStock"] is True


def test_the_index_follows(index, shopper, shelf):
    endless = Product.objects.get(slug="endless")
    for unlimited in (False, True):
        endless.unlimited_stock = unlimited
        endless.save(update_fields=["unlimited_stock"])
        products = shopper.graphql(SEARCH, filter={"inStock": True})["products"]
        assert len(products["nodes"]) == products["facets"]["inStock"] == 1 + unlimited


def test_rest(each_engine, shopper, shelf):
    def search(**parameters):
        return shopper.get("products/search/", ordering="name", **parameters).json()

    assert [row["name"] for row in search(in_stock="true")["results"]] == ["Counted", "Endless"]
    assert [row["name"] for row in search(in_stock="false")["results"]] == ["Sold out"]
    answer = search(facets="true")
    assert answer["facets"]["in_stock"] == 2
    assert [(row["in_stock"], row["quantity"]) for row in answer["results"]] == [(True, 2), (True, 0), (False, 0)]
    before = [row["compare_at_price"] for row in answer["results"]]
    assert before == [{"amount": "12.50", "currency": "EUR"}, None, None]


def test_recommendations(shelf):
    assert [product.name for product in recommended_products(limit=3)] == ["Counted", "Endless"]


def test_the_property_and_the_conditions_agree(shelf):
    assert {*Product.objects.filter(IN_STOCK)} == {product for product in Product.objects.all() if product.in_stock}
    assert {*Product.objects.filter(OUT_OF_STOCK)} == {p for p in Product.objects.all() if not p.in_stock}


def test_a_cart_takes_any_number_of_an_unlimited_product(shopper, shelf, settings):
    endless = Product.objects.get(slug="endless")
    payload = change(shopper, ADD, lines=[wish(endless, settings.CART_MAX_QUANTITY - 1)])
    line = payload["cart"]["lines"][0]
    assert (codes(payload), line["availability"]) == ([], "AVAILABLE")
    assert codes(change(shopper, ADD, lines=[wish(endless, 2)])) == [("lines.0.quantity", "LIMIT_EXCEEDED")]
    assert codes(change(shopper, UPDATE, lines=[{"lineId": line["id"], "quantity": settings.CART_MAX_QUANTITY}])) == []
    Product.objects.update(unlimited_stock=False)
    cart = read(shopper)
    assert (cart["lines"][0]["availability"], cart["subtotal"]["amount"]) == ("INSUFFICIENT_STOCK", "0.00")
    assert codes(change(shopper, ADD, lines=[wish(endless)])) != []


class TestPriceBefore:
    @pytest.fixture
    def product(self, db):
        return ProductFactory(price=Decimal("10.00"), compare_at_price=Decimal("15.00"))

    @pytest.mark.parametrize(
        ("price", "left"), [("14.99", "15.00"), ("15.00", None), ("20.00", None), ("0.00", "15.00")]
    )
    def test_a_price_that_rises_to_it_clears_it(self, product, price, left):
        product.price = Decimal(price)
        product.save(update_fields=["price"])
        product.refresh_from_db()
        assert product.compare_at_price == (left and Decimal(left))

    def test_writes_in_bulk_know_what_follows(self, product):
        assert Product.following({"price", "quantity"}) == {"compare_at_price"}
        assert Product.following(["name"]) == {"name_key", "search_text"}
        product.price = Decimal("99.00")
        product.fill_keys()
        Product.objects.bulk_update([product], ["price", *Product.following(["price"])])
        product.refresh_from_db()
        assert (product.price, product.compare_at_price) == (Decimal("99.00"), None)

    @pytest.mark.parametrize("before", ["10.00", "9.99", "0.00"])
    def test_the_database_refuses_one_that_is_not_above_the_price(self, product, before):
        with pytest.raises(IntegrityError), transaction.atomic():
            Product.objects.update(compare_at_price=Decimal(before))

    def test_the_form_names_it(self, admin_client, product):
        page = f"/admin/catalog/product/{product.pk}/change/"
        form = admin_client.get(page).context["adminform"].form
        values = {name: form[name].value() for name in form.fields if name != "created_at"}
        data = {name: value for name, value in values.items() if value is not None}
        data |= {"created_at_0": "2026-01-01", "created_at_1": "00:00:00", "price": "15.00"}
        errors = admin_client.post(page, data).context["adminform"].form.errors
        assert errors == {"compare_at_price": ["The price before must be above the price."]}


def test_a_process_of_the_release_before_can_still_insert(db):
    """Its statements do not know the new columns."""
    category, brand = Category.objects.create(name="C", slug="c"), Brand.objects.create(name="B", slug="b")
    columns = {
        **{"name": "Old", "slug": "old", "description": "", "price": "1.00", "quantity": 0, "is_active": True},
        **{"name_key": "old", "search_text": "old", "category_id": category.pk, "brand_id": brand.pk},
        **{"created_at": "2026-01-01 00:00:00", "updated_at": "2026-01-01 00:00:00"},
    }
    names, places = ", ".join(columns), ", ".join(["%s"] * len(columns))
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO catalog_product ({names}) VALUES ({places})", [*columns.values()])  # noqa: S608
    product = Product.objects.get(slug="old")
    assert (product.unlimited_stock, product.compare_at_price, product.in_stock) == (False, None, False)
