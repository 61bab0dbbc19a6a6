"""When each queue's worker, and beat, were last seen alive: rows that a thread beside their loops keeps fresh.

A loop says that it turns by `mark`, so a process whose consumer is dead, or that is frozen, falls silent.
"""

import logging
import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from celery import bootsteps
from django.conf import settings
from django.db import close_old_connections, connections
from django.utils import timezone

from core.celery import app
from core.models import Heartbeat

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 2.0
BEAT = "beat"

_marked: set[str] = set()
_lock = threading.Lock()
_pause = threading.Event()
_writer: threading.Thread | None = None


def mark(*names: str) -> None:
    """Says that the loop at hand turns, for these queues or BEAT; costs it no query."""
    global _writer
    if settings.HEARTBEAT_FILE:
        with suppress(OSError):  # a full disk is no reason to end the loop
            Path(settings.HEARTBEAT_FILE).touch()
    with _lock:
        _marked.update(names)
        if _writer is None:
            _writer = threading.Thread(target=_write_for_ever, name="heartbeat", daemon=True)
            _writer.start()


def write(names: Iterable[str]) -> None:
    """Notes that these were seen alive now."""
    names, now = set(names), timezone.now()
    if Heartbeat.objects.filter(name__in=names).update(seen_at=now) < len(names):
        missing = [Heartbeat(name=name, seen_at=now) for name in sorted(names)]
        Heartbeat.objects.bulk_create(missing, ignore_conflicts=True)


def ages(names: Iterable[str]) -> dict[str, timedelta | None]:
    """How long ago each was last seen alive; None: never."""
    now = timezone.now()
    seen = dict(Heartbeat.objects.filter(name__in=list(names)).values_list("name", "seen_at"))
    return {name: max(now - seen[name], timedelta()) if name in seen else None for name in names}


def queue_names() -> set[str]:
    """The queues that tasks are sent to: the default one, and those of CELERY_TASK_ROUTES."""
    return {app.conf.task_default_queue, *(route["queue"] for route in settings.CELERY_TASK_ROUTES.values())}


def worker_ages() -> dict[str, timedelta | None]:
    """The ages of all that must live for jobs to be done: a worker for each queue, and beat."""
    return ages(sorted({BEAT, *queue_names()}))


def _write_for_ever() -> None:
    is_told = False
    while True:
        with _lock:
            names = set(_marked)
            _marked.clear()
        try:
            close_old_connections()
            if names:
                write(names)
            is_told = False
        except Exception as error:
            # The database is away or full; it is asked again, and told once.
            if not is_told:
                logger.warning("The worker's heartbeat could not be written: %s", error)
            is_told = True
            connections.close_all()
        _pause.wait(INTERVAL_SECONDS)


def _start_afresh() -> None:
    """A forked process (beat, with Celery's own pools) has no thread yet."""
    global _lock, _writer
    _lock, _writer = threading.Lock(), None


os.register_at_fork(after_in_child=_start_afresh)


class LoopStep(bootsteps.StartStopStep):
    """Part of the worker's consumer: has its loop, not a thread beside it, say that it turns."""

    requires = ("celery.worker.consumer.tasks:Tasks",)
    entry: Any = None

    def start(self, consumer: Any) -> None:
        """Begins, with each connection to the broker."""
        queues = list(consumer.app.amqp.queues.consume_from)
        self.entry = consumer.timer.call_repeatedly(INTERVAL_SECONDS, consumer.call_soon, (mark, *queues), priority=10)

    def stop(self, consumer: Any) -> None:
        """Ends, with the connection."""
        if self.entry is not None:
            self.entry.cancel()


app.steps["consumer"].add(LoopStep)
