"""Removes the files of an image that was deleted in any way, or replaced. The app's ready() imports this."""

import logging
import uuid
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete, pre_delete
from django.dispatch import receiver
from django.utils import timezone

from catalog.images import files
from catalog.images.models import ImageJob, ProductImage

logger = logging.getLogger(__name__)

# By then a worker that had read the image before it was deleted no longer writes files for it.
SECOND_REMOVAL_AFTER = timedelta(minutes=2)


@receiver(post_delete, sender=ProductImage, dispatch_uid="image files")
def remove_after_commit(instance: ProductImage, **_: Any) -> None:
    remove_files(instance.key)


@receiver(pre_delete, sender=ProductImage, dispatch_uid="replacement files")
def remove_replacement(instance: ProductImage, **_: Any) -> None:
    for job in instance.jobs.filter(kind=ImageJob.Kind.REPLACE):
        remove_files(job.key)


def remove_files(key: uuid.UUID) -> None:
    """Removes the files after the commit, and again by a job that is written in the same transaction."""
    ImageJob.put(ImageJob.Kind.REMOVE, key, due_at=timezone.now() + SECOND_REMOVAL_AFTER)
    transaction.on_commit(partial(_remove, key))


def _remove(key: uuid.UUID) -> None:
    try:
        files.remove(key)
    except Exception as error:
        # Whatever a storage raises. The image is deleted, and the job will try again.
        logger.warning("The files of image %s are left to the worker: %s", key, error)
