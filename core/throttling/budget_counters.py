"""The counters of core.throttling.budget: what each user and address has spent.

They are in the cache, because every request reads them. Attempts at accounts are counted in the database instead
(core.throttling.attempts). While the cache is down, each process counts for itself.
"""

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.core.cache import cache
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache

from core.errors import Throttled
from core.throttling.limits import Limit

logger = logging.getLogger(__name__)

# How long a cache that failed is not used.
CACHE_DOWN_SECONDS = 10
# A counter is one number, because one `incr` is atomic in every cache. Its lowest bits, this many, are the count; those
# above are the end of its window (seconds since 1970). The count begins in the middle of its range. So a late refund
# can make it negative without changing the end of the window.
_COUNT_BITS = 24
_ZERO = 1 << (_COUNT_BITS - 1)
_local_cache = LocMemCache("throttle", {"OPTIONS": {"MAX_ENTRIES": 100_000}})
_cache_down_until = 0.0


@dataclass(frozen=True)
class Spending:
    """What was spent of one limit, and in which cache. `left` is what remains for the next `seconds`."""

    store: BaseCache
    key: str
    amount: int = 1
    left: int = 0
    seconds: int = 0


def spend(*limits: Limit, amount: int = 1) -> list[Spending]:
    """Spends the amount of each limit that has a rate. Raises Throttled and spends nothing if one is exceeded."""
    spendings: list[Spending] = []
    for limit in limits:
        if limit.rate is None:
            continue
        allowed, seconds = limit.rate
        key = f"throttle:{limit.digest}"
        for store in _stores():
            with _notices_failure(store):
                count, end = _add(store, key, seconds, amount)
                break
        wait = max(1, end - int(time.time()))
        spendings.append(Spending(store, key, amount, max(0, allowed - count), wait))
        if count > allowed:
            refund(spendings)
            raise Throttled(wait)
    return spendings


def refund(spendings: Iterable[Spending]) -> None:
    """Removes what was spent from the counts."""
    for spending in spendings:
        with _notices_failure(spending.store):
            try:
                spending.store.decr(spending.key, spending.amount)
            except ValueError:
                continue  # its window is over


def _add(store: BaseCache, key: str, seconds: int, amount: int) -> tuple[int, int]:
    """The count including the amount, and the second at which its window ends. The first amount begins a window."""
    while True:
        now = int(time.time())
        try:
            value = store.incr(key, amount)
        except ValueError:
            # There is no counter yet, or its window has just ended.
            store.add(key, ((now + seconds) << _COUNT_BITS) + _ZERO, timeout=seconds)
            continue
        end, count = value >> _COUNT_BITS, (value & ((1 << _COUNT_BITS) - 1)) - _ZERO
        if now < end <= now + seconds:
            return count, end
        # Made with a wrong clock or another setting.
        store.delete(key)


def _stores() -> Iterator[BaseCache]:
    """The caches to try in order: the shared one, unless it failed a moment ago, then this process's own."""
    if time.monotonic() >= _cache_down_until:
        yield cache
    yield _local_cache


@contextmanager
def _notices_failure(store: BaseCache) -> Iterator[None]:
    """Catches any error of the shared cache, and stops its use for CACHE_DOWN_SECONDS."""
    global _cache_down_until
    try:
        yield
    except Exception as error:
        if store is _local_cache:
            raise
        _cache_down_until = time.monotonic() + CACHE_DOWN_SECONDS
        logger.warning("The cache is down, budgets are counted in this process: %s", error)
