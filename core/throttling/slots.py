"""Work of which only so much runs at once in this process; who would wait for too long is sent away."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.signals import request_started

from core.errors import Throttled

# Told to who is sent away, in seconds.
RETRY_AFTER = 1

_request = threading.local()


@request_started.connect
def _begin_request(**_: Any) -> None:
    _request.waited = 0.0


class Slots:
    """`number` may run at once and `max_waiting` wait, in the order in which they came.

    A request waits for at most `patience` seconds in all, however many pieces of such work it asks for: threads that
    wait cannot answer anybody else. A slot that is freed is handed to who waits, so that a request which asks again at
    once does not overtake.
    """

    def __init__(self, number: int, max_waiting: int, patience: float) -> None:
        self._free, self.max_waiting, self.patience = number, max_waiting, patience
        self._lock = threading.Lock()
        self._queue: deque[threading.Event] = deque()
        self._ours = threading.local()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Holds a slot for the block; a block within it has it already. Raises Throttled."""
        if getattr(self._ours, "held", False):
            yield
            return
        self._acquire()
        self._ours.held = True
        try:
            yield
        finally:
            self._ours.held = False
            with self._lock:
                if self._queue:
                    self._queue.popleft().set()
                else:
                    self._free += 1

    def _acquire(self) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            waited: float = getattr(_request, "waited", 0.0)
            if len(self._queue) >= self.max_waiting or waited >= self.patience:
                raise Throttled(RETRY_AFTER)
            ours = threading.Event()
            self._queue.append(ours)
        began = time.monotonic()
        is_ours = ours.wait(self.patience - waited)
        _request.waited = waited + time.monotonic() - began
        if is_ours:
            return
        with self._lock:
            if not ours.is_set():
                self._queue.remove(ours)
                raise Throttled(RETRY_AFTER)
