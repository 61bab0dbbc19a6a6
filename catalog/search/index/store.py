"""The index on disk: generations, a pointer to the one in use, locks, and a reader that verifies the files.

    SEARCH_INDEX_DIR/current                  the name of the generation in use; replaced by a rename
    SEARCH_INDEX_DIR/<fingerprint>-<id>/      one generation: a Tantivy index of one version of the code
    SEARCH_INDEX_DIR/{writer,rebuild}.lock    held while an index is written to, and while one is built

A searcher maps its files into memory. Reading the map of a truncated file would kill the process. So each search first
checks that the files are unchanged (a stat each, 20 µs together), and checksums are verified before files are opened.
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
from catalog.search.index.documents import SCHEMA, fingerprint, register_tokenizers

POINTER = "current"
WRITER, REBUILD = "writer.lock", "rebuild.lock"
_SUFFIXES = ("idx", "pos", "term", "store", "fast", "fieldnorm")
MAX_OPEN_ATTEMPTS = 5
# A file in a generation's folder, which says that a search failed there and checksums were wrong.
CONDEMNED = "condemned"
# Characters of a generation's name; it has fewer.
MAX_NAME_LENGTH = 255
# How much memory a writer of a few changes uses.
SMALL_HEAP_BYTES = 32_000_000
# Searches whose results are kept, and counts in these results: together about 50 megabytes.
MAX_KEPT_RESULTS, MAX_KEPT_COUNTS = 100, 500_000

# Inode, size and time of change.
FileId = tuple[int, int, int]
# The name of a generation and the id of its meta.json, which each commit replaces.
Commit = tuple[str, FileId]


class IndexUnavailable(Exception):
    """No index can be searched. The message says why, and may be shown to strangers."""


class KeptResults:
    """Keeps totals and aggregations of one commit, because shoppers often search for the same things."""

    def __init__(self) -> None:
        self._results: OrderedDict[object, dict[str, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, criteria: SearchCriteria, text: object) -> dict[str, Any]:
        """The results of a search, by name. Callers add theirs, which are kept for some time.

        `text` tells how the text of the criteria is matched.
        """
        key = (criteria.without_sort, criteria.category_subtree, text)
        with self._lock:
            results = self._results.setdefault(key, {})
            self._results.move_to_end(key)
            while len(self._results) > 1 and self._is_full():
                self._results.popitem(last=False)
        return results

    def _is_full(self) -> bool:
        # Callers add counts after `of`, so what they added last is seen here by the next search.
        kept = (counts for results in self._results.values() for counts in [*results.values()])
        num_counts = sum(len(counts) for counts in kept if hasattr(counts, "__len__"))
        return len(self._results) > MAX_KEPT_RESULTS or num_counts > MAX_KEPT_COUNTS

    def clear(self) -> None:
        with self._lock:
            self._results.clear()


@dataclass
class Snapshot:
    """The index at one commit. Later writes do not change it."""

    searcher: tantivy.Searcher
    index: tantivy.Index
    generation: Path
    opstamp: int
    meta: FileId
    # All files that say what the newest commit is, or hold it, with their ids. The pointer comes first.
    files: dict[str, FileId]
    # By field, for catalog.search.index.paging.
    quantiles: dict[str, list[Any]]
    results: KeptResults = field(default_factory=KeptResults)
    # For catalog.search.index.facet_counts.
    num_columns: int | None = None
    # The attribute of each value that was counted.
    attribute_of: dict[int, int] = field(default_factory=dict)

    @property
    def commit(self) -> Commit:
        return self.generation.name, self.meta


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
        commit = name, _id(f"{root}/{name}/meta.json")
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


def _id(path: str | Path) -> FileId:
    stat = os.stat(path)
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


class Reader:
    """Gives snapshots of the newest commit in use. All threads of a process share one reader."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._snapshot: Snapshot | None = None
        # Files whose checksums were right, with their ids at that time.
        self._whole: dict[str, FileId] = {}

    def snapshot(self) -> Snapshot:
        """The newest commit. Raises IndexUnavailable."""
        snapshot = self._snapshot
        if snapshot is None or not _is_newest(snapshot):
            with self._lock:
                snapshot = self._snapshot
                if snapshot is None or not _is_newest(snapshot):
                    snapshot = self._snapshot = self._open_current()
        return snapshot

    def examine(self, snapshot: Snapshot) -> None:
        """Takes the index out of use for all processes if it is damaged. Call it after a search on it failed."""
        with self._lock:
            self._whole = {}
            self._snapshot = None
            try:
                self._open(snapshot.generation)
            except IndexUnavailable:
                # The file's name, size and time are unchanged, so other processes would not notice the damage.
                (snapshot.generation / CONDEMNED).touch()

    def _open_current(self) -> Snapshot:
        pointer = settings.SEARCH_INDEX_DIR / POINTER
        try:
            # The id first: a pointer that is replaced meanwhile is read again by the next search.
            pointer_id = _id(pointer)
        except OSError:
            raise IndexUnavailable("there is no index yet") from None
        snapshot = self._open(current())
        snapshot.files = {str(pointer): pointer_id, **snapshot.files}
        return snapshot

    def _open(self, generation: Path) -> Snapshot:
        """The newest commit, with verified files. Starts over if another commit comes. Raises IndexUnavailable."""
        for _ in range(MAX_OPEN_ATTEMPTS):
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
        last = self._snapshot
        index = last.index if last and last.generation == generation else open_index(generation)
        index.reload()
        searcher = index.searcher()
        if _meta(generation) != meta:
            raise ValueError("overtaken")
        # They only say where to look first, so the last ones are good enough while the size stays about the same.
        quantiles = last.quantiles if last and _alike(last.searcher.num_docs, searcher.num_docs) else {}
        files = {str(generation / "meta.json"): meta, **files}
        return Snapshot(searcher, index, generation, described["opstamp"], meta, files, quantiles)

    def _verified(self, generation: Path, described: dict[str, Any]) -> dict[str, FileId]:
        """The commit's files. Reads and verifies each file once. Raises IndexDamaged."""
        if (generation / CONDEMNED).exists():
            raise IndexDamaged("condemned")
        whole: dict[str, FileId] = {}
        for path in _files(generation, described):
            file_id = _id(path)
            if self._whole.get(str(path)) != file_id and not is_whole(path):
                raise IndexDamaged(path.name)
            whole[str(path)] = file_id
        self._whole = whole
        return whole


def _is_newest(snapshot: Snapshot) -> bool:
    """Whether the snapshot is the newest commit in use, and all of its files are as they were."""
    generation = snapshot.generation
    if generation.parent != settings.SEARCH_INDEX_DIR or not generation.name.startswith(fingerprint()):
        return False
    try:
        return all(_id(path) == file_id for path, file_id in snapshot.files.items()) and not os.path.exists(
            f"{generation}/{CONDEMNED}"
        )
    except OSError:
        return False


def _meta(generation: Path) -> FileId:
    try:
        return _id(generation / "meta.json")
    except OSError:
        raise IndexUnavailable("a file of the index is missing or damaged") from None


def _alike(before: int, now: int) -> bool:
    return abs(now - before) * 5 <= before


class IndexDamaged(ValueError):
    """A file of the index is not as it was written."""


def _files(generation: Path, described: dict[str, Any]) -> list[Path]:
    """The files of a commit as meta.json describes it."""
    files = []
    for segment in described["segments"]:
        name = segment["segment_id"].replace("-", "")
        files += [generation / f"{name}.{suffix}" for suffix in _SUFFIXES]
        if segment["deletes"]:
            files.append(generation / f"{name}.{segment['deletes']['opstamp']}.del")
    return files


reader = Reader()
