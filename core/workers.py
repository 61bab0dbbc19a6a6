"""Celery's pool of threads, which can be told to stop: what is not done in time goes back to its queue.

Celery's own has no way to leave a task: a stopped worker waits for it without end, is killed by Docker, and the message
stays with the dead worker until the broker's visibility timeout (an hour).
"""

import os
import threading
from typing import Any

from celery.concurrency.thread import TaskPool

# Seconds that the worker has to close its connection, by which unfinished messages return to their queue.
LAST_SECONDS = 2.0


def _leave() -> None:
    """Ends the process when its main thread has; the threads of unfinished tasks would hold it."""
    threading.main_thread().join(LAST_SECONDS)
    os._exit(0)


class ThreadPool(TaskPool):
    """For `--pool custom` with CELERY_CUSTOM_WORKER_POOL=core.workers:ThreadPool (see docker/entrypoint)."""

    has_unfinished = False

    def terminate_job(self, pid: Any, signal: Any = None) -> None:
        """A thread cannot be killed: it ends with the process, its transaction is rolled back."""
        self.has_unfinished = True

    def on_stop(self) -> None:
        """Waits for the tasks at hand, unless they were given up."""
        self.executor.shutdown(wait=not self.has_unfinished, cancel_futures=True)  # type: ignore[attr-defined]

    def on_terminate(self) -> None:
        """The end of a cold shutdown."""
        self.on_stop()
        if self.has_unfinished:
            threading.Thread(target=_leave, name="leave", daemon=True).start()
