"""Celery (5.7.0), as a worker here must be: nothing that a message says ends it, told to stop it stops in time, and its
beat ends with it.
"""

import os
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from celery import beat
from celery.concurrency.thread import TaskPool
from celery.utils.log import get_logger
from celery.worker.consumer import Consumer as CeleryConsumer

logger = get_logger(__name__)

# Seconds that the worker has to close its connection, by which unfinished messages return to their queue.
LAST_SECONDS = 2.0
# Pauses between two attempts to reach the broker; Celery's grow to 30 seconds.
RECONNECT = {"interval_start": 1, "interval_step": 1, "interval_max": 5}

# `worker -B` has beat as a thread: as a process of its own it would outlive a worker that is killed.
beat.__dict__["_Process"] = None


class Consumer(CeleryConsumer):
    """Celery's ends the worker when a message or the transport raises what it does not expect."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Whatever goes wrong is mended by connecting anew.
        self.connection_errors = (Exception,)

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], None]:
        """As Celery's; a message that it cannot take is discarded."""
        handle = super().create_task_handler(*args, **kwargs)

        def handle_or_discard(message: Any) -> None:
            try:
                handle(message)
            except Exception as error:
                logger.warning("Discarded a message that is no task: %r", error)
                message.reject_log_error(logger, Exception)

        return handle_or_discard

    def ensure_connected(self, conn: Any) -> Any:
        """As Celery's, which would go on sleeping for up to 30 seconds when the broker is back."""
        conn.ensure_connection = partial(conn.ensure_connection, **RECONNECT)
        return super().ensure_connected(conn)


def _leave() -> None:
    """Ends the process when its main thread has; the threads of unfinished tasks would hold it."""
    threading.main_thread().join(LAST_SECONDS)
    os._exit(0)


class ThreadPool(TaskPool):
    """Celery's pool of threads, which can be told to stop: what is not done in time goes back to its queue.

    Celery's own has no way to leave a task: a stopped worker waits for it without end, is killed by Docker, and the
    message stays with the dead worker until the broker's visibility timeout (an hour). For `--pool custom` with
    CELERY_CUSTOM_WORKER_POOL=core.patches.celery:ThreadPool.
    """

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
