"""A mutation sent again under the same idempotency key is applied once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from cart.tests.documents import ADD, UPDATE, add, change, codes, read, wish
from catalog.models import Product
from catalog.tests.factories import ProductFactory
from core.models import IdempotencyKey


@pytest.fixture
def lamp(db):
    return ProductFactory(name="Lamp", quantity=5)


def test_a_retried_add_is_applied_once(shopper, lamp):
    first = change(shopper, ADD, lines=[wish(lamp, 2)], idempotencyKey="a")
    again = change(shopper, ADD, lines=[wish(lamp, 2)], idempotencyKey="a")
    assert (again, again["errors"]) == (first, [])
    assert read(shopper)["totalQuantity"] == 2


def test_a_retried_update_is_applied_once(shopper, lamp):
    line = add(shopper, (lamp, 2))["lines"][0]["id"]
    once = {"lines": [{"lineId": line, "quantity": 3}], "idempotencyKey": "a"}
    change(shopper, UPDATE, **once)
    add(shopper, (lamp, 1))
    assert change(shopper, UPDATE, **once)["cart"]["totalQuantity"] == 4


def test_a_retry_answers_the_current_cart(shopper, lamp):
    once = {"lines": [wish(lamp, 2)], "idempotencyKey": "a"}
    change(shopper, ADD, **once)
    cart = add(shopper, (lamp, 1))
    Product.objects.update(quantity=0)
    again = change(shopper, ADD, **once)
    assert (again["errors"], again["cart"]["totalQuantity"], again["cart"]["version"]) == ([], 3, cart["version"])


def test_the_key_is_checked_before_the_version(shopper, lamp):
    first = add(shopper, (lamp, 2), idempotencyKey="a", expectedVersion=0)
    assert add(shopper, (lamp, 2), idempotencyKey="a", expectedVersion=0) == first
    assert add(shopper, (lamp, 2), idempotencyKey="a", expectedVersion=7) == first


def test_a_key_with_other_input_is_refused(shopper, lamp):
    rug = ProductFactory()
    add(shopper, (lamp, 2), (rug, 1), idempotencyKey="a")
    for lines in ([wish(lamp, 1), wish(rug, 1)], [wish(lamp, 2)], [wish(rug, 2), wish(lamp, 1)]):
        payload = change(shopper, ADD, lines=lines, idempotencyKey="a")
        assert codes(payload) == [("idempotencyKey", "INVALID")]
        assert payload["cart"]["totalQuantity"] == 3
    assert add(shopper, (rug, 1), (lamp, 2), idempotencyKey="a")["totalQuantity"] == 3


def test_a_key_belongs_to_one_user_and_one_mutation(shopper, staff, lamp):
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


def test_a_failed_mutation_does_not_keep_its_key(shopper, lamp):
    assert codes(change(shopper, ADD, lines=[wish(lamp, 6)], idempotencyKey="a")) != []
    assert not IdempotencyKey.objects.exists()
    assert add(shopper, (lamp, 5), idempotencyKey="a")["totalQuantity"] == 5


def test_an_update_without_effect_does_not_keep_its_key(shopper, lamp):
    line = add(shopper, (lamp, 2))["lines"][0]["id"]
    assert change(shopper, UPDATE, lines=[{"lineId": line, "quantity": 2}], idempotencyKey="a")["errors"] == []
    assert not IdempotencyKey.objects.exists()
    payload = change(shopper, UPDATE, lines=[{"lineId": line, "quantity": 3}], idempotencyKey="a")
    assert payload["cart"]["totalQuantity"] == 3


def test_a_key_lives_for_a_day(shopper, lamp):
    add(shopper, (lamp, 1), idempotencyKey="a")
    now = timezone.now()
    IdempotencyKey.objects.update(created_at=now - timedelta(hours=23, minutes=59))
    assert add(shopper, (lamp, 1), idempotencyKey="a")["totalQuantity"] == 1
    IdempotencyKey.objects.update(created_at=now - timedelta(hours=24))
    assert add(shopper, (lamp, 2), idempotencyKey="a")["totalQuantity"] == 3
    assert add(shopper, (lamp, 2), idempotencyKey="a")["totalQuantity"] == 3
    assert IdempotencyKey.objects.get().created_at >= now
