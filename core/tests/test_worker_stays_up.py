"""A real worker goes on whatever arrives as a message and whatever happens to its broker; /readyz tells the truth."""

import json
import resource
import shutil
import signal
import socket
import subprocess
import time
from contextlib import closing

import pytest
import redis as redis_client

from core.celery import app
from core.tests.processes import Service, until
from core.tests.test_embedded_broker import BROKEN

pytestmark = pytest.mark.worker

# What a worker tells of itself, as /readyz does: "ok", "degraded" or "unknown".
STATE = "from core.http.health import state_of; print(state_of('worker')['status'])"
# The settings name most sweeps; an app adds its own to Celery's schedule.
SWEEPS = len(app.conf.beat_schedule)
# A row that only a worker that takes messages and works can delete.
OLD_KEY = """
from datetime import timedelta
from django.utils import timezone
from core.models import IdempotencyKey
yesterday = timezone.now() - timedelta(days=2)
IdempotencyKey.objects.create(owner=1, mutation="add", key="k", digest="d", created_at=yesterday)
"""
# Messages that kombu can read and Celery cannot take, or not as it expects.
PROPERTIES = {
    "delivery_tag": "x",
    "delivery_info": {"exchange": "", "routing_key": "celery"},
    "body_encoding": "base64",
}
ENVELOPE = {"content-type": "application/json", "content-encoding": "utf-8", "properties": PROPERTIES}
GOOD = {"task": "core.tasks.clear_old_keys", "id": "1"}
BODY = "W1tdLCB7fSwge31d"
ODD = {
    "no headers": {**ENVELOPE, "body": BODY},
    "headers of another kind": {**ENVELOPE, "body": BODY, "headers": [1]},
    "an unhashable task": {**ENVELOPE, "body": BODY, "headers": {**GOOD, "task": []}},
    "an unknown task": {**ENVELOPE, "body": BODY, "headers": {**GOOD, "task": "os.system"}},
    "a task of null": {**ENVELOPE, "body": BODY, "headers": {**GOOD, "task": None}},
    "no id": {**ENVELOPE, "body": BODY, "headers": {"task": GOOD["task"]}},
    "an odd expiry": {**ENVELOPE, "body": BODY, "headers": {**GOOD, "expires": {"a": 1}}},
    "an odd eta": {**ENVELOPE, "body": BODY, "headers": {**GOOD, "eta": "soon"}},
    "an eta without end": {**ENVELOPE, "body": BODY, "headers": {**GOOD, "eta": "9999-12-31T23:59:59+00:00"}},
    "odd limits": {**ENVELOPE, "body": BODY, "headers": {**GOOD, "timelimit": "x", "retries": [], "group": 7}},
    "a body that is no base64": {**ENVELOPE, "body": "%%%", "headers": GOOD},
    "a body that is no JSON": {**ENVELOPE, "body": "////", "headers": GOOD},
    "a body of another shape": {**ENVELOPE, "body": "MQ==", "headers": GOOD},
    "arguments that the task lacks": {**ENVELOPE, "body": "W1sxLCAyXSwge30sIHt9XQ==", "headers": GOOD},
    "pickle": {**ENVELOPE, "content-type": "application/x-python-serialize", "body": BODY, "headers": GOOD},
    "an unknown encoding": {**ENVELOPE, "content-encoding": "klingon", "body": BODY, "headers": GOOD},
    "an unknown compression": {**ENVELOPE, "body": BODY, "headers": {**GOOD, "compression": "zip9"}},
    "an unknown body encoding": {**ENVELOPE, "properties": {**PROPERTIES, "body_encoding": "rot13"}, "body": BODY},
    "a tag of another kind": {**ENVELOPE, "properties": {**PROPERTIES, "delivery_tag": [1]}, "body": BODY},
    "no delivery info": {**ENVELOPE, "properties": {"delivery_tag": "y"}, "body": BODY, "headers": GOOD},
}
MESSAGES = [*BROKEN.values(), *(json.dumps(message).encode() for message in ODD.values())]


@pytest.fixture
def redis():
    """A Redis of this test's own: its port and its process."""
    if shutil.which("redis-server") is None:
        pytest.fail("needs Redis: apt-get install redis-server", pytrace=False)
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = start_redis(port)
    yield port, process
    process.send_signal(signal.SIGCONT)
    process.kill()
    process.wait()


