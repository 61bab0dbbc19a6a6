"""What the worker does for the catalogue."""

import logging
from typing import Any

from celery import shared_task
from celery.signals import worker_shutting_down

from catalog.images import pipeline
from catalog.search.index import updating

logger = logging.getLogger(__name__)


@worker_shutting_down.connect
def _stop(**_: Any) -> None:
    """A worker told to stop finishes the pictures at hand, not the queue."""
    pipeline.stop()


@shared_task
def work_images() -> None:
    """Notified after each upload: works until nothing is due, as many at once as the pool has children."""
    done = pipeline.work()
    if done:
        logger.info("%d image jobs done", done)


@shared_task
def sweep_images() -> None:
    """Every few seconds: finds what no message told of, and what workers left that are gone."""
    pipeline.tidy_up()
    work_images()


@shared_task(ignore_result=True)
def apply_index_changes() -> None:
    """Notified after each change."""
    updating.bring_up_to_date()


@shared_task(ignore_result=True)
def sweep_index() -> None:
    """Every few seconds: finds what no message told of."""
    updating.sweep()
