"""Counts what people search for. `count_search` only adds to the memory of this process; no request waits for more.

A thread stores the counts every few seconds. While the database is down they wait in memory, up to a bound. A process
that ends stores what still waits. One that is killed loses the counts of its last seconds.
"""

import atexit
import logging
import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial

from django.conf import settings
from django.db import connections

from catalog.search.counts import TEXT_LENGTH, Tally, key_of, known_hits, store
from catalog.search.criteria import SearchCriteria, SortField
from catalog.search.engine import engine
from catalog.search.pages import Hits, Page
from catalog.search.validation import SearchInput, parse_criteria
from core.caching.conditions import each_time
from core.telemetry.metrics import UNCOUNTED_SEARCHES

logger = logging.getLogger(__name__)

# Pauses before the counts are stored, and after that has failed.
INTERVAL_SECONDS, PAUSE_AFTER_FAILURE_SECONDS = 5.0, 15.0
# How long an ending process waits for its last counts to be stored.
FLUSH_SECONDS = 2.0
# Different texts that wait in a process. Searches for further ones are not counted.
MAX_WAITING_TEXTS = 1_000
# How long the thread may ask the engine for hits that no request has counted, each time before it stores.
MAX_ENGINE_SECONDS = 1.0

Key = tuple[date, str]


class SearchCounter:
    """The counts that wait, and the thread that stores them. It starts with the first search."""

    def __init__(self) -> None:
        self._tallies: dict[Key, Tally] = {}
        self._num_uncounted = 0
        self._complained_on: date | None = None
        self._lock = threading.Lock()
        self._is_waiting, self._is_ending = threading.Event(), threading.Event()
        self._idle = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, key: Key, tally: Tally) -> None:
        """Counts searches. Never raises and waits for no database."""
        with self._lock:
            self._add(key, tally)
            if not self._is_waiting.is_set():
                self._idle.clear()
                self._is_waiting.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="search counts", daemon=True)
                # No thread can start while the interpreter ends.
                with suppress(RuntimeError):
                    self._thread.start()

    def _add(self, key: Key, tally: Tally) -> None:
        waiting = self._tallies.get(key)
        if waiting is not None:
            waiting.add(tally)
        elif len(self._tallies) < MAX_WAITING_TEXTS:
            self._tallies[key] = tally
        else:
            self._num_uncounted += tally.searches

    def flush(self) -> None:
        """Waits until what waits is stored or that has failed, at most FLUSH_SECONDS."""
        with self._lock:
            if self._tallies:
                self._idle.clear()
        self._is_ending.set()
        if self._thread is not None:
            self._idle.wait(FLUSH_SECONDS)
        self._is_ending.clear()

    def _run(self) -> None:
        while True:
            self._is_waiting.wait()
            self._is_ending.wait(INTERVAL_SECONDS)
            try:
                self.store_all()
            except Exception as error:
                # Drivers raise errors of every kind. The next attempt comes with a new connection.
                logger.warning("what people look for could not be stored and waits: %s", error)
                self._idle.set()
                self._is_ending.wait(PAUSE_AFTER_FAILURE_SECONDS)
            finally:
                # The connection is this thread's own, and no request's end will close it.
                connections.close_all()

    def store_all(self) -> None:
        """Stores what waits. What could not be stored waits again; raises the error."""
        with self._lock:
            tallies, self._tallies = self._tallies, {}
            self._is_waiting.clear()
        num_uncounted = 0
        try:
            for day in sorted({day for day, _ in tallies}):
                of_day = {text: tally for (of, text), tally in tallies.items() if of == day}
                _fill_in_hits(day, of_day)
                num_uncounted += store(day, of_day)
                for text in of_day:
                    del tallies[day, text]
        finally:
            with self._lock:
                newer, self._tallies = self._tallies, tallies
                for key, tally in newer.items():
                    self._add(key, tally)
                if self._tallies:
                    self._is_waiting.set()
                else:
                    self._idle.set()
                num_uncounted += self._num_uncounted
                self._num_uncounted = 0
            self._tell(num_uncounted)

    def _tell(self, num_uncounted: int) -> None:
        """Counts searches that were not counted, and logs the first ones of a day."""
        if not num_uncounted:
            return
        UNCOUNTED_SEARCHES.inc(num_uncounted)
        if self._complained_on != (today := _today()):
            self._complained_on = today
            logger.warning("too many different texts are searched for today: %d searches not counted", num_uncounted)


def _today() -> date:
    return datetime.now(UTC).date()


def _fill_in_hits(day: date, tallies: Mapping[str, Tally]) -> None:
    """Finds out what texts find alone, where no search has told: from the day's earlier counts, else from the engine.

    It asks the engine about the most searched texts first. What it has no time for stays unknown.
    """
    known = known_hits(day, tallies)
    end = time.monotonic() + MAX_ENGINE_SECONDS
    for text, tally in sorted(tallies.items(), key=lambda item: -item[1].searches):
        if tally.hits is None and known.get(text, -1) >= tally.min_hits:
            tally.hits = known[text]
        elif tally.hits is None and time.monotonic() < end:
            tally.hits = _hits_of(tally.typed)


def _hits_of(text: str) -> int | None:
    """How many products the text finds alone; None when the engine fails."""
    try:
        return engine().resolve(parse_criteria(SearchInput(text=text))).total()
    except Exception as error:
        # A statement that takes too long, for example. The counts matter more than the hits.
        logger.info("the hits of a text that people look for could not be counted: %s", error)
        return None


_counter = SearchCounter()


def count_search(criteria: SearchCriteria, page: Page, hits: Hits) -> None:
    """Counts a search of an API whose page was read. Takes microseconds.

    Only the first page of a search for words counts: the pages after it belong to the same search.
    """
    if not settings.SEARCH_COUNTS_DAYS or page.position is not None or page.backward or not criteria.words:
        return
    text = criteria.text or ""
    tally = Tally(text.lower()[:TEXT_LENGTH], searches=1, min_hits=len(hits.positions))
    if not (criteria.choices or criteria.ranges or criteria.in_stock is not None):
        tally.without_hits = int(not hits.positions)
        # Another sort may leave out what matches weakly.
        if not hits.has_next and criteria.sort is SortField.RELEVANCE:
            tally.hits = len(hits.positions)
    else:
        tally.filtered_to_nothing = int(not hits.positions)
    each_time(partial(_count, key_of(text), tally))


def _count(key: str, tally: Tally) -> None:
    # A copy, because the counter goes on adding to what it holds.
    _counter.add((_today(), key), replace(tally))


def flush() -> None:
    """Waits for counts that are not stored yet, at most FLUSH_SECONDS."""
    _counter.flush()


def _reset_after_fork() -> None:
    """A forked process has no thread, and its parent stores what waited before."""
    global _counter
    _counter = SearchCounter()


os.register_at_fork(after_in_child=_reset_after_fork)
atexit.register(flush)
