"""On SIGTERM a web process still answers the requests it has accepted; a worker gives back what it cannot finish."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from django.conf import settings as here

# Real servers under load.
pytestmark = pytest.mark.slow
REQUEST = b"POST / HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"
KEPT_REQUEST = REQUEST.replace(b"close", b"keep-alive")


# A WSGI application that takes its time, in a module that is imported quickly.
SLOW_APP = """
import time

def application(environ, start_response):
    time.sleep(0.03)
    start_response("200 OK", [("Content-Length", "4")])
    return [b"done"]
"""


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


class KeptConnection:
    """A client that reuses its connection until the server says that it closes."""

    connection = None

    def ask(self, port):
        """As `ask`."""
        try:
            self.connection = self.connection or socket.create_connection(("127.0.0.1", port), timeout=10)
        except OSError:
            return "refused"
        try:
            self.connection.sendall(KEPT_REQUEST)
            text = b""
            while not text.endswith(b"done"):
                received = self.connection.recv(4096)
                if not received:
                    return self._lost()
                text += received
        except OSError:
            return self._lost()
        if b"connection: close" in text.lower():
            self.close()
        return "answered"

    def _lost(self):
        self.close()
        return "cut off"

    def close(self):
        """Ends the connection, if there is one."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class Load:
    """Clients that send one request after the other, half of them on connections that they keep; counts outcomes."""

    def __init__(self, port, clients=12):
        self.port, self.outcomes, self.over = port, Counter(), threading.Event()
        self.changed = threading.Condition()
        self.threads = [threading.Thread(target=self._client, args=(n % 2 == 0,)) for n in range(clients)]

    def _client(self, keeps):
        kept = KeptConnection()
        while not self.over.is_set():
            outcome = kept.ask(self.port) if keeps else ask(self.port)
            with self.changed:
                self.outcomes[outcome] += 1
                self.changed.notify_all()
            if outcome == "refused":
                break
        kept.close()

    def answers(self, more):
        """Waits until so many more requests were answered, or clients are refused."""
        with self.changed:
            goal = self.outcomes["answered"] + more
            reached = self.changed.wait_for(
                lambda: self.outcomes["answered"] >= goal or self.outcomes["refused"], timeout=60
            )
        assert reached, self.outcomes

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()


@pytest.fixture
def serve(tmp_path):
    """Starts gunicorn with our worker class on a free port: (process, port)."""
    started = []

    def start(*options):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        (tmp_path / "slow.py").write_text(SLOW_APP)
        config = tmp_path / "gunicorn.conf.py"
        config.write_text("from core.patches import gunicorn\non_starting = gunicorn.announce_stop\n")
        options = [
            *("--config", str(config), "--worker-class", "core.patches.gunicorn.DrainingWorker", "--no-control-socket"),
            *("--workers", "2", "--threads", "2", "--bind", f"127.0.0.1:{port}", "--graceful-timeout", "10"),
            *("--pid", str(tmp_path / "pid"), "--log-level", "error", *options),
        ]
        process = subprocess.Popen(  # noqa: S603 - our own interpreter
            [sys.executable, "-m", "gunicorn", "slow", "--pythonpath", str(tmp_path), *options],
            cwd=here.BASE_DIR,
            start_new_session=True,
        )
        started.append(process)
        end = time.monotonic() + 60
        while ask(port) != "answered":
            assert time.monotonic() < end
            time.sleep(0.1)
        return process, port

    yield start
    for process in started:
        # With a successor that SIGUSR2 started.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.parametrize("to_all", [False, True], ids=["the master", "the whole process group"])
def test_no_request_is_cut_off_while_the_service_stops(serve, to_all):
    """More clients than threads, so that some wait in the kernel; each is answered or was never let in."""
    process, port = serve()
    with Load(port) as load:
        load.answers(40)
        (os.killpg if to_all else os.kill)(process.pid, signal.SIGTERM)
        process.wait(60)
    assert process.returncode == 0
    assert load.outcomes["cut off"] == 0
    assert load.outcomes["answered"] > 12


def test_no_request_is_refused_or_cut_off_by_reloads(serve):
    """Several in a row: the next begins while old workers still finish."""
    process, port = serve()
    with Load(port) as load:
        for _ in range(3):
            load.answers(20)
            process.send_signal(signal.SIGHUP)
        load.answers(150)
    assert set(load.outcomes) == {"answered"}
    assert process.poll() is None


def test_no_request_is_refused_or_cut_off_while_workers_come_and_go(serve):
    """By signals to the master, and by SIGTERM from an administrator to one of them."""
    process, port = serve()
    with Load(port) as load:
        for name in ("SIGTTIN", "SIGTTOU", "SIGTTOU", "SIGUSR1", "SIGWINCH"):
            load.answers(20)
            process.send_signal(signal.Signals[name])
        workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(workers[-1]), signal.SIGTERM)
        load.answers(100)
    assert set(load.outcomes) == {"answered"}
    assert process.poll() is None


def test_no_request_is_refused_or_cut_off_while_workers_are_recycled(serve):
    _, port = serve("--max-requests", "50")
    with Load(port) as load:
        load.answers(250)
    assert set(load.outcomes) == {"answered"}


@pytest.mark.worker
def test_a_successor_takes_the_socket_over(serve, tmp_path):
    """SIGUSR2 starts a second master; SIGTERM to the first leaves the socket to it."""
    process, port = serve()
    with Load(port) as load:
        load.answers(30)
        process.send_signal(signal.SIGUSR2)
        end = time.monotonic() + 60
        while not (tmp_path / "pid.2").exists():
            assert time.monotonic() < end
            time.sleep(0.1)
        load.answers(100)
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        load.answers(100)
    assert set(load.outcomes) == {"answered"}


@pytest.mark.worker
def test_a_service_that_is_told_to_stop_while_it_reloads_stops(serve):
    """The worker that a reload has just started hears of the end too."""
    process, port = serve()
    with Load(port) as load:
        load.answers(30)
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    assert process.returncode == 0
    assert load.outcomes["cut off"] == 0


def test_a_client_that_is_refused_while_it_sends_hears_why(serve):
    """The application answers without reading the body, which is longer than any buffer on the way."""
    _, port = serve()
    body = b"x" * (8 * 2**20)
    head = b"POST / HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(head + body)
            text = b"".join(iter(lambda: connection.recv(4096), b""))
            assert text.endswith(b"done")


def test_a_worker_that_lives_says_so(settings, tmp_path):
    from core.jobs import heartbeat  # gunicorn imports this module without Django

    settings.HEARTBEAT_FILE = str(tmp_path / "alive")
    heartbeat.mark()
    assert (tmp_path / "alive").exists()


def test_nobody_asked_nothing_is_written(settings):
    from core.jobs import heartbeat

    settings.HEARTBEAT_FILE = ""
    heartbeat.mark()
