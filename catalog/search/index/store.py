"""The index on disk: generations side by side, a pointer to the one in use, locks, and a reader that trusts nothing.

    SEARCH_INDEX_DIR/current                  the name of the generation in use; replaced by a rename
    SEARCH_INDEX_DIR/<fingerprint>-<id>/      one generation: a Tantivy index of one version of the code
    SEARCH_INDEX_DIR/{writer,rebuild}.lock    held while an index is written to, and while one is built

A searcher maps its files into memory: reading a map whose file was truncated kills the process. So the files are looked
at before each search (a stat each, 0.1 ms together), and their checksums are verified whenever one is opened.
"""

import fcntl
import json
import os
import shutil
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tantivy
from django.conf import settings

from catalog.search.criteria import SearchCriteria
from catalog.search.index.checksums import is_whole
from catalog.search.index.documents import FINGERPRINT, SCHEMA, register_tokenizers

POINTER = "current"
WRITER, REBUILD = "writer.lock", "rebuild.lock"
_SUFFIXES = ("idx", "pos", "term", "store", "fast", "fieldnorm")
ATTEMPTS = 5
# In a generation's folder: a search failed and its checksums were wrong.
CONDEMNED = "condemned"
# Bytes that a writer of some changes collects in memory.
SMALL_HEAP = 32_000_000
# Questions whose counts are kept: 20 megabytes with the facets of thousands of brands.
MOST_COUNTED = 100

FileId = tuple[int, int, int]


class IndexUnavailable(Exception):
    """There is no index that could be searched; the text says why, fit for strangers."""


