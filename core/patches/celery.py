"""Celery: a worker that no message and no broker can end, that stops in time, and whose beat ends with it.

- Written against: celery 5.7.0.
- Why and upstream: beside each patch; README.md names the issues.
- Test: core/patches/tests/test_celery.py, core/tests/test_worker_stays_up.py.
- Delete when: see README.md; each of the four can go alone.
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

# How long a stopped worker may take to close its connection, which returns unfinished messages to their queue.
CLOSE_TIMEOUT_SECONDS = 2.0
# Seconds between two attempts to reach the broker. Celery's own pauses grow to 30 seconds.
RECONNECT = {"interval_start": 1, "interval_step": 1, "interval_max": 5}

# `worker -B` runs beat as a thread. As a process of its own it would outlive a worker that is killed.
beat.__dict__["_Process"] = None


class Consumer(CeleryConsumer):
    """Celery's own ends the worker when a message or the transport raises something unexpected.

    Upstream: celery/celery#7975 and #4308.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Any error is answered with a new connection.
        self.connection_errors = (Exception,)

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], None]:
        """As Celery's, but discards a message that it cannot take."""
        handle = super().create_task_handler(*args, **kwargs)

        def handle_or_discard(message: Any) -> None:
            try:
                handle(message)
            except Exception as error:
                logger.warning("Discarded a message that is no task: %r", error)
                message.reject_log_error(logger, Exception)

        return handle_or_discard

    def ensure_connected(self, conn: Any) -> Any:
        """As Celery's, but finds a broker that is back within RECONNECT's pauses."""
        conn.ensure_connection = partial(conn.ensure_connection, **RECONNECT)
        return super().ensure_connected(conn)


def _leave() -> None:
    """Ends the process after its main thread. The threads of unfinished tasks would keep it alive."""
    threading.main_thread().join(CLOSE_TIMEOUT_SECONDS)
    os._exit(0)


class ThreadPool(TaskPool):
    """Celery's pool of threads, but it can stop: a task that is not done in time goes back to its queue.

    Celery's own cannot leave a task (celery/celery#10490): a stopped worker waits for it until Docker kills it, and the
    message stays with the dead worker for the broker's visibility timeout (an hour). To be used by `--pool custom` with
    CELERY_CUSTOM_WORKER_POOL=core.patches.celery:ThreadPool.
    """

    has_unfinished = False

    def terminate_job(self, pid: Any, signal: Any = None) -> None:
        """Gives the task up. A thread cannot be killed; it ends with the process, and its transaction is undone."""
        self.has_unfinished = True

    def on_stop(self) -> None:
        """Waits for the running tasks, unless they were given up."""
        self.executor.shutdown(wait=not self.has_unfinished, cancel_futures=True)  # type: ignore[attr-defined]

    def on_terminate(self) -> None:
        """The end of a cold shutdown."""
        self.on_stop()
        if self.has_unfinished:
            threading.Thread(target=_leave, name="leave", daemon=True).start()
