"""A client that costs little: two connections that stay open, each sends its next request when it has an answer."""

import re
import socket
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any

CONNECTIONS = 2
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Connection:
    """An open HTTP connection."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent = 0.0

    def send(self, request: bytes) -> None:
        self.sent = time.perf_counter()
        self._socket.sendall(request)

    def receive(self) -> bytes:
        """The body of the answer. Ends the bench when its status is not 200."""
        data = self._socket.recv(262_144)
        while (end := data.find(b"\r\n\r\n")) < 0:
            data = self._more(data)
        found = _LENGTH.search(data, 0, end + 2)
        if found:
            size = end + 4 + int(found[1])
            if len(data) < size:
                parts, missing = [data], size - len(data)
                while missing > 0:
                    part = self._socket.recv(min(missing, 262_144))
                    if not part:
                        sys.exit("A server closed the connection in an answer.")
                    parts.append(part)
                    missing -= len(part)
                data = b"".join(parts)
            body = data[end + 4 :]
        else:
            while not data.endswith(b"0\r\n\r\n"):
                data = self._more(data)
            body = _unchunked(data[end + 4 :])
        if not data.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200")):
            sys.exit(f"{data[:end].decode()}\n{body[:500].decode()}")
        return body

    def _more(self, data: bytes) -> bytes:
        part = self._socket.recv(262_144)
        if not part:
            sys.exit(f"A server closed the connection: {data[:200]!r}")
        return data + part

    def close(self) -> None:
        self._socket.close()


def _unchunked(data: bytes) -> bytes:
    body = b""
    while True:
        size, _, data = data.partition(b"\r\n")
        if not int(size, 16):
            return body
        body, data = body + data[: int(size, 16)], data[int(size, 16) + 2 :]


def ask(port: int, request: bytes) -> bytes:
    """The body of the answer to one request."""
    connection = Connection(port)
    connection.send(request)
    body = connection.receive()
    connection.close()
    return body


def load(port: int, requests: Iterable[bytes], seconds: float = 1e9) -> list[float]:
    """Milliseconds of each answer within so many seconds, or of all requests; while one is waited for, another is made."""
    source = iter(requests)
    taken: list[float] = []
    waiting: list[Connection] = []
    open_ones = [Connection(port) for _ in range(CONNECTIONS)]
    for connection, request in zip(open_ones, source, strict=False):
        connection.send(request)
        waiting.append(connection)
    until = time.perf_counter() + seconds
    while waiting:
        connection = waiting.pop(0)
        connection.receive()
        now = time.perf_counter()
        taken.append((now - connection.sent) * 1000)
        if now < until and (request := next(source, b"")):
            connection.send(request)
            waiting.append(connection)
    for connection in open_ones:
        connection.close()
    return taken


def quantile(times: list[float], share: float) -> float:
    """The time that this share of the requests did not exceed."""
    return sorted(times)[min(int(len(times) * share), len(times) - 1)]


def shown(value: Any) -> Any:
    """An answer without what is each server's own: cursors, and whether 4 is written as 4.0."""
    if isinstance(value, dict):
        return {key: shown(inner) for key, inner in value.items() if key not in ("cursor", "endCursor")}
    if isinstance(value, list):
        return [shown(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def chunks(items: list[bytes], size: int) -> Iterator[list[bytes]]:
    """The items, so many at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
