"""What the page of an import says about its progress."""

from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from catalog.importing.models import ImportJob
from core.celery import app
from core.jobs import heartbeat

# Before, a rate says nothing.
MIN_SECONDS = 2.0


class Progress:
    """How far a phase of an import is, how fast, and for how long it will go on."""

    def __init__(self, job: ImportJob) -> None:
        self.percent = min(100, 100 * job.position // job.size) if job.size else 0
        self.rows = job.rows
        # A phase that waits after a worker died begins anew.
        is_running = job.status == ImportJob.Status.CLAIMED and job.started_at is not None
        seconds = (timezone.now() - job.started_at).total_seconds() if is_running and job.started_at else 0.0
        self.is_running = is_running
        self.rows_a_second = round(job.rows / seconds) if seconds >= MIN_SECONDS else 0
        self.left = ""
        if seconds >= MIN_SECONDS and job.position:
            self.left = _words(timedelta(seconds=seconds * (job.size - job.position) / job.position))


def blocking(job: ImportJob) -> ImportJob | None:
    """The import that this one waits for; None when nothing is before it."""
    if job.status != ImportJob.Status.DUE:
        return None
    before = Q(status=ImportJob.Status.DUE, due_at__lt=job.due_at) | Q(
        status=ImportJob.Status.DUE, due_at=job.due_at, pk__lt=job.pk
    )
    others = ImportJob.objects.filter(before | Q(status=ImportJob.Status.CLAIMED)).exclude(pk=job.pk)
    # CLAIMED comes before DUE in the alphabet too.
    return others.select_related("user").order_by("status", "due_at", "pk").first()


def is_worker_seen() -> bool:
    """Whether a worker that does imports was seen a moment ago."""
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
