"""What /readyz and /metrics say about workers and overdue jobs."""

import math
from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from core.http import health
from core.http.health import NotReadyError
from core.jobs import heartbeat
from core.telemetry.metrics import register_gauge

# By kind of job: when its oldest unfinished job fell due; None when there is none.
_oldest_due: dict[str, Callable[[], datetime | None]] = {}


def register_jobs(kind: str, oldest_due: Callable[[], datetime | None]) -> None:
    """Adds a kind of job. READYZ_OVERDUE_AFTER must have it; `oldest_due` must make one indexed query."""
    _oldest_due[kind] = oldest_due


def overdue_seconds() -> dict[str, float]:
    """By kind: how long its oldest job has been due; 0 when none is."""
    now = timezone.now()
    moments = {kind: oldest_due() for kind, oldest_due in _oldest_due.items()}
    return {kind: max(0.0, (now - due).total_seconds()) if due else 0.0 for kind, due in moments.items()}


def worker_last_seen_seconds() -> float:
    """Seconds since all of them (a worker for each queue, and beat) were seen; infinite when one never was."""
    ages = heartbeat.worker_ages().values()
    return max(math.inf if age is None else age.total_seconds() for age in ages)


def check_worker() -> health.Facts:
    """`last_seen_seconds` of the queue, or beat, seen longest ago. Raises NotReadyError: degraded or unknown."""
    try:
        ages = heartbeat.worker_ages()
    except DatabaseError as error:
        raise NotReadyError("the database does not answer", status="unknown") from error
    unseen = [_title(name) for name, age in ages.items() if age is None]
    if unseen:
        raise NotReadyError(f"never seen: {', '.join(unseen)}", status="unknown")
    seconds = {name: round(age.total_seconds(), 1) for name, age in ages.items() if age is not None}
    oldest = max(seconds.values())
    silent = [name for name, age in ages.items() if age is not None and age > settings.READYZ_WORKER_AFTER]
    if silent:
        descriptions = ", ".join(f"{_title(name)} ({seconds[name]:.0f} s ago)" for name in silent)
        raise NotReadyError(f"last seen: {descriptions}", status="degraded", last_seen_seconds=oldest)
    return {"last_seen_seconds": oldest}


def check_jobs() -> health.Facts:
    """`overdue_seconds` by kind. Raises NotReadyError: degraded or unknown."""
    try:
        overdue = {kind: round(seconds, 1) for kind, seconds in overdue_seconds().items()}
    except DatabaseError as error:
        raise NotReadyError("the database does not answer", status="unknown") from error
    late = [kind for kind, seconds in overdue.items() if seconds > settings.READYZ_OVERDUE_AFTER[kind].total_seconds()]
    if late:
        raise NotReadyError(f"overdue: {', '.join(late)}", status="degraded", overdue_seconds=overdue)
    return {"overdue_seconds": overdue}


def register() -> None:
    health.register("worker", check_worker)
    health.register("jobs", check_jobs)
    register_gauge(
        "worker_last_seen_seconds",
        "Seconds since a worker of each queue, and beat, was seen; +Inf: one never was.",
        worker_last_seen_seconds,
    )
    register_gauge(
        "jobs_overdue_seconds", "How long the oldest job of a kind has been due.", overdue_seconds, label="kind"
    )


def _title(name: str) -> str:
    return name if name == heartbeat.BEAT else f"the worker of queue {name}"
