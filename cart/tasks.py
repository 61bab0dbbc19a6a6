"""What grows old: carts that nobody touches any more, and idempotency keys past their day."""

from datetime import datetime
from functools import partial

from celery import shared_task
from django.conf import settings
from django.db.models import F, QuerySet
from django.utils import timezone

from cart.idempotency import LIFETIME
from cart.models import Cart, CartLine, IdempotencyKey
from core.db.transactions import run_in_transaction

# Rows in one transaction: long enough to be quick, short enough not to keep a user's mutation waiting.
BATCH = 200


@shared_task
def clear_old_carts() -> int:
    """Takes the lines out of carts that were not changed for CART_TTL; how many carts.

    A cart's row stays and its version grows, so that one version never means two different carts.
    """
    cutoff = timezone.now() - settings.CART_TTL
    old = Cart.objects.filter(updated_at__lt=cutoff, lines__isnull=False).distinct().order_by("pk")
    cleared = 0
    while found := list(old.values_list("pk", flat=True)[:BATCH]):
        cleared += run_in_transaction(partial(_clear, found, cutoff))
    return cleared


def _clear(found: list[int], cutoff: datetime) -> int:
    # Looked at again under the lock: whoever changed a cart in the meantime keeps it.
    still = Cart.objects.select_for_update().filter(pk__in=found, updated_at__lt=cutoff).order_by("pk")
    locked = list(still.values_list("pk", flat=True))
    CartLine.objects.filter(cart__in=locked).delete()
    Cart.objects.filter(pk__in=locked).update(version=F("version") + 1, updated_at=timezone.now())
    return len(locked)


@shared_task
def clear_old_keys() -> int:
    """Deletes idempotency keys that have outlived their day; how many."""
    old = IdempotencyKey.objects.filter(created_at__lte=timezone.now() - LIFETIME)
    deleted = 0
    while found := list(old.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        deleted += run_in_transaction(partial(_delete, old.filter(pk__in=found)))
    return deleted


def _delete(keys: QuerySet[IdempotencyKey]) -> int:
    # Still conditional on their age: a key that was taken anew in the meantime is young again.
    return keys.delete()[0]
