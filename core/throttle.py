"""Counting tries in the cache, the same for every door: so many in so much time for each account or client address.

A try is counted before it is looked at (`take`) and given back when it should not have counted (`give_back`): so
parallel guesses cannot exceed a limit. A cache that is down is replaced for a while by a counter in this process.
"""

import hashlib
import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from django.core.cache import cache
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache

from core.errors import Throttled

logger = logging.getLogger(__name__)

Rate = tuple[int, int] | None
# Seconds without asking a cache that did not answer.
LEFT_ALONE = 10
# One number holds the end of the window (seconds since 1970) above this many bits and the count below them: so `incr`,
# which is atomic everywhere, tells both. Counting begins in the middle: what is given back late borrows nothing.
_COUNT_BITS = 24
_ZERO = 1 << (_COUNT_BITS - 1)
_spare = LocMemCache("throttle", {"OPTIONS": {"MAX_ENTRIES": 100_000}})
_down_until = 0.0


@dataclass(frozen=True)
class Limit:
    """At most so many of something (its parts: what, for whom) in so many seconds; None: no limit."""

    rate: Rate
    parts: tuple[str, ...]

    @property
    def key(self) -> str:
        """The counter's name: hashed, for addresses are personal data and have any length."""
        return "throttle:" + hashlib.sha256("\0".join(self.parts).encode()).hexdigest()


@dataclass(frozen=True)
class Taken:
    """What was counted, to be given back where it was; `left` of the limit, for so many more `seconds`."""

    store: BaseCache
    key: str
    amount: int = 1
    left: int = 0
    seconds: int = 0


def times(rate: Rate, factor: int) -> Rate:
    """So many times as often."""
    return None if rate is None else (rate[0] * factor, rate[1])


def client(address: str) -> str:
    """Who counts as one client: an IPv4 address, or the /64 that IPv6 gives to one subscriber (RFC 6177 §2)."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    return str(ip_network(f"{ip}/64", strict=False)) if ip.version == 6 else str(ip)


def take(*limits: Limit, amount: int = 1) -> list[Taken]:
    """Counts one try (or an `amount`, such as a cost) under each limit, and answers what was counted.

    Raises Throttled when a limit would be passed; then nothing is counted.
    """
    taken: list[Taken] = []
    for limit in limits:
        if limit.rate is None:
            continue
        most, seconds = limit.rate
        for store in _stores():
            with _down_if_it_fails(store):
                count, end = _add(store, limit.key, seconds, amount)
                break
        wait = max(1, end - int(time.time()))
        taken.append(Taken(store, limit.key, amount, max(0, most - count), wait))
        if count > most:
            give_back(taken)
            raise Throttled(wait)
    return taken


def give_back(taken: Iterable[Taken]) -> None:
    """Takes the tries back out of the count."""
    for one in taken:
        with _down_if_it_fails(one.store):
            try:
                one.store.decr(one.key, one.amount)
            except ValueError:
                continue  # its window is over


def _add(store: BaseCache, key: str, seconds: int, amount: int) -> tuple[int, int]:
    """The count with this in it, and the second at which its window ends. The first try begins a window."""
    while True:
        now = int(time.time())
        store.add(key, ((now + seconds) << _COUNT_BITS) + _ZERO, timeout=seconds)
        try:
            value = store.incr(key, amount)
        except ValueError:
            continue  # it ended between the two
        end, count = value >> _COUNT_BITS, (value & ((1 << _COUNT_BITS) - 1)) - _ZERO
        if now < end <= now + seconds:
            return count, end
        # Left over from another clock or another setting.
        store.delete(key)


def _stores() -> Iterator[BaseCache]:
    """Where to count: the cache, unless it failed a moment ago, then this process."""
    if time.monotonic() >= _down_until:
        yield cache
    yield _spare


@contextmanager
def _down_if_it_fails(store: BaseCache) -> Iterator[None]:
    """Leaves the cache alone for a while when it does not answer; whatever its driver raises says that."""
    global _down_until
    try:
        yield
    except Exception as error:
        if store is _spare:
            raise
        _down_until = time.monotonic() + LEFT_ALONE
        logger.warning("The cache is down, attempts are counted in this process: %s", error)
