"""Watches how far each replica of the database is behind, in threads of this process: no request waits for that.

A row of the primary holds the time by the primary's clock. Whichever process finds it older than an interval writes it
anew. How far a replica is behind is the difference between the primary's value and the replica's, so no two clocks are
compared. What is promised, with a lag of at most DATABASE_REPLICA_MAX_LAG seconds:

- half of it is how far behind the replica may be found;
- the other half is for the age of what was found: an interval for that of the row, two for that of the looks.

While the primary does not answer, a replica stays usable that has all the primary was last seen to have.
"""

import logging
import math
import os
import random
import threading
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db.models import QuerySet
from django.db.models.functions import Now

from core.http import health
from core.http.health import NotReadyError
from core.models import Heartbeat
from core.telemetry.metrics import register_gauge

logger = logging.getLogger(__name__)

# The row's name.
PRIMARY = "primary"
# What a look may take. A server that hangs costs its thread no more.
TIMEOUT_SECONDS = 1


@dataclass(slots=True)
class _Seen:
    """The row's value in one database, and when it was looked up, by this process's clock."""

    value: datetime | None = None
    at: float = -math.inf
    error: str | None = None


_seen: dict[str, _Seen] = {}
_told: dict[str, str | None] = {}
_lock = threading.Lock()
_ending = threading.Event()


def interval_seconds() -> float:
    return settings.DATABASE_REPLICA_MAX_LAG / 6


def usable() -> list[str]:
    """The aliases of the replicas that may be read now, in random order."""
    start()
    aliases = [alias for alias in settings.DATABASE_REPLICAS if reason(alias) is None]
    random.shuffle(aliases)
    return aliases


def failed(alias: str, error: Exception) -> None:
    """A read has failed on this replica: it is left alone until the next look finds it well."""
    _seen[alias] = _Seen(error=health.reason(error))
    _tell(alias)


def lag_seconds(alias: str) -> float:
    """How far the replica was behind when it was last looked at; infinite when that is not known."""
    replica, primary = _seen.get(alias), _seen.get(PRIMARY)
    if replica is None or primary is None or replica.value is None or primary.value is None:
        return math.inf
    return (primary.value - replica.value).total_seconds()


def reason(alias: str) -> str | None:
    """Why the replica is left alone; None when it may be read."""
    now, replica = time.monotonic(), _seen.get(alias)
    if replica is None:
        return "not looked at yet"
    if replica.error is not None:
        return replica.error
    if now - replica.at > 2 * interval_seconds():
        return "no answer in time"
    primary, lag = _seen[PRIMARY], lag_seconds(alias)
    if primary.error is None:
        if now - primary.at > 2 * interval_seconds():
            return "the primary does not say what it has"
        # After a failover the primary's clock may be another one, which is behind.
        lag = abs(lag)
    return None if lag <= settings.DATABASE_REPLICA_MAX_LAG / 2 else f"{lag:.1f} s behind"


def start() -> None:
    """Starts a thread for the primary and one for each replica, unless they run or there is no replica."""
    if _seen or not settings.DATABASE_REPLICAS:
        return
    with _lock:
        if _seen:
            return
        for name in (PRIMARY, *settings.DATABASE_REPLICAS):
            _seen[name] = _Seen(error="not looked at yet")
            threading.Thread(target=_watch, args=(name, _ending), name=f"watch {name}", daemon=True).start()


def stop() -> None:
    """Ends the threads, and forgets what they have seen."""
    global _ending
    with _lock:
        _ending.set()
        _ending = threading.Event()
        _seen.clear()
        _told.clear()


def _watch(name: str, ending: threading.Event) -> None:
    alias = DEFAULT_DB_ALIAS if name == PRIMARY else name
    # A connection of the thread's own, with a limit of its own on each answer.
    database: Any = connections[alias].copy()
    if database.vendor == "mysql":
        limits = {"connect_timeout": TIMEOUT_SECONDS, "read_timeout": TIMEOUT_SECONDS}
        database.settings_dict["OPTIONS"] = {**database.settings_dict["OPTIONS"], **limits}
    connections[DEFAULT_DB_ALIAS] = database
    while not ending.is_set():
        started = time.monotonic()
        try:
            value = _primary_value() if name == PRIMARY else _value()
            seen = _Seen(value, started)
        except Exception as error:
            # Drivers raise errors of every kind. The last value of the primary stays: nobody knows a newer one.
            last = _seen.get(name, _Seen()) if name == PRIMARY else _Seen()
            seen = replace(last, error=health.reason(error))
            _close(database)
        if not ending.is_set():
            _seen[name] = seen
            if name != PRIMARY:
                _tell(name)
        ending.wait(max(0.05, interval_seconds() - (time.monotonic() - started)))
    _close(database)


def _primary_value() -> datetime:
    """The time in the row, which is written anew if it is older than an interval."""
    value: datetime
    for value, now in _row().values_list("seen_at", Now()):
        if abs(now - value) <= timedelta(seconds=interval_seconds()):
            return value
        # Only if no other process has.
        if _row().filter(seen_at__lte=value).update(seen_at=Now()):
            return _value()
    Heartbeat.objects.bulk_create([Heartbeat(name=PRIMARY, seen_at=Now())], ignore_conflicts=True)
    return _value()


def _value() -> datetime:
    value: datetime = _row().values_list("seen_at", flat=True).get()
    return value


def _row() -> QuerySet[Heartbeat]:
    return Heartbeat.objects.filter(name=PRIMARY)


def _close(database: Any) -> None:
    try:
        database.close()
    except Error:
        database.connection = None


def _tell(alias: str) -> None:
    """Logs when a replica begins to be left alone, and when it is used again."""
    why = reason(alias)
    with _lock:
        before = _told.get(alias)
        _told[alias] = why
    if why is not None and before is None:
        logger.warning("%s is left alone, and the primary answers for it: %s", alias, why)
    elif why is None and before is not None:
        logger.info("%s is near enough again", alias)


def check() -> health.Facts:
    """`lag_seconds` by replica. Raises NotReadyError: degraded when one is left alone."""
    start()
    lags = {alias: round(lag, 2) for alias in settings.DATABASE_REPLICAS if (lag := lag_seconds(alias)) < math.inf}
    why = {alias: text for alias in settings.DATABASE_REPLICAS if (text := reason(alias)) is not None}
    if why:
        texts = ", ".join(f"{alias}: {text}" for alias, text in why.items())
        raise NotReadyError(f"left alone: {texts}", status="degraded", lag_seconds=lags)
    return {"lag_seconds": lags}


def _lags() -> dict[str, float]:
    start()
    return {alias: lag_seconds(alias) for alias in settings.DATABASE_REPLICAS}


def register() -> None:
    """Adds the check and the metric, where there are replicas."""
    register_gauge(
        "replica_lag_seconds",
        "How far each replica is behind the primary; +Inf: not known.",
        _lags,
        label="replica",
    )
    if settings.DATABASE_REPLICAS:
        health.register("replicas", check)


def _reset_after_fork() -> None:
    """A forked process has no threads."""
    global _lock, _ending
    _lock, _ending = threading.Lock(), threading.Event()
    _seen.clear()
    _told.clear()


os.register_at_fork(after_in_child=_reset_after_fork)
