"""Connections that clients keep: what core.patches.gunicorn changes of gunicorn's threads."""

import socket
import time

import pytest

from core.tests.test_stopping import KEPT_REQUEST, serve  # noqa: F401 - a fixture

# Real servers.
pytestmark = pytest.mark.slow


@pytest.fixture
def connection(serve):  # noqa: F811
    """A connection that is kept for a second, to a server of one process."""
    _, port = serve("--workers", "1", "--keep-alive", "1")
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        yield connection


def test_head_and_body_come_at_once(connection):
    for _ in range(3):
        connection.sendall(KEPT_REQUEST)
        text = connection.recv(4096)
        assert text.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"\r\nConnection: keep-alive\r\n" in text
        assert text.endswith(b"\r\n\r\ndone")


def test_requests_that_come_at_once_are_all_answered(connection):
    connection.sendall(KEPT_REQUEST * 5)
    text = b""
    while text.count(b"\r\n\r\ndone") < 5:
        text += connection.recv(4096)
    assert text.count(b"HTTP/1.1 200 OK\r\n") == 5


def test_a_request_in_pieces(connection):
    for _ in range(2):
        for piece in (KEPT_REQUEST[:30], KEPT_REQUEST[30:-1], KEPT_REQUEST[-1:]):
            connection.sendall(piece)
            time.sleep(0.05)
        assert connection.recv(4096).endswith(b"done")


def test_no_body_for_head(connection):
    connection.sendall(KEPT_REQUEST.replace(b"POST", b"HEAD"))
    text = connection.recv(4096)
    assert text.endswith(b"\r\n\r\n")
    assert b"Content-Length: 4" in text
    connection.sendall(KEPT_REQUEST)
    assert connection.recv(4096).endswith(b"done")


def test_a_connection_that_idles_is_closed(connection):
    connection.sendall(KEPT_REQUEST)
    assert connection.recv(4096).endswith(b"done")
    started = time.monotonic()
    assert connection.recv(4096) == b""
    assert 0.5 < time.monotonic() - started < 5
