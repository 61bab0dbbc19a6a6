"""A thread that follows the log for this process. Of all that share an index, one does the work.

The follower of a worker holds the FOLLOWER lock as long as it lives. That of a web process takes it for one round at a
time, so it works only where no worker does. Every process looks for changes twice a second: this needs no message, and
finds what other hosts change as well. A message only makes it sooner.
"""

import logging
import os
import threading
from collections.abc import Callable
from contextlib import ExitStack

from django.db import close_old_connections, connections

from catalog.search import following
from catalog.search.following import FOLLOWER, Target

logger = logging.getLogger(__name__)
POLL_SECONDS, PAUSE_AFTER_FAILURE_SECONDS = 0.5, 2.0
STOP_SECONDS = 5.0


class Follower:
    """The thread, and another one while it rebuilds, so that changes reach the old index meanwhile."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begins as new: a forked process has no thread."""
        self._thread: threading.Thread | None = None
        self._rebuilding: threading.Thread | None = None
        self._news, self._stopping = threading.Event(), threading.Event()

    def start(self, target: Callable[[], Target | None], *, is_worker: bool) -> None:
        """Starts to follow, in the indexes that `target` returns. A web process follows, but builds nothing anew."""
        if self._thread is None:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, args=(target, is_worker), name="index", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Ends the thread after its round. A rebuild ends with the process, and begins anew in the next."""
        self._stopping.set()
        self._news.set()

    def join(self) -> None:
        """Waits for the thread's end."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(STOP_SECONDS)

    def notify(self) -> bool:
        """Says that there are changes. Returns whether a thread of this process follows."""
        self._news.set()
        return self._thread is not None and self._thread.is_alive()

    def _run(self, target: Callable[[], Target | None], is_worker: bool) -> None:
        with ExitStack() as leading:
            is_leading = is_logged = False
            while not self._stopping.is_set():
                try:
                    close_old_connections()
                    indexes = target()
                    if indexes is not None and not is_leading and is_worker:
                        is_leading = _lead(indexes, leading)
                    if indexes is not None:
                        self._follow(indexes, is_leading, is_worker)
                    pause, is_logged = POLL_SECONDS, False
                except Exception as error:
                    # Whatever it was, the changes are recorded, and the next round begins from what is committed.
                    (logger.info if is_logged else logger.warning)("the search index lags behind: %r", error)
                    pause, is_logged = PAUSE_AFTER_FAILURE_SECONDS, True
                self._news.wait(pause)
                self._news.clear()
        connections.close_all()

    def _follow(self, indexes: Target, is_leading: bool, is_worker: bool) -> None:
        with ExitStack() as round_:
            if not (is_leading or round_.enter_context(indexes.lock(FOLLOWER))):
                return
            applied = following.bring_up_to_date(indexes, stopping=self._stopping)
        if applied is None and is_worker:
            self._mend(indexes)

    def _mend(self, indexes: Target) -> None:
        if self._rebuilding is None or not self._rebuilding.is_alive():
            self._rebuilding = threading.Thread(target=_mend, args=(indexes,), name="index-rebuild", daemon=True)
            self._rebuilding.start()


def _lead(indexes: Target, leading: ExitStack) -> bool:
    """Takes the FOLLOWER lock, which `leading` then holds. False when another process has it."""
    with ExitStack() as attempt:
        held = attempt.enter_context(indexes.lock(FOLLOWER))
        if held:
            leading.push(attempt.pop_all())
    return held


def _mend(indexes: Target) -> None:
    try:
        following.mend(indexes)
    except Exception as error:
        logger.warning("the search index could not be rebuilt: %r", error)
    finally:
        connections.close_all()


follower = Follower()
os.register_at_fork(after_in_child=follower.reset)
