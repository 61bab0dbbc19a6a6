"""Beat sends the messages that start the sweeps. It keeps nothing on disk, and no error ends it.

Any number of beats may run, on any hosts: the one that holds the lease sends, and the others wait for it to end.
"""

import logging
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from celery.beat import ScheduleEntry
from celery.beat import Scheduler as CeleryScheduler

from core.jobs import heartbeat, lease
from core.jobs.notify import PAUSE_AFTER_FAILURE_SECONDS, connect, is_backed_up

logger = logging.getLogger(__name__)

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
# How often a beat without the lease looks whether it has it.
WAIT_SECONDS = 0.5


class Scheduler(CeleryScheduler):
    """Celery's scheduler in memory: when this beat takes the lease, every sweep is due.

    Celery's default, PersistentScheduler, writes a file that a full disk or a SIGKILL can break. All that the file
    remembers is when each sweep ran last, and no sweep needs that.
    """

    _producer: Any = None
    _is_failing = False
    _candidacy: lease.Candidacy | None = None
    _is_sending = False

    @property
    def producer(self) -> Any:
        """Sends the messages; connects again after an error. Raises what the transport raises, within seconds."""
        if self._producer is None:
            self._producer = self.app.amqp.Producer(connect(), auto_declare=False)
        return self._producer

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Sends the message of a sweep that is due, if this beat has the lease; returns how many seconds to wait."""
        heartbeat.mark(heartbeat.BEAT)
        self._candidacy = self._candidacy or lease.Candidacy(heartbeat.BEAT)
        was_sending, self._is_sending = self._is_sending, self._candidacy.is_holder
        if not self._is_sending:
            return WAIT_SECONDS
        if not was_sending:
            logger.info("This beat sends the sweeps")
            self._make_all_due()
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

    def close(self) -> None:
        """Ends this beat's part. Another beat takes over at once."""
        if self._candidacy is not None:
            self._candidacy.resign()
        super().close()

    def _make_all_due(self) -> None:
        for entry in self.schedule.values():
            entry.last_run_at = LONG_AGO
        # Has Celery build the heap again.
        self._heap = None

    def _fail(self, what: str, error: Exception) -> None:
        """Logs the first of several failures in a row, and drops the connection."""
        if not self._is_failing:
            logger.warning("%s: %s", what, error)
        self._is_failing = True
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(Exception):
                producer.connection.release()
