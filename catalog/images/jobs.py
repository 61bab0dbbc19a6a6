"""Does a claimed image job. Afterwards the job is deleted, due again, or FAILED."""

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from catalog.images import cleanup, files
from catalog.images.models import ERROR_LENGTH, ImageJob, ImageStatus, ProductImage, Rendition
from catalog.images.pool import Failure, JobFailed, JobRefused, Pool
from catalog.images.protocol import Head, Parts
from catalog.images.sizes import FIRST, LATER, ImageFormat, ImageSize
from core.db.transactions import run_in_transaction
from core.jobs.job import CLAIMED, DUE, FAILED, move, shortened

logger = logging.getLogger(__name__)

# An image is given up when children have crashed, hung or used up their memory over it so often.
MAX_CRASHES = 2
# How often in a row a job is given to a new child after something else than the image ended the last one.
MAX_KILLS = 5
# For causes outside the image: a full disk, an unreachable storage, dead workers. With the pauses this takes hours.
MAX_ATTEMPTS = 50
MIN_PAUSE, MAX_PAUSE = timedelta(seconds=1), timedelta(minutes=5)
GIVEN_UP = "The picture could not be processed. Try again, or upload it anew."
SAME_PICTURE = "The product has this picture already."

Kind = ImageJob.Kind


class ClaimLost(Exception):
    """Another worker has the job now, or it was deleted. What this worker did does not count."""


def do(job: ImageJob, pool: Pool) -> None:
    """Does a claimed job. Raises DatabaseError only; the claim then runs out."""
    try:
        WORK[Kind(job.kind)](job, pool)
    except ClaimLost:
        logger.warning("%s: another worker has it, or it was deleted", job)
        _remove_if_deleted(job)
    except JobRefused as refused:
        _give_up(job, str(refused))
    except JobFailed as failed:
        _retry_after_failure(job, failed)
    except files.OriginalGone as error:
        logger.error("%s: its original is gone: %s", job, error)
        _give_up(job, "The uploaded file is gone. Upload it anew.")
    except DatabaseError:
        raise
    except Exception as error:
        # A full disk or a storage that does not answer: the image itself may be fine.
        logger.exception("%s", job)
        _retry_later(job, f"{type(error).__name__}: {error}")


def put_back(job: ImageJob, error: Exception) -> None:
    """Makes a claimed job due again later, because the database was too busy for it."""
    run_in_transaction(partial(_retry_later, job, str(error)))


def settle() -> None:
    """Repairs PENDING images whose worker died between two steps.

    An image whose job is FAILED becomes FAILED; an image without a job gets one.
    """
    given_up = ImageJob.objects.filter(image=OuterRef("pk"), kind=Kind.RENDER, status=FAILED)
    pending = ProductImage.objects.filter(status=ImageStatus.PENDING)
    pending.filter(Exists(given_up)).update(status=ImageStatus.FAILED, error=GIVEN_UP)
    for image in pending.exclude(Exists(ImageJob.objects.filter(image=OuterRef("pk"), kind=Kind.RENDER))):
        ImageJob.put(Kind.RENDER, image.key, image=image)


def _render_first(job: ImageJob, pool: Pool) -> None:
    image = _image_of(job)
    head, parts = _render(image, FIRST, pool)

    def become_ready() -> None:
        num_updated = ProductImage.objects.filter(pk=image.pk).update(
            status=ImageStatus.READY,
            error="",
            width=head["width"],
            height=head["height"],
            placeholder=head["placeholder"],
        )
        if not num_updated:
            raise ClaimLost
        ImageJob.put(Kind.LATER, image.key, image=image)

    _finish(job, image, FIRST, head, parts, become_ready)


def _render_later(job: ImageJob, pool: Pool) -> None:
    image = _image_of(job)
    _finish(job, image, LATER, *_render(image, LATER, pool))


def _remove(job: ImageJob, pool: Pool) -> None:
    files.remove(job.key)
    _end(job)


def _replace(job: ImageJob, pool: Pool) -> None:
    """Renders the upload, then gives the image its key, fields and renditions in one transaction."""
    image = _image_of(job)
    old_key, image.key, fields = image.key, job.key, dict(job.upload or {})
    for name, value in fields.items():
        setattr(image, name, value)
    head, parts = _render(image, FIRST, pool)

    def take_over() -> None:
        product_images = ProductImage.objects.filter(product=image.product_id)
        if product_images.filter(sha256=image.sha256).exclude(pk=image.pk).exists():
            raise JobRefused(SAME_PICTURE)
        shown = {"width": head["width"], "height": head["height"], "placeholder": head["placeholder"]}
        fields.update(shown, key=job.key, status=ImageStatus.READY, error="")
        if not ProductImage.objects.filter(pk=image.pk, key=old_key).update(**fields):
            raise ClaimLost
        Rendition.objects.filter(image=image, format__in=LATER).delete()
        ImageJob.objects.filter(image=image).delete()
        ImageJob.put(Kind.LATER, job.key, image=image)
        cleanup.remove_files(old_key)

    _finish(job, image, FIRST, head, parts, take_over)


