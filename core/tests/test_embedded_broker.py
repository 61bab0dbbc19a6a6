"""The embedded broker reads over whatever lies in its folder, and keeps the same message once."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from queue import Empty

import pytest
from django.conf import settings as here
from kombu import Connection, Exchange, Producer, Queue

import core.celery  # noqa: F401 - makes embedded:// known

QUEUE = Queue("celery", Exchange("celery", type="direct"), routing_key="celery")
SEND = """
import sys
import core.celery
from kombu import Connection
from core.tests.test_embedded_broker import send
with Connection("embedded://", transport_options={"folder": sys.argv[1]}) as connection:
    for number in range(int(sys.argv[2]), int(sys.argv[3])):
        send(connection, args=[number])
        if number == int(sys.argv[2]):
            print("begun", flush=True)
"""


def connect(folder):
    return Connection("embedded://", transport_options={"folder": str(folder), "polling_interval": 0.01})


def send(connection, task="users.tasks.send_due_mail", args=(), **headers):
    """As Celery does: the task in the headers, its arguments in the body."""
    producer = Producer(connection.default_channel, auto_declare=False)
    body = [list(args), {}, {}]
    headers = {"task": task, "id": str(time.monotonic_ns()), **headers}
    producer.publish(body, exchange=QUEUE.exchange, routing_key="celery", declare=[QUEUE], headers=headers)


def taken(connection, wait=0.05):
    """The bodies of all messages that wait."""
    bodies = []
    with connection.Consumer(
        QUEUE, accept=["json"], callbacks=[lambda body, message: bodies.append(body)], no_ack=True
    ):
        while True:
            try:
                connection.drain_events(timeout=wait)
            except TimeoutError:
                return bodies


@pytest.fixture
def connection(tmp_path):
    with connect(tmp_path) as connection:
        yield connection


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "celery").mkdir()
    return tmp_path / "celery"


def test_messages_are_taken_once_in_order(connection):
    send(connection, args=[1])
    send(connection, args=[2])
    assert [body[0] for body in taken(connection)] == [[1], [2]]
    assert taken(connection) == []


def test_the_same_message_waits_once(connection, folder):
    for _ in range(100):
        send(connection)
    assert len(list(folder.iterdir())) == 1
    assert len(taken(connection)) == 1
    send(connection)
    assert len(taken(connection)) == 1


BROKEN = {
    "empty": b"",
    "garbage": os.urandom(500),
    "null": b"null",
    "a number": b"1e999",
    "a list": b"[1, 2]",
    "an object of something else": b"{}",
    "cut in half": b'{"body": "W1tdLCB7fSwge31d", "headers": {"task": "t"}, "proper',
    "no properties": json.dumps({"body": "", "headers": {}}).encode(),
    "properties of another kind": json.dumps({"body": "", "properties": []}).encode(),
    "no tag": json.dumps({"body": "", "properties": {"delivery_info": {}}}).encode(),
    "nested without end": b"[" * 100_000,
    "not UTF-8": b'{"body": "\xff"}',
    "too long": b'"' + b"x" * (2**20) + b'"',
    "an odd expiry": json.dumps({"headers": {"expires": "tomorrow"}}).encode(),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_message_is_discarded_and_the_next_one_delivered(connection, folder, content, caplog):
    (folder / "0.json").write_bytes(content)
    os.utime(folder / "0.json", (0, 0))
    send(connection)
    assert len(taken(connection)) == 1
    assert list(folder.iterdir()) == []
    assert "iscarded" in caplog.text


def test_what_is_no_file_is_left_alone(connection, folder, tmp_path):
    (folder / "folder.json").mkdir()
    (folder / "link.json").symlink_to(tmp_path / "nowhere")
    os.mkfifo(folder / "pipe.json")
    send(connection)
    assert len(taken(connection)) == 1


def test_a_file_that_cannot_be_removed_is_not_delivered_and_is_told_once(connection, folder, monkeypatch, caplog):
    send(connection)
    with monkeypatch.context() as patched:

        def refuse(*args, **kwargs):
            raise PermissionError("read-only")

        patched.setattr("pathlib.Path.unlink", refuse)
        assert taken(connection) == []
    assert caplog.text.count("cannot be removed") == 1
    assert len(taken(connection)) == 1


def test_the_folder_may_go_at_any_time(connection, folder):
    send(connection)
    assert len(taken(connection)) == 1
    folder.rmdir()
    assert taken(connection) == []
    send(connection)
    assert len(taken(connection)) == 1


def test_an_expired_message_is_not_delivered(connection, folder):
    send(connection, args=[1], expires=(datetime.now(UTC) - timedelta(seconds=1)).isoformat())
    send(connection, args=[2], expires=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    assert [body[0] for body in taken(connection)] == [[2]]
    assert list(folder.iterdir()) == []


def test_what_a_killed_sender_left_half_written_goes_after_a_while(connection, folder):
    (folder / "old.tmp").write_bytes(b'{"bo')
    os.utime(folder / "old.tmp", (0, 0))
    (folder / "new.tmp").write_bytes(b'{"bo')
    assert taken(connection) == []
    assert [path.name for path in folder.iterdir()] == ["new.tmp"]


def test_of_two_readers_one_gets_it(connection, folder):
    """The second has listed the file before the first takes it."""
    other = connect(folder.parent)
    for number in range(3):
        send(connection, args=[number])
    first, second = connection.default_channel, other.default_channel
    assert first._get("celery")
    assert second._get("celery")
    assert first._get("celery")
    with pytest.raises(Empty):
        first._get("celery")
    with pytest.raises(Empty):
        second._get("celery")


def test_queues_have_any_name(connection, tmp_path):
    connection.default_channel._put("../odd/name", {"headers": {"task": "../../etc/passwd"}})
    assert connection.default_channel._size("../odd/name") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["..%2Fodd%2Fname"]
    assert connection.default_channel._purge("../odd/name") == 1


def sender(folder, first, last, **limits):
    return subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", SEND, str(folder), str(first), str(last)],
        cwd=here.BASE_DIR,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **limits,
    )


@pytest.mark.slow
def test_a_sender_killed_in_the_middle_of_its_writes_leaves_whole_messages(connection, tmp_path):
    read = set()
    for turn in range(5):
        process = sender(tmp_path, turn * 10_000, (turn + 1) * 10_000)
        assert process.stdout.readline() == "begun\n"
        time.sleep(0.02 * turn)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        numbers = [body[0][0] for body in taken(connection)]
        # Without a hole: each message that was sent has arrived, and none twice.
        assert sorted(numbers) == list(range(turn * 10_000, turn * 10_000 + len(numbers)))
        assert numbers
        read.update(numbers)
    assert [path for path in (tmp_path / "celery").iterdir() if path.suffix != ".tmp"] == []


@pytest.mark.worker
def test_thousands_of_messages_of_several_senders_arrive_once(connection, tmp_path):
    senders = [sender(tmp_path, n * 1000, (n + 1) * 1000) for n in range(5)]
    numbers, end = [], time.monotonic() + 120
    while len(numbers) < 5000 and time.monotonic() < end:
        numbers += [body[0][0] for body in taken(connection)]
    for process in senders:
        assert process.wait(10) == 0
        process.communicate()
    assert sorted(numbers) == list(range(5000))
