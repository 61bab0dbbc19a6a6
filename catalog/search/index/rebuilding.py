"""Builds a new index beside the one in use, and then switches to it. Searches and changes go on during the build.

During the build, changes that are applied to the index in use are marked `applied` instead of deleted. Before the
switch, all of them are applied to the new index too, the last ones with every other writer locked out.
"""

import logging
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from django.conf import settings

from catalog.models import Product
from catalog.search.changes import IndexChange
from catalog.search.index import store
from catalog.search.index.writing import Applier, all_product_rows

logger = logging.getLogger(__name__)
THREADS = 2
# How long to wait for a worker that is deleting changes, and for one in the middle of a batch.
REBUILD_LOCK_TIMEOUT_SECONDS, WRITER_LOCK_TIMEOUT_SECONDS = 10.0, 300.0
CHUNK_CHANGES = 2_000

Progress = Callable[[int, int], object]


class RebuildRunning(Exception):
    """Another process is building the index, or keeps writing to it."""


def rebuild(progress: Progress = lambda done, total: None, *, only_if_unavailable: bool = False) -> int:
    """Builds a new generation and switches to it. Returns the number of its products.

    `progress` is called with the number of products that are done and of all products. With `only_if_unavailable`
    nothing is built when another process has just done it. Raises RebuildRunning.
    """
    with store.lock(store.REBUILD, wait=REBUILD_LOCK_TIMEOUT_SECONDS) as held:
        if not held:
            raise RebuildRunning("the index is being rebuilt already")
        if only_if_unavailable and _is_available():
            return 0
        store.remove_old(age=0)
        generation = store.new_generation()
        try:
            return _build(generation, progress)
        except BaseException:
            shutil.rmtree(generation, ignore_errors=True)
            raise


def _is_available() -> bool:
    with suppress(store.IndexUnavailable):
        store.reader.snapshot()
        return True
    return False


def _build(generation: Path, progress: Progress) -> int:
    total = Product.objects.filter(is_active=True).count()
    heap = settings.SEARCH_INDEX_HEAP * 1_000_000 * THREADS
    done = 0
    with store.writing(generation, heap=heap, threads=THREADS) as writer:
        applier = Applier(writer)
        applier.add_named()
        progress(done, total)
        for rows in all_product_rows():
            applier.add_products(rows)
            done += len(rows)
            progress(done, total)
        writer.commit()
    applied: set[int] = set()
    _catch_up(generation, applied)
    with store.lock(store.WRITER, wait=WRITER_LOCK_TIMEOUT_SECONDS) as held:
        if not held:
            raise RebuildRunning("another process keeps writing to the index")
        _catch_up(generation, applied)
        store.switch_to(generation)
        _delete(applied)
    logger.info("search index rebuilt: %d products", done)
    return done


def _catch_up(generation: Path, applied: set[int]) -> None:
    """Applies the changes that the new generation lacks, and adds their keys to `applied`."""
    # Only those recorded until now: an endless import must not keep this going.
    waiting = [key for key in IndexChange.objects.order_by("id").values_list("id", flat=True) if key not in applied]
    if not waiting:
        return
    with store.writing(generation) as writer:
        applier = Applier(writer)
        for start in range(0, len(waiting), CHUNK_CHANGES):
            some = waiting[start : start + CHUNK_CHANGES]
            applier.replace(list(IndexChange.objects.filter(pk__in=some)))
            applied.update(some)
        writer.commit()


def _delete(keys: set[int]) -> None:
    ordered = sorted(keys)
    for start in range(0, len(ordered), CHUNK_CHANGES):
        IndexChange.objects.filter(pk__in=ordered[start : start + CHUNK_CHANGES]).delete()
