"""Keeps the index true: applies recorded changes, one writer at a time, and may be killed at any moment.

A change is read, its rows are read fresh, their documents are replaced and committed, and only then the change is
deleted. Killed anywhere between, the same change is applied again, to the same end. There is no high-water mark: keys
commit out of order, so exactly those rows are deleted that were read.
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
BATCH = 1_000
# Seconds for which a notified worker, and a request that wants its change applied, wait for another writer.
PATIENCE, SYNC_PATIENCE = 3.0, 60.0


def start() -> None:
    """Follows the recorded changes from now on, and answers for the index in /readyz."""
    changes_committed.connect(after_commit, dispatch_uid="search index")
    register("search", check)
    register_jobs("index", oldest_waiting)


def check() -> None:
    """Raises NotReadyError when searches go to the database for want of an index."""
    if settings.SEARCH_ENGINE != "tantivy":
        return
    try:
        store.reader.snapshot()
    except store.IndexUnavailable as unavailable:
        raise NotReadyError(f"{unavailable}; the database answers meanwhile") from unavailable


def oldest_waiting() -> datetime | None:
    """When the oldest change was made that the index does not know."""
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
        bring_up_to_date(wait=SYNC_PATIENCE)
    except Exception as error:
        # What caused the change is done and committed, and its record waits for the next sweep.
        logger.warning("the search index lags behind: %s", error)


def bring_up_to_date(*, wait: float = PATIENCE) -> int:
    """Applies all waiting changes, or builds the index when there is none that works; how many were applied.

    Does nothing when another process keeps the lock for longer than `wait` seconds: it is at the same work.
    """
    try:
        store.reader.snapshot()
    except store.IndexUnavailable as unavailable:
        logger.warning("rebuilding the search index: %s", unavailable)
        try:
            rebuild()
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
        while changes := list(IndexChange.objects.filter(applied=False).order_by("id")[:BATCH]):
            Applier(writer).replace(changes)
            writer.commit()
            _done(changes)
            applied += len(changes)
    return applied


def _done(changes: Sequence[IndexChange]) -> None:
    """The index in use holds the changes; one that is being built does not yet."""
    rows = IndexChange.objects.filter(pk__in=[change.pk for change in changes])
    with store.lock(store.REBUILD) as idle:
        if idle:
            rows.delete()
        else:
            rows.update(applied=True)


def sweep() -> None:
    """What must be done every few seconds whether or not anybody asked: apply, rebuild, tidy up."""
    if settings.SEARCH_ENGINE != "tantivy":
        # Nobody keeps an index true here: should one be wanted again, it is built anew.
        store.discard()
        IndexChange.objects.all().delete()
        return
    bring_up_to_date(wait=0)
    with store.lock(store.REBUILD) as idle:
        if idle:
            # Kept for a rebuild that did not live to see its end.
            IndexChange.objects.filter(applied=True).delete()
            store.remove_old()
