"""Changes a product's images. Each change is one transaction and notifies the worker after the commit."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from catalog import policy
from catalog.images import files
from catalog.images.inspect import Facts, ImageRefused, ImageTooLarge, inspect
from catalog.images.models import ALT_LENGTH, ImageJob, ImageStatus, ProductImage
from catalog.models import Product
from core.auth.policy import Actor
from core.db.transactions import run_in_transaction
from core.errors import ErrorCode, InvalidInput
from core.jobs.job import FAILED
from core.jobs.notify import notify
from core.parsing import has_unsafe_characters

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
    alt = _alt(alt)
    if product_id is None or not Product.objects.filter(pk=product_id).exists():
        raise InvalidInput.at("productId", message="There is no such product.", code=ErrorCode.NOT_FOUND)
    if file is None:
        raise _too_large()
    facts = _inspect(file)
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


def image_update(
    *, actor: Actor, image_id: int | None, alt: str | None = None, position: int | None = None
) -> ProductImage:
    """Changes what is given. The position is clamped, and the product's other images move. Raises InvalidInput."""
    policy.CHANGE_IMAGES.check(actor)
    if alt is not None:
        alt = _alt(alt)

    def change() -> ProductImage:
        image = _locked(image_id)
        if alt is not None:
            image.alt = alt
            image.save(update_fields=["alt"])
        if position is not None:
            images = list(ProductImage.objects.filter(product=image.product_id).exclude(pk=image.pk))
            images.insert(max(0, min(position, len(images))), image)
            _number(images)
        return image

    return run_in_transaction(change)


def image_delete(*, actor: Actor, image_id: int | None) -> ProductImage:
    """Deletes an image, and its files after the commit. Returns it as it was. Raises InvalidInput."""
    policy.DELETE_IMAGES.check(actor)

    def delete() -> ProductImage:
        image = _locked(image_id)
        pk = image.pk
        image.delete()
        image.pk = pk
        _number(ProductImage.objects.filter(product=image.product_id))
        return image

    return run_in_transaction(delete)


def image_retry(*, actor: Actor, images: QuerySet[ProductImage]) -> int:
    """Makes the FAILED ones of these images PENDING again; returns how many. Raises InvalidInput."""
    policy.CHANGE_IMAGES.check(actor)
    return _render_again(images)


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


def retry_later_formats(*, actor: Actor, images: QuerySet[ProductImage]) -> int:
    """Makes the given-up jobs for formats that follow READY due again; returns how many. Raises InvalidInput."""
    policy.CHANGE_IMAGES.check(actor)
    given_up = ImageJob.objects.filter(kind=Kind.LATER, status=FAILED, image__in=images)
    count = given_up.update(status="DUE", due_at=timezone.now(), attempts=0, crashes=0, claim=None, reason="")
    if count:
        transaction.on_commit(notify_worker)
    return count


def check_upload(*, file: BinaryIO) -> None:
    """Raises InvalidInput as `image_upload` would for these bytes."""
    _inspect(file)


def notify_worker() -> None:
    notify(TASK)


def _too_large() -> InvalidInput:
    message = f"The file is larger than {settings.IMAGE_MAX_BYTES / 2**20:g} MB: save it smaller."
    return InvalidInput.at("image", message=message, code=ErrorCode.IMAGE_TOO_LARGE)


def _inspect(file: BinaryIO) -> Facts:
    if file.seek(0, 2) > settings.IMAGE_MAX_BYTES:
        raise _too_large()
    try:
        return inspect(file, max_pixels=settings.IMAGE_MAX_PIXELS)
    except ImageTooLarge as refused:
        raise InvalidInput.at("image", message=str(refused), code=ErrorCode.IMAGE_TOO_LARGE) from None
    except ImageRefused as refused:
        raise InvalidInput.at("image", message=str(refused), code=ErrorCode.UNSUPPORTED_IMAGE) from None


def _alt(alt: str) -> str:
    if len(alt) > ALT_LENGTH:
        raise InvalidInput.at("alt", message=f"The text has {len(alt)} characters; at most {ALT_LENGTH} are allowed.")
    if has_unsafe_characters(alt):
        raise InvalidInput.at("alt", message="The text has characters that cannot be stored, like control characters.")
    return " ".join(alt.split())


def _add(image: ProductImage) -> ProductImage:
    """Saves the image with its job and returns it. If the same bytes were just added, returns that image instead."""
    if not Product.objects.select_for_update().filter(pk=image.product_id).values_list("pk"):
        raise InvalidInput.at("productId", message="There is no such product.", code=ErrorCode.NOT_FOUND)
    images = ProductImage.objects.filter(product=image.product_id)
    if (same := images.filter(sha256=image.sha256).first()) is not None:
        return same
    image.position = images.count()
    if image.position >= settings.IMAGES_PER_PRODUCT:
        message = f"A product has at most {settings.IMAGES_PER_PRODUCT} images: delete one first."
        raise InvalidInput.at("image", message=message, code=ErrorCode.LIMIT_EXCEEDED)
    image.pk = None
    image.save(force_insert=True)
    ImageJob.objects.create(kind=Kind.RENDER, key=image.key, image=image)
    transaction.on_commit(notify_worker)
    return image


def _locked(image_id: int | None) -> ProductImage:
    """The image, with its product locked, so that positions change one after the other. Raises InvalidInput."""
    image = ProductImage.objects.filter(pk=image_id or 0).first()
    if image is not None:
        product = image.product_id
        list(Product.objects.select_for_update().filter(pk=product).values_list("pk"))
        image = ProductImage.objects.filter(pk=image.pk).first()
        if image is not None:
            return image
    raise InvalidInput.at("id", message="There is no such image.", code=ErrorCode.NOT_FOUND)


def _number(images: Iterable[ProductImage]) -> None:
    """Gives the images the positions 0, 1, 2…"""
    moved = []
    for position, image in enumerate(images):
        if image.position != position:
            image.position = position
            moved.append(image)
    ProductImage.objects.bulk_update(moved, ["position"])
