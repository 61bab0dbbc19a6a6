"""Work of which only so much runs at once in this process; who would wait for too long is sent away."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.signals import request_finished, request_started

from core.errors import Throttled

# Told to who is sent away, in seconds.
RETRY_AFTER = 1

# So many pieces of work a request may always ask for: to change a password is to verify one and to make one.
ALWAYS = 2


class _Request(threading.local):
    """What the request of this thread has had of such work; a command, which is no request, has as much as it wants."""

    is_open = False
    seconds = 0.0
    pieces = 0

    def begin(self, **_: Any) -> None:
        """A request begins."""
        self.is_open, self.seconds, self.pieces = True, 0.0, 0

    def end(self, **_: Any) -> None:
        """It is over."""
        self.is_open, self.seconds, self.pieces = False, 0.0, 0

    def add(self, seconds: float) -> None:
        """One piece of work that took so long, waiting included."""
        if self.is_open:
            self.seconds += seconds
            self.pieces += 1


request = _Request()
request_started.connect(request.begin)
request_finished.connect(request.end)


class Slots:
    """`number` may run at once and `max_waiting` wait, in the order in which they came.

    A request may spend `patience` seconds on such work in all, waiting and working, however much of it is in its
    document: its thread answers nobody else meanwhile. A slot that is freed is handed to who waits, so that a request
    which asks again at once does not overtake.
    """

    def __init__(self, number: int, max_waiting: int, patience: float) -> None:
        self._free, self.max_waiting, self.patience = number, max_waiting, patience
        self._lock = threading.Lock()
        self._queue: deque[threading.Event] = deque()
        self._ours = threading.local()

    def check(self) -> None:
        """Raises Throttled when `hold` would at once; asked before anything is spent on an attempt."""
        with self._lock:
            self._check()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Holds a slot for the block; a block within it has it already. Raises Throttled."""
        if getattr(self._ours, "held", False):
            yield
            return
        began = time.monotonic()
        try:
            self._acquire()
            self._ours.held = True
            try:
                yield
            finally:
                self._ours.held = False
                self._release()
        finally:
            request.add(time.monotonic() - began)

    def _check(self) -> None:
        is_spent = request.seconds >= self.patience and request.pieces >= ALWAYS
        if is_spent or (not self._free and len(self._queue) >= self.max_waiting):
            raise Throttled(RETRY_AFTER)

    def _acquire(self) -> None:
        with self._lock:
            self._check()
            if self._free:
                self._free -= 1
                return
            ours = threading.Event()
            self._queue.append(ours)
        if ours.wait(max(0.0, self.patience - request.seconds)):
            return
        with self._lock:
            if not ours.is_set():
                self._queue.remove(ours)
                raise Throttled(RETRY_AFTER)

    def _release(self) -> None:
        with self._lock:
            if self._queue:
                self._queue.popleft().set()
            else:
                self._free += 1
