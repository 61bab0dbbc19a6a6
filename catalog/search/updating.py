"""Keeps the search index up to date: chooses the engine's indexes, and reports on them."""

import logging
from datetime import datetime, timedelta

from django.conf import settings

from catalog.search import following, log
from catalog.search.changes import changes_committed
from catalog.search.follower import follower
from catalog.search.following import Progress, Target
from catalog.search.index import snapshots, store
from catalog.search.index.writing import Generations
from catalog.search.opensearch.client import ClusterFailed
from catalog.search.opensearch.indexes import ClusterIndexes
from catalog.search.opensearch.moments import moments
from core.db import clock
from core.http.health import NotReadyError, register
from core.jobs.notify import notify
from core.jobs.readiness import register_jobs
from core.telemetry.metrics import register_gauge

logger = logging.getLogger(__name__)
TASK = "catalog.tasks.apply_index_changes"
# How long a notified worker, and a request that wants its change applied at once, wait for another writer.
LOCK_TIMEOUT_SECONDS, SYNC_LOCK_TIMEOUT_SECONDS = 3.0, 60.0
# An index that was not seen for so many seconds may have lost its host, which makes no other one unready.
UNSEEN_AFTER_SECONDS = 60.0


def target() -> Target | None:
    """The indexes of the engine; None when the database answers all searches."""
    targets: dict[str, type[Target]] = {"tantivy": Generations, "opensearch": ClusterIndexes}
    chosen = targets.get(settings.SEARCH_ENGINE)
    return chosen() if chosen else None


def start() -> None:
    """Starts listening to recorded changes, and reporting on the indexes in /readyz and /metrics."""
    changes_committed.connect(after_commit, dispatch_uid="search index")
    register("search", check)
    register_jobs("index", oldest_waiting)
    register_gauge("index_lag_seconds", "How old the oldest change is that an index lacks.", lag_seconds, label="index")


def follow(*, is_worker: bool) -> None:
    """Has a thread of this process follow the log, if there is an index to be kept."""
    if target() is not None:
        follower.start(target, is_worker=is_worker)


def check() -> None:
    """Raises NotReadyError when no index works, so that the database answers searches."""
    try:
        if settings.SEARCH_ENGINE == "tantivy":
            snapshots.reader.refresh()
        elif settings.SEARCH_ENGINE == "opensearch":
            moments.now()
    except (store.IndexUnavailable, ClusterFailed) as unavailable:
        raise NotReadyError(f"{unavailable}; the database answers meanwhile") from unavailable


def lag_seconds() -> dict[str, float]:
    """By index: how old the oldest change is that it lacks. Those of lost hosts are told as unseen."""
    return {_title(lag): lag.seconds for lag in log.lags()}


def _title(lag: log.Lag) -> str:
    return f"{lag.name} (unseen)" if lag.unseen_seconds > UNSEEN_AFTER_SECONDS else lag.name


def oldest_waiting() -> datetime | None:
    """When the oldest change was made that an index lacks, of those whose hosts live."""
    if settings.SEARCH_ENGINE == "database":
        return None
    behind = [lag.seconds for lag in log.lags() if lag.unseen_seconds <= UNSEEN_AFTER_SECONDS]
    if not behind:
        return log.oldest_after(log.current().trimmed)
    return clock.now() - timedelta(seconds=max(behind)) if max(behind) else None


def after_commit(**_: object) -> None:
    """Applies the changes now (SEARCH_INDEX_SYNC), or notifies the follower and the worker. Never raises."""
    if settings.SEARCH_ENGINE == "database":
        return
    if not settings.SEARCH_INDEX_SYNC:
        follower.notify()
        notify(TASK)
        return
    try:
        bring_up_to_date(wait=SYNC_LOCK_TIMEOUT_SECONDS)
    except Exception as error:
        # The change itself is committed, and its record waits for the follower.
        logger.warning("the search index lags behind: %s", error)


def bring_up_to_date(*, wait: float = LOCK_TIMEOUT_SECONDS) -> int:
    """Applies all changes, or builds the index when none can be brought up to date. Returns how many were applied.

    Does nothing when another process holds the lock for longer than `wait` seconds, because it does the same work.
    """
    indexes = target()
    if indexes is None:
        return 0
    applied = following.bring_up_to_date(indexes, wait=wait)
    if applied is None:
        following.mend(indexes)
    return applied or 0


def rebuild(progress: Progress = lambda done, total: None) -> int:
    """Builds the index anew. Returns the number of its products. Raises RebuildRunning."""
    indexes = target()
    return following.rebuild(indexes, progress) if indexes else 0


def apply_now() -> None:
    """Does what a message asks for: wakes the follower, or applies the changes where none lives."""
    if not follower.notify():
        bring_up_to_date()


def sweep() -> None:
    """Trims the log and removes what nobody uses. Applies changes where no follower does. Runs every few seconds."""
    if not follower.notify():
        bring_up_to_date(wait=0)
    log.trim()
    indexes = target()
    if indexes:
        with indexes.lock(following.REBUILD) as idle:
            if idle:
                following.tidy(indexes)