WORK = {Kind.REMOVE: _remove, Kind.RENDER: _render_first, Kind.REPLACE: _replace, Kind.LATER: _render_later}


def _image_of(job: ImageJob) -> ProductImage:
    image = ProductImage.objects.filter(pk=job.image_id or 0).first()
    if image is None:
        raise ClaimLost
    return image


def _render(image: ProductImage, formats: tuple[ImageFormat, ...], pool: Pool) -> tuple[Head, Parts]:
    data = files.read_original(files.original_name(image.key, image.sha256, image.source))
    return _run(
        pool,
        "render",
        data,
        source=image.source,
        formats=[format.value for format in formats],
        max_pixels=settings.IMAGE_MAX_PIXELS,
    )


def _run(pool: Pool, task: str, *parts: bytes, **arguments: object) -> tuple[Head, Parts]:
    """`pool.run`, with a new child when somebody else killed the last one."""
    for _ in range(MAX_KILLS - 1):
        try:
            return pool.run(task, *parts, **arguments)
        except JobFailed as failed:
            if failed.failure is not Failure.KILLED:
                raise
    return pool.run(task, *parts, **arguments)


def _finish(
    job: ImageJob,
    image: ProductImage,
    formats: tuple[ImageFormat, ...],
    head: Head,
    parts: Parts,
    also: Callable[[], None] = lambda: None,
) -> None:
    """Writes the files, then all rows and what `also` does, in one transaction. On ClaimLost no row is changed."""
    rows = []
    for about, data in zip(head["renditions"], parts, strict=True):
        size, format = ImageSize(about["size"]), ImageFormat(about["format"])
        name = files.rendition_name(image.key, size, format, data)
        files.store_rendition(name, data)
        rows.append(
            Rendition(
                image=image,
                size=size,
                format=format,
                name=name,
                width=int(about["width"]),
                height=int(about["height"]),
                bytes=len(data),
            )
        )
    # Nobody else writes these formats while the claim is ours, so other files of them were left by a killed worker.
    files.keep_only(files.served(), image.key, [row.name for row in rows], formats)

    def write() -> None:
        _end(job)
        Rendition.objects.filter(image=image, format__in=formats).delete()
        Rendition.objects.bulk_create(rows)
        also()

    run_in_transaction(write)


def _end(job: ImageJob) -> None:
    """Deletes the claimed job. Raises ClaimLost."""
    if not ImageJob.objects.filter(pk=job.pk, claim=job.claim, status=CLAIMED).delete()[0]:
        raise ClaimLost


def _remove_if_deleted(job: ImageJob) -> None:
    """Removes the files if nothing needs them any more: this job may have written them after they had been removed."""
    is_wanted = (
        ProductImage.objects.filter(key=job.key).exists()
        or ImageJob.objects.filter(key=job.key, kind=Kind.REPLACE).exists()
    )
    if job.kind != Kind.REMOVE and not is_wanted:
        files.remove(job.key)


def _retry_after_failure(job: ImageJob, failed: JobFailed) -> None:
    if failed.failure is Failure.KILLED:
        _retry_later(job, str(failed))
        return
    logger.warning("%s: %s", job, failed)
    if job.crashes + 1 >= MAX_CRASHES:
        _give_up(job, str(failed))
    else:
        move(job, DUE, crashes=job.crashes + 1, reason=str(failed))


def _retry_later(job: ImageJob, reason: str) -> None:
    if job.attempts >= MAX_ATTEMPTS:
        _give_up(job, GIVEN_UP)
        return
    pause = min(MIN_PAUSE * 2 ** min(job.attempts - 1, 20), MAX_PAUSE)
    move(job, DUE, due_at=timezone.now() + pause, reason=shortened(reason))


def _give_up(job: ImageJob, reason: str) -> None:
    """Makes the job FAILED with its reason, and the image too when the job was to make it READY."""
    logger.warning("%s is given up: %s", job, reason)
    with transaction.atomic():
        if move(job, FAILED, reason=shortened(reason)) and job.kind == Kind.RENDER:
            pending = ProductImage.objects.filter(pk=job.image_id or 0, status=ImageStatus.PENDING)
            pending.update(status=ImageStatus.FAILED, error=reason[:ERROR_LENGTH])
