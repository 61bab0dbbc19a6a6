"""What a worker does for a claimed job, and what becomes of it: done and gone, due again later, or given up."""

import logging
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from catalog.images import files
from catalog.images.models import ERROR_LENGTH, ImageJob, ImageStatus, ProductImage, Rendition
from catalog.images.pool import Failure, JobFailed, JobRefused, Pool
from catalog.images.protocol import Head, Parts
from catalog.images.sizes import FIRST, LATER, ImageFormat, ImageSize
from core.db.transactions import run_in_transaction
from core.jobs import job as job_rows

logger = logging.getLogger(__name__)

# An image that crashes, hangs or exhausts a child is tried once more, by a new one.
CRASHES = 2
# Children that others kill say nothing about the image: it is tried again at once, then later.
KILLED_IN_A_ROW = 5
# For what is not the image's fault: a full disk, a storage or a worker that is gone. With the pauses, some hours.
ATTEMPTS = 50
SHORTEST_PAUSE, LONGEST_PAUSE = timedelta(seconds=1), timedelta(minutes=5)
GIVEN_UP = "It could not be worked on. Try again, or upload it anew."

Kind = ImageJob.Kind


class ClaimLost(Exception):
    """Another worker has the job now, or it is gone: nothing of this one's work counts."""


def do(job: ImageJob, pool: Pool) -> None:
    """Does a claimed job; never raises but for a database that is away (the claim then runs out)."""
    try:
        WORK[Kind(job.kind)](job, pool)
    except ClaimLost:
        logger.warning("%s: another worker has it, or it is gone", job)
        _forget(job)
    except JobRefused as refused:
        _give_up(job, str(refused))
    except JobFailed as failed:
        _failed(job, failed)
    except files.OriginalGone as error:
        logger.error("%s: its original is gone: %s", job, error)
        _give_up(job, "The uploaded file is gone. Upload it anew.")
    except DatabaseError:
        raise
    except Exception as error:
        # A full disk, a storage that does not answer: nothing that the image is at fault for.
        logger.exception("%s", job)
        _later(job, f"{type(error).__name__}: {error}")


def put_back(job: ImageJob, error: Exception) -> None:
    """Lets a claimed job be done later that the database was too busy for."""
    run_in_transaction(partial(_later, job, str(error)))


def settle() -> None:
    """Brings images in line with their jobs, whatever ended a worker between two steps."""
    given_up = ImageJob.objects.filter(image=OuterRef("pk"), kind=Kind.RENDER, status=job_rows.FAILED)
    pending = ProductImage.objects.filter(status=ImageStatus.PENDING)
    pending.filter(Exists(given_up)).update(status=ImageStatus.FAILED, error=GIVEN_UP)
    for image in pending.exclude(Exists(ImageJob.objects.filter(image=OuterRef("pk"), kind=Kind.RENDER))):
        ImageJob.put(Kind.RENDER, image.key, image=image)


def _render_first(job: ImageJob, pool: Pool) -> None:
    image = _image_of(job)
    head, made = _render(image, FIRST, job, pool)

    def become_ready() -> None:
        # Uploaded again or retried meanwhile, it stays what it is; deleted, it is gone with its job.
        changed = ProductImage.objects.filter(pk=image.pk).update(
            status=ImageStatus.READY,
            error="",
            width=head["width"],
            height=head["height"],
            placeholder=head["placeholder"],
        )
        if not changed:
            raise ClaimLost
        ImageJob.put(Kind.LATER, image.key, image=image)

    _finish(job, image, FIRST, head, made, become_ready)


def _render_later(job: ImageJob, pool: Pool) -> None:
    image = _image_of(job)
    _finish(job, image, LATER, *_render(image, LATER, job, pool), lambda: None)


def _remove(job: ImageJob, pool: Pool) -> None:
    files.remove(job.key)
    _end(job)


WORK = {Kind.REMOVE: _remove, Kind.RENDER: _render_first, Kind.LATER: _render_later}


def _image_of(job: ImageJob) -> ProductImage:
    image = ProductImage.objects.filter(pk=job.image_id or 0).first()
    if image is None:
        raise ClaimLost
    return image


def _render(image: ProductImage, formats: tuple[ImageFormat, ...], job: ImageJob, pool: Pool) -> tuple[Head, Parts]:
    data = files.read_original(files.original_name(image.key, image.sha256, image.source))
    return _run(
        pool,
        "render",
        data,
        source=image.source,
        formats=[each.value for each in formats],
        max_pixels=settings.IMAGE_MAX_PIXELS,
    )


def _run(pool: Pool, task: str, *parts: bytes, **arguments: Any) -> tuple[Head, Parts]:
    """As the pool does; a child that somebody else killed is replaced and asked again."""
    for _ in range(KILLED_IN_A_ROW - 1):
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
    made: Parts,
    also: Any,
) -> None:
    """Files first, then all rows at once. Raises ClaimLost, and then no row is changed."""
    rows = []
    for about, data in zip(head["renditions"], made, strict=True):
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
    # While the claim is ours nobody else writes these formats: what a worker left that was killed can go.
    files.keep_only(files.served(), image.key, [row.name for row in rows], formats)

    def write() -> None:
        _end(job)
        Rendition.objects.filter(image=image, format__in=formats).delete()
        Rendition.objects.bulk_create(rows)
        also()

    run_in_transaction(write)


def _end(job: ImageJob) -> None:
    """Deletes the claimed job. Raises ClaimLost when it is not ours any more."""
    if not ImageJob.objects.filter(pk=job.pk, claim=job.claim, status=job_rows.CLAIMED).delete()[0]:
        raise ClaimLost


def _forget(job: ImageJob) -> None:
    """Removes the files of an image that was deleted while it was worked on; they may be newer than the removal."""
    if job.kind in (Kind.RENDER, Kind.LATER) and not ProductImage.objects.filter(key=job.key).exists():
        files.remove(job.key)


def _failed(job: ImageJob, failed: JobFailed) -> None:
    if failed.failure is Failure.KILLED:
        _later(job, str(failed))
        return
    logger.warning("%s: %s", job, failed)
    if job.crashes + 1 >= CRASHES:
        _give_up(job, str(failed))
    else:
        job_rows.move(job, job_rows.DUE, crashes=job.crashes + 1, reason=str(failed))


def _later(job: ImageJob, reason: str) -> None:
    if job.attempts >= ATTEMPTS:
        _give_up(job, GIVEN_UP)
        return
    pause = min(SHORTEST_PAUSE * 2 ** min(job.attempts - 1, 20), LONGEST_PAUSE)
    job_rows.move(job, job_rows.DUE, due_at=timezone.now() + pause, reason=job_rows.shortened(reason))


def _give_up(job: ImageJob, reason: str) -> None:
    """The job stays as FAILED with its reason; an image that it would have made READY says so."""
    logger.warning("%s is given up: %s", job, reason)
    with transaction.atomic():
        if job_rows.move(job, job_rows.FAILED, reason=job_rows.shortened(reason)) and job.kind == Kind.RENDER:
            shown = reason[:ERROR_LENGTH]
            pending = ProductImage.objects.filter(pk=job.image_id or 0, status=ImageStatus.PENDING)
            pending.update(status=ImageStatus.FAILED, error=shown)
