"""A retry under the same key is applied once and answered again."""

from datetime import timedelta

import pytest
from django.utils import timezone

from cart.models import IdempotencyKey
from cart.tests.documents import ADD, UPDATE, add, change, codes, read, wish
from catalog.models import Product
from catalog.tests.factories import ProductFactory


@pytest.fixture
def lamp(db):
    return ProductFactory(name="Lamp", quantity=5)


def test_it_works(shopper, lamp):
    first = change(shopper, ADD, lines=[wish(lamp, 2)], idempotencyKey="a")
    again = change(shopper, ADD, lines=[wish(lamp, 2)], idempotencyKey="a")
    assert (again, again["errors"]) == (first, [])
    assert read(shopper)["totalQuantity"] == 2


def test_an_update_too(shopper, lamp):
    line = add(shopper, (lamp, 2))["lines"][0]["id"]
    once = {"lines": [{"lineId": line, "quantity": 3}], "idempotencyKey": "a"}
    change(shopper, UPDATE, **once)
    add(shopper, (lamp, 1))
    assert change(shopper, UPDATE, **once)["cart"]["totalQuantity"] == 4


def test_it_answers_the_cart_as_it_is_by_now(shopper, lamp):
    once = {"lines": [wish(lamp, 2)], "idempotencyKey": "a"}
    change(shopper, ADD, **once)
    cart = add(shopper, (lamp, 1))
    Product.objects.update(quantity=0)
    again = change(shopper, ADD, **once)
    assert (again["errors"], again["cart"]["totalQuantity"], again["cart"]["version"]) == ([], 3, cart["version"])


def test_it_is_looked_at_before_the_version(shopper, lamp):
    first = add(shopper, (lamp, 2), idempotencyKey="a", expectedVersion=0)
    assert add(shopper, (lamp, 2), idempotencyKey="a", expectedVersion=0) == first
    assert add(shopper, (lamp, 2), idempotencyKey="a", expectedVersion=7) == first


def test_other_input_under_the_same_key(shopper, lamp):
    rug = ProductFactory()
    add(shopper, (lamp, 2), (rug, 1), idempotencyKey="a")
    for lines in ([wish(lamp, 1), wish(rug, 1)], [wish(lamp, 2)], [wish(rug, 2), wish(lamp, 1)]):
        payload = change(shopper, ADD, lines=lines, idempotencyKey="a")
        assert codes(payload) == [("idempotencyKey", "INVALID")]
        assert payload["cart"]["totalQuantity"] == 3
    assert add(shopper, (rug, 1), (lamp, 2), idempotencyKey="a")["totalQuantity"] == 3


def test_a_key_is_one_users_and_one_mutations(shopper, staff, lamp):
    line = add(shopper, (lamp, 1), idempotencyKey="a")["lines"][0]["id"]
    assert add(staff, (lamp, 2), idempotencyKey="a")["totalQuantity"] == 2
    payload = change(shopper, UPDATE, lines=[{"lineId": line, "quantity": 4}], idempotencyKey="a")
    assert (payload["errors"], payload["cart"]["totalQuantity"]) == ([], 4)


def test_a_key_is_compared_byte_by_byte(shopper, lamp):
    for key in ("a", "A", "a ", "á", "🎉" * 64):
        add(shopper, (lamp, 1), idempotencyKey=key)
    assert read(shopper)["totalQuantity"] == 5


@pytest.mark.parametrize("key", ["", "x" * 65])
def test_a_key_has_1_to_64_characters(shopper, lamp, key):
    payload = change(shopper, ADD, lines=[wish(lamp)], idempotencyKey=key)
    assert codes(payload) == [("idempotencyKey", "INVALID")]
    assert add(shopper, (lamp, 1), idempotencyKey="x" * 64)["totalQuantity"] == 1


def test_a_mutation_with_errors_does_not_use_its_key_up(shopper, lamp):
    assert codes(change(shopper, ADD, lines=[wish(lamp, 6)], idempotencyKey="a")) != []
    assert not IdempotencyKey.objects.exists()
    assert add(shopper, (lamp, 5), idempotencyKey="a")["totalQuantity"] == 5


def test_an_update_that_changes_nothing_uses_its_key_up(shopper, lamp):
    line = add(shopper, (lamp, 2))["lines"][0]["id"]
    change(shopper, UPDATE, lines=[{"lineId": line, "quantity": 2}], idempotencyKey="a")
    payload = change(shopper, UPDATE, lines=[{"lineId": line, "quantity": 3}], idempotencyKey="a")
    assert codes(payload) == [("idempotencyKey", "INVALID")]


def test_a_key_lives_for_a_day(shopper, lamp):
    add(shopper, (lamp, 1), idempotencyKey="a")
    now = timezone.now()
    IdempotencyKey.objects.update(created_at=now - timedelta(hours=23, minutes=59))
    assert add(shopper, (lamp, 1), idempotencyKey="a")["totalQuantity"] == 1
    IdempotencyKey.objects.update(created_at=now - timedelta(hours=24))
    assert add(shopper, (lamp, 2), idempotencyKey="a")["totalQuantity"] == 3
    assert add(shopper, (lamp, 2), idempotencyKey="a")["totalQuantity"] == 3
    assert IdempotencyKey.objects.get().created_at >= now
