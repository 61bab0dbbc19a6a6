"""Refused cart mutations: every error is reported at its field, and nothing is changed."""

import re

import pytest
from graphql_relay import to_global_id

from cart.models import Cart, CartLine
from cart.tests.documents import ADD, CLEAR, REMOVE, UPDATE, add, change, codes, product_id, read, wish
from catalog.models import Product
from catalog.tests.factories import ProductFactory
from core.models import IdempotencyKey

NO_IDS = [
    *("", "x", "1", "🎉", "UHJvZHVjdDo=", "x" * 10_000, "Q2FydExpbmU6MQ==\n"),
    *(to_global_id(kind, key) for kind in ("Category", "Cart", "User", "product", "") for key in (1, 2)),
    *(to_global_id(kind, key) for kind in ("Product", "CartLine") for key in (0, -1, "01", "1 ", "١", 2**62, 2**63)),
]


@pytest.fixture
def lamp(db):
    return ProductFactory(name="Lamp", quantity=5)


@pytest.fixture
def line(shopper, lamp):
    """The id of a line with two lamps."""
    return add(shopper, (lamp, 2))["lines"][0]["id"]


@pytest.mark.parametrize("product", NO_IDS)
def test_adding_by_an_invalid_id(shopper, lamp, product):
    payload = change(shopper, ADD, lines=[wish(lamp), {"productId": product, "quantity": 1}])
    assert codes(payload) == [("lines.1.productId", "NOT_FOUND")]
    assert payload["cart"]["lines"] == []
    assert not Cart.objects.exists()


@pytest.mark.parametrize("line_id", NO_IDS)
def test_changing_a_line_by_an_invalid_id(shopper, line, line_id):
    before = read(shopper)
    assert codes(change(shopper, UPDATE, lines=[{"lineId": line_id, "quantity": 1}])) == [
        ("lines.0.lineId", "NOT_FOUND")
    ]
    assert codes(change(shopper, REMOVE, lineIds=[line, line_id])) == [("lineIds.1", "NOT_FOUND")]
    assert read(shopper) == before


def test_an_archived_product_cannot_be_added(shopper):
    gone = ProductFactory(is_active=False)
    assert codes(change(shopper, ADD, lines=[wish(gone)])) == [("lines.0.productId", "NOT_FOUND")]


@pytest.mark.parametrize("quantity", [0, -1, -(2**31)])
def test_adding_less_than_one(shopper, lamp, quantity):
    assert codes(change(shopper, ADD, lines=[wish(lamp, quantity)])) == [("lines.0.quantity", "INVALID")]


def test_updating_to_a_negative_quantity(shopper, line):
    payload = change(shopper, UPDATE, lines=[{"lineId": line, "quantity": -1}])
    assert codes(payload) == [("lines.0.quantity", "INVALID")]


def test_empty_lists(shopper):
    assert codes(change(shopper, ADD, lines=[])) == [("lines", "INVALID")]
    assert codes(change(shopper, UPDATE, lines=[])) == [("lines", "INVALID")]
    assert codes(change(shopper, REMOVE, lineIds=[])) == [("lineIds", "INVALID")]


@pytest.mark.parametrize("second", [0, 1, 2, -1])
def test_the_same_line_twice_in_an_update(shopper, line, second):
    payload = change(shopper, UPDATE, lines=[{"lineId": line, "quantity": q} for q in (1, second)])
    assert ("lines.1.lineId", "INVALID") in codes(payload)
    assert "The same line is named twice." in [error["message"] for error in payload["errors"]]
    assert payload["cart"]["totalQuantity"] == 2


def test_the_same_line_twice_in_a_removal_is_no_mistake(shopper, line):
    payload = change(shopper, REMOVE, lineIds=[line, line])
    assert (payload["errors"], payload["cart"]["lines"], payload["cart"]["version"]) == ([], [], 2)


