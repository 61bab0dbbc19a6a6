"""Periodic tasks of the project itself: delete expired idempotency keys."""

from functools import partial

from celery import shared_task
from django.db.models import QuerySet
from django.utils import timezone

from core.db.transactions import run_in_transaction
from core.idempotency import LIFETIME
from core.models import IdempotencyKey

# Rows in one transaction: enough to be quick, few enough not to keep a user's mutation waiting.
BATCH = 200


@shared_task
def clear_old_keys() -> int:
    """Deletes idempotency keys that are older than their lifetime. Returns their number."""
    old = IdempotencyKey.objects.filter(created_at__lte=timezone.now() - LIFETIME)
    deleted = 0
    while key_ids := list(old.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        deleted += run_in_transaction(partial(_delete, old.filter(pk__in=key_ids)))
    return deleted


def _delete(keys: QuerySet[IdempotencyKey]) -> int:
    # `keys` still filters by age: a key that was claimed again in the meantime stays.
    return keys.delete()[0]
