"""Where an image's bytes lie: renditions in the served storage, the original in the private one, each below its key.

Names hold a hash of the content, so that they never change their meaning and may be cached forever; the key in front
keeps two images of the same bytes apart, so that one can be deleted without a look at the other.
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

logger = logging.getLogger(__name__)

ROOT = "products"
EXTENSIONS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "AVIF": "avif"}
CONTENT_TYPES = {"jpg": "image/jpeg", "webp": "image/webp", "avif": "image/avif"}
CHUNK = 1 << 18


def served() -> Storage:
    """Renditions, for everyone."""
    return storages["default"]


def private() -> Storage:
    """Originals, with whatever their cameras wrote into them."""
    return storages["originals"]


class OriginalGone(Exception):
    """Nobody has the uploaded bytes any more; the text is their name."""


@dataclass(frozen=True)
class Digest:
    """An upload's bytes: how many, and their SHA-256."""

    bytes: int
    sha256: str


def digest(file: BinaryIO) -> Digest:
    """Reads the file to its end."""
    file.seek(0)
    seen, size = hashlib.sha256(), 0
    while chunk := file.read(CHUNK):
        seen.update(chunk)
        size += len(chunk)
    return Digest(size, seen.hexdigest())


def original_name(key: uuid.UUID, sha256: str, source: str) -> str:
    """Where an original lies in the private storage."""
    return f"{ROOT}/{key.hex}/{sha256}.{EXTENSIONS[source]}"


def rendition_name(key: uuid.UUID, size: ImageSize, format: ImageFormat, data: bytes) -> str:
    """Where a rendition lies in the served storage."""
    return f"{ROOT}/{key.hex}/{size.lower()}-{hashlib.sha256(data).hexdigest()[:20]}.{EXTENSIONS[format]}"


def store_original(name: str, file: BinaryIO) -> None:
    """Keeps an upload. Raises OSError, or what the storage raises."""
    file.seek(0)
    private().save(name, File(file))


def read_original(name: str) -> bytes:
    """An upload's bytes. Raises OriginalGone, or what the storage raises."""
    try:
        with private().open(name) as file:
            return file.read()
    except FileNotFoundError as error:
        raise OriginalGone(name) from error


def store_rendition(name: str, data: bytes) -> None:
    """Keeps a rendition. Raises OSError, or what the storage raises."""
    served().save(name, ContentFile(data))


def listed(storage: Storage, key: uuid.UUID) -> list[str]:
    """The names of the files of one image."""
    folder = f"{ROOT}/{key.hex}"
    try:
        return [f"{folder}/{name}" for name in storage.listdir(folder)[1]]
    except FileNotFoundError:
        return []


def keys(storage: Storage) -> Iterator[str]:
    """The names of all folders in a storage: keys in hexadecimal, unless somebody else put them there."""
    try:
        yield from storage.listdir(ROOT)[0]
    except FileNotFoundError:
        return


def keep_only(storage: Storage, key: uuid.UUID, names: Iterable[str], formats: Iterable[str] = EXTENSIONS) -> list[str]:
    """Removes an image's other files of these formats: left by a worker that died, or made of older settings.

    Returns their names. Files of other formats may be just being written, by whoever has the job of making those.
    """
    kept = set(names)
    endings = tuple(f".{EXTENSIONS[format]}" for format in formats)
    gone = [name for name in listed(storage, key) if name not in kept and name.endswith(endings)]
    for name in gone:
        storage.delete(name)
    if not kept:
        # The folder itself, where a storage has such a thing; another process may just have put something there.
        with suppress(OSError, NotImplementedError):
            storage.delete(f"{ROOT}/{key.hex}")
    return gone


def remove(key: uuid.UUID) -> None:
    """Removes all files of an image. Raises OSError, or what the storage raises."""
    for storage in (served(), private()):
        keep_only(storage, key, ())
