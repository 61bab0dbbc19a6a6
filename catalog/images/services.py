"""What can be done with a product's images. Each write is one transaction, and notifies the worker after it."""

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
    """What an upload led to: the image, and whether it is on its way (new, or tried again)."""

    image: ProductImage
    is_new: bool


def image_upload(*, actor: Actor, product_id: int | None, file: BinaryIO | None, alt: str = "") -> Upload:
    """Keeps a picture for a product and has it rendered; a file of None was larger than IMAGE_MAX_BYTES.

    The same bytes for the same product answer the image that there is; a FAILED one is tried again. Raises
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
    if (found := same.first()) is not None:
        tried_again = _render_again(same.filter(pk=found.pk)) > 0
        if tried_again:
            found.refresh_from_db()
        return Upload(found, is_new=tried_again)
    image = ProductImage(product_id=product_id, alt=alt, source=facts.format, width=facts.width, height=facts.height)
    image.bytes, image.sha256 = digest.bytes, digest.sha256
    # The bytes first: a row without them must not be, bytes without a row are found by images_check.
    files.store_original(files.original_name(image.key, image.sha256, image.source), file)
    try:
        kept = run_in_transaction(partial(_add, image), again_on=(IntegrityError,))
    except BaseException:
        files.remove(image.key)
        raise
    if kept.key != image.key:
        files.remove(image.key)
    return Upload(kept, is_new=kept.key == image.key)


def image_update(
    *, actor: Actor, image_id: int | None, alt: str | None = None, position: int | None = None
) -> ProductImage:
    """Changes what is given. The position is clamped, the product's other images move. Raises InvalidInput."""
    policy.CHANGE_IMAGES.check(actor)
    if alt is not None:
        alt = _alt(alt)

    def change() -> ProductImage:
        image = _locked(image_id)
        if alt is not None:
            image.alt = alt
            image.save(update_fields=["alt"])
        if position is not None:
            others = [each for each in ProductImage.objects.filter(product=image.product_id) if each.pk != image.pk]
            others.insert(max(0, min(position, len(others))), image)
            _number(others)
        return image

    return run_in_transaction(change)


def image_delete(*, actor: Actor, image_id: int | None) -> ProductImage:
    """Deletes an image; its files go after the commit. Answers it as it was. Raises InvalidInput."""
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
    """Makes FAILED images of the queryset PENDING again, and tells how many. Raises InvalidInput."""
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
    """Tries again what was given up after an image was READY (AVIF), and tells how many. Raises InvalidInput."""
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
    """Tells the worker that an image job is due."""
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
        raise InvalidInput.at("alt", message=f"At most {ALT_LENGTH} characters, please; these are {len(alt)}.")
    if has_unsafe_characters(alt):
        raise InvalidInput.at("alt", message="It has characters that cannot be stored.")
    return " ".join(alt.split())


def _add(image: ProductImage) -> ProductImage:
    """The image written down with its job; or the one of the same bytes that somebody else added meanwhile."""
    if not Product.objects.select_for_update().filter(pk=image.product_id).values_list("pk"):
        raise InvalidInput.at("productId", message="There is no such product.", code=ErrorCode.NOT_FOUND)
    there = ProductImage.objects.filter(product=image.product_id)
    if (same := there.filter(sha256=image.sha256).first()) is not None:
        return same
    image.position = there.count()
    if image.position >= settings.IMAGES_PER_PRODUCT:
        message = f"A product has at most {settings.IMAGES_PER_PRODUCT} images: delete one first."
        raise InvalidInput.at("image", message=message, code=ErrorCode.LIMIT_EXCEEDED)
    image.pk = None
    image.save(force_insert=True)
    ImageJob.objects.create(kind=Kind.RENDER, key=image.key, image=image)
    transaction.on_commit(notify_worker)
    return image


def _locked(image_id: int | None) -> ProductImage:
    """The image, its product locked: positions of one product change one after the other. Raises InvalidInput."""
    image = ProductImage.objects.filter(pk=image_id or 0).first()
    if image is not None:
        product = image.product_id
        list(Product.objects.select_for_update().filter(pk=product).values_list("pk"))
        image = ProductImage.objects.filter(pk=image.pk).first()
        if image is not None:
            return image
    raise InvalidInput.at("id", message="There is no such image.", code=ErrorCode.NOT_FOUND)


def _number(images: "list[ProductImage] | QuerySet[ProductImage]") -> None:
    """Gives the images the positions 0, 1, 2… in their order."""
    moved = []
    for position, image in enumerate(images):
        if image.position != position:
            image.position = position
            moved.append(image)
    ProductImage.objects.bulk_update(moved, ["position"])
