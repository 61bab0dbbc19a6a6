"""Leases: of all processes on all machines, only one at a time does the work with a given name.

A lease is a row that its holder renews while it lives. When the holder is killed, the lease ends within seconds. When
the holder only sleeps for a while, another process takes the lease, and both may work. So a lease only avoids double
work. Where work must not be done twice, the claims of the jobs prevent it (core.jobs.job).

The database's clock says when a lease ends. A host whose own clock is wrong takes no lease too soon and keeps none.
"""

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from threading import Event, Thread
from time import monotonic

from django.db import DatabaseError, connections
from django.db.models import Q

from core.db.clock import DatabaseNow, now
from core.models import Lease

logger = logging.getLogger(__name__)

DURATION = timedelta(seconds=4)
RENEWAL_SECONDS = 1.0


@contextmanager
def hold(name: str) -> Iterator[bool]:
    """Holds the lease of this name for the block. Yields False, and holds nothing, when another process has it."""
    holder = uuid.uuid4()
    if not _take(name, holder):
        yield False
        return
    ended = Event()
    renewal = Thread(target=_renew, args=(name, holder, ended), name=f"lease-{name}", daemon=True)
    renewal.start()
    try:
        yield True
    finally:
        ended.set()
        renewal.join()
        Lease.objects.filter(name=name, holder=holder).update(until=DatabaseNow())


class Candidacy:
    """Takes the lease of this name whenever it is free, from a thread of its own, and keeps it until `resign()`."""

    def __init__(self, name: str) -> None:
        self._name, self._holder = name, uuid.uuid4()
        # By this process's monotonic clock.
        self._held_until = float("-inf")
        self._ended = Event()
        self._thread = Thread(target=self._run, name=f"candidacy-{name}", daemon=True)
        self._thread.start()

    @property
    def is_holder(self) -> bool:
        """Whether this process has the lease. False, too, after it was frozen or the database was away for too long."""
        return monotonic() < self._held_until

    def resign(self) -> None:
        """Gives the lease up, so that another takes it within RENEWAL_SECONDS."""
        self._ended.set()
        self._thread.join(RENEWAL_SECONDS)

    def _run(self) -> None:
        try:
            while not self._ended.is_set():
                asked_at = monotonic()
                try:
                    if _take(self._name, self._holder):
                        self._held_until = asked_at + DURATION.total_seconds()
                except DatabaseError as error:
                    logger.warning("The lease %s could not be taken or renewed: %s", self._name, error)
                    connections.close_all()
                self._ended.wait(RENEWAL_SECONDS)
            self._held_until = float("-inf")
            with suppress(DatabaseError):
                Lease.objects.filter(name=self._name, holder=self._holder).update(until=DatabaseNow())
        finally:
            connections.close_all()


def _take(name: str, holder: uuid.UUID) -> bool:
    """Takes the lease if it is free, or renews it if `holder` has it."""
    Lease.objects.get_or_create(name=name, defaults={"holder": holder, "until": now() - DURATION})
    # A lease that ends far in the future was written by a clock that was wrong, such as another database's.
    is_over = Q(until__lte=DatabaseNow()) | Q(until__gt=DatabaseNow() + 2 * DURATION)
    leases = Lease.objects.filter(is_over | Q(holder=holder), name=name)
    return leases.update(holder=holder, until=DatabaseNow() + DURATION) == 1


def _renew(name: str, holder: uuid.UUID, ended: Event) -> None:
    """Renews the lease until it is ended or lost. If the database fails, the next renewal tries again."""
    try:
        while not ended.wait(RENEWAL_SECONDS):
            try:
                if not Lease.objects.filter(name=name, holder=holder).update(until=DatabaseNow() + DURATION):
                    return
            except DatabaseError as error:
                logger.warning("The lease %s could not be renewed: %s", name, error)
    finally:
        connections.close_all()
