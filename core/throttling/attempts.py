"""Counting attempts in the database, where nobody can push a counter out: so many in so much time.

A cache may forget: a stranger who fills it evicts the counters that stand in the way of guessing. An attempt is counted
before it is looked at (`take`) and given back when it should not have counted (`give_back`), so that neither parallel
guesses nor a process that dies in between pass a limit.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from core.db.transactions import run_in_transaction
from core.errors import Throttled
from core.models import Attempts
from core.throttling.counting import Limit

BATCH = 1000
# A window that ends later than its limit allows is left over from another setting, or from a clock that was wrong.
# The clocks of two hosts may differ by this much.
CLOCK_DIFFERENCE = timedelta(seconds=60)


@dataclass(frozen=True)
class Taken:
    """One counted attempt: its counter, the end of the window in which it counts, and the count with it."""

    key: str
    ends_at: datetime
    count: int


# Which limits count besides, by what was counted.
Further = Callable[[dict[Limit, Taken]], list[Limit]]


def _none(taken: dict[Limit, Taken]) -> list[Limit]:
    return []


def take(*limits: Limit, further: Further = _none) -> dict[Limit, Taken]:
    """Counts one attempt under each limit that has a rate; what was counted, by limit.

    Raises Throttled when a limit would be passed; then nothing is counted. Limits come widest first, everywhere in the
    same order, so that two attempts do not wait for each other's rows.
    """

    if all(limit.rate is None for limit in limits):
        return {}

    def count() -> dict[Limit, Taken]:
        rows, taken = _counted(limits, Attempts.objects.select_for_update())
        more_rows, more = _counted(further(taken), Attempts.objects.select_for_update())
        for row in (*rows, *more_rows):
            row.save(force_insert=row._state.adding)
        return taken | more

    # Two first attempts at once: the later one finds the other's row when it is run again.
    return run_in_transaction(count, again_on=(IntegrityError,))


def check(*limits: Limit, further: Further = _none) -> None:
    """Raises Throttled when `take` would, but writes, locks and promises nothing: a cheap no before work begins."""
    _, taken = _counted(limits, Attempts.objects.all())
    _counted(further(taken), Attempts.objects.all())


def give_back(taken: Iterable[Taken]) -> None:
    """Takes the attempts out of the counts again; those whose window is over are left alone."""
    same_windows = Q()
    for one in taken:
        same_windows |= Q(key=one.key, ends_at=one.ends_at)
    if not same_windows:
        return
    counted = Attempts.objects.filter(same_windows, count__gt=0)
    run_in_transaction(lambda: counted.update(count=F("count") - 1))


def is_counted(limit: Limit) -> bool:
    """Whether there was an attempt in the window that is open now."""
    return Attempts.objects.filter(key=limit.digest, count__gt=0, ends_at__gt=timezone.now()).exists()


def clear_expired() -> int:
    """Deletes counters whose window is over; tells how many."""
    deleted = 0
    while keys := list(Attempts.objects.filter(ends_at__lte=timezone.now()).values_list("pk", flat=True)[:BATCH]):
        # Asked again: an attempt may have begun a new window in the meantime.
        deleted += Attempts.objects.filter(pk__in=keys, ends_at__lte=timezone.now()).delete()[0]
    return deleted


def _counted(limits: Iterable[Limit], stored: QuerySet[Attempts]) -> tuple[list[Attempts], dict[Limit, Taken]]:
    """The counters with one more attempt in them, not yet saved. Raises Throttled."""
    rated = {limit: limit.rate for limit in limits if limit.rate is not None}
    # For an update: whoever counts here at the same time waits, and then sees this attempt.
    rows = {row.key: row for row in stored.filter(key__in=[limit.digest for limit in rated])}
    taken = {}
    now = timezone.now()
    for limit, (most, seconds) in rated.items():
        window = timedelta(seconds=seconds)
        row = rows.setdefault(limit.digest, Attempts(key=limit.digest, count=0, ends_at=now + window))
        if not now < row.ends_at <= now + window + CLOCK_DIFFERENCE:
            row.count, row.ends_at = 0, now + window
        if limit.refuses and row.count >= most:
            raise Throttled(max(1, math.ceil((row.ends_at - now).total_seconds())))
        row.count += 1
        taken[limit] = Taken(row.key, row.ends_at, row.count)
    return list(rows.values()), taken
