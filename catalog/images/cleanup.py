"""The files of a deleted image go after the commit, however its row was deleted. Connected by the app's ready()."""

import logging
import uuid
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.utils import timezone

from catalog.images import files
from catalog.images.models import ImageJob, ProductImage

logger = logging.getLogger(__name__)

# By then no worker writes for the image any more that knew it before it was deleted.
ONCE_MORE = timedelta(minutes=2)


@receiver(post_delete, sender=ProductImage, dispatch_uid="image files")
def remove_after_commit(instance: ProductImage, **_: Any) -> None:
    """Removes the files at once, and once more a little later: the row for that is in the same transaction."""
    ImageJob.put(ImageJob.Kind.REMOVE, instance.key, due_at=timezone.now() + ONCE_MORE)
    transaction.on_commit(partial(_remove, instance.key))


def _remove(key: uuid.UUID) -> None:
    try:
        files.remove(key)
    except Exception as error:
        # Whatever a storage raises; the row is deleted and answered, the job will try again.
        logger.warning("The files of image %s are left to the worker: %s", key, error)
