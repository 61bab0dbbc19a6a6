"""Rows that fall due: claimed by a conditional UPDATE whose count is checked, tried again later, given up in the end.

What must happen later is a row of a subclass of `Delayed`, written in the transaction of its cause. A worker takes the
rows of `due()` one by one: `claim()` says whether the row is its own; from then on every change goes through `move()`,
which fails when the claim was taken away meanwhile (`free()` does that with claims of workers that died). So a message
that is lost, sent twice or late, and a worker that dies or sleeps, cost nothing.
"""

import random
import uuid
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import models
from django.utils import timezone

DUE, CLAIMED, FAILED = "DUE", "CLAIMED", "FAILED"
LONGEST_PAUSE = timedelta(hours=4)


class Delayed(models.Model):
    """A row that falls due. A subclass gives `status` its choices: DUE, CLAIMED, FAILED and its own.

    It should have an index that begins with `status, due_at`.
    """

    status = models.CharField(max_length=16, default=DUE, editable=False)
    due_at = models.DateTimeField("due", default=timezone.now, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    claim = models.UUIDField(null=True, editable=False)
    claimed_at = models.DateTimeField(null=True, editable=False)
    reason = models.CharField(max_length=500, blank=True, default="", editable=False)

    class Meta:
        abstract = True


Row = TypeVar("Row", bound=Delayed)


def due(model: type[Row]) -> models.QuerySet[Row]:
    """The rows whose time has come and that nobody has claimed, the oldest first."""
    rows: models.QuerySet[Row] = model._default_manager.filter(status=DUE, due_at__lte=timezone.now())
    return rows.order_by("due_at", "pk")


def oldest_due(rows: models.QuerySet[Row]) -> datetime | None:
    """When the oldest of the rows fell due that is not done: waiting, or claimed (by a worker that may be gone)."""
    overdue = rows.filter(status__in=(DUE, CLAIMED), due_at__lte=timezone.now())
    moment: datetime | None = overdue.order_by().aggregate(oldest=models.Min("due_at"))["oldest"]
    return moment


def claim(row: Delayed) -> bool:
    """Takes the row, as one more attempt; False when somebody else was first."""
    changes = {"status": CLAIMED, "claim": uuid.uuid4(), "claimed_at": timezone.now(), "attempts": row.attempts + 1}
    own = type(row)._default_manager.filter(pk=row.pk, status=DUE, attempts=row.attempts)
    return _write(row, own, changes)


def move(row: Delayed, status: str, *, also_from: tuple[str, ...] = (), **changes: Any) -> bool:
    """Gives the claimed row its next status; False when the claim is no longer ours, and nothing is changed.

    It must have the status that we know of, or one of `also_from`.
    """
    own = type(row)._default_manager.filter(pk=row.pk, claim=row.claim, status__in=(row.status, *also_from))
    return _write(row, own, {"status": status, **changes})


def try_again(row: Delayed, reason: str, *, pause: timedelta, attempts: int) -> bool:
    """Puts the claimed row back for later, or FAILED after so many attempts; False when the claim is no longer ours.

    The pause doubles with each attempt, up to four hours, and varies by a fifth so that rows do not march in step.
    """
    if row.attempts >= attempts:
        return move(row, FAILED, reason=shortened(reason))
    wait = min(pause * 2 ** (row.attempts - 1), LONGEST_PAUSE) * random.uniform(0.8, 1.2)  # noqa: S311
    return move(row, DUE, due_at=timezone.now() + wait, reason=shortened(reason))


def free(model: type[Row], *, attempts: int, before: datetime | None = None) -> int:
    """Gives back what workers claimed and left (before that moment; None: all) and tells how many rows are due again.

    After so many attempts a row is FAILED: it may be what kills them.
    """
    left = model._default_manager.filter(status=CLAIMED)
    if before is not None:
        left = left.filter(claimed_at__lt=before)
    reason = "Every worker that began this ended before it was done."
    left.filter(attempts__gte=attempts).update(status=FAILED, claim=None, reason=reason)
    return left.update(status=DUE, claim=None)


def shortened(reason: str) -> str:
    """The reason as it fits into its column, on one line."""
    return " ".join(reason.split())[:500]


def _write(row: Delayed, own: models.QuerySet[Any], changes: dict[str, Any]) -> bool:
    if own.update(**changes) != 1:
        return False
    for name, value in changes.items():
        setattr(row, name, value)
    return True
