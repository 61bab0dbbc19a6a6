"""Imports that wait for a person: conditions of the front page and of the list of imports."""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from catalog.importing.models import ImportJob
from core.admin.filters import WaitingFilter

Status = ImportJob.Status
# For how long the front page speaks of an import that has ended.
DAYS = 7


def to_confirm() -> Q:
    """Those that would do something. The others cannot be started, and are deleted after a while."""
    would = Q(check_findings__created__gt=0) | Q(check_findings__updated__gt=0)
    return Q(would, status=Status.READY)


def refused() -> Q:
    return Q(status=Status.DONE, due_at__gte=_since(), refused__gt=0)


def failed() -> Q:
    return Q(status=Status.FAILED, due_at__gte=_since())


class ImportWaitingFilter(WaitingFilter):
    choices_by_value = {
        "confirm": ("checked, not imported yet", to_confirm),
        "refused": (f"rows refused in the last {DAYS} days", refused),
        "failed": (f"failed in the last {DAYS} days", failed),
    }


def _since() -> object:
    return timezone.now() - timedelta(days=DAYS)
