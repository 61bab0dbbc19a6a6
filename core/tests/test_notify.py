"""A message costs a request nothing, whatever the broker does; the rows decide."""

import re
import socket
import threading
import time

import pytest
from django.conf import settings
from structlog.contextvars import bound_contextvars

from core.celery import app
from core.jobs import notify as module
from core.jobs.notify import Notifier, is_backed_up
from core.telemetry.tasks import HEADER

TASK = "users.tasks.send_due_mail"
OTHER = "catalog.tasks.work_images"


@pytest.fixture
def broker(tmp_path, monkeypatch):
    """The embedded broker in a folder of this test."""
    monkeypatch.setitem(app.conf, "broker_url", "embedded://")
    monkeypatch.setitem(app.conf, "broker_write_url", "embedded://")
    monkeypatch.setitem(app.conf, "broker_transport_options", {"folder": str(tmp_path)})
    return tmp_path


@pytest.fixture
def messages(broker):
    """All messages that wait: the headers of each, by queue."""

    def read():
        with module.connect() as connection:
            channel = connection.default_channel
            return {
                queue: [channel._get(queue)["headers"] for _ in range(channel._size(queue))]
                for queue in ("celery", "images")
            }

    return read


@pytest.fixture
def sent(monkeypatch):
    """A broker that takes as long as a test wants; what was sent to it, one list for each connection."""
    calls, gate = [], threading.Event()

    def send(self, tasks):
        calls.append(dict(tasks))
        assert gate.wait(10)

    monkeypatch.setattr(Notifier, "_send", send)
    return calls, gate


def test_a_message_is_sent_to_its_queue(messages):
    notifier = Notifier()
    with bound_contextvars(request_id="the-request-1"):
        notifier.notify(TASK)
    notifier.notify(OTHER)
    notifier.flush()
    waiting = messages()
    assert [(m["task"], m[HEADER]) for m in waiting["celery"]] == [(TASK, "the-request-1")]
    assert [(m["task"], m.get(HEADER)) for m in waiting["images"]] == [(OTHER, None)]
    assert all(m["expires"] for queue in waiting.values() for m in queue)


def test_what_comes_while_the_broker_is_slow_is_sent_once(sent):
    calls, gate = sent
    notifier = Notifier()
    notifier.notify(TASK)
    until(lambda: calls)
    for _ in range(1000):
        notifier.notify(TASK)
        notifier.notify(OTHER)
    gate.set()
    until(lambda: len(calls) == 2)
    assert [set(call) for call in calls] == [{TASK}, {TASK, OTHER}]


def test_a_broker_that_fails_is_left_alone_and_costs_the_caller_nothing(monkeypatch, caplog):
    attempts, pauses = [], []

    def refuse():
        attempts.append(1)
        raise ConnectionRefusedError("nobody there")

    monkeypatch.setattr(module, "connect", refuse)
    notifier = Notifier()
    monkeypatch.setattr(notifier._is_ending, "wait", lambda seconds: pauses.append(seconds) or time.sleep(0.05))
    notifier.notify(TASK)
    notifier.flush()
    assert attempts == [1]
    assert pauses[0] == module.PAUSE_AFTER_FAILURE_SECONDS
    assert f"a sweep will do the work of {TASK}: nobody there" in caplog.text


def test_a_broker_that_comes_back_gets_the_next_message(messages, monkeypatch):
    notifier = Notifier()
    connect = module.connect
    monkeypatch.setattr(module, "connect", lambda: 1 / 0)
    notifier.notify(TASK)
    notifier.flush()
    monkeypatch.setattr(module, "connect", connect)
    notifier.notify(TASK)
    notifier.flush()
    assert len(messages()["celery"]) == 1


@pytest.mark.slow
def test_a_broker_that_accepts_and_stays_silent_is_given_up(monkeypatch, caplog):
    """A real socket: the caller returns at once, the thread gives up by itself."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(20)
        url = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        monkeypatch.setitem(app.conf, "broker_url", url)
        monkeypatch.setitem(app.conf, "broker_write_url", url)
        monkeypatch.setitem(app.conf, "broker_transport_options", {})
        notifier = Notifier()
        notifier.notify(TASK)
        until(lambda: "a sweep will do the work" in caplog.text)


def test_a_queue_that_nobody_reads_grows_to_its_limit(broker):
    with module.connect() as connection:
        channel = connection.default_channel
        for number in range(module.MAX_WAITING):
            assert not is_backed_up(channel, TASK)
            channel._put("celery", {"headers": {"task": "t"}, "body": str(number)})
        assert is_backed_up(channel, TASK)
        assert not is_backed_up(channel, OTHER)


def test_the_end_of_a_process_waits_for_its_last_message(messages):
    notifier = Notifier()
    notifier.flush()  # nothing was ever sent
    notifier.notify(TASK)
    notifier.flush()
    notifier.notify(TASK)
    notifier.flush()
    assert len(messages()["celery"]) == 1


def until(holds):
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.01)


def test_nothing_else_sends_a_message():
    """Celery's own calls wait for the broker, and raise when it is down."""
    sends = re.compile(r"\.(send_task|apply_async|delay)\(")
    files = [path for app_ in ("core", "catalog", "cart", "users") for path in (settings.BASE_DIR / app_).rglob("*.py")]
    senders = {path.relative_to(settings.BASE_DIR).as_posix() for path in files if sends.search(path.read_text())}
    # Beat sends the sweeps' messages.
    assert {name for name in senders if "/tests/" not in name} == {"core/jobs/notify.py", "core/jobs/beat.py"}
