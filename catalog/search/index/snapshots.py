"""Gives searches the newest commit of the index, with verified files, and keeps what was counted in it.

A searcher maps its files into memory. Reading the map of a truncated file would kill the process. So each search first
checks that the files are unchanged (a stat each, 20 µs together), and checksums are verified before files are opened.
"""

import json
import os
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tantivy
from django.conf import settings

from catalog.search.criteria import SearchCriteria
from catalog.search.index.checksums import is_whole
from catalog.search.index.documents import fingerprint
from catalog.search.index.store import (
    CONDEMNED,
    Commit,
    FileId,
    IndexUnavailable,
    current,
    file_id,
    open_index,
    pointer,
)

_SUFFIXES = ("idx", "pos", "term", "store", "fast", "fieldnorm")
MAX_OPEN_ATTEMPTS = 5
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
        path = pointer()
        try:
            # The id first: a pointer that is replaced meanwhile is read again by the next search.
            pointer_id = file_id(path)
        except OSError:
            raise IndexUnavailable("there is no index yet") from None
        snapshot = self._open(current())
        snapshot.files = {str(path): pointer_id, **snapshot.files}
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
            path_id = file_id(path)
            if self._whole.get(str(path)) != path_id and not is_whole(path):
                raise IndexDamaged(path.name)
            whole[str(path)] = path_id
        self._whole = whole
        return whole


def _is_newest(snapshot: Snapshot) -> bool:
    """Whether the snapshot is the newest commit in use, and all of its files are as they were."""
    generation = snapshot.generation
    if generation.parent != settings.SEARCH_INDEX_DIR or not generation.name.startswith(fingerprint()):
        return False
    try:
        return all(file_id(path) == path_id for path, path_id in snapshot.files.items()) and not os.path.exists(
            f"{generation}/{CONDEMNED}"
        )
    except OSError:
        return False


def _meta(generation: Path) -> FileId:
    try:
        return file_id(generation / "meta.json")
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
