"""Keeps an index up to date with the log, and builds it anew. It knows no engine, and may be killed at any moment.

An index says itself how far it is (`Index.state`), because only what is stored with it is lost with it. Whoever holds
its WRITER lock reads that state, applies what comes next and commits. After a kill anywhere in between, the same
changes are applied again, with the same result.

A new index holds the log before its first row is read. So what changes during the build is applied to it afterwards,
while searches and changes go on with the old one.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from threading import Event
from typing import Protocol

from catalog.models import Product
from catalog.search import log
from catalog.search.applying import Applier, Writer
from catalog.search.changes import IndexLog
from catalog.search.log import State
from catalog.search.queries import Query
from catalog.search.rows import all_product_rows

logger = logging.getLogger(__name__)
# Locks of an index: held while it is written to, while one is built, and by whoever follows the log for it.
WRITER, REBUILD, FOLLOWER = "writer", "rebuild", "follower"
REBUILD_LOCK_TIMEOUT_SECONDS, WRITER_LOCK_TIMEOUT_SECONDS = 10.0, 300.0

Progress = Callable[[int, int], object]


class Index(Protocol):
    """One index, of which there may be several: one in use and one that is being built."""

    @property
    def name(self) -> str:
        """A name that no other index has, and that begins with the fingerprint; at most 100 characters."""

    def state(self) -> State | None:
        """What it has; None when nobody knows."""

    def writer(self, *, bulk: bool = False) -> AbstractContextManager[Writer]:
        """A writer. With `bulk` the index is new and empty, and gets the whole catalogue."""

    def put_into_use(self) -> None:
        """Puts the index into use, in place of the one before, at once."""

    def remove(self) -> None:
        """Removes the index, which is not in use."""

    def digests(self, query: Query, field: str, expected: int) -> dict[int, list[int]]:
        """The digests of documents, by their key in the field. A doubled document has more than one.

        `expected` is about how many there are.
        """


class Target(Protocol):
    """Where an engine has its indexes, for this version of the code."""

    engine: str

    def current(self) -> Index | None:
        """The index in use; None when none works."""

    def new(self, begin: Callable[[str], State]) -> Index:
        """A new, empty index in the state that `begin` returns for its name."""

    def lock(self, name: str, *, wait: float = 0) -> AbstractContextManager[bool]:
        """Holds a lock, of all processes that share these indexes, which ends with the process. False: it is taken."""

    def tidy(self) -> list[str]:
        """Removes indexes that nobody uses, with REBUILD held. Returns their names."""


class RebuildRunning(Exception):
    """Another process is building the index, or keeps writing to it."""


class LogBegunAnew(Exception):
    """The log is another one than the index was built from."""


def is_usable(index: Index | None, row: IndexLog) -> bool:
    """Whether the index can be brought up to date. Otherwise it must be built anew."""
    state = index.state() if index else None
    return state is not None and log.is_known(state, row)


def bring_up_to_date(target: Target, *, wait: float = 0, stopping: Event | None = None) -> int | None:
    """Applies all changes. Returns their number; None when the index must be built anew.

    Does nothing when another process holds the lock for longer than `wait` seconds, because it does the same work.
    """
    row = log.sequence()
    index = target.current()
    if index is None or not is_usable(index, row):
        return None
    state = index.state()
    if state is not None and state.position == row.last and not state.broad:
        log.report(index.name, target.engine, state)
        return 0
    with target.lock(WRITER, wait=wait) as held:
        # Whoever had the lock may have switched to another index.
        index = target.current() if held else None
        if index is None:
            return 0
        try:
            return _apply(index, target.engine, stopping or Event())
        except LogBegunAnew:
            return None


def _apply(index: Index, engine: str, stopping: Event, *, until: int | None = None) -> int:
    """Applies changes until there are none, or none up to the position `until`. Returns their number."""
    state, applied = index.state(), 0
    if state is None:
        raise LogBegunAnew
    with index.writer() as writer:
        while not stopping.is_set():
            row = log.sequence()
            if not log.is_known(state, row):
                raise LogBegunAnew
            changes = log.changes_after(state.position)
            if not changes and (until is not None or not state.broad):
                break
            state = Applier(writer).advance(state, changes)
            writer.commit(state)
            log.report(index.name, engine, state)
            applied += len(changes)
            if until is not None and state.position >= until:
                break
    return applied


def rebuild(target: Target, progress: Progress = lambda done, total: None, *, only_if_unusable: bool = False) -> int:
    """Builds a new index and switches to it. Returns the number of its products.

    `progress` is called with the number of products that are done and of all products. With `only_if_unusable` nothing
    is built when another process has just done it. Raises RebuildRunning.
    """
    with target.lock(REBUILD, wait=REBUILD_LOCK_TIMEOUT_SECONDS) as held:
        if not held:
            raise RebuildRunning("the index is being rebuilt already")
        if only_if_unusable and is_usable(target.current(), log.sequence()):
            return 0
        tidy(target)
        index = target.new(lambda name: log.register(name, target.engine))
        try:
            return _build(target, index, progress)
        except BaseException:
            index.remove()
            # The database may be why it failed. Then the row holds the log for a day.
            with suppress(Exception):
                log.forget([index.name])
            raise


def mend(target: Target) -> None:
    """Builds an index when none can be brought up to date, unless another process does it."""
    logger.warning("the search index is missing, damaged or of another log: it is rebuilt")
    try:
        rebuild(target, only_if_unusable=True)
    except RebuildRunning as error:
        logger.info("not rebuilt: %s", error)


def tidy(target: Target) -> None:
    """Removes indexes that nobody uses. Call it with REBUILD held."""
    log.forget(target.tidy())


def _build(target: Target, index: Index, progress: Progress) -> int:
    total, done = Product.objects.filter(is_active=True).count(), 0
    state = index.state()
    if state is None:
        raise LogBegunAnew
    with index.writer(bulk=True) as writer:
        writer.begin(state.position)
        applier = Applier(writer)
        applier.put_all_named()
        progress(done, total)
        for rows in all_product_rows():
            applier.put_products(rows)
            done += len(rows)
            progress(done, total)
            log.report(index.name, target.engine, state)
        writer.commit(state)
    # Only what was recorded until now: an endless import must not keep this going.
    _catch_up(index, target.engine)
    with target.lock(WRITER, wait=WRITER_LOCK_TIMEOUT_SECONDS) as held:
        if not held:
            raise RebuildRunning("another process keeps writing to the index")
        _catch_up(index, target.engine)
        before = target.current()
        index.put_into_use()
    if before is not None:
        log.forget([before.name])
    logger.info("search index rebuilt: %d products", done)
    return done


def _catch_up(index: Index, engine: str) -> None:
    _apply(index, engine, Event(), until=log.sequence().last)
