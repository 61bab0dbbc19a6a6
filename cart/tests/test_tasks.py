"""The periodic task of the cart."""

from datetime import timedelta

from celery import current_app
from django.conf import settings
from django.utils import timezone

from cart import tasks
from cart.models import Cart, CartLine
from cart.tests.documents import add, read
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
