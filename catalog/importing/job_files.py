"""The files of imports in the private storage: what was uploaded, and the rows that were refused."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core.files.base import File
from django.utils import timezone

from catalog.importing.models import ImportJob
from core.storage import private

ROOT = "imports"
SOURCE, REFUSED = "source", "refused.csv"
# A folder without a row that is older was left by a process that was killed. A younger one may get its row yet.
ABANDONED_AFTER = timedelta(hours=1)


def name_of(job: ImportJob, file: str) -> str:
    """The name of one of the job's files in the storage."""
    return f"{ROOT}/{job.key.hex}/{file}"


def store(job: ImportJob, file: str, content: "File[bytes]") -> None:
    """Writes a file. Raises OSError, or what the storage raises."""
    private().save(name_of(job, file), content)


@contextmanager
def local_source(job: ImportJob) -> Iterator[Path]:
    """The uploaded file on this host, in a temporary folder. Raises FileNotFoundError when it is gone."""
    # The ending may tell what the file is. The rest of the name could be too long for a file.
    ending = Path(job.file_name).suffix.lower()
    with tempfile.TemporaryDirectory(prefix="vitrine-import-") as folder:
        path = Path(folder) / (SOURCE + ending if ending[1:].isalnum() and ending.isascii() else SOURCE)
        try:
            stored = Path(private().path(name_of(job, SOURCE)))
        except NotImplementedError:
            # A bucket: its bytes are not on this host.
            with private().open(name_of(job, SOURCE)) as source, path.open("wb") as target:
                shutil.copyfileobj(source, target)
        else:
            path.symlink_to(stored.resolve(strict=True))
        yield path


def delete_old() -> int:
    """Deletes the files of imports that are older than IMPORT_FILES_DAYS; returns how many imports had some.

    An import that nobody confirmed by then is cancelled. Files of which no row knows are deleted too.
    """
    before = timezone.now() - timedelta(days=settings.IMPORT_FILES_DAYS)
    old = ImportJob.objects.filter(created_at__lt=before)
    reason = f"Nobody confirmed it within {settings.IMPORT_FILES_DAYS} days."
    old.filter(status=ImportJob.Status.READY).update(
        status=ImportJob.Status.CANCELLED, reason=reason, ended_at=timezone.now()
    )
    ended = (ImportJob.Status.DONE, ImportJob.Status.FAILED, ImportJob.Status.CANCELLED)
    count = old.filter(status__in=ended, has_files=True).update(has_files=False)
    kept = {key.hex for key in ImportJob.objects.filter(has_files=True).values_list("key", flat=True)}
    for folder in _folders():
        if folder not in kept:
            _delete(f"{ROOT}/{folder}")
    return count


def _folders() -> list[str]:
    try:
        return private().listdir(ROOT)[0]
    except FileNotFoundError:
        return []


def _delete(folder: str) -> None:
    storage = private()
    names = [f"{folder}/{name}" for name in storage.listdir(folder)[1]]
    if any(storage.get_modified_time(name) > timezone.now() - ABANDONED_AFTER for name in names):
        return
    for name in names:
        storage.delete(name)
    # The folder itself, if the storage has folders.
    with suppress(OSError, NotImplementedError):
        storage.delete(folder)
