"""Bulk changes that wait for a person: conditions of the front page and of the list of bulk changes."""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from catalog.bulk.models import BulkChange
from core.admin.filters import WaitingFilter

# For how long the front page speaks of a change that has failed.
DAYS = 7


def failed() -> Q:
    return Q(status=BulkChange.Status.FAILED, due_at__gte=timezone.now() - timedelta(days=DAYS))


class BulkWaitingFilter(WaitingFilter):
    choices_by_value = {"failed": (f"failed in the last {DAYS} days", failed)}
