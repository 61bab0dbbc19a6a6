"""Holds the database against the storages: files that no row knows (orphans), rows whose files are gone (holes)."""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import TypeVar

from django.core.files.storage import Storage
from django.utils import timezone

from catalog.images import files, jobs
from catalog.images.models import ImageJob, ImageStatus, ProductImage
from catalog.images.sizes import FIRST, LATER

BATCH = 500
Kind = ImageJob.Kind
Item = TypeVar("Item")


@dataclass
class Findings:
    """What is not as it should be."""

    orphans: list[tuple[Storage, str]] = field(default_factory=list)
    """Files (and the storage that each lies in) that belong to no image."""
    holes: dict[ProductImage, set[Kind]] = field(default_factory=dict)
    """Images that lack renditions, and which jobs would make them."""
    lost: list[ProductImage] = field(default_factory=list)
    """Images whose original is gone: what they have is all that there will be."""

    def __bool__(self) -> bool:
        return bool(self.orphans or self.holes or self.lost)


def check(*, min_age: timedelta) -> Findings:
    """Looks at all images and all files. Younger files are left out: their rows may be about to be committed."""
    found = Findings()
    before = timezone.now() - min_age
    for storage in (files.served(), files.private()):
        for folders in _batches(files.keys(storage)):
            found.orphans += _orphans(storage, folders, before)
    for images in _batches(ProductImage.objects.prefetch_related("renditions", "jobs").iterator(BATCH)):
        for image in images:
            if missing := _missing(image):
                found.holes[image] = missing
            if files.original_name(image.key, image.sha256, image.source) not in files.listed(
                files.private(), image.key
            ):
                found.lost.append(image)
    return found


def fix(found: Findings) -> None:
    """Removes the orphans, has the worker fill the holes. What is lost stays."""
    for storage, name in found.orphans:
        storage.delete(name)
    lost = {image.pk for image in found.lost}
    for image, kinds in found.holes.items():
        for kind in kinds:
            if image.pk not in lost:
                ImageJob.put(kind, image.key, image=image)
    jobs.settle()


def _orphans(storage: Storage, folders: list[str], before: object) -> Iterator[tuple[Storage, str]]:
    known = {
        image.key.hex: {
            files.original_name(image.key, image.sha256, image.source),
            *(rendition.name for rendition in image.renditions.all()),
        }
        for image in ProductImage.objects.filter(key__in=[key for key in map(_key, folders) if key]).prefetch_related(
            "renditions"
        )
    }
    for folder in folders:
        names = known.get(folder, set())
        for name in storage.listdir(f"{files.ROOT}/{folder}")[1]:
            path = f"{files.ROOT}/{folder}/{name}"
            if path not in names and storage.get_modified_time(path) < before:  # type: ignore[operator]
                yield storage, path


def _missing(image: ProductImage) -> set[Kind]:
    """Which jobs would fill the holes of an image, and are not on their way."""
    waiting = {job.kind for job in image.jobs.all()}
    if image.status == ImageStatus.FAILED or Kind.RENDER in waiting:
        return set()
    there = set(files.listed(files.served(), image.key))
    whole = {rendition.format for rendition in image.renditions.all()}
    whole -= {rendition.format for rendition in image.renditions.all() if rendition.name not in there}
    missing = set()
    if not set(FIRST) <= whole:
        missing.add(Kind.RENDER)
    if not set(LATER) <= whole and image.status == ImageStatus.READY and Kind.LATER not in waiting:
        missing.add(Kind.LATER)
    return missing


def _key(folder: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(hex=folder)
    except ValueError:
        return None


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    iterator = iter(items)
    while batch := list(islice(iterator, BATCH)):
        yield batch
