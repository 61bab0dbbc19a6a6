"""Changes a product's images. Each change is one transaction and notifies the worker after the commit."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from catalog import policy
from catalog.images import cleanup, files, uploads
from catalog.images.jobs import SAME_PICTURE
from catalog.images.models import ImageJob, ImageStatus, ProductImage
from catalog.models import Product
from core.auth.policy import Actor
from core.db.transactions import run_in_transaction
from core.errors import ErrorCode, InvalidInput
from core.history.recording import record
from core.jobs.job import FAILED
from core.jobs.notify import notify

TASK = "catalog.tasks.work_images"
Kind = ImageJob.Kind


@dataclass(frozen=True)
class Upload:
    """The outcome of an upload. `is_new` is False when the product has these bytes and they need no rendering."""

    image: ProductImage
    is_new: bool


def image_upload(*, actor: Actor, product_id: int | None, file: BinaryIO | None, alt: str = "") -> Upload:
    """Adds a picture to a product and has it rendered. A file of None was larger than IMAGE_MAX_BYTES.

    Bytes that the product has already return the existing image, which is tried again when it is FAILED. Raises
    InvalidInput: FORBIDDEN, NOT_FOUND, INVALID (alt), UNSUPPORTED_IMAGE, IMAGE_TOO_LARGE, LIMIT_EXCEEDED.
    """
    policy.ADD_IMAGES.check(actor)
    alt = uploads.clean_alt(alt)
    if product_id is None or not Product.objects.filter(pk=product_id).exists():
        raise InvalidInput.at("productId", message="There is no such product.", code=ErrorCode.NOT_FOUND)
    if file is None:
        raise uploads.too_large()
    facts = uploads.facts_of(file)
    digest = files.digest(file)
    same = ProductImage.objects.filter(product_id=product_id, sha256=digest.sha256)
    if (existing := same.first()) is not None:
        is_retried = _render_again(same.filter(pk=existing.pk)) > 0
        if is_retried:
            existing.refresh_from_db()
        return Upload(existing, is_new=is_retried)
    image = ProductImage(product_id=product_id, alt=alt, source=facts.format, width=facts.width, height=facts.height)
    image.bytes, image.sha256 = digest.bytes, digest.sha256
    # The file is stored first. images_check finds files without a row, but a row without a file cannot be rendered.
    files.store_original(files.original_name(image.key, image.sha256, image.source), file)
    try:
        stored = run_in_transaction(partial(_add, image), again_on=(IntegrityError,))
    except BaseException:
        files.remove(image.key)
        raise
    if stored.key != image.key:
        files.remove(image.key)
    return Upload(stored, is_new=stored.key == image.key)


def image_replace(*, actor: Actor, image_id: int | None, file: BinaryIO | None) -> Upload:
    """Puts other bytes in the place of an image. It keeps its id, its text and its position.

    The old picture is shown until the worker has rendered the new one, and stays when that fails. A replacement that
    still waits makes way for this one. The image's own bytes only take that one back. A file of None was larger than
    IMAGE_MAX_BYTES. Raises InvalidInput: FORBIDDEN, NOT_FOUND, UNSUPPORTED_IMAGE, IMAGE_TOO_LARGE, ALREADY_EXISTS.
    """
    policy.CHANGE_IMAGES.check(actor)
    if not ProductImage.objects.filter(pk=image_id or 0).exists():
        raise no_such_image()
    if file is None:
        raise uploads.too_large()
    facts = uploads.facts_of(file)
    digest = files.digest(file)
    upload = {"source": facts.format, "width": facts.width, "height": facts.height}
    upload |= {"bytes": digest.bytes, "sha256": digest.sha256}
    key = uuid.uuid4()
    files.store_original(files.original_name(key, digest.sha256, facts.format), file)
    is_wanted = False
    try:
        image, is_wanted = run_in_transaction(partial(_put_replacement, image_id, key, upload))
    finally:
        if not is_wanted:
            files.remove(key)
    return Upload(image, is_new=is_wanted)


def _put_replacement(image_id: int | None, key: uuid.UUID, upload: dict[str, Any]) -> tuple[ProductImage, bool]:
    """The image, and whether it gets these bytes: False when it has them."""
    image = _locked(image_id)
    same = ProductImage.objects.filter(product=image.product_id, sha256=upload["sha256"]).first()
    if same is not None and same.pk != image.pk:
        raise InvalidInput.at("image", message=SAME_PICTURE, code=ErrorCode.ALREADY_EXISTS)
    _discard_replacement(image)
    if same is not None:
        _render_again(ProductImage.objects.filter(pk=image.pk))
        return image, False
    ImageJob.objects.create(kind=Kind.REPLACE, key=key, image=image, upload=upload)
    record(Product, image.product_id, {"image": (str(image), f"{image} (another picture)")})
    transaction.on_commit(notify_worker)
    return image, True


def replacement_discard(*, actor: Actor, image_id: int | None) -> ProductImage:
    """Takes a replacement back that waits or FAILED. The image stays as it is. Raises InvalidInput."""
    policy.CHANGE_IMAGES.check(actor)

    def discard() -> ProductImage:
        image = _locked(image_id)
        _discard_replacement(image)
        return image

    return run_in_transaction(discard)


def _discard_replacement(image: ProductImage) -> None:
    for job in image.jobs.filter(kind=Kind.REPLACE):
        job.delete()
        cleanup.remove_files(job.key)


def image_update(
    *,
    actor: Actor,
    image_id: int | None,
    alt: str | None = None,
    alt_was: str | None = None,
    position: int | None = None,
) -> ProductImage:
    """Changes what is given. The position is clamped, and the product's other images move.

    `alt_was` is the text that the new one is to replace. Raises InvalidInput: FORBIDDEN, NOT_FOUND, INVALID (alt),
    VERSION_CONFLICT when somebody else has changed the text meanwhile.
    """
    policy.CHANGE_IMAGES.check(actor)
    if alt is not None:
        alt = uploads.clean_alt(alt)

    def change() -> ProductImage:
        image = _locked(image_id)
        if alt is not None and alt != image.alt:
            if alt_was is not None and image.alt != uploads.clean_alt(alt_was):
                message = f"Somebody else has changed this text meanwhile. It is now: “{image.alt}”."
                raise InvalidInput.at("alt", message=message, code=ErrorCode.VERSION_CONFLICT)
            record(Product, image.product_id, {"alternative text of an image": (image.alt, alt)})
            image.alt = alt
            image.save(update_fields=["alt"])
        if position is not None:
            images = list(ProductImage.objects.filter(product=image.product_id).exclude(pk=image.pk))
            images.insert(max(0, min(position, len(images))), image)
            _number(images)
        return image

    return run_in_transaction(change)


@dataclass(frozen=True)
class Order:
    """A product's images in their new order, and the ids that were given and are not (or no longer) among them."""

    images: list[ProductImage]
    missing: list[int]


