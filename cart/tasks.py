"""Periodic task: empties abandoned carts."""

from datetime import datetime
from functools import partial

from celery import shared_task
from django.conf import settings
from django.db.models import F
from django.utils import timezone

from cart.models import Cart, CartLine
from core.db.transactions import run_in_transaction

# Rows in one transaction: enough to be quick, few enough not to keep a user's mutation waiting.
BATCH = 200


@shared_task
def clear_old_carts() -> int:
    """Removes the lines of carts that have not changed for CART_TTL. Returns the number of carts.

    The row of a cart stays and its version grows, so that two different contents never have the same version.
    """
    cutoff = timezone.now() - settings.CART_TTL
    old = Cart.objects.filter(updated_at__lt=cutoff, lines__isnull=False).distinct().order_by("pk")
    cleared = 0
    while cart_ids := list(old.values_list("pk", flat=True)[:BATCH]):
        cleared += run_in_transaction(partial(_clear, cart_ids, cutoff))
    return cleared


def _clear(cart_ids: list[int], cutoff: datetime) -> int:
    # The age is checked again under the lock: a cart that was changed in the meantime keeps its lines.
    old = Cart.objects.select_for_update().filter(pk__in=cart_ids, updated_at__lt=cutoff).order_by("pk")
    locked_ids = list(old.values_list("pk", flat=True))
    CartLine.objects.filter(cart__in=locked_ids).delete()
    Cart.objects.filter(pk__in=locked_ids).update(version=F("version") + 1, updated_at=timezone.now())
    return len(locked_ids)
