"""A guest's cart under threads, on MySQL: sign-ins at once, the guest's own mutations meanwhile."""

from collections import Counter
from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from cart import tasks
from cart.models import Cart, CartLine
from cart.tests.documents import ADD, CLEAR, add, change, held, read, wish
from cart.tests.merging import Guest, sign_in
from cart.tests.test_races import at_once, products  # noqa: F401 - a fixture
from core.models import Attempts
from core.tests.clients import Api
from users.deletion import delete_account
from users.tests.factories import UserFactory
from users.tests.operations import FACTORY_PASSWORD

pytestmark = [pytest.mark.mysql, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def guest_carts(settings):
    settings.GUEST_CARTS = True
    # Enough for ten threads that hash.
    settings.MAX_PASSWORD_HASHES = settings.MAX_PASSWORD_WAITS = 20


def total(*apis):
    return sum((Counter(held(read(api))) for api in apis), Counter())


@pytest.mark.parametrize("has_cart", [False, True])
def test_the_same_sign_in_at_once_merges_once(products, has_cart):  # noqa: F811
    for _ in range(3):
        ann, guest = UserFactory(), Guest()
        if has_cart:
            add(Api(ann), (products[1], 1))
        add(guest, (products[0], 3))
        payloads = at_once([partial(sign_in, ann, guest.token)] * 6)
        assert all(payload["token"] and not payload["errors"] for payload in payloads), payloads
        cart = read(Api(ann))
        assert held(cart) == {"P0": 3, **({"P1": 1} if has_cart else {})}
        assert cart["version"] == 1 + has_cart
    assert not Cart.objects.filter(pk__lt=0).exists()


def test_two_accounts_at_once_share_nothing_twice(products):  # noqa: F811
    for _ in range(4):
        people, guest = [UserFactory() for _ in range(4)], Guest()
        add(guest, (products[0], 3), (products[1], 1))
        payloads = at_once([partial(sign_in, person, guest.token) for person in people])
        assert all(payload["token"] for payload in payloads), payloads
        assert total(*map(Api, people)) == {"P0": 3, "P1": 1}


def test_what_the_guest_adds_during_the_merge_is_in_one_of_the_carts(products):  # noqa: F811
    for _ in range(4):
        ann, guest = UserFactory(), Guest()
        add(guest, (products[0], 1))
        adds = [
            partial(change, guest, ADD, lines=[wish(product)], idempotencyKey=product.name) for product in products[1:]
        ]
        mine = partial(add, Api(ann), (products[0], 1), idempotencyKey="P0")
        answers = at_once([partial(sign_in, ann, guest.token), *adds, mine])
        assert all(not answer.get("errors") for answer in answers[:-1]), answers
        assert total(guest, Api(ann)) == {"P0": 2, **{f"P{n}": 1 for n in range(1, 6)}}
        sign_in(ann, guest.token)
        assert total(Api(ann)) == {"P0": 2, **{f"P{n}": 1 for n in range(1, 6)}}


def test_a_guest_who_clears_during_the_merge_leaves_all_or_nothing(products):  # noqa: F811
    for _ in range(4):
        ann, guest = UserFactory(), Guest()
        add(guest, *((product, 1) for product in products))
        at_once([partial(sign_in, ann, guest.token), partial(change, guest, CLEAR)])
        assert len(held(read(Api(ann)))) in (0, 6)
        assert held(read(guest)) == {}


def test_the_sweep_and_a_merge_at_once(products):  # noqa: F811
    people, guests = [UserFactory() for _ in range(4)], [Guest() for _ in range(4)]
    for guest in guests:
        add(guest, (products[0], 1))
    Cart.objects.update(updated_at=timezone.now() - timedelta(days=91))
    calls = [partial(sign_in, *pair) for pair in zip(people, (guest.token for guest in guests), strict=True)]
    *payloads, swept = at_once([*calls, tasks.clear_old_carts])
    assert all(payload["token"] for payload in payloads)
    assert sum(total(*map(Api, people)).values()) + swept == 4
    assert not Cart.objects.filter(pk__lt=0).exists()


def test_an_account_that_is_deleted_meanwhile_keeps_no_cart(products):  # noqa: F811
    for _ in range(4):
        ann, guest = UserFactory(), Guest()
        add(guest, (products[0], 1))
        delete = partial(delete_account, user=ann, password=FACTORY_PASSWORD, address="192.0.2.1")
        at_once([partial(sign_in, ann, guest.token), delete])
        assert not Cart.objects.filter(pk__gt=0).exists()
        assert not CartLine.objects.filter(cart__gt=0).exists()


def test_parallel_first_lines_of_many_guests_keep_to_the_limit(products, settings):  # noqa: F811
    settings.THROTTLE_GUEST_CART = (5, 3600)
    guests = [Guest() for _ in range(10)]
    payloads = at_once([partial(change, guest, ADD, lines=[wish(products[0])]) for guest in guests])
    assert Counter(len(payload["errors"]) for payload in payloads) == {0: 5, 1: 5}
    assert Cart.objects.count() == Attempts.objects.filter(count=5).count() * 5 == 5


def test_parallel_first_lines_of_one_guest_begin_one_cart(products):  # noqa: F811
    guest = Guest()
    payloads = at_once([partial(change, guest, ADD, lines=[wish(products[0])])] * 12)
    assert [payload["errors"] for payload in payloads] == [[]] * 12
    assert (total(guest), Cart.objects.count()) == ({"P0": 12}, 1)
