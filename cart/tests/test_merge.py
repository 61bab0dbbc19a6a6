"""The cart of a guest joins that of the account, once, at tokenAuth and register."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cart.models import Cart, CartLine
from cart.tests.documents import ADD, REMOVE, add, change, codes, held, read, wish
from cart.tests.merging import REGISTER, Guest, sign_in
from catalog.models import Product
from catalog.tests.factories import ProductFactory
from core.auth import tokens
from core.tests.clients import Api
from users.models import RefreshToken, User
from users.tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def guest_carts(settings):
    settings.GUEST_CARTS = True


@pytest.fixture
def guest():
    return Guest()


@pytest.fixture
def ann():
    return UserFactory(email="ann@example.com")


@pytest.fixture
def lamp():
    return ProductFactory(name="Lamp", price="10.00", quantity=20)


@pytest.fixture
def rug():
    return ProductFactory(name="Rug", quantity=20)


def told(payload):
    """What the errors say, without their words."""
    assert payload["token"]
    assert all(error["field"] == ["guestToken"] for error in payload["errors"])
    return [(error["code"], error["available"], error["allowed"]) for error in payload["errors"]]


def test_quantities_add_up_and_the_version_grows_once(guest, ann, lamp, rug):
    before = add(Api(ann), (lamp, 2))
    add(guest, (rug, 1), (lamp, 3))
    Product.objects.filter(pk=lamp.pk).update(price="12.00")
    assert told(sign_in(ann, guest.token)) == []
    cart = read(Api(ann))
    assert held(cart) == {"Lamp": 5, "Rug": 1}
    assert (cart["id"], cart["version"]) == (before["id"], before["version"] + 1)
    assert cart["lines"][0]["unitPriceWhenAdded"] == {"amount": "10.00"}
    assert list(Cart.objects.values_list("pk", "user")) == [(ann.pk, ann.pk)]


def test_a_first_cart_is_made_of_the_guests(guest, ann, lamp):
    add(guest, (lamp, 3))
    assert told(sign_in(ann, guest.token)) == []
    cart = read(Api(ann))
    assert (held(cart), cart["version"]) == ({"Lamp": 3}, 1)


def test_the_same_sign_in_again_changes_nothing(guest, ann, lamp):
    add(guest, (lamp, 3))
    sign_in(ann, guest.token)
    cart = read(Api(ann))
    assert told(sign_in(ann, guest.token)) == []
    bob = UserFactory()
    assert told(sign_in(bob, guest.token)) == []
    assert (read(Api(ann)), held(read(Api(bob)))) == (cart, {})
    # The token goes on: what the guest puts in now waits for the next sign-in.
    assert held(read(guest)) == {}
    add(guest, (lamp, 1))
    sign_in(ann, guest.token)
    assert held(read(Api(ann))) == {"Lamp": 4}


def test_registering_takes_the_guests_cart_over(guest, lamp):
    add(guest, (lamp, 3))
    values = {"email": "ann@example.com", "password": "correct-horse-7", "guestToken": guest.token}
    payload = Api().graphql(REGISTER, input=values)["payload"]
    assert told(payload) == []
    assert held(read(Api(token=payload["token"]))) == {"Lamp": 3}
    again = Api().graphql(REGISTER, input=values)["payload"]
    assert (again["token"], codes(again)) == (None, [("email", "ALREADY_EXISTS")])
    without = {**values, "email": "bob@example.com", "guestToken": None}
    assert told(Api().graphql(REGISTER, input=without)["payload"]) == []


def test_a_refused_sign_in_leaves_the_guests_cart(guest, ann, lamp):
    cart = add(guest, (lamp, 3))
    payload = sign_in(ann, guest.token, password="wrong")
    assert (payload["token"], codes(payload)) == (None, [("", "INVALID_CREDENTIALS")])
    values = {"email": ann.email, "password": "correct-horse-7", "guestToken": guest.token}
    assert Api().graphql(REGISTER, input=values)["payload"]["token"] is None
    assert read(guest) == cart


def test_stock_and_limits_cap_the_sum_and_the_errors_say_so(guest, ann, lamp, rug, settings):
    settings.CART_MAX_QUANTITY, settings.CART_MAX_LINES = 8, 3
    bowl, vase = ProductFactory(name="Bowl", quantity=0, unlimited_stock=True), ProductFactory(name="Vase")
    lamp.quantity = 4
    lamp.save()
    add(Api(ann), (lamp, 2), (rug, 5))
    add(guest, (lamp, 3), (bowl, 8))
    add(guest, (rug, 4))
    assert told(sign_in(ann, guest.token)) == [("INSUFFICIENT_STOCK", 4, None), ("LIMIT_EXCEEDED", None, 8)]
    assert held(read(Api(ann))) == {"Lamp": 4, "Rug": 8, "Bowl": 8}
    other = Guest()
    add(other, (vase, 1))
    add(other, (bowl, 1))
    payload = sign_in(ann, other.token)
    assert told(payload) == [("LIMIT_EXCEEDED", None, 3), ("LIMIT_EXCEEDED", None, 8)]
    assert [error["message"].split()[0] for error in payload["errors"]] == ["Vase", "Your"]
    assert "Bowl" in payload["errors"][1]["message"]
    assert held(read(Api(ann))) == {"Lamp": 4, "Rug": 8, "Bowl": 8}


def test_what_cannot_be_bought_is_left_out_and_what_the_account_has_stays(guest, ann, lamp, rug):
    cart = add(Api(ann), (lamp, 9))
    add(guest, (lamp, 1), (rug, 1))
    Product.objects.filter(pk=lamp.pk).update(quantity=3)
    Product.objects.filter(pk=rug.pk).update(is_active=False)
    payload = sign_in(ann, guest.token)
    assert told(payload) == [("INSUFFICIENT_STOCK", 3, None), ("NOT_FOUND", None, None)]
    assert "Lamp" in payload["errors"][0]["message"]
    assert "Rug" in payload["errors"][1]["message"]
    after = read(Api(ann))
    assert (held(after), after["version"]) == ({"Lamp": 9}, cart["version"])
    assert not Cart.objects.filter(pk__lt=0).exists()


@pytest.mark.parametrize("off", [False, True])
def test_a_guest_token_that_does_not_hold_signs_in_all_the_same(guest, ann, lamp, settings, off):
    add(guest, (lamp, 1))
    settings.GUEST_CARTS = not off
    access = tokens.issue(ann).token
    for token in [guest.token] if off else ["", "x", "x" * 5000, access, guest.token[:-2], "🎉"]:
        payload = sign_in(ann, token)
        assert told(payload) == [("INVALID_TOKEN", None, None)]
        assert held(read(Api(token=payload["token"]))) == {}
    assert Cart.objects.filter(pk__lt=0).count() == 1


def test_a_guests_cart_without_lines_or_without_a_row_changes_nothing(guest, ann, lamp):
    assert told(sign_in(ann, guest.token)) == []
    line = add(guest, (lamp, 1))["lines"][0]["id"]
    change(guest, REMOVE, lineIds=[line])
    assert told(sign_in(ann, guest.token)) == []
    assert not Cart.objects.exists()


def test_a_merge_that_fails_undoes_the_sign_in_and_keeps_both_carts(guest, ann, lamp, monkeypatch):
    """As when the process is killed: tokens, cart and the guest's row are one transaction."""
    mine, theirs = add(Api(ann), (lamp, 1)), add(guest, (lamp, 2))
    with monkeypatch.context() as patch:
        patch.setattr("users.refresh_tokens.begin", lambda user: 1 / 0)
        with pytest.raises(AssertionError, match="INTERNAL_ERROR"):
            sign_in(ann, guest.token)
    assert (read(Api(ann)), read(guest)) == (mine, theirs)
    assert not RefreshToken.objects.exists()
    assert User.objects.get().last_login is None


