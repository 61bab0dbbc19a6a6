"""The index on disk: generations, a pointer to the one in use, and locks.

SEARCH_INDEX_DIR/current                  the name of the generation in use; replaced by a rename
SEARCH_INDEX_DIR/<fingerprint>-<id>/      one generation: a Tantivy index of one version of the code
SEARCH_INDEX_DIR/{writer,rebuild}.lock    held while an index is written to, and while one is built
"""

import fcntl
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import tantivy
from django.conf import settings

from catalog.search.index.documents import SCHEMA, fingerprint, register_tokenizers

POINTER = "current"
WRITER, REBUILD = "writer.lock", "rebuild.lock"
# A file in a generation's folder, which says that a search failed there and checksums were wrong.
CONDEMNED = "condemned"
# Characters of a generation's name; it has fewer.
MAX_NAME_LENGTH = 255
# How much memory a writer of a few changes uses.
SMALL_HEAP_BYTES = 32_000_000
# Inode, size and time of change.
FileId = tuple[int, int, int]
# The name of a generation and the id of its meta.json, which each commit replaces.
Commit = tuple[str, FileId]


class IndexUnavailable(Exception):
    """No index can be searched. The message says why, and may be shown to strangers."""


def folder() -> Path:
    """The folder of all generations. Creates it if it is missing."""
    settings.SEARCH_INDEX_DIR.mkdir(parents=True, exist_ok=True)
    return settings.SEARCH_INDEX_DIR


def current() -> Path:
    """The generation in use. Raises IndexUnavailable when there is none, or none of this version of the code."""
    try:
        name = (settings.SEARCH_INDEX_DIR / POINTER).read_text()
    except OSError:
        raise IndexUnavailable("there is no index yet") from None
    if not name.startswith(fingerprint()):
        raise IndexUnavailable("the index is of another version")
    return settings.SEARCH_INDEX_DIR / name


def commit_in_use() -> Commit | None:
    """The newest commit of the index in use; None when there is none. Takes 10 µs, because it opens no index.

    What was found in a commit is found again as long as it is in use. Whether its files are undamaged is not examined.
    """
    root = str(settings.SEARCH_INDEX_DIR)
    try:
        pointer = os.open(f"{root}/{POINTER}", os.O_RDONLY)
        try:
            name = os.read(pointer, MAX_NAME_LENGTH).decode()
        finally:
            os.close(pointer)
        commit = name, file_id(f"{root}/{name}/meta.json")
    except (OSError, ValueError):
        return None
    return None if os.path.exists(f"{root}/{name}/{CONDEMNED}") else commit


def new_generation() -> Path:
    """An empty folder for a new generation."""
    path = folder() / f"{fingerprint()}-{uuid.uuid4().hex[:12]}"
    path.mkdir()
    return path


def switch_to(generation: Path) -> None:
    """Puts the generation into use; searches that have begun finish on the old one."""
    new_pointer = folder() / f"{POINTER}.{uuid.uuid4().hex}"
    new_pointer.write_text(generation.name)
    with new_pointer.open() as file:
        os.fsync(file.fileno())
    new_pointer.replace(folder() / POINTER)


def discard() -> bool:
    """Takes the index out of use. Returns whether there was one."""
    try:
        (settings.SEARCH_INDEX_DIR / POINTER).unlink()
    except OSError:
        return False
    return True


def remove_old(*, age: float = 60) -> None:
    """Removes generations that are not in use and were not touched for so many seconds. Call it with REBUILD locked."""
    try:
        used = current().name
    except IndexUnavailable:
        used = ""
    for path in folder().iterdir():
        if path.is_dir() and path.name != used and time.time() - path.stat().st_mtime >= age:
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def lock(name: str, *, wait: float = 0) -> Iterator[bool]:
    """Holds a lock that ends with the process. False when another process held it for all of `wait`, in seconds."""
    until = time.monotonic() + wait
    with (folder() / name).open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if time.monotonic() >= until:
                    yield False
                    return
                time.sleep(0.01)
            else:
                yield True
                return


def open_index(generation: Path) -> tantivy.Index:
    return _configured(tantivy.Index.open(str(generation)))


def _configured(index: tantivy.Index) -> tantivy.Index:
    """The index with its tokenizers. It follows no commits by itself, which would read files unverified."""
    index.config_reader("manual")
    register_tokenizers(index)
    return index


@contextmanager
def writing(generation: Path, *, heap: int = SMALL_HEAP_BYTES, threads: int = 1) -> Iterator[tantivy.IndexWriter]:
    """A writer of the generation, which creates the index if there is none. Uncommitted changes are lost at the end."""
    exists = (generation / "meta.json").exists()
    index = _configured(tantivy.Index.open(str(generation)) if exists else tantivy.Index(SCHEMA, str(generation)))
    writer = index.writer(heap_size=heap, num_threads=threads)
    try:
        yield writer
    except BaseException:
        with suppress(ValueError):
            writer.rollback()
        raise
    finally:
        # Otherwise running merges would be lost, and small segments would pile up.
        with suppress(ValueError):
            writer.wait_merging_threads()


def file_id(path: str | Path) -> FileId:
    """Changes with each change of the file. Raises OSError when there is none."""
    stat = os.stat(path)
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
