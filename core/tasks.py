"""Periodic tasks of the project itself: delete expired idempotency keys and the old history."""

from datetime import timedelta
from functools import partial

from celery import shared_task
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.db.models import QuerySet
from django.utils import timezone

from core.db.transactions import run_in_transaction
from core.idempotency import LIFETIME
from core.models import Change, IdempotencyKey

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


@shared_task
def delete_old_history() -> int:
    """Deletes what was recorded more than HISTORY_DAYS ago. Returns how many rows."""
    until, deleted = timezone.now() - timedelta(days=settings.HISTORY_DAYS), 0
    changes, log = Change.objects.filter(at__lt=until), LogEntry.objects.filter(action_time__lt=until)
    for old in (changes.order_by("at"), log.order_by("pk")):
        while keys := list(old.values_list("pk", flat=True)[:BATCH]):
            rows = old.model._base_manager.filter(pk__in=keys)
            deleted += run_in_transaction(lambda rows=rows: rows._raw_delete("default"))  # type: ignore[misc]
    return deleted


def _delete(keys: QuerySet[IdempotencyKey]) -> int:
    # `keys` still filters by age: a key that was claimed again in the meantime stays.
    return keys.delete()[0]
