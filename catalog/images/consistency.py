"""Compares the database with the storages: orphans are files without a row, holes are rows without their files."""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
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
    # Files that belong to no image, each with its storage.
    orphans: list[tuple[Storage, str]] = field(default_factory=list)
    # Images that lack renditions, each with the kinds of jobs that would make them.
    holes: dict[ProductImage, set[Kind]] = field(default_factory=dict)
    # Images whose original is lost: no further rendition of them can be made.
    lost: list[ProductImage] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.orphans or self.holes or self.lost)


def check(*, min_age: timedelta) -> Findings:
    """Checks all images, and all files of at least this age. The rows of younger files may not be committed yet."""
    findings = Findings()
    before = timezone.now() - min_age
    for storage in (files.served(), files.private()):
        for folders in _batches(files.keys(storage)):
            findings.orphans += _orphans(storage, folders, before)
    for images in _batches(ProductImage.objects.prefetch_related("renditions", "jobs").iterator(BATCH)):
        for image in images:
            if missing := _missing(image):
                findings.holes[image] = missing
            if files.original_name(image.key, image.sha256, image.source) not in files.listed(
                files.private(), image.key
            ):
                findings.lost.append(image)
    return findings


def fix(findings: Findings) -> None:
    """Removes the orphans and creates jobs that fill the holes. Images whose original is lost stay as they are."""
    for storage, name in findings.orphans:
        storage.delete(name)
    lost = {image.pk for image in findings.lost}
    for image, kinds in findings.holes.items():
        for kind in kinds:
            if image.pk not in lost:
                ImageJob.put(kind, image.key, image=image)
    jobs.settle()


def _orphans(storage: Storage, folders: list[str], before: datetime) -> Iterator[tuple[Storage, str]]:
    keys = [key for key in map(_key, folders) if key]
    images = ProductImage.objects.filter(key__in=keys).prefetch_related("renditions")
    names_by_folder = {
        image.key.hex: {
            files.original_name(image.key, image.sha256, image.source),
            *(rendition.name for rendition in image.renditions.all()),
        }
        for image in images
    }
    for job in ImageJob.objects.filter(kind=Kind.REPLACE, key__in=keys):
        upload = job.upload or {}
        names_by_folder.setdefault(job.key.hex, set()).add(
            files.original_name(job.key, upload["sha256"], upload["source"])
        )
    for folder in folders:
        names = names_by_folder.get(folder, set())
        for name in storage.listdir(f"{files.ROOT}/{folder}")[1]:
            path = f"{files.ROOT}/{folder}/{name}"
            if path not in names and storage.get_modified_time(path) < before:
                yield storage, path


def _missing(image: ProductImage) -> set[Kind]:
    """The kinds of jobs that are needed to fill the holes of an image and do not exist yet."""
    waiting = {job.kind for job in image.jobs.all()}
    if image.status == ImageStatus.FAILED or Kind.RENDER in waiting:
        return set()
    names = set(files.listed(files.served(), image.key))
    complete = {rendition.format for rendition in image.renditions.all()}
    complete -= {rendition.format for rendition in image.renditions.all() if rendition.name not in names}
    missing = set()
    if not set(FIRST) <= complete:
        missing.add(Kind.RENDER)
    if not set(LATER) <= complete and image.status == ImageStatus.READY and Kind.LATER not in waiting:
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
