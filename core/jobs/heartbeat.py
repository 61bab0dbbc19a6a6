"""Records when a worker of each queue, and beat, were last alive.

Their main loops call `mark`, and a thread of the process writes what was marked to the database. So a process that is
frozen, or whose consumer is dead, is not recorded any more.
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
    """Marks queues, or BEAT, as alive. Their main loops call it. It makes no query; the thread does."""
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
    """Stores that these are alive now."""
    names, now = set(names), timezone.now()
    if Heartbeat.objects.filter(name__in=names).update(seen_at=now) < len(names):
        missing = [Heartbeat(name=name, seen_at=now) for name in sorted(names)]
        Heartbeat.objects.bulk_create(missing, ignore_conflicts=True)


def ages(names: Iterable[str]) -> dict[str, timedelta | None]:
    """How long ago each was last seen alive; None for one that never was."""
    now = timezone.now()
    last_seen = dict(Heartbeat.objects.filter(name__in=list(names)).values_list("name", "seen_at"))
    return {name: max(now - last_seen[name], timedelta()) if name in last_seen else None for name in names}


def queue_names() -> set[str]:
    """All queues that tasks are sent to: the default one and those of CELERY_TASK_ROUTES."""
    return {app.conf.task_default_queue, *(route["queue"] for route in settings.CELERY_TASK_ROUTES.values())}


def worker_ages() -> dict[str, timedelta | None]:
    """The ages of all that jobs need: a worker for each queue, and beat."""
    return ages(sorted({BEAT, *queue_names()}))


def _write_for_ever() -> None:
    is_logged = False
    while True:
        with _lock:
            names = set(_marked)
            _marked.clear()
        try:
            close_old_connections()
            if names:
                write(names)
            is_logged = False
        except Exception as error:
            # The database is away or full. The next round tries again; only the first failure is logged.
            if not is_logged:
                logger.warning("The worker's heartbeat could not be written: %s", error)
            is_logged = True
            connections.close_all()
        _pause.wait(INTERVAL_SECONDS)


def _reset_after_fork() -> None:
    """A forked process has no thread yet."""
    global _lock, _writer
    _lock, _writer = threading.Lock(), None


os.register_at_fork(after_in_child=_reset_after_fork)


class LoopStep(bootsteps.StartStopStep):
    """Part of the worker's consumer: makes its loop call `mark`."""

    requires = ("celery.worker.consumer.tasks:Tasks",)
    entry: Any = None

    def start(self, consumer: Any) -> None:
        """Called with each new connection to the broker."""
        queues = list(consumer.app.amqp.queues.consume_from)
        self.entry = consumer.timer.call_repeatedly(INTERVAL_SECONDS, consumer.call_soon, (mark, *queues), priority=10)

    def stop(self, consumer: Any) -> None:
        if self.entry is not None:
            self.entry.cancel()


app.steps["consumer"].add(LoopStep)
