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

# So many pieces of work a request may wait for: to change a password is to verify one and to make one.
MAX_WAITS = 2


class _Request(threading.local):
    """What the request of this thread has had of such work; a command, which is no request, has as much as it wants."""

    is_open = False
    pieces = 0
    seconds = waited = 0.0

    def begin(self, **_: Any) -> None:
        """A request begins."""
        self.is_open = True
        self.pieces, self.seconds, self.waited = 0, 0.0, 0.0

    def end(self, **_: Any) -> None:
        """It is over."""
        self.begin()
        self.is_open = False

    def add(self, seconds: float, waited: float) -> None:
        """One piece of work that took so long, so much of it in the queue."""
        if self.is_open:
            self.pieces += 1
            self.seconds += seconds
            self.waited += waited


request = _Request()
request_started.connect(request.begin)
request_finished.connect(request.end)


class Slots:
    """`number` may run at once, `max_waiting` others wait in the order in which they came, `patience` seconds at most.

    A request's thread answers nobody else meanwhile, so some threads must stay free: who comes when all places to wait
    are taken is told no at once. So a request whose document asks for such work again and again is
    told no as soon as somebody else waits, or when it has spent `patience` on it in all. A slot that is freed is handed
    to who waits: who asks again at once does not overtake.
    """

    def __init__(self, number: int, patience: float, max_waiting: int) -> None:
        self._free, self.patience, self.max_waiting = number, patience, max_waiting
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
        held_at = None
        try:
            self._acquire()
            held_at = time.monotonic()
            self._ours.held = True
            try:
                yield
            finally:
                self._ours.held = False
                self._release()
        finally:
            ended = time.monotonic()
            request.add(ended - began, (held_at or ended) - began)

    def _check(self) -> None:
        if not self._free and len(self._queue) >= self.max_waiting:
            raise Throttled(RETRY_AFTER)
        if request.pieces >= MAX_WAITS and (request.seconds >= self.patience or not self._free):
            raise Throttled(RETRY_AFTER)
        if not self._free and request.waited >= self.patience:
            raise Throttled(RETRY_AFTER)

    def _acquire(self) -> None:
        with self._lock:
            self._check()
            if self._free:
                self._free -= 1
                return
            ours = threading.Event()
            self._queue.append(ours)
        if ours.wait(self.patience - request.waited):
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
