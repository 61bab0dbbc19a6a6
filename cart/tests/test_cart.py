"""The cart through GraphQL: lines, prices, availability, versions."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from graphql_relay import to_global_id

from cart.models import Cart, CartLine
from cart.tests.documents import ADD, CLEAR, READ, REMOVE, UPDATE, add, change, codes, held, product_id, read, wish
from catalog.models import Product
from catalog.tests.factories import ProductFactory
from users.models import User


def test_add_update_remove_clear(shopper):
    lamp, rug = ProductFactory(name="Lamp", price="19.99"), ProductFactory(name="Rug", price="0.10")
    cart = add(shopper, (lamp, 2), (rug, 3))
    assert cart["version"] == 1
    assert cart["totalQuantity"] == 5
    assert cart["subtotal"] == {"amount": "40.28", "currency": "EUR"}
    assert held(cart) == {"Lamp": 2, "Rug": 3}
    line = cart["lines"][0]
    assert line["product"] == {"id": product_id(lamp), "name": "Lamp"}
    assert line["unitPrice"] == line["unitPriceWhenAdded"] == {"amount": "19.99"}
    assert (line["lineTotal"], line["availability"]) == ({"amount": "39.98"}, "AVAILABLE")
    assert read(shopper) == cart

    payload = change(shopper, UPDATE, lines=[{"lineId": line["id"], "quantity": 1}])
    assert (payload["errors"], held(payload["cart"]), payload["cart"]["version"]) == ([], {"Lamp": 1, "Rug": 3}, 2)
    payload = change(shopper, REMOVE, lineIds=[line["id"]])
    assert (payload["errors"], held(payload["cart"]), payload["cart"]["version"]) == ([], {"Rug": 3}, 3)
    payload = shopper.graphql(CLEAR)["payload"]
    assert (payload["errors"], payload["cart"]["lines"], payload["cart"]["version"]) == ([], [], 4)
    assert payload["cart"]["subtotal"]["amount"] == "0.00"


def test_reading_creates_no_row(shopper):
    user = User.objects.get()
    cart = read(shopper)
    assert cart["id"] == to_global_id("Cart", user.pk)
    assert (cart["version"], cart["lines"], cart["totalQuantity"]) == (0, [], 0)
    assert cart["updatedAt"] == user.date_joined.isoformat()
    assert not Cart.objects.exists()
    assert add(shopper, (ProductFactory(), 1))["id"] == cart["id"]


def test_a_mutation_without_effect_writes_nothing(shopper):
    assert change(shopper, CLEAR)["errors"] == []
    assert not Cart.objects.exists()
    cart = add(shopper, (ProductFactory(), 2))
    same = change(shopper, UPDATE, lines=[{"lineId": cart["lines"][0]["id"], "quantity": 2}])
    assert (same["errors"], same["cart"]) == ([], cart)
    emptied = change(shopper, CLEAR)["cart"]
    assert change(shopper, CLEAR)["cart"] == emptied
    assert emptied["version"] == 2


def test_adding_again_adds_up_in_one_line(shopper):
    lamp = ProductFactory(name="Lamp", quantity=10)
    add(shopper, (lamp, 1))
    cart = add(shopper, (lamp, 2), (lamp, 3))
    assert held(cart) == {"Lamp": 6}
    assert (len(cart["lines"]), cart["version"]) == (1, 2)


def test_the_default_quantity_is_one(shopper):
    payload = change(shopper, ADD, lines=[{"productId": product_id(ProductFactory(name="Lamp"))}])
    assert held(payload["cart"]) == {"Lamp": 1}


def test_lines_are_in_the_order_of_their_first_add(shopper):
    names = ["C", "A", "B"]
    products = [ProductFactory(name=name) for name in names]
    for product in reversed(products):
        add(shopper, (product, 1))
    cart = add(shopper, (products[0], 1))
    assert list(held(cart)) == ["B", "A", "C"]


def test_a_changed_price_is_shown(shopper):
    lamp = ProductFactory(price="10.00")
    add(shopper, (lamp, 2))
    Product.objects.update(price=Decimal("12.50"))
    line = read(shopper)["lines"][0]
    assert (line["unitPrice"], line["unitPriceWhenAdded"]) == ({"amount": "12.50"}, {"amount": "10.00"})
    assert line["lineTotal"] == {"amount": "25.00"}
    line = change(shopper, UPDATE, lines=[{"lineId": line["id"], "quantity": 3}])["cart"]["lines"][0]
    assert line["unitPriceWhenAdded"] == {"amount": "10.00"}
    assert add(shopper, (lamp, 1))["lines"][0]["unitPriceWhenAdded"] == {"amount": "12.50"}


def test_unavailable_lines_are_shown_and_not_in_the_subtotal(shopper):
    good, short, gone = (ProductFactory(name=name, price="1.10", quantity=5) for name in ("good", "short", "gone"))
    add(shopper, (good, 5), (short, 3), (gone, 2))
    Product.objects.filter(pk=short.pk).update(quantity=2)
    Product.objects.filter(pk=gone.pk).update(is_active=False)
    cart = read(shopper)
    found = {line["product"]["name"]: line["availability"] for line in cart["lines"]}
    assert found == {"good": "AVAILABLE", "short": "INSUFFICIENT_STOCK", "gone": "UNAVAILABLE"}
    assert (cart["subtotal"]["amount"], cart["totalQuantity"]) == ("5.50", 10)
    Product.objects.update(is_active=True, quantity=3)
    assert [line["availability"] for line in read(shopper)["lines"]] == ["INSUFFICIENT_STOCK", *["AVAILABLE"] * 2]


def test_the_line_of_an_archived_product_can_only_be_removed(shopper):
    lamp = ProductFactory()
    line = add(shopper, (lamp, 2))["lines"][0]["id"]
    Product.objects.update(is_active=False)
    for quantity in (1, 2, 3):
        payload = change(shopper, UPDATE, lines=[{"lineId": line, "quantity": quantity}])
        assert codes(payload) == [("lines.0.lineId", "NOT_FOUND")]
        assert payload["errors"][0]["message"] == "The product has left the shop: this line can only be removed."
    payload = change(shopper, UPDATE, lines=[{"lineId": line, "quantity": 0}])
    assert (payload["errors"], payload["cart"]["lines"]) == ([], [])


def test_decimals_are_exact(shopper, settings):
    settings.CART_MAX_QUANTITY = 10**6
    dear = ProductFactory(price="9999999999.99", quantity=10**6)
    cheap = ProductFactory(price="0.01", quantity=10**6)
    cart = add(shopper, (dear, 999_999), (cheap, 7))
    assert cart["lines"][0]["lineTotal"]["amount"] == str(Decimal("9999999999.99") * 999_999)
    assert cart["subtotal"]["amount"] == str(Decimal("9999999999.99") * 999_999 + Decimal("0.07"))


def test_updated_at_changes_with_the_version(shopper):
    cart = add(shopper, (ProductFactory(), 2))
    long_ago = timezone.now() - timedelta(days=3)
    Cart.objects.update(updated_at=long_ago)
    same = change(shopper, UPDATE, lines=[{"lineId": cart["lines"][0]["id"], "quantity": 2}])["cart"]
    assert same["updatedAt"] == long_ago.isoformat()
    assert change(shopper, CLEAR)["cart"]["updatedAt"] > long_ago.isoformat()


def test_two_mutations_in_one_document_are_two_transactions(shopper):
    lamp = ProductFactory(quantity=5)
    document = """mutation($lines: [CartLineAddInput!]!) {
      first: cartLinesAdd(input: {lines: $lines}) { cart { version } errors { code } }
      second: cartLinesAdd(input: {lines: $lines}) { cart { version } errors { code } } }"""
    data = shopper.graphql(document, lines=[wish(lamp, 3)])
    assert data["first"] == {"cart": {"version": 1}, "errors": []}
    assert data["second"] == {"cart": {"version": 1}, "errors": [{"code": "INSUFFICIENT_STOCK"}]}


@pytest.mark.parametrize("document", [ADD, UPDATE, REMOVE, CLEAR, READ])
def test_anonymous_users_have_no_cart(nobody, document):
    lines = {"lines": [wish(ProductFactory())]}
    lines = {ADD: lines, UPDATE: {"lines": []}, REMOVE: {"lineIds": []}, CLEAR: {}}.get(document)
    assert nobody.error(document, **({} if lines is None else {"input": lines}))["code"] == "UNAUTHENTICATED"
    assert not Cart.objects.exists()


def test_deleting_an_account_deletes_its_cart(shopper):
    add(shopper, (ProductFactory(), 2), idempotencyKey="k")
    User.objects.all().delete()
    assert not CartLine.objects.exists()
