"""What the page of a long job says about its progress."""

from datetime import datetime, timedelta
from typing import TypeVar

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from core.celery import app
from core.jobs import heartbeat
from core.jobs.job import CLAIMED, DUE, Job

# Before, a rate says nothing.
MIN_SECONDS = 2.0
JobType = TypeVar("JobType", bound=Job)


class Progress:
    """How far a job is, how fast, and for how long it will go on.

    `position` of `size` says how far; `rows` were done since `started_at`, while it moved from `started_from`.
    """

    def __init__(
        self, job: Job, *, position: int, size: int, rows: int, started_at: datetime | None, started_from: int = 0
    ) -> None:
        self.percent = min(100, 100 * position // size) if size else 0
        self.rows = rows
        self.is_running = job.status == CLAIMED and started_at is not None
        seconds = (timezone.now() - started_at).total_seconds() if self.is_running and started_at else 0.0
        self.rows_a_second = round(rows / seconds) if seconds >= MIN_SECONDS else 0
        self.left = ""
        if seconds >= MIN_SECONDS and position > started_from:
            self.left = _words(timedelta(seconds=seconds * (size - position) / (position - started_from)))


def blocking(job: JobType) -> JobType | None:
    """The job that this one waits for, of those that are done one at a time; None when nothing is before it."""
    if job.status != DUE:
        return None
    jobs = type(job)._default_manager
    before = Q(status=DUE, due_at__lt=job.due_at) | Q(status=DUE, due_at=job.due_at, pk__lt=job.pk)
    others = jobs.filter(before | Q(status=CLAIMED)).exclude(pk=job.pk)
    # CLAIMED comes before DUE in the alphabet too.
    first: JobType | None = others.select_related("user").order_by("status", "due_at", "pk").first()
    return first


def is_worker_seen() -> bool:
    """Whether a worker of the usual queue was seen a moment ago."""
    queue = app.conf.task_default_queue
    age = heartbeat.ages([queue])[queue]
    return age is not None and age <= settings.READYZ_WORKER_AFTER


def _words(left: timedelta) -> str:
    seconds = left.total_seconds()
    if seconds < 50:
        return "less than a minute"
    minutes = round(seconds / 60) or 1
    if minutes >= 90:
        return f"about {round(minutes / 60)} hours"
    return f"about {minutes} minute{'' if minutes == 1 else 's'}"