class TestStock:
    def test_an_add_counts_what_the_cart_holds(self, shopper, lamp, line):
        payload = change(shopper, ADD, lines=[wish(lamp, 4)])
        assert codes(payload) == [("lines.0.quantity", "INSUFFICIENT_STOCK")]
        assert payload["errors"][0]["message"] == "There are only 5 in stock, and the cart holds 2 already."
        assert add(shopper, (lamp, 3))["totalQuantity"] == 5

    def test_one_product_twice_is_summed_and_reported_once(self, shopper, lamp):
        payload = change(shopper, ADD, lines=[wish(lamp, 3), wish(ProductFactory()), wish(lamp, 3)])
        assert codes(payload) == [("lines.2.quantity", "INSUFFICIENT_STOCK")]
        assert read(shopper)["lines"] == []

    def test_messages_for_one_and_none(self, shopper):
        for quantity, text in ((1, "There is only 1 in stock."), (0, "It is sold out.")):
            payload = change(shopper, ADD, lines=[wish(ProductFactory(quantity=quantity), 2)])
            assert payload["errors"][0]["message"] == text

    def test_an_update_is_compared_with_the_stock_alone(self, shopper, line):
        assert change(shopper, UPDATE, lines=[{"lineId": line, "quantity": 5}])["cart"]["totalQuantity"] == 5
        payload = change(shopper, UPDATE, lines=[{"lineId": line, "quantity": 6}])
        assert codes(payload) == [("lines.0.quantity", "INSUFFICIENT_STOCK")]
        assert payload["cart"]["totalQuantity"] == 5

    def test_a_reduction_to_more_than_the_stock_is_refused(self, shopper, line):
        change(shopper, UPDATE, lines=[{"lineId": line, "quantity": 4}])
        Product.objects.update(quantity=2)
        for quantity in (4, 3):
            payload = change(shopper, UPDATE, lines=[{"lineId": line, "quantity": quantity}])
            assert codes(payload) == [("lines.0.quantity", "INSUFFICIENT_STOCK")]
        assert change(shopper, UPDATE, lines=[{"lineId": line, "quantity": 2}])["errors"] == []


class TestLimits:
    def test_lines(self, shopper, settings):
        settings.CART_MAX_LINES = 3
        products = ProductFactory.create_batch(4)
        add(shopper, *((product, 1) for product in products[:2]))
        payload = change(shopper, ADD, lines=[wish(product) for product in products[1:]])
        assert codes(payload) == [("lines", "LIMIT_EXCEEDED")]
        assert payload["cart"]["totalQuantity"] == 2
        assert len(add(shopper, (products[2], 1), (products[0], 1))["lines"]) == 3
        settings.CART_MAX_LINES = 2
        assert add(shopper, (products[0], 1))["totalQuantity"] == 5

    def test_quantity(self, shopper, settings):
        settings.CART_MAX_QUANTITY = 9
        lamp = ProductFactory(quantity=100)
        line = add(shopper, (lamp, 9))["lines"][0]["id"]
        assert codes(change(shopper, ADD, lines=[wish(lamp)])) == [("lines.0.quantity", "LIMIT_EXCEEDED")]
        payload = change(shopper, UPDATE, lines=[{"lineId": line, "quantity": 10}])
        assert codes(payload) == [("lines.0.quantity", "LIMIT_EXCEEDED")]

    def test_the_highest_number_summed_is_no_server_error(self, shopper, lamp):
        payload = change(shopper, ADD, lines=[wish(lamp, 2**31 - 1)] * 100)
        assert codes(payload) == [
            ("lines.99.quantity", "LIMIT_EXCEEDED"),
            ("lines.99.quantity", "INSUFFICIENT_STOCK"),
        ]

    def test_long_lists_are_refused_as_a_whole(self, shopper, lamp, line):
        assert codes(change(shopper, ADD, lines=[wish(lamp, 0)] * 101)) == [("lines", "LIMIT_EXCEEDED")]
        updates = [{"lineId": line, "quantity": 0}] * 101
        assert codes(change(shopper, UPDATE, lines=updates)) == [("lines", "LIMIT_EXCEEDED")]
        assert codes(change(shopper, REMOVE, lineIds=[line] * 101)) == [("lineIds", "LIMIT_EXCEEDED")]


