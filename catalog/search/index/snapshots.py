"""Gives searches the newest commit of the index, with verified files, and keeps what was counted in it.

A searcher maps its files into memory. Reading the map of a truncated file would kill the process. So each search first
checks that the files are unchanged (a stat each, 20 µs together), and checksums are verified before files are opened.

A new commit is opened by one thread, while the others go on searching the last one. Only the first search of a process
waits, and one that finds the index gone or damaged.
"""

import json
import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import Any
from weakref import ref

import tantivy
from django.conf import settings

from catalog.search.criteria import SearchCriteria
from catalog.search.index.checksums import is_whole
from catalog.search.index.store import (
    CONDEMNED,
    Commit,
    FileId,
    IndexUnavailable,
    current,
    file_id,
    open_index,
)

logger = logging.getLogger(__name__)
_SUFFIXES = ("idx", "pos", "term", "store", "fast", "fieldnorm")
MAX_OPEN_ATTEMPTS = 5
# How often a process looks for a new commit while nothing is searched for.
INTERVAL_SECONDS = 0.25
# Searches whose results are kept, and counts in these results: together about 50 megabytes.
MAX_KEPT_RESULTS, MAX_KEPT_COUNTS = 100, 500_000


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


# What is said of a snapshot, from it and what was said of the last commit of the same generation.
Make = Callable[["Snapshot", Any], Any]


@dataclass
class Snapshot:
    """The index at one commit. Later writes do not change it."""

    searcher: tantivy.Searcher
    index: tantivy.Index
    generation: Path
    opstamp: int
    meta: FileId
    # All files that hold the commit, with their ids.
    files: dict[str, FileId]
    results: KeptResults = field(default_factory=KeptResults)
    # The attribute of each value that was counted.
    attribute_of: dict[int, int] = field(default_factory=dict)
    _remembered: dict[str, tuple[Any, Make]] = field(default_factory=dict)

    @property
    def commit(self) -> Commit:
        return self.generation.name, self.meta

    @property
    def meta_path(self) -> str:
        return f"{self.generation}/meta.json"

    def remembered(self, name: str, make: Make) -> Any:
        """What `make` says of the commit, made once. It is given the snapshot and what it said of the last commit."""
        if name not in self._remembered:
            self._remembered[name] = make(self, None), make
        return self._remembered[name][0]

    def learn_from(self, last: "Snapshot") -> None:
        """Makes anew what searches needed in the last commit, before any search needs it here."""
        is_same = self.generation == last.generation
        if is_same:
            # A value never changes its attribute.
            self.attribute_of = last.attribute_of
            # Merged segments are another meta.json of the same commit.
            if self.opstamp == last.opstamp:
                self.results = last.results
        for name, (value, make) in [*last._remembered.items()]:
            self._remembered[name] = make(self, value if is_same else None), make


class Reader:
    """Gives snapshots of the newest commit in use. All threads of a process share one reader."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._snapshot: Snapshot | None = None
        # Files whose checksums were right, with their ids at that time.
        self._whole: dict[str, FileId] = {}
        self._overtaken = threading.Event()
        self._thread: threading.Thread | None = None

    def snapshot(self) -> Snapshot:
        """The newest commit, or the one before until the newest is open. Raises IndexUnavailable."""
        snapshot = self._snapshot
        if snapshot is None or settings.SEARCH_INDEX_SYNC:
            return self.refresh()
        match _state_of(snapshot):
            case _State.UNUSABLE:
                return self.refresh()
            case _State.OVERTAKEN:
                self._overtaken.set()
        return snapshot

    def refresh(self) -> Snapshot:
        """The newest commit. Opens it now if it is not open. Raises IndexUnavailable."""
        snapshot = self._snapshot
        if snapshot is None or _state_of(snapshot) is not _State.NEWEST:
            with self._lock:
                snapshot = self._snapshot
                if snapshot is None or _state_of(snapshot) is not _State.NEWEST:
                    snapshot = self._snapshot = self._open(current())
        if self._thread is None or not self._thread.is_alive():
            self._start()
        return snapshot

    def _start(self) -> None:
        """Starts the thread that opens new commits."""
        # It must not keep a reader alive that nothing uses any more.
        self._thread = threading.Thread(target=_follow, args=(ref(self), self._overtaken), name="commits", daemon=True)
        # No thread can start while the interpreter ends.
        with suppress(RuntimeError):
            self._thread.start()

    def follow(self) -> None:
        """Opens a newer commit if there is one. Never raises: the next search meets what is wrong with the index."""
        snapshot = self._snapshot
        try:
            if snapshot is not None and _state_of(snapshot) is _State.OVERTAKEN:
                self.refresh()
        except Exception:
            logger.exception("a new commit of the index could not be opened")
            with self._lock:
                if self._snapshot is snapshot:
                    self._snapshot = None

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
        snapshot = Snapshot(searcher, index, generation, described["opstamp"], meta, files)
        if last:
            snapshot.learn_from(last)
        return snapshot

    def _verified(self, generation: Path, described: dict[str, Any]) -> dict[str, FileId]:
        """The commit's files. Reads and verifies each file once. Raises IndexDamaged."""
        if (generation / CONDEMNED).exists():
            raise IndexDamaged("condemned")
        whole: dict[str, FileId] = {}
        for path in _files(generation, described):
            path_id = file_id(path)
            if self._whole.get(str(path)) != path_id and not is_whole(path):
                raise IndexDamaged(path.name)
            whole[str(path)] = path_id
        self._whole = whole
        return whole


class _State(Enum):
    """What has become of a snapshot."""

    NEWEST = auto()
    # There is a newer commit, but this one can still be searched.
    OVERTAKEN = auto()
    # The index is out of use, or a file is not as it was.
    UNUSABLE = auto()


def _state_of(snapshot: Snapshot) -> _State:
    generation = snapshot.generation
    try:
        newest = current()
        if newest.parent != generation.parent or os.path.exists(f"{generation}/{CONDEMNED}"):
            return _State.UNUSABLE
        for path, path_id in snapshot.files.items():
            try:
                if file_id(path) != path_id:
                    return _State.UNUSABLE
            except FileNotFoundError:
                # A merge has removed it, or the whole generation was removed. What is mapped remains readable.
                if newest == generation and file_id(snapshot.meta_path) == snapshot.meta:
                    return _State.UNUSABLE
        is_newest = newest == generation and file_id(snapshot.meta_path) == snapshot.meta
    except (OSError, IndexUnavailable):
        return _State.UNUSABLE
    return _State.NEWEST if is_newest else _State.OVERTAKEN


def _follow(reader_of: "ref[Reader]", overtaken: threading.Event) -> None:
    """Opens new commits for a reader until it is no longer used."""
    while (some := reader_of()) is not None:
        some.follow()
        del some
        overtaken.wait(INTERVAL_SECONDS)
        overtaken.clear()


def _meta(generation: Path) -> FileId:
    try:
        return file_id(generation / "meta.json")
    except OSError:
        raise IndexUnavailable("a file of the index is missing or damaged") from None


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


def _reset_after_fork() -> None:
    """A forked process has no thread, and its parent may have held the lock."""
    global reader
    reader = Reader()


os.register_at_fork(after_in_child=_reset_after_fork)
