"""Beat sends the messages that start the sweeps. It keeps nothing on disk, and no error ends it."""

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
    """Celery's scheduler in memory: after a start, every sweep is due.

    Celery's default, PersistentScheduler, writes a file that a full disk or a SIGKILL can break. All that the file
    remembers is when each sweep ran last, and no sweep needs that.
    """

    _producer: Any = None
    _is_failing = False

    def setup_schedule(self) -> None:
        super().setup_schedule()
        for entry in self.schedule.values():
            entry.last_run_at = LONG_AGO

    @property
    def producer(self) -> Any:
        """Sends the messages; connects again after an error. Raises what the transport raises, within seconds."""
        if self._producer is None:
            self._producer = self.app.amqp.Producer(connect(), auto_declare=False)
        return self._producer

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Sends the message of a sweep that is due. Returns the seconds until the next call."""
        heartbeat.mark(heartbeat.BEAT)
        try:
            return float(super().tick(*args, **kwargs))
        except Exception as error:
            self._fail("Beat could not reach the broker", error)
            # The failed entry was taken out of the heap: None has Celery build the heap again.
            self._heap = None
            return float(PAUSE_AFTER_FAILURE_SECONDS)

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        """Sends one sweep's message, unless its queue is backed up."""
        try:
            if not is_backed_up(producer.channel, str(entry.task)):
                self.apply_async(entry, producer=producer, advance=False)
            self._is_failing = False
        except Exception as error:
            self._fail(f"Beat could not send {entry.name}", error)

    def _fail(self, what: str, error: Exception) -> None:
        """Logs the first of several failures in a row, and drops the connection."""
        if not self._is_failing:
            logger.warning("%s: %s", what, error)
        self._is_failing = True
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(Exception):
                producer.connection.release()