class TestVersions:
    def test_a_stale_version_is_refused(self, shopper, lamp, line):
        for document, values in (
            (ADD, {"lines": [wish(lamp)]}),
            (UPDATE, {"lines": [{"lineId": line, "quantity": 1}]}),
            (REMOVE, {"lineIds": [line]}),
            (CLEAR, {}),
        ):
            for stale in (0, 2, -1):
                payload = change(shopper, document, expectedVersion=stale, **values)
                assert codes(payload) == [("expectedVersion", "VERSION_CONFLICT")]
                assert (payload["cart"]["version"], payload["cart"]["totalQuantity"]) == (1, 2)
        assert add(shopper, (lamp, 1), expectedVersion=1)["version"] == 2
        assert change(shopper, CLEAR, expectedVersion=2)["cart"]["version"] == 3

    def test_a_cart_without_a_row_is_at_version_0(self, shopper, lamp):
        assert codes(change(shopper, ADD, lines=[wish(lamp)], expectedVersion=1)) == [
            ("expectedVersion", "VERSION_CONFLICT")
        ]
        assert not Cart.objects.exists()
        assert codes(change(shopper, CLEAR, expectedVersion=1)) == [("expectedVersion", "VERSION_CONFLICT")]
        assert add(shopper, (lamp, 1), expectedVersion=0)["version"] == 1

    def test_null_means_no_condition(self, shopper, lamp):
        assert add(shopper, (lamp, 1), expectedVersion=None, idempotencyKey=None)["version"] == 1
        assert shopper.graphql(CLEAR, input=None)["payload"]["errors"] == []


def test_all_mistakes_at_once(shopper, lamp, line):
    gone = ProductFactory(is_active=False)
    lines = [wish(gone, 0), wish(lamp, 1000), {"productId": "x", "quantity": 1}, wish(lamp, 0), wish(ProductFactory())]
    payload = change(shopper, ADD, lines=lines, expectedVersion=7, idempotencyKey="x" * 65)
    assert set(codes(payload)) == {
        ("idempotencyKey", "INVALID"),
        ("expectedVersion", "VERSION_CONFLICT"),
        ("lines.0.productId", "NOT_FOUND"),
        ("lines.0.quantity", "INVALID"),
        ("lines.1.quantity", "LIMIT_EXCEEDED"),
        ("lines.1.quantity", "INSUFFICIENT_STOCK"),
        ("lines.2.productId", "NOT_FOUND"),
        ("lines.3.quantity", "INVALID"),
    }
    assert (payload["cart"]["version"], payload["cart"]["totalQuantity"]) == (1, 2)
    assert not IdempotencyKey.objects.exists()
    assert CartLine.objects.count() == 1


@pytest.mark.parametrize("quantity", ["2147483648", "1.5", '"1"', "null", "true", "1e99"])
def test_an_invalid_integer_is_refused_by_name(shopper, lamp, quantity):
    document = 'mutation { cartLinesAdd(input: {lines: [{productId: "%s", quantity: %s}]}) { cart { id } } }'
    error = shopper.error(document % (product_id(lamp), quantity))
    assert (error["code"], error["field"]) == ("BAD_USER_INPUT", "input.lines.quantity")


def test_messages_do_not_reveal_lines_of_others(shopper, staff, lamp):
    theirs = add(staff, (lamp, 1))["lines"][0]["id"]
    known = change(shopper, UPDATE, lines=[{"lineId": theirs, "quantity": 1}])
    unknown = change(shopper, UPDATE, lines=[{"lineId": to_global_id("CartLine", 10**9), "quantity": 1}])
    assert known == unknown
    assert not re.search(r"\d", known["errors"][0]["message"])
