"""How the admin shows images: as HTML in lists, and as JSON to the script of a product's page."""

from collections.abc import Sequence
from typing import Any

from django.utils.html import format_html

from catalog.images.files import served
from catalog.images.models import ImageStatus, ProductImage
from catalog.images.selectors import attach_jobs, attach_renditions, rendition_for
from catalog.images.sizes import ImageFormat, ImageSize
from core.jobs.job import FAILED


def preview(image: ProductImage) -> str:
    """The smallest rendition as HTML, a dash before there is one."""
    rendition = rendition_for(image, ImageSize.THUMBNAIL, ImageFormat.WEBP) if image.pk else None
    if rendition is None:
        return "–"
    url, width, height = served().url(rendition.name), rendition.width // 2, rendition.height // 2
    return format_html('<img src="{}" width="{}" height="{}" alt="{}">', url, width, height, str(image))


def state(image: ProductImage) -> str:
    """In words: where the image is, what failed and why, and what becomes of the picture that is to replace it."""
    texts = {ImageStatus.PENDING: "Waits to be processed.", ImageStatus.READY: ""}
    text = texts.get(ImageStatus(image.status), f"Failed: {image.error}")
    if image.lacks_formats:
        text += " Ready, but some formats failed."
    if (replacement := image.replacement) is not None:
        is_failed = replacement.status == FAILED
        text += f" The new picture failed: {replacement.reason}" if is_failed else " The new picture is on its way."
    return text.strip()


def has_failed(image: ProductImage) -> bool:
    """Whether there is something to try again."""
    replacement = image.replacement
    is_replacement_failed = replacement is not None and replacement.status == FAILED
    return image.status == ImageStatus.FAILED or is_replacement_failed or image.lacks_formats


def shown(images: Sequence[ProductImage]) -> list[dict[str, Any]]:
    """The images for the page's script and template. Two queries, whatever their number."""
    attach_renditions(images)
    attach_jobs(images)
    return [_shown(image) for image in images]


def _shown(image: ProductImage) -> dict[str, Any]:
    rendition = rendition_for(image, ImageSize.SMALL, ImageFormat.WEBP)
    replacement = image.replacement
    return {
        "id": image.pk,
        "alt": image.alt,
        "url": served().url(rendition.name) if rendition else None,
        "state": state(image),
        # Whether the worker still has something to do that the page waits for.
        "is_waiting": image.status == ImageStatus.PENDING or (replacement is not None and replacement.status != FAILED),
        "has_failed": has_failed(image),
        "is_replacement": replacement is not None,
    }
