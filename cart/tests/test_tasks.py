"""The periodic task of the cart."""

from datetime import timedelta

from celery import current_app
from django.conf import settings
from django.utils import timezone

from cart import tasks
from cart.models import Cart, CartLine
from cart.tests.documents import REMOVE, add, change, read
from cart.tests.merging import Guest
from catalog.tests.factories import ProductFactory
from core.tests.clients import Api
from users.tests.factories import UserFactory


def test_an_abandoned_cart_is_emptied(shopper, staff, monkeypatch):
    monkeypatch.setattr(tasks, "BATCH", 1)
    lamp = ProductFactory()
    old, young = (add(api, (lamp, 2))["id"] for api in (shopper, staff))
    now = timezone.now()
    Cart.objects.update(updated_at=now - timedelta(days=89))
    assert tasks.clear_old_carts() == 0
    mine = Cart.objects.order_by("pk").first()
    Cart.objects.filter(pk=mine.pk).update(updated_at=now - timedelta(days=91))
    assert tasks.clear_old_carts() == 1
    cart = read(shopper)
    assert (cart["id"], cart["version"], cart["lines"]) == (old, 2, [])
    assert (read(staff)["id"], read(staff)["totalQuantity"]) == (young, 2)
    assert tasks.clear_old_carts() == 0


def test_an_abandoned_cart_of_a_guest_goes_with_its_row(shopper, settings):
    settings.GUEST_CARTS = True
    lamp, guests = ProductFactory(), [Guest() for _ in range(3)]
    lines = [add(guest, (lamp, 2))["lines"][0]["id"] for guest in guests]
    change(guests[1], REMOVE, lineIds=lines[1:2])
    add(shopper, (lamp, 1))
    ages = dict(zip(Cart.objects.filter(pk__lt=0).order_by("created_at"), (91, 91, 89), strict=True))
    for cart, days in ages.items():
        Cart.objects.filter(pk=cart.pk).update(updated_at=timezone.now() - timedelta(days=days))
    assert tasks.clear_old_carts() == 2
    assert [len(read(api)["lines"]) for api in (*guests, shopper)] == [0, 0, 1, 1]
    assert Cart.objects.count() == 2


def test_a_cart_of_the_release_before_gets_its_user(shopper):
    add(shopper, (ProductFactory(), 1))
    Cart.objects.update(user=None)
    assert tasks.clear_old_carts() == 0
    cart = Cart.objects.get()
    assert cart.user_id == cart.pk


def test_the_age_is_a_setting(shopper, settings):
    add(shopper, (ProductFactory(), 1))
    settings.CART_TTL = timedelta(0)
    assert tasks.clear_old_carts() == 1
    assert not CartLine.objects.exists()


def test_more_carts_than_one_batch(db, monkeypatch):
    monkeypatch.setattr(tasks, "BATCH", 2)
    for _ in range(5):
        add(Api(UserFactory()), (ProductFactory(), 1), (ProductFactory(), 1))
    Cart.objects.update(updated_at=timezone.now() - timedelta(days=91))
    assert tasks.clear_old_carts() == 5


def test_it_is_scheduled():
    scheduled = [entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()]
    assert scheduled.count(tasks.clear_old_carts.name) == 1
    assert tasks.clear_old_carts.name in current_app.tasks
