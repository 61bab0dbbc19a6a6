"""Beat: calls the sweeps. It keeps nothing on disk and cannot be ended by an error."""

import logging
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from celery.beat import ScheduleEntry
from celery.beat import Scheduler as CeleryScheduler

from core.jobs import heartbeat
from core.jobs.notify import PAUSE_AFTER_FAILURE_SECONDS, connect, is_backed_up

logger = logging.getLogger(__name__)

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Scheduler(CeleryScheduler):
    """Celery's own in memory: after a start each sweep is due once, whenever it ran last.

    Celery's PersistentScheduler writes a file, which a full disk or a SIGKILL breaks, to remember what no sweep needs.
    """

    _producer: Any = None
    _is_failing = False

    def setup_schedule(self) -> None:
        """As Celery's; every entry is due."""
        super().setup_schedule()
        for entry in self.schedule.values():
            entry.last_run_at = LONG_AGO

    @property
    def producer(self) -> Any:
        """What messages are sent by; connects anew after an error. Raises what the transport does, within seconds."""
        if self._producer is None:
            self._producer = self.app.amqp.Producer(connect(), auto_declare=False)
        return self._producer

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Calls one sweep that is due; seconds until the next look."""
        heartbeat.mark(heartbeat.BEAT)
        try:
            return float(super().tick(*args, **kwargs))
        except Exception as error:
            self._has_failed("Beat could not reach the broker", error)
            # The entry at hand was taken out of the heap: it is filled again.
            self._heap = None
            return float(PAUSE_AFTER_FAILURE_SECONDS)

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        """Sends one sweep's message, unless nobody takes any."""
        try:
            if not is_backed_up(producer.channel, str(entry.task)):
                self.apply_async(entry, producer=producer, advance=False)
            self._is_failing = False
        except Exception as error:
            self._has_failed(f"Beat could not send {entry.name}", error)

    def _has_failed(self, what: str, error: Exception) -> None:
        """Says so once, until something is sent again; the next message gets a connection of its own."""
        if not self._is_failing:
            logger.warning("%s: %s", what, error)
        self._is_failing = True
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(Exception):
                producer.connection.release()
