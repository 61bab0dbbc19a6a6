"""Guests: a cart and the catalogue by a token without an account, and nothing else."""

from datetime import UTC, datetime, timedelta

import jwt
import pytest
from django.conf import settings as django_settings
from graphql_relay import to_global_id

from cart import services
from cart.models import Cart, CartLine
from cart.tests.documents import ADD, CLEAR, REMOVE, UPDATE, add, change, codes, held, read, wish
from cart.tests.merging import Guest
from catalog.models import Product
from catalog.tests.factories import ProductFactory
from core.auth import tokens
from core.models import Attempts, IdempotencyKey
from core.tests.clients import Api

pytestmark = pytest.mark.django_db
CREATE = "mutation { payload: guestTokenCreate { token expiresAt errors { code message field } } }"
NODE = "query($id: ID!) { node(id: $id) { __typename id } }"


@pytest.fixture(autouse=True)
def guest_carts(settings):
    settings.GUEST_CARTS = True


@pytest.fixture
def lamp():
    return ProductFactory(name="Lamp", slug="lamp")


@pytest.fixture
def guest():
    return Guest()


def reason(api):
    return api.error("{ cart { version } }").get("reason")


def test_a_guest_token_writes_nothing_until_the_first_line(guest, lamp, django_assert_num_queries):
    with django_assert_num_queries(0):
        payload = Api().graphql(CREATE)["payload"]
    assert payload["errors"] == []
    left = datetime.fromisoformat(payload["expiresAt"]) - datetime.now(UTC)
    assert timedelta(days=89, hours=23) < left <= timedelta(days=90)
    cart = read(guest)
    assert (cart["version"], cart["lines"]) == (0, [])
    assert abs(datetime.fromisoformat(cart["updatedAt"]) - datetime.now(UTC)) < timedelta(minutes=1)
    change(guest, ADD, lines=[wish(lamp, 0)])
    change(guest, CLEAR)
    assert not Cart.objects.exists()
    assert not Attempts.objects.filter(count__gt=0).exists()
    assert add(guest, (lamp, 2))["id"] == cart["id"]
    assert Cart.objects.get().user is None


def test_a_guests_cart_takes_every_mutation_and_is_the_guests_alone(guest, lamp, shopper, nobody):
    cart = add(guest, (lamp, 2))
    line = cart["lines"][0]["id"]
    assert change(guest, UPDATE, lines=[{"lineId": line, "quantity": 5}])["cart"]["totalQuantity"] == 5
    for global_id in (cart["id"], line):
        assert guest.graphql(NODE, id=global_id)["node"]["id"] == global_id
        for api in (shopper, nobody, Guest()):
            assert api.graphql(NODE, id=global_id)["node"] is None
    assert held(read(Guest())) == held(read(shopper)) == {}
    assert codes(change(Guest(), REMOVE, lineIds=[line])) == [("lineIds.0", "NOT_FOUND")]
    assert held(change(guest, REMOVE, lineIds=[line])["cart"]) == {}


def test_a_guest_token_renews_the_same_guest(guest, lamp):
    cart = add(guest, (lamp, 1))
    renewed = Api(token=guest.graphql(CREATE)["payload"]["token"])
    assert read(renewed) == cart
    assert Guest().graphql("{ cart { id } }")["cart"]["id"] != cart["id"]


def test_an_idempotency_key_is_a_guests_own(guest, lamp):
    for _ in range(2):
        assert held(add(guest, (lamp, 2), idempotencyKey="k")) == {"Lamp": 2}
    assert held(add(Guest(), (lamp, 1), idempotencyKey="k")) == {"Lamp": 1}
    assert IdempotencyKey.objects.filter(owner__lt=0).count() == 2


def test_the_newest_keys_of_a_guest_are_kept(guest, lamp, monkeypatch):
    monkeypatch.setattr(services, "MAX_GUEST_KEYS", 3)
    Product.objects.update(quantity=20)
    other = Guest()
    add(other, (lamp, 1), idempotencyKey="other")
    counts = []
    for number in range(1, 13):
        add(guest, (lamp, 1), idempotencyKey=f"k{number}")
        counts.append(IdempotencyKey.objects.count() - 1)
    assert counts == [1, 2, 3, 4, 5, 3, 4, 5, 3, 4, 5, 3]
    assert held(add(guest, (lamp, 1), idempotencyKey="k10")) == {"Lamp": 12}
    assert held(add(other, (lamp, 1), idempotencyKey="other")) == {"Lamp": 1}


def test_a_guest_reads_the_catalogue_and_is_nobody_otherwise(guest, lamp, settings):
    settings.CATALOG_PUBLIC = False
    assert guest.graphql("{ products(first: 1) { nodes { name } } me { email } }") == {
        "products": {"nodes": [{"name": "Lamp"}]},
        "me": None,
    }
    assert guest.get("products/lamp/").status_code == 200
    assert guest.get("products/search/")["Cache-Control"] == "private, no-store"
    assert guest.send("products/lamp/images/").status_code == 401
    assert guest.error("mutation { revokeAllTokens { revoked } }")["code"] == "UNAUTHENTICATED"


