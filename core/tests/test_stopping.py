"""A web process answers whom it has accepted, told to stop or not; a worker gives back what it cannot finish."""

import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings as here

from core.workers import ThreadPool

REQUEST = b"POST / HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"


def slow_app(environ, start_response):
    """A WSGI application that takes its time; run by gunicorn below."""
    time.sleep(0.15)
    start_response("200 OK", [("Content-Length", "4")])
    return [b"done"]


def ask(port):
    """How one request ended: answered, refused (nothing was sent) or cut off."""
    try:
        connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    except OSError:
        return "refused"
    with connection:
        try:
            connection.sendall(REQUEST)
            text = b"".join(iter(lambda: connection.recv(4096), b""))
        except OSError:
            return "cut off"
    return "answered" if text.endswith(b"done") else "cut off"


@pytest.fixture
def server():
    """gunicorn with our worker class on a free port: (process, port)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = [
        "--worker-class",
        "core.serving.DrainingWorker",
        "--no-control-socket",
        "--workers",
        "2",
        "--threads",
        "2",
        "--bind",
        f"127.0.0.1:{port}",
        "--graceful-timeout",
        "10",
    ]
    process = subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-m", "gunicorn", "core.tests.test_stopping:slow_app", "--log-level", "error", *options],
        cwd=here.BASE_DIR,
    )
    end = time.monotonic() + 20
    while ask(port) != "answered":
        assert time.monotonic() < end
        time.sleep(0.1)
    yield process, port
    process.kill()
    process.wait()


def test_no_request_is_cut_off_while_the_service_stops(server):
    """More clients than threads, so that some wait in the kernel; each is answered or was never let in."""
    process, port = server
    outcomes, stop = Counter(), threading.Event()

    def client():
        while not stop.is_set():
            outcome = ask(port)
            outcomes[outcome] += 1
            if outcome == "refused":
                return

    with ThreadPoolExecutor(12) as clients:
        running = [clients.submit(client) for _ in range(12)]
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        stop.set()
        for each in running:
            each.result()
    assert process.returncode == 0
    assert outcomes["cut off"] == 0
    assert outcomes["answered"] > 12


def test_a_client_that_is_refused_while_it_sends_hears_why(server):
    """The application answers without reading the body, which is longer than any buffer on the way."""
    _, port = server
    body = b"x" * (8 * 2**20)
    head = b"POST / HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(head + body)
            text = b"".join(iter(lambda: connection.recv(4096), b""))
            assert text.endswith(b"done")


def test_a_worker_that_is_given_up_waits_for_nobody():
    pool, release = ThreadPool(1), threading.Event()
    pool.executor.submit(release.wait, 20)
    pool.terminate_job(None)
    began = time.monotonic()
    pool.on_stop()
    assert time.monotonic() - began < 5
    release.set()


def test_a_worker_that_is_not_waits_for_its_task():
    pool, done = ThreadPool(1), []
    pool.executor.submit(lambda: (time.sleep(0.2), done.append(True)))
    pool.on_stop()
    assert done == [True]


def test_a_worker_that_lives_says_so(settings, tmp_path):
    from core.jobs import heartbeat  # gunicorn imports this module without Django

    settings.HEARTBEAT_FILE = str(tmp_path / "alive")
    heartbeat.mark()
    assert (tmp_path / "alive").exists()


def test_nobody_asked_nothing_is_written(settings):
    from core.jobs import heartbeat

    settings.HEARTBEAT_FILE = ""
    heartbeat.mark()