def image_order(*, actor: Actor, product_id: int, ids: Sequence[int]) -> Order:
    """Orders a product's images as given. Those that are not named stay behind, in their order. Raises InvalidInput."""
    policy.CHANGE_IMAGES.check(actor)

    def order() -> Order:
        _lock_product(product_id)
        images = {image.pk: image for image in ProductImage.objects.filter(product=product_id)}
        missing = [pk for pk in ids if pk not in images]
        ordered = [*[images.pop(pk) for pk in dict.fromkeys(ids) if pk in images], *images.values()]
        was = [str(image) for image in sorted(ordered, key=lambda image: (image.position, image.pk))]
        _number(ordered)
        if was != (now := [*map(str, ordered)]):
            record(Product, product_id, {"order of the images": (", ".join(was), ", ".join(now))})
        return Order(ordered, missing)

    return run_in_transaction(order)


def image_delete(*, actor: Actor, image_id: int | None) -> ProductImage:
    """Deletes an image, and its files after the commit. Returns it as it was. Raises InvalidInput."""
    policy.DELETE_IMAGES.check(actor)

    def delete() -> ProductImage:
        image = _locked(image_id)
        pk = image.pk
        record(Product, image.product_id, {"image": (str(image), None)})
        image.delete()
        image.pk = pk
        _number(ProductImage.objects.filter(product=image.product_id))
        return image

    return run_in_transaction(delete)


