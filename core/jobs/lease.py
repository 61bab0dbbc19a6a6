"""One at a time, over all processes and machines: a row that its holder renews as long as it lives.

A holder that was killed loses its turn after a few seconds. One that only slept may find that another has it now: so
a turn keeps work in step and saves work, but what must not happen twice is decided by the rows themselves.
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

from core.models import Turn

logger = logging.getLogger(__name__)

# How long a turn lasts without being renewed, and how often it is.
LASTS = timedelta(seconds=4)
RENEWED_EVERY = 1.0


@contextmanager
def turn(name: str) -> Iterator[bool]:
    """Holds the turn of this name for the block; False when somebody else has it."""
    holder = uuid.uuid4()
    if not _take(name, holder):
        yield False
        return
    over = Event()
    renewal = Thread(target=_renew, args=(name, holder, over), name=f"turn-{name}", daemon=True)
    renewal.start()
    try:
        yield True
    finally:
        over.set()
        renewal.join()
        Turn.objects.filter(name=name, holder=holder).update(until=timezone.now())


def _take(name: str, holder: uuid.UUID) -> bool:
    now = timezone.now()
    Turn.objects.get_or_create(name=name, defaults={"holder": holder, "until": now})
    # A turn far in the future is left over from a clock that was wrong.
    free = Q(until__lte=now) | Q(until__gt=now + 2 * LASTS)
    return Turn.objects.filter(free, name=name).update(holder=holder, until=now + LASTS) == 1


def _renew(name: str, holder: uuid.UUID, over: Event) -> None:
    """Renews the turn until it is over or lost; a database that does not answer now may do so a second later."""
    try:
        while not over.wait(RENEWED_EVERY):
            try:
                if not Turn.objects.filter(name=name, holder=holder).update(until=timezone.now() + LASTS):
                    return
            except DatabaseError as error:
                logger.warning("The turn %s could not be renewed: %s", name, error)
    finally:
        connections.close_all()
