"""What the worker does for the demo shop. The task's name puts it into the queue of images (CELERY_TASK_ROUTES)."""

import logging

from celery import shared_task

from catalog.demo.pictures import draw_pictures

logger = logging.getLogger(__name__)


@shared_task(ignore_result=True)
def draw_images() -> None:
    """Notified by seed_demo, and called every few seconds."""
    count = draw_pictures()
    if count:
        logger.info("%d demo pictures drawn", count)
