"""Periodic task: empties abandoned carts, and deletes those of guests."""

from datetime import datetime
from functools import partial

from celery import shared_task
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import F, Q
from django.utils import timezone

from cart.models import Cart, CartLine
from core.db.transactions import run_in_transaction

# Rows in one transaction: enough to be quick, few enough not to keep a user's mutation waiting.
BATCH = 200


@shared_task
def clear_old_carts() -> int:
    """Removes the lines of carts that have not changed for CART_TTL, and guests' carts. Returns the number of carts.

    The row of an account's cart stays and its version grows, so that two different contents never have one version.
    A guest's goes: the guest's token has expired, unless it was renewed.
    """
    _fill_in_users()
    cutoff = timezone.now() - settings.CART_TTL
    is_in_the_way = Q(pk__lt=0) | Q(lines__isnull=False)
    old = Cart.objects.filter(is_in_the_way, updated_at__lt=cutoff).distinct().order_by("pk")
    cleared = 0
    while cart_ids := list(old.values_list("pk", flat=True)[:BATCH]):
        cleared += run_in_transaction(partial(_clear, cart_ids, cutoff))
    return cleared


def _clear(cart_ids: list[int], cutoff: datetime) -> int:
    # The age is checked again under the lock: a cart that was changed in the meantime keeps its lines.
    old = Cart.objects.select_for_update().filter(pk__in=cart_ids, updated_at__lt=cutoff).order_by("pk")
    locked_ids = list(old.values_list("pk", flat=True))
    CartLine.objects.filter(cart__in=locked_ids).delete()
    Cart.objects.filter(pk__in=locked_ids, pk__lt=0).delete()
    Cart.objects.filter(pk__in=locked_ids).update(version=F("version") + 1, updated_at=timezone.now())
    return len(locked_ids)


def _fill_in_users() -> None:
    """For carts that processes of the release before made after the migration. It may go with the next release."""
    accounts = get_user_model()._default_manager.values("pk")
    Cart.objects.filter(pk__gt=0, user=None, pk__in=accounts).update(user_id=F("pk"))
