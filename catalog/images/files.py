"""The files of images: renditions in the served storage, originals in the private one, in a folder for each image.

The folder is the image's key: two images of the same bytes share no file, so each can be deleted on its own. A file's
name holds a hash of its content, so its content never changes and may be cached forever.
"""

import hashlib
import logging
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage, storages

from catalog.images.sizes import ImageFormat, ImageSize
from core.storage import private as private

logger = logging.getLogger(__name__)

ROOT = "products"
EXTENSIONS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "AVIF": "avif"}
CONTENT_TYPES = {".jpg": "image/jpeg", ".webp": "image/webp", ".avif": "image/avif"}
CHUNK_BYTES = 1 << 18


def served() -> Storage:
    """The storage of renditions, which everyone may read."""
    return storages["default"]


class OriginalGone(Exception):
    """The original of an image is lost; the text is its name."""


@dataclass(frozen=True)
class Digest:
    """The number of an upload's bytes and their SHA-256."""

    bytes: int
    sha256: str


def digest(file: BinaryIO) -> Digest:
    """Reads the whole file."""
    file.seek(0)
    sha256, size = hashlib.sha256(), 0
    while chunk := file.read(CHUNK_BYTES):
        sha256.update(chunk)
        size += len(chunk)
    return Digest(size, sha256.hexdigest())


def original_name(key: uuid.UUID, sha256: str, source: str) -> str:
    """The name of an original in the private storage."""
    return f"{ROOT}/{key.hex}/{sha256}.{EXTENSIONS[source]}"


def rendition_name(key: uuid.UUID, size: ImageSize, format: ImageFormat, data: bytes) -> str:
    """The name of a rendition in the served storage."""
    return f"{ROOT}/{key.hex}/{size.lower()}-{hashlib.sha256(data).hexdigest()[:20]}.{EXTENSIONS[format]}"


def store_original(name: str, file: BinaryIO) -> None:
    """Writes an original. Raises OSError, or what the storage raises."""
    file.seek(0)
    private().save(name, File(file))


def read_original(name: str) -> bytes:
    """The bytes of an original. Raises OriginalGone, or what the storage raises."""
    try:
        with private().open(name) as file:
            return bytes(file.read())
    except FileNotFoundError as error:
        raise OriginalGone(name) from error


def store_rendition(name: str, data: bytes) -> None:
    """Writes a rendition. Raises OSError, or what the storage raises."""
    served().save(name, ContentFile(data))


def listed(storage: Storage, key: uuid.UUID) -> list[str]:
    """The names of an image's files in this storage."""
    folder = f"{ROOT}/{key.hex}"
    try:
        return [f"{folder}/{name}" for name in storage.listdir(folder)[1]]
    except FileNotFoundError:
        return []


def keys(storage: Storage) -> Iterator[str]:
    """The names of all folders in a storage: keys in hexadecimal, and folders that were not made by us."""
    try:
        yield from storage.listdir(ROOT)[0]
    except FileNotFoundError:
        return


def keep_only(storage: Storage, key: uuid.UUID, names: Iterable[str], formats: Iterable[str] = EXTENSIONS) -> list[str]:
    """Removes all other files of these formats from an image's folder, and returns their names.

    They were left by a dead worker, or made with older settings. Another worker may be writing other formats just now.
    """
    names = set(names)
    endings = tuple(f".{EXTENSIONS[format]}" for format in formats)
    others = [name for name in listed(storage, key) if name not in names and name.endswith(endings)]
    for name in others:
        storage.delete(name)
    if not names:
        # The folder itself, if the storage has folders. It stays when another process has just written into it.
        with suppress(OSError, NotImplementedError):
            storage.delete(f"{ROOT}/{key.hex}")
    return others


def remove(key: uuid.UUID) -> None:
    """Removes all files of an image. Raises OSError, or what the storage raises."""
    for storage in (served(), private()):
        keep_only(storage, key, ())
