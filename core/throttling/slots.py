"""Limits how much expensive work runs at once in this process, and how long requests wait for it."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.signals import request_finished, request_started

from core.errors import Throttled

# When a refused client may try again.
RETRY_AFTER_SECONDS = 1
# Pieces of work that a request may wait for: to change a password is to verify one and to hash one.
MAX_WAITS = 2


class _RequestUsage(threading.local):
    """How much slotted work this thread's request has used. Commands, which serve no request, are not counted."""

    is_open = False
    pieces = 0
    # All its time in the work, and the part of that which it waited.
    seconds = waited_seconds = 0.0

    def begin(self, **_: Any) -> None:
        self.is_open = True
        self.pieces, self.seconds, self.waited_seconds = 0, 0.0, 0.0

    def end(self, **_: Any) -> None:
        self.begin()
        self.is_open = False

    def add(self, seconds: float, waited_seconds: float) -> None:
        if self.is_open:
            self.pieces += 1
            self.seconds += seconds
            self.waited_seconds += waited_seconds


usage = _RequestUsage()
request_started.connect(usage.begin)
request_finished.connect(usage.end)


class Slots:
    """At most `number` threads work at once; `max_waiting` others queue, each for at most `patience_seconds`.

    A thread that waits answers nobody else, so some threads must stay free:
    - When the queue is full, whoever comes is refused at once.
    - A request that does such work again and again (one document may ask for it many times) is refused as soon as all
      slots are taken, or when it has spent `patience_seconds` on it in all.

    A slot that becomes free is handed to the head of the queue, so that a thread which asks again cannot overtake.
    """

    def __init__(self, number: int, patience_seconds: float, max_waiting: int) -> None:
        self._free, self.patience_seconds, self.max_waiting = number, patience_seconds, max_waiting
        self._lock = threading.Lock()
        self._queue: deque[threading.Event] = deque()
        self._thread = threading.local()

    def check(self) -> None:
        """Raises Throttled where `hold` would at once: for a refusal before anything is spent on an attempt."""
        with self._lock:
            self._check()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Holds a slot for the block, and for blocks within it. Raises Throttled."""
        if getattr(self._thread, "held", False):
            yield
            return
        started = time.monotonic()
        held_at = None
        try:
            self._acquire()
            held_at = time.monotonic()
            self._thread.held = True
            try:
                yield
            finally:
                self._thread.held = False
                self._release()
        finally:
            ended = time.monotonic()
            usage.add(ended - started, (held_at or ended) - started)

    def _check(self) -> None:
        if not self._free and len(self._queue) >= self.max_waiting:
            raise Throttled(RETRY_AFTER_SECONDS)
        if usage.pieces >= MAX_WAITS and (usage.seconds >= self.patience_seconds or not self._free):
            raise Throttled(RETRY_AFTER_SECONDS)
        if not self._free and usage.waited_seconds >= self.patience_seconds:
            raise Throttled(RETRY_AFTER_SECONDS)

    def _acquire(self) -> None:
        with self._lock:
            self._check()
            if self._free:
                self._free -= 1
                return
            is_ours = threading.Event()
            self._queue.append(is_ours)
        if is_ours.wait(self.patience_seconds - usage.waited_seconds):
            return
        with self._lock:
            if not is_ours.is_set():
                self._queue.remove(is_ours)
                raise Throttled(RETRY_AFTER_SECONDS)

    def _release(self) -> None:
        with self._lock:
            if self._queue:
                self._queue.popleft().set()
            else:
                self._free += 1