def image_retry(*, actor: Actor, images: QuerySet[ProductImage]) -> int:
    """Makes the FAILED ones of these images PENDING again; returns how many. Raises InvalidInput."""
    policy.CHANGE_IMAGES.check(actor)
    return _render_again(images)


def retry(*, actor: Actor, images: QuerySet[ProductImage]) -> int:
    """Does again whatever failed with these images; returns how many jobs. Raises InvalidInput."""
    keys = list(images.values_list("pk", flat=True))
    count = image_retry(actor=actor, images=ProductImage.objects.filter(pk__in=keys))
    return count + retry_later_jobs(actor=actor, images=ProductImage.objects.filter(pk__in=keys))


def _render_again(images: QuerySet[ProductImage]) -> int:
    def retry() -> int:
        failed = list(images.filter(status=ImageStatus.FAILED).select_for_update())
        ProductImage.objects.filter(pk__in=[image.pk for image in failed]).update(status=ImageStatus.PENDING, error="")
        for image in failed:
            ImageJob.put(Kind.RENDER, image.key, image=image)
        if failed:
            transaction.on_commit(notify_worker)
        return len(failed)

    return run_in_transaction(retry)


def retry_later_jobs(*, actor: Actor, images: QuerySet[ProductImage]) -> int:
    """Makes given-up jobs for replacements and for formats that follow READY due again; returns how many.

    Raises InvalidInput.
    """
    policy.CHANGE_IMAGES.check(actor)
    given_up = ImageJob.objects.filter(kind__in=(Kind.REPLACE, Kind.LATER), status=FAILED, image__in=images)
    count = given_up.update(status="DUE", due_at=timezone.now(), attempts=0, crashes=0, claim=None, reason="")
    if count:
        transaction.on_commit(notify_worker)
    return count


def notify_worker() -> None:
    notify(TASK)


def _add(image: ProductImage) -> ProductImage:
    """Saves the image with its job and returns it. If the same bytes were just added, returns that image instead."""
    _lock_product(image.product_id)
    images = ProductImage.objects.filter(product=image.product_id)
    if (same := images.filter(sha256=image.sha256).first()) is not None:
        return same
    image.position = images.count()
    if image.position >= settings.IMAGES_PER_PRODUCT:
        most = settings.IMAGES_PER_PRODUCT
        message = f"A product has at most {most} images: delete one first."
        raise InvalidInput.at("image", message=message, code=ErrorCode.LIMIT_EXCEEDED, allowed=most)
    image.pk = None
    image.save(force_insert=True)
    ImageJob.objects.create(kind=Kind.RENDER, key=image.key, image=image)
    record(Product, image.product_id, {"image": (None, str(image))})
    transaction.on_commit(notify_worker)
    return image


def _lock_product(product_id: int) -> None:
    """Locks the product, so that its images change one after the other. Raises InvalidInput when it is not there."""
    if not Product.objects.select_for_update().filter(pk=product_id).values_list("pk"):
        raise InvalidInput.at("productId", message="There is no such product.", code=ErrorCode.NOT_FOUND)


def no_such_image() -> InvalidInput:
    return InvalidInput.at("id", message="There is no such image. It may have been deleted.", code=ErrorCode.NOT_FOUND)


def _locked(image_id: int | None) -> ProductImage:
    """The image, with its product locked, so that positions change one after the other. Raises InvalidInput."""
    image = ProductImage.objects.filter(pk=image_id or 0).first()
    if image is not None:
        _lock_product(image.product_id)
        image = ProductImage.objects.filter(pk=image.pk).first()
        if image is not None:
            return image
    raise no_such_image()


def _number(images: Iterable[ProductImage]) -> None:
    """Gives the images the positions 0, 1, 2…"""
    moved = []
    for position, image in enumerate(images):
        if image.position != position:
            image.position = position
            moved.append(image)
    ProductImage.objects.bulk_update(moved, ["position"])
