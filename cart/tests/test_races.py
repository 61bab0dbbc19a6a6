"""Concurrent cart mutations by threads, on MySQL."""

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from itertools import chain
from threading import Barrier
from typing import Any

import pytest
from django.db import IntegrityError, connection, connections
from django.utils import timezone

from cart import services, tasks
from cart.models import Cart, CartLine
from cart.planning import LineChange
from cart.tests.documents import ADD, CLEAR, REMOVE, UPDATE, add, change, codes, held, read, wish
from catalog.models import Product
from catalog.tests.factories import BrandFactory, CategoryFactory, ProductFactory
from core.errors import InvalidInput
from core.models import IdempotencyKey
from core.tests.clients import Api
from users.tests.factories import UserFactory

pytestmark = [pytest.mark.mysql, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def products():
    place = {"category": CategoryFactory(), "brand": BrandFactory()}
    return [ProductFactory(name=f"P{n}", quantity=10_000, **place) for n in range(6)]


def at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    """The results of the calls, which run in threads of their own and start at the same time."""
    gate = Barrier(len(calls))

    def one(call: Callable[[], Any]) -> Any:
        try:
            connection.ensure_connection()
            gate.wait(30)
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(one, calls))


@pytest.mark.parametrize("_round", range(3))
def test_fifty_clients_add_one_product(products, _round):
    api = Api(UserFactory())
    payloads = at_once([partial(change, api, ADD, lines=[wish(products[0], 2)])] * 50)
    assert [payload["errors"] for payload in payloads] == [[]] * 50
    cart = read(api)
    assert (len(cart["lines"]), cart["totalQuantity"], cart["version"]) == (1, 100, 50)
    assert sorted(payload["cart"]["version"] for payload in payloads) == list(range(1, 51))
    assert all(payload["cart"]["totalQuantity"] == 2 * payload["cart"]["version"] for payload in payloads)


def test_the_stock_is_the_limit_however_many_come(products):
    Product.objects.update(quantity=7)
    api = Api(UserFactory())
    payloads = at_once([partial(change, api, ADD, lines=[wish(products[0])])] * 20)
    told = Counter(tuple(codes(payload)) for payload in payloads)
    assert told == {(): 7, (("lines.0.quantity", "INSUFFICIENT_STOCK"),): 13}
    assert read(api)["totalQuantity"] == read(api)["version"] == 7


def test_an_unlimited_stock_is_no_limit(products):
    Product.objects.update(quantity=0, unlimited_stock=True)
    api = Api(UserFactory())
    payloads = at_once([partial(change, api, ADD, lines=[wish(products[0])])] * 20)
    assert [payload["errors"] for payload in payloads] == [[]] * 20
    assert read(api)["totalQuantity"] == 20


def test_one_version_is_taken_once(products):
    api = Api(UserFactory())
    lines = [wish(products[0])]
    for version in range(3):
        payloads = at_once([partial(change, api, ADD, lines=lines, expectedVersion=version)] * 12)
        told = Counter(tuple(codes(payload)) for payload in payloads)
        assert told == {(): 1, (("expectedVersion", "VERSION_CONFLICT"),): 11}


def test_twenty_clients_mix_everything_on_one_cart(products):
    api = Api(UserFactory())
    start = add(api, *((product, 5) for product in products[:3]))
    ids = [line["id"] for line in start["lines"]]

    def client(seed: int) -> Callable[[], int]:
        chance = random.Random(seed)

        def one() -> dict[str, Any]:
            what = chance.choice([ADD, ADD, UPDATE, UPDATE, REMOVE, CLEAR])
            some = chance.sample(products, 3)
            fresh = [line["id"] for line in read(api)["lines"]]
            known = chance.sample(fresh, min(2, len(fresh))) or ids[:1]
            values = {
                ADD: {"lines": [wish(product, chance.randrange(1, 4)) for product in some]},
                UPDATE: {"lines": [{"lineId": line, "quantity": chance.randrange(4)} for line in known]},
                REMOVE: {"lineIds": known},
                CLEAR: {},
            }
            return change(api, what, **values[what])

        return lambda: [one() for _ in range(10)]

    seen: dict[int, dict[str, int]] = {start["version"]: held(start)}
    for payload in chain.from_iterable(at_once([client(seed) for seed in range(20)])):
        assert {code for _, code in codes(payload)} <= {"NOT_FOUND"}
        cart = payload["cart"]
        # Every answer that tells a version tells the same cart.
        assert seen.setdefault(cart["version"], held(cart)) == held(cart)
    end = read(api)
    # No version between was skipped: each belongs to one change that somebody was told of.
    assert set(seen) == set(range(1, end["version"] + 1))
    assert seen[end["version"]] == held(end)


def test_retries_at_the_same_moment_are_applied_once(products):
    apis = [Api(UserFactory()) for _ in range(10)]

    def retry(api: Api, key: int) -> Callable[[], Any]:
        return partial(change, api, ADD, lines=[wish(products[key], key + 1)], idempotencyKey=f"k{key}")

    calls = [retry(api, key) for api in apis for key in range(2) for _ in range(3)]
    random.Random(1).shuffle(calls)
    payloads = at_once(calls)
    assert all(payload["errors"] == [] for payload in payloads)
    for api in apis:
        assert held(read(api)) == {"P0": 1, "P1": 2}
        assert read(api)["version"] == 2
    assert IdempotencyKey.objects.count() == 20


def test_many_carts_of_the_same_products_in_any_order(products):
    apis = [Api(UserFactory()) for _ in range(16)]

    def client(api: Api, seed: int) -> Callable[[], Any]:
        chance = random.Random(seed)
        orders = [chance.sample(products, len(products)) for _ in range(5)]
        return lambda: [add(api, *((product, 1) for product in order)) for order in orders]

    at_once([client(api, seed) for seed, api in enumerate(apis)])
    assert {tuple(sorted(held(read(api)).items())) for api in apis} == {tuple((f"P{n}", 5) for n in range(6))}


def test_a_product_that_is_deleted_meanwhile_is_not_found(products):
    """The foreign key stands between the look and the write; the mutation looks again."""
    users = [UserFactory() for _ in range(10)]
    doomed = products[-1]

    def buy(user: Any) -> str:
        try:
            services.add_cart_lines(actor=user, lines=[LineChange(doomed.pk, 1)], address="192.0.2.1")
        except InvalidInput as error:
            return error.field_errors[0].code
        return "added"

    def delete() -> str:
        try:
            with connection.cursor() as cursor:
                cursor.execute("DELETE FROM catalog_product WHERE id = %s", [doomed.pk])
        except IntegrityError:
            return "kept"
        return "deleted"

    told = Counter(at_once([*[partial(buy, user) for user in users], delete]))
    assert set(told) in ({"added", "kept"}, {"NOT_FOUND", "deleted"})


def test_the_sweep_never_takes_a_cart_that_is_being_used(products):
    for _ in range(3):
        api = Api(UserFactory())
        add(api, (products[0], 1))
        Cart.objects.update(updated_at=timezone.now() - timedelta(days=91))
        payload, _ = at_once([partial(change, api, ADD, lines=[wish(products[1], 1)]), tasks.clear_old_carts])
        assert payload["errors"] == []
        # Either the sweep came first and the add found an empty cart, or the add did and the sweep found a used one.
        assert held(read(api)) in ({"P1": 1}, {"P0": 1, "P1": 1})
        assert CartLine.objects.filter(product=products[1]).exists()