def test_a_retried_add_after_the_merge_begins_no_cart(guest, ann, lamp):
    add(guest, (lamp, 1), idempotencyKey="k")
    sign_in(ann, guest.token)
    assert held(add(guest, (lamp, 1), idempotencyKey="k")) == {}
    assert Cart.objects.count() == 1
    assert codes(change(guest, ADD, lines=[wish(lamp)], idempotencyKey="x" * 65)) == [("idempotencyKey", "INVALID")]


def test_an_add_whose_answer_was_lost_is_repeated_by_the_account_without_effect(guest, ann, lamp, rug):
    add(Api(ann), (rug, 1), idempotencyKey="both")
    add(guest, (lamp, 1), idempotencyKey="k")
    add(guest, (lamp, 2), idempotencyKey="both")
    sign_in(ann, guest.token)
    cart = read(Api(ann))
    assert held(cart) == {"Rug": 1, "Lamp": 3}
    assert add(Api(ann), (lamp, 1), idempotencyKey="k") == cart
    assert add(Api(ann), (rug, 1), idempotencyKey="both") == cart


def test_a_price_that_moved_since_the_guest_added_is_seen_after_the_merge(guest, ann, lamp):
    add(guest, (lamp, 1))
    Product.objects.filter(pk=lamp.pk).update(price="12.00")
    sign_in(ann, guest.token)
    (line,) = read(Api(ann))["lines"]
    assert (line["unitPriceWhenAdded"], line["unitPrice"]) == ({"amount": "10.00"}, {"amount": "12.00"})


def test_what_is_sold_out_by_now_is_said_to_be(guest, ann, lamp):
    add(guest, (lamp, 2))
    Product.objects.filter(pk=lamp.pk).update(quantity=0)
    payload = sign_in(ann, guest.token)
    assert told(payload) == [("INSUFFICIENT_STOCK", 0, None)]
    assert payload["errors"][0]["message"] == "Lamp was left out: it is sold out."


def test_a_merge_costs_the_same_whatever_the_cart_holds(ann):
    counts = []
    for size in (1, 1, 30):
        guest = Guest()
        for product in ProductFactory.create_batch(size):
            add(guest, (product, 1))
        with CaptureQueriesContext(connection) as queries:
            sign_in(ann, guest.token)
        counts.append(len(queries))
    assert counts[1] == counts[2]
    assert CartLine.objects.count() == 32
