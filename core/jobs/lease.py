"""Leases: of all processes on all machines, only one at a time does the work with a given name.

A lease is a row that its holder renews while it lives. When the holder is killed, the lease ends within seconds. When
the holder only sleeps for a while, another process takes the lease, and both may work. So a lease only avoids double
work. Where work must not be done twice, the claims of the jobs prevent it (core.jobs.job).
"""

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread

from django.db import DatabaseError, connections
from django.db.models import Q
from django.utils import timezone

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
        Lease.objects.filter(name=name, holder=holder).update(until=timezone.now())


def _take(name: str, holder: uuid.UUID) -> bool:
    now = timezone.now()
    Lease.objects.get_or_create(name=name, defaults={"holder": holder, "until": now})
    # A lease that ends far in the future was written by a clock that was wrong.
    is_over = Q(until__lte=now) | Q(until__gt=now + 2 * DURATION)
    return Lease.objects.filter(is_over, name=name).update(holder=holder, until=now + DURATION) == 1


def _renew(name: str, holder: uuid.UUID, ended: Event) -> None:
    """Renews the lease until it is ended or lost. If the database fails, the next renewal tries again."""
    try:
        while not ended.wait(RENEWAL_SECONDS):
            try:
                if not Lease.objects.filter(name=name, holder=holder).update(until=timezone.now() + DURATION):
                    return
            except DatabaseError as error:
                logger.warning("The lease %s could not be renewed: %s", name, error)
    finally:
        connections.close_all()
