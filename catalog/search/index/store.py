"""The index on disk: generations, a pointer to the one in use, and locks. Versions of the code share the folder.

SEARCH_INDEX_DIR/current-<fingerprint>        the generation that this version uses; replaced by a rename
SEARCH_INDEX_DIR/<fingerprint>-<id>/          one generation: a Tantivy index of one version of the code
SEARCH_INDEX_DIR/<fingerprint>-<id>/state.json  how far it is (catalog.search.log); replaced after each commit
SEARCH_INDEX_DIR/<name>-<fingerprint>.lock    see catalog.search.following
"""

import fcntl
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import tantivy
from django.conf import settings

from catalog.search.index.schema import SCHEMA, fingerprint, register_tokenizers

STATE = "state.json"
# How long a version of the code may be out of use, seconds, before its generation is removed.
DISUSED_SECONDS = 86_400.0
# How long after a switch a process may still be opening the generation before.
SWITCH_SECONDS = 60.0
# The release before takes this lock to build an index. While another holds it, it removes no folders and no changes.
OTHERS_REBUILD = "rebuild.lock"
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


def pointer() -> Path:
    """The file with the name of the generation that this version of the code uses."""
    return settings.SEARCH_INDEX_DIR / f"current-{fingerprint()}"


def current() -> Path:
    """The generation in use. Raises IndexUnavailable when there is none."""
    try:
        name = pointer().read_text()
    except OSError:
        raise IndexUnavailable("there is no index yet") from None
    if not name.startswith(f"{fingerprint()}-"):
        raise IndexUnavailable("what says which index is in use is damaged")
    return settings.SEARCH_INDEX_DIR / name


def commit_in_use() -> Commit | None:
    """The newest commit of the index in use; None when there is none. Takes 10 µs, because it opens no index.

    What was found in a commit is found again as long as it is in use. Whether its files are undamaged is not examined.
    """
    root = str(settings.SEARCH_INDEX_DIR)
    try:
        file = os.open(pointer(), os.O_RDONLY)
        try:
            name = os.read(file, MAX_NAME_LENGTH).decode()
        finally:
            os.close(file)
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
    _replace(pointer(), generation.name)


def discard() -> bool:
    """Takes the index out of use. Returns whether there was one."""
    try:
        pointer().unlink()
    except OSError:
        return False
    return True


def read_state(generation: Path) -> dict[str, Any]:
    """What `write_state` stored. Raises OSError or ValueError."""
    stored = json.loads((generation / STATE).read_text())
    if not isinstance(stored, dict):
        raise ValueError("not a state")
    return stored


def write_state(generation: Path, state: dict[str, object]) -> None:
    """Stores how far the generation is. Call it after the commit."""
    _replace(generation / STATE, json.dumps(state))
    # The release before removes folders that are not its own and were not touched for a minute.
    later = time.time() + DISUSED_SECONDS
    os.utime(generation, (later, later))


def touch_state(generation: Path) -> None:
    """Says that the generation is in use."""
    with suppress(OSError):
        os.utime(generation / STATE)


def _replace(path: Path, text: str) -> None:
    """Replaces a file by a whole one; after a power cut it is the old one or the new one."""
    new = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
    with new.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def remove_old() -> list[str]:
    """Removes this version's generations that are not in use, and those of versions long disused.

    Returns their names, as `name_of` makes them.
    Call it with REBUILD locked.
    """
    try:
        used = current().name
    except IndexUnavailable:
        used = ""
    old = [path for path in folder().iterdir() if path.is_dir() and path.name != used and _is_removable(path)]
    names = [name_of(path) for path in old]
    for path in old:
        remove(path)
    for path in folder().glob("current*"):
        with suppress(OSError):
            if _is_disused(path) and not (folder() / path.read_text()).exists():
                path.unlink()
    return names


def remove(generation: Path) -> None:
    """Removes a generation's folder."""
    shutil.rmtree(generation, ignore_errors=True)


def name_of(generation: Path) -> str:
    """The generation's name with its folder's inode: a copy of the folder is another index, with its own position."""
    return f"{generation.name}-{generation.stat().st_ino:x}"


def _is_removable(generation: Path) -> bool:
    # What has a state was begun by this version's code, which holds the lock; the release before wrote none.
    is_ours = generation.name.startswith(f"{fingerprint()}-") and (generation / STATE).exists()
    return (is_ours and _is_settled()) or _is_disused(generation)


def _is_settled() -> bool:
    """Whether no process can be about to open the generation that was in use before."""
    try:
        return time.time() - pointer().stat().st_mtime >= SWITCH_SECONDS
    except OSError:
        return True


def _is_disused(path: Path) -> bool:
    try:
        touched = (path / STATE if (path / STATE).exists() else path).stat().st_mtime
    except OSError:
        return True
    return time.time() - touched >= DISUSED_SECONDS


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
