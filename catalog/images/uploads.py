"""Checks what people send about an image before it is stored: the file, and the alternative text."""

from typing import BinaryIO

from django.conf import settings

from catalog.images.inspect import Facts, ImageRefused, ImageTooLarge, inspect
from catalog.images.models import ALT_LENGTH
from core.errors import ErrorCode, InvalidInput
from core.parsing import has_unsafe_characters


def too_large() -> InvalidInput:
    message = f"The file is larger than {settings.IMAGE_MAX_BYTES / 2**20:g} MB: save it smaller."
    return InvalidInput.at("image", message=message, code=ErrorCode.IMAGE_TOO_LARGE)


def facts_of(file: BinaryIO) -> Facts:
    """What the header of an upload says. Raises InvalidInput: UNSUPPORTED_IMAGE, IMAGE_TOO_LARGE."""
    if file.seek(0, 2) > settings.IMAGE_MAX_BYTES:
        raise too_large()
    try:
        return inspect(file, max_pixels=settings.IMAGE_MAX_PIXELS)
    except ImageTooLarge as refused:
        raise InvalidInput.at("image", message=str(refused), code=ErrorCode.IMAGE_TOO_LARGE) from None
    except ImageRefused as refused:
        raise InvalidInput.at("image", message=str(refused), code=ErrorCode.UNSUPPORTED_IMAGE) from None


def clean_alt(alt: str) -> str:
    """The text as it is stored. Raises InvalidInput."""
    if len(alt) > ALT_LENGTH:
        raise InvalidInput.at("alt", message=f"The text has {len(alt)} characters; at most {ALT_LENGTH} are allowed.")
    if has_unsafe_characters(alt):
        raise InvalidInput.at("alt", message="The text has characters that cannot be stored, like control characters.")
    return " ".join(alt.split())