def test_without_guest_carts_there_is_no_token_and_none_holds(guest, settings, shopper):
    settings.GUEST_CARTS = False
    payload = Api().graphql(CREATE)["payload"]
    assert (payload["token"], payload["errors"][0]["code"]) == (None, "FORBIDDEN")
    assert reason(guest) == "REVOKED"
    assert guest.get("products/search/").status_code == 401
    assert read(shopper)["version"] == 0


def test_a_guest_token_that_does_not_hold_says_why(guest):
    claims = jwt.decode(guest.token, options={"verify_signature": False})

    def signed(key=django_settings.JWT_SECRET_KEY, **changed):
        return Api(token=jwt.encode({**claims, **changed}, key, algorithm="HS256"))

    assert read(signed())["version"] == 0
    assert reason(signed(exp=claims["iat"] - 1)) == "EXPIRED"
    assert reason(signed("x" * 40)) == "INVALID"
    assert reason(signed(sub="1", gen=0, jti="x")) == "INVALID"


def numbers_of_guests():
    yield from (None, True, 5, 5.5, -5, 2**200, [], {}, "", "0", "-5", "05", " 12 ", "1_000", "١٢", "1e5", "\0", "abc")
    yield from (str(2**63), "9" * 3000)


def test_a_signed_token_with_claims_that_are_never_issued_is_no_token(guest, shopper):
    def claims_of(api):
        return jwt.decode(api.headers["Authorization"].partition(" ")[2], options={"verify_signature": False})

    moments = ("123", None, 1e20, 10**30, -(10**30), float("inf"), float("nan"), [])
    changes = [
        *((guest, {"guest": number}) for number in numbers_of_guests()),
        *((api, {name: moment}) for api in (guest, shopper) for name in ("iat", "exp") for moment in moments),
    ]
    verify = "mutation($t: String!) { verifyToken(token: $t) { valid } }"
    for api, changed in changes:
        token = jwt.encode({**claims_of(api), **changed}, django_settings.JWT_SECRET_KEY, algorithm="HS256")
        assert reason(Api(token=token)) in {"INVALID", "EXPIRED"}, changed
        assert Api(token=token).get("products/search/").status_code == 401, changed
        assert Api().graphql(verify, t=token)["verifyToken"]["valid"] is False, changed


def test_neither_kind_of_token_passes_for_the_other(guest, shopper):
    verify = "mutation($t: String!) { verifyToken(token: $t) { valid expiresAt user { email } } }"
    verified = Api().graphql(verify, t=guest.token)["verifyToken"]
    assert (verified["valid"], verified["user"]) == (True, None)
    refresh = "mutation($t: String!) { payload: refreshToken(refreshToken: $t) { token errors { code } } }"
    assert Api().graphql(refresh, t=guest.token)["payload"] == {"token": None, "errors": [{"code": "INVALID_TOKEN"}]}
    with pytest.raises(tokens.TokenRefused):
        tokens.verify_guest(shopper.headers["Authorization"].partition(" ")[2])


def test_an_address_begins_so_many_guest_carts_and_no_more(lamp, settings, shopper):
    settings.THROTTLE_GUEST_CART = (2, 3600)
    guests = [Guest() for _ in range(3)]
    add(guests[0], (lamp, 1))
    add(guests[0], (lamp, 1))
    add(guests[1], (lamp, 1))
    query = ADD.replace("code message", "code retryAfter")
    response = guests[2].post(query, input={"lines": [wish(lamp)]})
    (error,) = response.json()["data"]["payload"]["errors"]
    assert (error["code"], response["Retry-After"]) == ("THROTTLED", str(error["retryAfter"]))
    assert Cart.objects.count() == CartLine.objects.count() == 2
    # Neither carts that there are, nor those of accounts, nor those of other addresses.
    assert held(add(guests[1], (lamp, 1))) == {"Lamp": 2}
    assert held(add(shopper, (lamp, 1))) == {"Lamp": 1}
    guests[2].client.defaults["REMOTE_ADDR"] = "192.0.2.7"
    assert held(add(guests[2], (lamp, 1))) == {"Lamp": 1}


def test_a_thousand_tokens_are_one_budget(settings):
    settings.RATE_LIMIT_COST_USER, settings.RATE_LIMIT_COST_ADDRESS = None, (20, 60)
    statuses = [Guest().post("{ cart { totalQuantity } }").status_code for _ in range(25)]
    assert set(statuses) == {200, 429}


def test_a_guests_global_id_is_no_other_number(guest):
    for key in (0, "-0", "-01", -(2**63), "--1"):
        assert guest.graphql(NODE, id=to_global_id("Cart", key))["node"] is None