def start_redis(port):
    command = ["redis-server", "--port", str(port), "--save", "", "--bind", "127.0.0.1"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603
    client = redis_client.Redis(port=port)

    def answers():
        try:
            return client.ping()
        except redis_client.ConnectionError:
            return False

    until(answers)
    return process


@pytest.fixture
def service(tmp_path, request):
    variables = {"READYZ_WORKER_SECONDS": "8", "LOG_LEVEL": "INFO"}
    if "redis" in request.fixturenames:
        variables["CELERY_BROKER_URL"] = f"redis://127.0.0.1:{request.getfixturevalue('redis')[0]}/0"
    service = Service(tmp_path, **variables)
    done = service.manage("migrate", "-v0")
    assert done.returncode == 0, done.stderr
    yield service
    service.kill_all()


def state(service):
    return service.run(STATE).strip()


def works(service):
    """A message sent now is worked on; the sweep of this task comes once an hour."""
    service.run(OLD_KEY + "from core.jobs.notify import notify\nnotify('core.tasks.clear_old_keys')")
    until(lambda: service.run("from core.models import IdempotencyKey as I; print(I.objects.count())").strip() == "0")


def test_no_message_file_ends_a_worker(service):
    worker = service.worker()
    until(lambda: state(service) == "ok")
    for queue in ("celery", "images"):
        folder = service.folder / "broker" / queue
        folder.mkdir(parents=True, exist_ok=True)
        for number, message in enumerate(MESSAGES):
            (folder / f"{number}.json").write_bytes(message)
    works(service)
    shutil.rmtree(service.folder / "broker")
    works(service)
    assert worker.poll() is None
    assert state(service) == "ok"


def test_no_message_in_redis_ends_a_worker(service, redis):
    port, _ = redis
    worker = service.worker()
    until(lambda: state(service) == "ok")
    client = redis_client.Redis(port=port)
    for queue in ("celery", "images"):
        for message in MESSAGES:
            client.lpush(queue, message)
    works(service)
    until(lambda: client.llen("images") == 0)
    assert worker.poll() is None
    # A list that is none: the worker cannot read it until it is gone.
    client.delete("celery")
    client.set("celery", "no list")
    time.sleep(3)
    client.delete("celery")
    works(service)
    assert worker.poll() is None


def test_a_redis_that_goes_and_comes_back_or_falls_silent(service, redis):
    port, process = redis
    worker = service.worker()
    until(lambda: state(service) == "ok")
    process.kill()
    process.wait()
    until(lambda: state(service) == "degraded")
    again = start_redis(port)
    try:
        until(lambda: state(service) == "ok")
        works(service)
        again.send_signal(signal.SIGSTOP)
        time.sleep(12)
        again.send_signal(signal.SIGCONT)
        until(lambda: state(service) == "ok")
        works(service)
        assert worker.poll() is None
    finally:
        again.kill()
        again.wait()


def test_a_worker_that_is_frozen_or_dead_is_told_and_heals(service):
    assert state(service) == "unknown"
    worker = service.worker()
    until(lambda: state(service) == "ok")
    worker.send_signal(signal.SIGSTOP)
    until(lambda: state(service) == "degraded")
    worker.send_signal(signal.SIGCONT)
    until(lambda: state(service) == "ok")
    worker.kill()
    until(lambda: state(service) == "degraded")
    service.worker()
    until(lambda: state(service) == "ok")
    works(service)


def test_a_worker_that_stops_is_not_alive_though_its_last_task_runs_on(service):
    """SIGTERM: the consumer is gone at once, the process stays for the task at hand."""
    worker = service.script(
        "from celery import shared_task\nimport time, sys\n"
        "@shared_task(name='long')\n"
        "def long():\n    print('begun', flush=True)\n    time.sleep(60)\n"
        "from core.celery import app\n"
        "app.conf.worker_soft_shutdown_timeout = 40\n"
        "from core.jobs.notify import notify\nnotify('long')\n"
        "app.worker_main(['worker', '-B', '--pool=custom', '--concurrency=4', '--queues=celery,images',"
        " '--without-gossip', '--without-mingle'])"
    )
    until(lambda: worker.stdout.readline() == "begun\n")
    until(lambda: state(service) == "ok")
    worker.send_signal(signal.SIGTERM)
    until(lambda: state(service) == "degraded")
    assert worker.poll() is None


def test_a_full_disk_is_outlived(service):
    """No file can grow any more: what a full disk says to everything that writes, the database included."""
    worker = service.worker()
    until(lambda: state(service) == "ok")
    before = resource.prlimit(worker.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (0, before[1]))
    until(lambda: state(service) == "degraded")
    assert worker.poll() is None
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, before)
    until(lambda: state(service) == "ok")
    works(service)


def test_after_a_day_each_sweep_runs_once_and_nothing_is_discarded(service):
    """Beat without a worker leaves one message of each sweep; a day later they are not worked on, nor told of."""
    beat = service.start("-m", "celery", "--quiet", "-A", "core", "beat", "--pidfile=")
    until(lambda: len(list((service.folder / "broker" / "celery").glob("*.json"))) >= 5)
    time.sleep(6)
    beat.terminate()
    beat.wait(10)
    waiting = list((service.folder / "broker").glob("*/*.json"))
    assert len(waiting) == SWEEPS
    for path in waiting:
        message = json.loads(path.read_text())
        message["headers"]["expires"] = "2020-01-01T00:00:00+00:00"
        path.write_text(json.dumps(message))
    service.environment["LOG_LEVEL"] = "DEBUG"
    service.worker()
    until(lambda: state(service) == "ok")
    works(service)
    text = service.log.read_text()
    assert "Discarding" not in text
    done = [
        line for line in text.splitlines() if '"event": "task"' in line and "users.tasks.clear_expired_tokens" in line
    ]
    assert len(done) == 1, done
