"""Worker and beat touch HEARTBEAT_FILE while their own loops turn, so that a health check costs nothing."""

from pathlib import Path
from typing import Any

from celery import bootsteps
from celery.beat import PersistentScheduler
from django.conf import settings

from core.celery import app

SECONDS = 2.0


def touch() -> None:
    """Says that the loop at hand turns."""
    if settings.HEARTBEAT_FILE:
        Path(settings.HEARTBEAT_FILE).touch()


class Heartbeat(bootsteps.StartStopStep):
    """Part of the worker: its event loop's timer, which stops with the loop."""

    requires = ("celery.worker.components:Timer",)

    def start(self, worker: Any) -> None:
        """Begins."""
        worker.timer.call_repeatedly(SECONDS, touch, priority=10)


app.steps["worker"].add(Heartbeat)


class Scheduler(PersistentScheduler):
    """Beat's own, which says each time that it has looked what is due."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """As Celery's: seconds until the next look."""
        touch()
        return super().tick(*args, **kwargs)
