"""Limits attempts at accounts, such as sign-ins, in a window of time. The counters are in the database.

They are not in the cache, because a stranger who fills the cache would evict them, and could go on guessing passwords.
An attempt is recorded before it is checked, and withdrawn when it should not count. So neither parallel guesses nor a
process that dies in between get past a limit.
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
from core.throttling.limits import Limit

BATCH = 1000
# The clocks of two hosts may differ by this much. A window that ends even later was made with another setting or a
# wrong clock, and is ignored.
CLOCK_DIFFERENCE = timedelta(seconds=60)


@dataclass(frozen=True)
class RecordedAttempt:
    """An attempt in one counter: the end of its window, and the count including it."""

    key: str
    ends_at: datetime
    count: int


Recorded = dict[Limit, RecordedAttempt]
# Returns further limits for an attempt, which depend on the counts of the first ones.
MoreLimits = Callable[[Recorded], list[Limit]]


def _no_more(recorded: Recorded) -> list[Limit]:
    return []


def record(*limits: Limit, more_limits: MoreLimits = _no_more) -> Recorded:
    """Counts one attempt under each limit that has a rate.

    Raises Throttled when one limit would be exceeded, and then counts nothing. All callers must give their limits in
    the same order, the widest first, so that two attempts do not wait for each other's rows.
    """
    if all(limit.rate is None for limit in limits):
        return {}

    def work() -> Recorded:
        counters, recorded = _counted(limits, Attempts.objects.select_for_update())
        more_counters, more_recorded = _counted(more_limits(recorded), Attempts.objects.select_for_update())
        for counter in (*counters, *more_counters):
            counter.save(force_insert=counter._state.adding)
        return recorded | more_recorded

    # When two first attempts insert one row at once, the later is run again and finds the row.
    return run_in_transaction(work, again_on=(IntegrityError,))


def check(*limits: Limit, more_limits: MoreLimits = _no_more) -> None:
    """Raises Throttled if `record` would, but writes and locks nothing. For refusing early, before expensive work."""
    _, recorded = _counted(limits, Attempts.objects.all())
    _counted(more_limits(recorded), Attempts.objects.all())


def withdraw(recorded: Iterable[RecordedAttempt]) -> None:
    """Removes the attempts from the counts, except where their window is over."""
    same_windows = Q()
    for attempt in recorded:
        same_windows |= Q(key=attempt.key, ends_at=attempt.ends_at)
    if not same_windows:
        return
    counters = Attempts.objects.filter(same_windows, count__gt=0)
    run_in_transaction(lambda: counters.update(count=F("count") - 1))


def is_counted(limit: Limit) -> bool:
    """Whether there was an attempt in the current window."""
    return Attempts.objects.filter(key=limit.digest, count__gt=0, ends_at__gt=timezone.now()).exists()


def clear_expired() -> int:
    """Deletes the counters whose window is over; returns how many."""
    deleted = 0
    while keys := list(Attempts.objects.filter(ends_at__lte=timezone.now()).values_list("pk", flat=True)[:BATCH]):
        # The time is compared again: an attempt may have begun a new window in the meantime.
        deleted += Attempts.objects.filter(pk__in=keys, ends_at__lte=timezone.now()).delete()[0]
    return deleted


def _counted(limits: Iterable[Limit], stored: QuerySet[Attempts]) -> tuple[list[Attempts], Recorded]:
    """The counters with one more attempt in them, not yet saved. Raises Throttled."""
    rates = {limit: limit.rate for limit in limits if limit.rate is not None}
    # With select_for_update, another attempt at the same time waits here, and then sees this one.
    counters = {counter.key: counter for counter in stored.filter(key__in=[limit.digest for limit in rates])}
    recorded = {}
    now = timezone.now()
    for limit, (allowed, seconds) in rates.items():
        window = timedelta(seconds=seconds)
        counter = counters.setdefault(limit.digest, Attempts(key=limit.digest, count=0, ends_at=now + window))
        if not now < counter.ends_at <= now + window + CLOCK_DIFFERENCE:
            counter.count, counter.ends_at = 0, now + window
        if limit.refuses and counter.count >= allowed:
            raise Throttled(max(1, math.ceil((counter.ends_at - now).total_seconds())))
        counter.count += 1
        recorded[limit] = RecordedAttempt(counter.key, counter.ends_at, counter.count)
    return list(counters.values()), recorded
