"""`notify(task)` tells a worker that rows are due. It is the only way to send a message.

A thread of this process sends the message, so a broker that is down, silent or wrong costs a request nothing. A task
that is notified several times while the thread is busy is sent once. After a failure the thread pauses. Work whose
message was never sent is found by a sweep.
"""

import atexit
import logging
import os
import threading
from contextlib import suppress
from typing import Any

from structlog.contextvars import bound_contextvars, get_contextvars

from core.celery import app

logger = logging.getLogger(__name__)

# Limits connecting, and waiting for each answer of the broker.
TIMEOUT_SECONDS = 1
# Pauses after each round of messages, and after a failure.
INTERVAL_SECONDS, PAUSE_AFTER_FAILURE_SECONDS = 0.1, 5.0
# By then a sweep has done the work that the message announced.
EXPIRES_SECONDS = 60
# How long an ending process waits for its last messages.
FLUSH_SECONDS = 1.0
# When a queue has so many messages, no worker is taking them, and one more would be of no use.
MAX_WAITING = 100


class Notifier:
    """Sends the messages of pending tasks from a thread of its own, which starts with the first message."""

    def __init__(self) -> None:
        # By task: the id of the request that notified first.
        self._pending: dict[str, str | None] = {}
        self._lock = threading.Lock()
        self._is_pending, self._is_ending = threading.Event(), threading.Event()
        self._idle = threading.Event()
        self._thread: threading.Thread | None = None
        self._connection: Any = None

    def notify(self, task: str) -> None:
        """Has the task's message sent soon. Never raises and never waits."""
        with self._lock:
            self._pending.setdefault(task, get_contextvars().get("request_id"))
            self._idle.clear()
            self._is_pending.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="notify", daemon=True)
                # No thread can start while the interpreter ends. A sweep will find the work.
                with suppress(RuntimeError):
                    self._thread.start()

    def flush(self) -> None:
        """Waits until pending messages are sent or have failed, at most FLUSH_SECONDS."""
        self._is_ending.set()
        if self._thread is not None:
            self._idle.wait(FLUSH_SECONDS)
        self._is_ending.clear()

    def _run(self) -> None:
        while True:
            self._is_pending.wait()
            with self._lock:
                tasks, self._pending = self._pending, {}
                self._is_pending.clear()
            try:
                self._send(tasks)
                pause = INTERVAL_SECONDS
            except Exception as error:
                # Transports raise errors of every kind.
                logger.warning(
                    "The broker is down; a sweep will do the work of %s: %s", ", ".join(sorted(tasks)), error
                )
                self._disconnect()
                pause = PAUSE_AFTER_FAILURE_SECONDS
            with self._lock:
                if not self._pending:
                    self._idle.set()
            self._is_ending.wait(pause)

    def _send(self, tasks: dict[str, str | None]) -> None:
        if self._connection is None:
            self._connection = connect()
        for task, request_id in tasks.items():
            with bound_contextvars(**({"request_id": request_id} if request_id else {})):
                if not is_backed_up(self._connection.default_channel, task):
                    app.send_task(task, connection=self._connection, retry=False, expires=EXPIRES_SECONDS)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                connection.release()


def connect() -> Any:
    """A connection that waits TIMEOUT_SECONDS at most for each answer. Raises what the transport raises."""
    timeouts = {"socket_connect_timeout": TIMEOUT_SECONDS, "socket_timeout": TIMEOUT_SECONDS}
    connection = app.connection_for_write(
        connect_timeout=TIMEOUT_SECONDS, transport_options={**app.conf.broker_transport_options, **timeouts}
    )
    connection.ensure_connection(max_retries=1, interval_start=0, timeout=TIMEOUT_SECONDS)
    return connection


def is_backed_up(channel: Any, task: str) -> bool:
    """Whether the task's queue holds so many messages that no worker can be taking them."""
    queue = app.amqp.router.route({}, task)["queue"].name
    return bool(channel._size(queue) >= MAX_WAITING)


_notifier = Notifier()


def notify(task: str) -> None:
    """Tells a worker that there is work for the task with this name. Call it after the rows are committed.

    Never raises and never waits for the broker.
    """
    _notifier.notify(task)


def flush() -> None:
    """Waits for pending messages, at most FLUSH_SECONDS."""
    _notifier.flush()


def _reset_after_fork() -> None:
    """A forked process has no thread, and must not use its parent's connection."""
    global _notifier
    _notifier = Notifier()


os.register_at_fork(after_in_child=_reset_after_fork)
atexit.register(flush)
