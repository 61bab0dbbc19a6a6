"""Keeps the index up to date: applies recorded changes, one writer at a time. It may be killed at any moment.

A change is read, its rows are read fresh, their documents are replaced and committed, and only then is the change
deleted. After a kill anywhere in between, the same change is applied again, with the same result. There is no
high-water mark, because transactions do not commit in the order of their keys. Changes are deleted key by key.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings

from catalog.search.changes import IndexChange, changes_committed
from catalog.search.index import store
from catalog.search.index.rebuilding import RebuildRunning, rebuild
from catalog.search.index.writing import Applier
from core.http.health import NotReadyError, register
from core.jobs.notify import notify
from core.jobs.readiness import register_jobs

logger = logging.getLogger(__name__)
TASK = "catalog.tasks.apply_index_changes"
MAX_BATCH = 1_000
# How long a notified worker, and a request that wants its change applied at once, wait for another writer.
LOCK_TIMEOUT_SECONDS, SYNC_LOCK_TIMEOUT_SECONDS = 3.0, 60.0


def start() -> None:
    """Starts listening to recorded changes, and reporting on the index in /readyz."""
    changes_committed.connect(after_commit, dispatch_uid="search index")
    register("search", check)
    register_jobs("index", oldest_waiting)


def check() -> None:
    """Raises NotReadyError when no index works, so that the database answers searches."""
    if settings.SEARCH_ENGINE != "tantivy":
        return
    try:
        store.reader.snapshot()
    except store.IndexUnavailable as unavailable:
        raise NotReadyError(f"{unavailable}; the database answers meanwhile") from unavailable


def oldest_waiting() -> datetime | None:
    """When the oldest change was made that is not in the index yet."""
    if settings.SEARCH_ENGINE != "tantivy":
        return None
    return IndexChange.objects.filter(applied=False).order_by("id").values_list("created_at", flat=True).first()


def after_commit(**_: Any) -> None:
    """Applies the changes now (SEARCH_INDEX_SYNC), or notifies the worker. Never raises."""
    if settings.SEARCH_ENGINE != "tantivy":
        return
    if not settings.SEARCH_INDEX_SYNC:
        notify(TASK)
        return
    try:
        bring_up_to_date(wait=SYNC_LOCK_TIMEOUT_SECONDS)
    except Exception as error:
        # The change itself is committed, and its record waits for the next sweep.
        logger.warning("the search index lags behind: %s", error)


def bring_up_to_date(*, wait: float = LOCK_TIMEOUT_SECONDS) -> int:
    """Applies all waiting changes, or builds the index when none works. Returns how many changes were applied.

    Does nothing when another process holds the lock for longer than `wait` seconds, because it does the same work.
    """
    try:
        store.reader.snapshot()
    except store.IndexUnavailable as unavailable:
        logger.warning("rebuilding the search index: %s", unavailable)
        try:
            rebuild(only_if_unavailable=True)
        except RebuildRunning:
            logger.info("the search index is being rebuilt already")
        return 0
    if not IndexChange.objects.filter(applied=False).exists():
        return 0
    with store.lock(store.WRITER, wait=wait) as held:
        return _apply_all() if held else 0


def _apply_all() -> int:
    applied = 0
    with store.writing(store.current()) as writer:
        while changes := list(IndexChange.objects.filter(applied=False).order_by("id")[:MAX_BATCH]):
            Applier(writer).replace(changes)
            writer.commit()
            _finish(changes)
            applied += len(changes)
    return applied


def _finish(changes: Sequence[IndexChange]) -> None:
    """Deletes changes that are in the index now. During a rebuild they are kept for the new index."""
    rows = IndexChange.objects.filter(pk__in=[change.pk for change in changes])
    with store.lock(store.REBUILD) as idle:
        if idle:
            rows.delete()
        else:
            rows.update(applied=True)


def sweep() -> None:
    """Does the work whose messages were lost: applies changes, rebuilds, tidies up. Runs every few seconds."""
    if settings.SEARCH_ENGINE != "tantivy":
        # Without updates the index would be out of date. A later switch back to Tantivy builds a new one.
        store.discard()
        IndexChange.objects.all().delete()
        return
    bring_up_to_date(wait=0)
    with store.lock(store.REBUILD) as idle:
        if idle:
            # They were kept for a rebuild that was killed.
            IndexChange.objects.filter(applied=True).delete()
            store.remove_old()
