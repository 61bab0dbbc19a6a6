"""A worker that nothing ends but a signal, and that stops in time."""

import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
from celery import beat
from celery.concurrency.thread import TaskPool
from celery.worker.consumer import Consumer as CeleryConsumer

from core.celery import app
from core.patches.celery import RECONNECT, Consumer, ThreadPool


class Message:
    """Remembers that it was rejected."""

    rejected = False

    def reject_log_error(self, logger: Any, errors: Any) -> None:
        self.rejected = True


def test_a_message_that_celery_cannot_take_is_discarded(monkeypatch: pytest.MonkeyPatch) -> None:
    def raising(message: Any) -> None:
        raise KeyError("id")

    monkeypatch.setattr(CeleryConsumer, "create_task_handler", lambda self: raising)
    message = Message()
    Consumer.__new__(Consumer).create_task_handler()(message)
    assert message.rejected


def test_discarding_is_needed() -> None:
    """Celery's own handler raises for a task's name that is a list."""
    consumer = CeleryConsumer.__new__(CeleryConsumer)
    vars(consumer).update(strategies={}, on_task_message=[], call_soon_ack=None)
    with pytest.raises(TypeError):
        consumer.create_task_handler()(SimpleNamespace(headers={"task": []}))


def test_the_worker_looks_for_its_broker_every_few_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}
    connection = SimpleNamespace(ensure_connection=lambda *args, **given: asked.update(given))
    monkeypatch.setattr(CeleryConsumer, "ensure_connected", lambda self, conn: conn.ensure_connection("callback"))
    Consumer.__new__(Consumer).ensure_connected(connection)
    assert asked == RECONNECT


def test_beat_is_a_thread_of_its_worker() -> None:
    assert isinstance(beat.EmbeddedService(app), threading.Thread)


def test_a_pool_that_is_given_up_waits_for_no_task() -> None:
    pool, release = ThreadPool(1), threading.Event()
    task = pool.executor.submit(release.wait, 60)
    pool.terminate_job(None)
    pool.on_stop()
    assert not task.done()
    release.set()


def test_any_other_pool_waits_for_its_tasks() -> None:
    pool, done = ThreadPool(1), []
    pool.executor.submit(lambda: (time.sleep(0.2), done.append(True)))
    pool.on_stop()
    assert done == [True]


def test_the_pool_is_needed() -> None:
    with pytest.raises(NotImplementedError):
        TaskPool(1).terminate_job(None)
