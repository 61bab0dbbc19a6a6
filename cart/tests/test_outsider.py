"""The ids of other users' carts and lines find nothing."""

import pytest
from graphql_relay import to_global_id

from cart.models import CartLine
from cart.tests.documents import CART, REMOVE, UPDATE, add, change, codes, read
from catalog.models import Product
from catalog.tests.factories import ProductFactory
from users.models import User

LINE = "id quantity lineTotal { amount } product { name brand { name } category { name path { name } } }"
NODE = "query($id: ID!) { node(id: $id) { __typename id ... on Cart %s ... on CartLine { %s } } }" % (CART, LINE)  # noqa: UP031


@pytest.fixture
def lamp(db):
    return ProductFactory(name="Lamp")


def test_own_cart_and_line(shopper, lamp):
    cart = add(shopper, (lamp, 2))
    assert shopper.graphql(NODE, id=cart["id"])["node"] == {"__typename": "Cart", **cart}
    Product.objects.update(is_active=False)
    line = shopper.graphql(NODE, id=cart["lines"][0]["id"])["node"]
    assert (line["__typename"], line["quantity"], line["lineTotal"]) == ("CartLine", 2, {"amount": "20.00"})
    assert (line["product"]["name"], line["product"]["brand"]["name"]) == ("Lamp", lamp.brand.name)


def test_own_cart_and_line_before_its_row(shopper):
    cart = read(shopper)
    assert shopper.graphql(NODE, id=cart["id"])["node"] == {"__typename": "Cart", **cart}


def test_ids_of_others_find_nothing(shopper, staff, nobody, lamp):
    rug = ProductFactory()
    theirs = add(staff, (lamp, 2), (rug, 1))
    add(shopper, (rug, 1))
    mine = read(shopper)
    for api in (shopper, nobody):
        own = {mine["id"], mine["lines"][0]["id"]} if api is shopper else set()
        for kind, keys in (("Cart", range(30)), ("CartLine", range(CartLine.objects.latest("id").pk + 30))):
            for global_id in {to_global_id(kind, key) for key in keys} - own:
                assert api.graphql(NODE, id=global_id)["node"] is None
    assert theirs["id"] not in {mine["id"]}
    for line in theirs["lines"]:
        payload = change(shopper, UPDATE, lines=[{"lineId": line["id"], "quantity": 0}])
        assert codes(payload) == [("lines.0.lineId", "NOT_FOUND")]
        payload = change(shopper, REMOVE, lineIds=[line["id"]])
        assert codes(payload) == [("lineIds.0", "NOT_FOUND")]
        assert payload["cart"] == mine
    assert read(staff) == theirs


def test_a_line_of_another_cart_refuses_the_whole_mutation(shopper, staff, lamp):
    theirs, mine = add(staff, (lamp, 2)), add(shopper, (lamp, 1))
    lines = [{"lineId": cart["lines"][0]["id"], "quantity": 3} for cart in (mine, theirs)]
    payload = change(shopper, UPDATE, lines=lines)
    assert codes(payload) == [("lines.1.lineId", "NOT_FOUND")]
    assert payload["cart"] == mine
    assert read(staff) == theirs


def test_staff_see_no_carts_of_others_either(shopper, staff, lamp):
    cart = add(shopper, (lamp, 1))
    assert User.objects.filter(is_staff=True).exists()
    for global_id in (cart["id"], cart["lines"][0]["id"]):
        assert staff.graphql(NODE, id=global_id)["node"] is None