class Counted:
    """What was counted of a commit, by question and stage: shoppers ask the same, and the answer cannot change."""

    def __init__(self) -> None:
        self._known: OrderedDict[object, dict[str, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, criteria: SearchCriteria, stage: int | None) -> dict[str, Any]:
        """The counts by name; what is added to them is kept for some time."""
        key = (criteria.question, criteria.category_subtree, stage)
        with self._lock:
            known = self._known.setdefault(key, {})
            self._known.move_to_end(key)
            if len(self._known) > MOST_COUNTED:
                self._known.popitem(last=False)
        return known


@dataclass(frozen=True)
class Snapshot:
    """The index as one commit left it. Nothing of it changes, whatever is written meanwhile."""

    searcher: tantivy.Searcher
    index: tantivy.Index
    generation: Path
    opstamp: int
    meta: FileId
    files: dict[str, FileId]
    # By field; see catalog.search.index.paging.
    quantiles: dict[str, list[Any]]
    counted: "Counted" = field(default_factory=lambda: Counted())


def folder() -> Path:
    """Where all generations lie; made when it is not there."""
    settings.SEARCH_INDEX_DIR.mkdir(parents=True, exist_ok=True)
    return settings.SEARCH_INDEX_DIR


def current() -> Path:
    """The generation in use. Raises IndexUnavailable when there is none, or none of this version of the code."""
    try:
        name = (settings.SEARCH_INDEX_DIR / POINTER).read_text()
    except OSError:
        raise IndexUnavailable("there is no index yet") from None
    if not name.startswith(FINGERPRINT):
        raise IndexUnavailable("the index is of another version")
    return settings.SEARCH_INDEX_DIR / name


def new_generation() -> Path:
    """An empty folder for a new generation."""
    path = folder() / f"{FINGERPRINT}-{uuid.uuid4().hex[:12]}"
    path.mkdir()
    return path


def switch_to(generation: Path) -> None:
    """Makes the generation the one in use: searches begun before finish on the old one."""
    aside = folder() / f"{POINTER}.{uuid.uuid4().hex}"
    aside.write_text(generation.name)
    with aside.open() as file:
        os.fsync(file.fileno())
    aside.replace(folder() / POINTER)


def discard() -> bool:
    """Takes the index out of use; whether there was one."""
    try:
        (settings.SEARCH_INDEX_DIR / POINTER).unlink()
    except OSError:
        return False
    return True


def remove_old(*, age: float = 60) -> None:
    """Removes generations that are not in use and were not touched for so many seconds. Holds the lock of rebuilds."""
    try:
        used = current().name
    except IndexUnavailable:
        used = ""
    for path in folder().iterdir():
        if path.is_dir() and path.name != used and time.time() - path.stat().st_mtime >= age:
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def lock(name: str, *, wait: float = 0) -> Iterator[bool]:
    """Holds a lock that ends with the process; false when another held it for all of the `wait` (seconds)."""
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
    """The generation's index."""
    return _quiet(tantivy.Index.open(str(generation)))


def _quiet(index: tantivy.Index) -> tantivy.Index:
    """The index, with its tokenizers, and following no commits by itself: that would read files unverified."""
    index.config_reader("manual")
    register_tokenizers(index)
    return index


@contextmanager
def writing(generation: Path, *, heap: int = SMALL_HEAP, threads: int = 1) -> Iterator[tantivy.IndexWriter]:
    """A writer of the generation, made when it is empty. What was not committed at the end is lost."""
    exists = (generation / "meta.json").exists()
    index = _quiet(tantivy.Index.open(str(generation)) if exists else tantivy.Index(SCHEMA, str(generation)))
    writer = index.writer(heap_size=heap, num_threads=threads)
    try:
        yield writer
    except BaseException:
        with suppress(ValueError):
            writer.rollback()
        raise
    finally:
        # Merges of a writer that is dropped are lost: small segments would pile up.
        with suppress(ValueError):
            writer.wait_merging_threads()


def _id(path: str | Path) -> FileId:
    stat = os.stat(path)
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


class Reader:
    """Gives snapshots of the newest commit of the generation in use; one for a process, for all its threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._snapshot: Snapshot | None = None
        # Files whose checksums were right, as they were then.
        self._whole: dict[str, FileId] = {}

    def snapshot(self) -> Snapshot:
        """The newest commit. Raises IndexUnavailable."""
        generation = current()
        known = self._snapshot
        if known is None or not self._is_newest(known, generation):
            with self._lock:
                known = self._snapshot
                if known is None or not self._is_newest(known, generation):
                    known = self._snapshot = self._open(generation)
        return known

    def examine(self, snapshot: Snapshot) -> None:
        """After a search on it failed: looks whether the index is damaged, and takes it out of use for everybody."""
        with self._lock:
            self._whole = {}
            self._snapshot = None
            try:
                self._open(snapshot.generation)
            except IndexUnavailable:
                # Under an unchanged name, size and time nobody else would see it.
                (snapshot.generation / CONDEMNED).touch()

    def _is_newest(self, snapshot: Snapshot, generation: Path) -> bool:
        try:
            return (
                snapshot.generation == generation
                and _id(generation / "meta.json") == snapshot.meta
                and all(_id(path) == known for path, known in snapshot.files.items())
                and not (generation / CONDEMNED).exists()
            )
        except OSError:
            return False

    def _open(self, generation: Path) -> Snapshot:
        """The newest commit, its files verified; tried again when a commit overtakes it. Raises IndexUnavailable."""
        for _ in range(ATTEMPTS):
            meta = _meta(generation)
            try:
                return self._open_commit(generation, meta)
            except (OSError, ValueError, KeyError) as error:
                if _meta(generation) == meta:
                    raise IndexUnavailable("a file of the index is missing or damaged") from error
        raise IndexUnavailable("commits came too fast to be read")

    def _open_commit(self, generation: Path, meta: FileId) -> Snapshot:
        described = json.loads((generation / "meta.json").read_text())
        files = self._verified(generation, described)
        known = self._snapshot
        index = known.index if known and known.generation == generation else open_index(generation)
        index.reload()
        searcher = index.searcher()
        if _meta(generation) != meta:
            raise ValueError("overtaken")
        # Good enough while the catalogue stays about as large: they only say where to look first.
        quantiles = known.quantiles if known and _alike(known.searcher.num_docs, searcher.num_docs) else {}
        return Snapshot(searcher, index, generation, described["opstamp"], meta, files, quantiles)

    def _verified(self, generation: Path, described: dict[str, Any]) -> dict[str, FileId]:
        """The files that the commit is made of. Raises IndexDamaged when one is not whole; each is read once."""
        if (generation / CONDEMNED).exists():
            raise IndexDamaged("condemned")
        whole: dict[str, FileId] = {}
        for path in _files(generation, described):
            found = _id(path)
            if self._whole.get(str(path)) != found and not is_whole(path):
                raise IndexDamaged(path.name)
            whole[str(path)] = found
        self._whole = whole
        return whole


def _meta(generation: Path) -> FileId:
    try:
        return _id(generation / "meta.json")
    except OSError:
        raise IndexUnavailable("a file of the index is missing or damaged") from None


def _alike(before: int, now: int) -> bool:
    return abs(now - before) * 5 <= before


class IndexDamaged(ValueError):
    """A file of the index is not as it was written."""


def _files(generation: Path, described: dict) -> list[Path]:
    """The files that a commit, as meta.json describes it, is made of."""
    found = []
    for segment in described["segments"]:
        name = segment["segment_id"].replace("-", "")
        found += [generation / f"{name}.{suffix}" for suffix in _SUFFIXES]
        if segment["deletes"]:
            found.append(generation / f"{name}.{segment['deletes']['opstamp']}.del")
    return found


reader = Reader()
