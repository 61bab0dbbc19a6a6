"""The catalogue's Celery tasks: image jobs, imports, bulk changes, the search index and the search counts."""

import logging
from typing import Any

from celery import shared_task
from celery.signals import worker_shutting_down
from django.conf import settings
from django.utils import timezone

from catalog.bulk import jobs as bulk
from catalog.images import pipeline
from catalog.importing import job_files
from catalog.importing import jobs as importing
from catalog.search import counts
from catalog.search.index import updating

logger = logging.getLogger(__name__)


@worker_shutting_down.connect
def _stop(**_: Any) -> None:
    """Lets a stopping worker finish its current pictures, but not the queue. The rest goes on in the next one."""
    pipeline.stop()
    importing.stopping.set()
    bulk.stopping.set()


@shared_task
def work_images() -> None:
    """Runs image jobs until none is due, as many at once as the pool has children. Notified after each upload."""
    done = pipeline.work()
    if done:
        logger.info("%d image jobs done", done)


@shared_task
def sweep_images() -> None:
    """Finds jobs whose message was lost or whose worker died. Runs every few seconds."""
    pipeline.tidy_up()
    work_images()


@shared_task
def work_imports() -> None:
    """Does imports until none is due. Notified after each upload and confirmation."""
    importing.work()


@shared_task
def sweep_imports() -> None:
    """Finds imports whose message was lost or whose worker died. Runs every few seconds."""
    importing.work()


@shared_task
def delete_old_imports() -> None:
    """Deletes the files of imports after IMPORT_FILES_DAYS."""
    count = job_files.delete_old()
    if count:
        logger.info("The files of %d old imports were deleted", count)


@shared_task
def work_bulk_changes() -> None:
    """Does bulk changes until none is due. Notified after each confirmation."""
    bulk.work()


@shared_task
def sweep_bulk_changes() -> None:
    """Finds bulk changes whose message was lost or whose worker died. Runs every few seconds."""
    bulk.work()


@shared_task
def delete_old_bulk_changes() -> None:
    """Deletes drafts that nobody confirmed, and what is known of old changes."""
    count = bulk.delete_old()
    if count:
        logger.info("%d old bulk changes were deleted", count)


@shared_task(ignore_result=True)
def apply_index_changes() -> None:
    """Brings the search index up to date. Notified after each change."""
    updating.bring_up_to_date()


@shared_task(ignore_result=True)
def sweep_index() -> None:
    """Finds index changes whose message was lost. Runs every few seconds."""
    updating.sweep()


@shared_task(ignore_result=True)
def delete_old_search_counts() -> None:
    """Deletes what people looked for more than SEARCH_COUNTS_DAYS ago; with 0 all of it."""
    counts.delete_old(timezone.now().date(), settings.SEARCH_COUNTS_DAYS)
