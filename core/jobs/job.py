"""The base class of jobs, and what a worker does with one: claim it, move it on, try it again later, give it up.

A job is a row, written in the transaction of its cause. A worker reads `due()` and calls `claim()` for each job: a
conditional UPDATE, whose count says whether the job is its own. Every later change goes through `move()`, which fails
when the claim was taken away. `release()` takes it away from workers that died. So nothing is lost or done twice when
a message is lost, late or sent twice, or when a worker dies or sleeps.
"""

import random
import uuid
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import models
from django.utils import timezone

DUE, CLAIMED, FAILED = "DUE", "CLAIMED", "FAILED"
MAX_PAUSE = timedelta(hours=4)


class Job(models.Model):
    """Something to do at `due_at`. A subclass gives `status` its choices: DUE, CLAIMED, FAILED and its own.

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


JobType = TypeVar("JobType", bound=Job)


def due(model: type[JobType]) -> models.QuerySet[JobType]:
    """The jobs whose time has come and that nobody has claimed, the oldest first."""
    jobs: models.QuerySet[JobType] = model._default_manager.filter(status=DUE, due_at__lte=timezone.now())
    return jobs.order_by("due_at", "pk")


def oldest_due(jobs: models.QuerySet[JobType]) -> datetime | None:
    """When the oldest unfinished job fell due; a claimed one counts, for its worker may be dead."""
    overdue = jobs.filter(status__in=(DUE, CLAIMED), due_at__lte=timezone.now())
    moment: datetime | None = overdue.order_by().aggregate(oldest=models.Min("due_at"))["oldest"]
    return moment


def oldest_awaited(model: type[Job]) -> datetime | None:
    """Of jobs that one worker does one after the other: when the oldest that waits fell due.

    While one is under way the others may wait. Then it is when that one's worker was last seen alive.
    """
    waiting, under_way = models.Q(status=DUE, due_at__lte=timezone.now()), models.Q(status=CLAIMED)
    jobs = model._default_manager.filter(waiting | under_way).order_by()
    moments = jobs.aggregate(due=models.Min("due_at", filter=waiting), alive=models.Min("claimed_at", filter=under_way))
    moment: datetime | None = moments["alive"] or moments["due"]
    return moment


def claim(job: Job) -> bool:
    """Takes the job and counts one more attempt; False when another worker was first."""
    changes = {"status": CLAIMED, "claim": uuid.uuid4(), "claimed_at": timezone.now(), "attempts": job.attempts + 1}
    unclaimed = type(job)._default_manager.filter(pk=job.pk, status=DUE, attempts=job.attempts)
    return _update(job, unclaimed, changes)


def move(job: Job, status: str, *, also_from: tuple[str, ...] = (), **changes: Any) -> bool:
    """Gives the claimed job its next status. Changes nothing and returns False when the claim is lost.

    In the database the job must have the status of `job`, or one of `also_from`.
    """
    own = type(job)._default_manager.filter(pk=job.pk, claim=job.claim, status__in=(job.status, *also_from))
    return _update(job, own, {"status": status, **changes})


def retry(job: Job, reason: str, *, pause: timedelta, max_attempts: int) -> bool:
    """Makes the claimed job due again later, or FAILED after its last attempt; False when the claim is lost.

    The pause doubles with each attempt, up to MAX_PAUSE, and varies by a fifth so that jobs do not fall due together.
    """
    if job.attempts >= max_attempts:
        return move(job, FAILED, reason=shortened(reason))
    wait = min(pause * 2 ** (job.attempts - 1), MAX_PAUSE) * random.uniform(0.8, 1.2)  # noqa: S311
    return move(job, DUE, due_at=timezone.now() + wait, reason=shortened(reason))


def release(model: type[JobType], *, max_attempts: int, claimed_before: datetime | None = None) -> int:
    """Makes jobs due again that dead workers had claimed (None: all claimed ones); returns their number.

    After its last attempt a job is FAILED instead: it may be what kills the workers.
    """
    claimed = model._default_manager.filter(status=CLAIMED)
    if claimed_before is not None:
        claimed = claimed.filter(claimed_at__lt=claimed_before)
    reason = "Every worker that began this ended before it was done."
    claimed.filter(attempts__gte=max_attempts).update(status=FAILED, claim=None, reason=reason)
    return claimed.update(status=DUE, claim=None)


def shortened(reason: str) -> str:
    """The reason on one line, as long as its column takes."""
    return " ".join(reason.split())[:500]


def _update(job: Job, rows: models.QuerySet[Any], changes: dict[str, Any]) -> bool:
    if rows.update(**changes) != 1:
        return False
    for name, value in changes.items():
        setattr(job, name, value)
    return True
