"""Limits, whose attempts count together, and the counters of what every request spends (core.throttling.budget).

These counters are in the cache, for they are asked by every request; what guards accounts is counted in the database
(core.throttling.attempts). A cache that is down is replaced for a while by a counter in this process.
"""

import hashlib
import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_network

from django.core.cache import cache
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache

from core.errors import Throttled
from core.http.proxies import parse_address

logger = logging.getLogger(__name__)

Rate = tuple[int, int] | None
# Seconds without asking a cache that did not answer.
LEFT_ALONE = 10
# One number holds the end of the window (seconds since 1970) above this many bits and the count below them: so `incr`,
# which is atomic everywhere, tells both. Counting begins in the middle: what is given back late borrows nothing.
_COUNT_BITS = 24
_ZERO = 1 << (_COUNT_BITS - 1)
# A subscriber is given a /64, often a /56; a site a /48 (RFC 6177 §2). A wider network may do so many times as much.
_IPV6_NETWORKS = ((48, 4), (56, 2), (64, 1))
_spare = LocMemCache("throttle", {"OPTIONS": {"MAX_ENTRIES": 100_000}})
_down_until = 0.0


@dataclass(frozen=True)
class Limit:
    """At most so many of something (its parts: what, for whom) in so many seconds; None: no limit.

    `refuses`: False for what is only counted.
    """

    rate: Rate
    parts: tuple[str, ...]
    refuses: bool = True

    @cached_property
    def digest(self) -> str:
        """The counter's name: hashed, for addresses are personal data and have any length."""
        return hashlib.sha256("\0".join(self.parts).encode(errors="replace")).hexdigest()

    @property
    def key(self) -> str:
        """The counter's name in the cache."""
        return f"throttle:{self.digest}"


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


def networks(address: str) -> list[tuple[str, int]]:
    """The networks that a client address stands for, widest first, each with how many clients' share it may use."""
    try:
        ip = parse_address(address)
    except ValueError:
        return [(address, 1)]
    if ip.version == 4:
        return [(str(ip), 1)]
    return [(str(ip_network(f"{ip}/{length}", strict=False)), share) for length, share in _IPV6_NETWORKS]


def client(address: str) -> str:
    """Who counts as one client: an IPv4 address, or the /64 that IPv6 gives to one subscriber."""
    return networks(address)[-1][0]


def site(address: str) -> str:
    """The place that a client is at, roughly: somebody may well have all of an IPv4 /24 or an IPv6 /48."""
    try:
        ip = parse_address(address)
    except ValueError:
        return address
    return str(ip_network(f"{ip}/{24 if ip.version == 4 else 48}", strict=False))


def for_client(rate: Rate, *parts: str, address: str) -> list[Limit]:
    """The limits of a client address: its own, and those of the wider networks that it is in."""
    return [Limit(times(rate, share), (*parts, network)) for network, share in networks(address)]


def take(*limits: Limit, amount: int = 1) -> list[Taken]:
    """Spends an `amount`, such as a cost, of each limit, and answers what was counted.

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
    """Takes the amounts back out of the count."""
    for one in taken:
        with _down_if_it_fails(one.store):
            try:
                one.store.decr(one.key, one.amount)
            except ValueError:
                continue  # its window is over


def _add(store: BaseCache, key: str, seconds: int, amount: int) -> tuple[int, int]:
    """The count with this in it, and the second at which its window ends. The first amount begins a window."""
    while True:
        now = int(time.time())
        try:
            value = store.incr(key, amount)
        except ValueError:
            # None yet, or it has just ended.
            store.add(key, ((now + seconds) << _COUNT_BITS) + _ZERO, timeout=seconds)
            continue
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
        logger.warning("The cache is down, budgets are counted in this process: %s", error)
