"""gunicorn: a threaded worker that resets no connection, neither when the service stops nor when it refuses a body.

It also hands a request over to fewer threads, and sends a short answer at once.

- Written against: gunicorn 27.0.1.
- Why: see DrainingWorker, WholeResponse and Logger.
- Upstream: benoitc/gunicorn#3397 and pull request #3612 for stopping; #3334 for unread bodies.
- Test: core/tests/test_stopping.py, core/tests/test_kept_connections.py.
- Delete when: a gthread worker empties and closes its socket when it stops, and reads unread bodies before it closes.
  WholeResponse, Logger and the kept connections: gunicorn does the same.
"""

import ctypes
import errno
import mmap
import selectors
import socket
import struct
import time
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn import glogging
from gunicorn.http import wsgi
from gunicorn.http.body import LengthReader
from gunicorn.workers.gthread import ThreadWorker

# How much of an unread body is read and discarded, and for how long. nginx lets 26 MB pass.
MAX_UNREAD_BYTES, MAX_READ_SECONDS = 32 * 2**20, 5.0
# One byte that the master and all its workers share: 1 when the master stops for good.
_STOPPING = mmap.mmap(-1, 1)
# How long a worker that got SIGTERM waits for the master to announce that it stops. A process manager that signals the
# whole group (systemd, a terminal) sends SIGTERM to both at once.
ANNOUNCEMENT_SECONDS = 0.2
# How long half-finished handshakes may take to complete before the socket closes.
HANDSHAKE_SECONDS = 0.02
SO_ATTACH_FILTER = 26
# A body up to this is sent together with its head.
MAX_TOGETHER_BYTES = 2**16
# What a request ends with when its connection waits for the next one already.
_KEPT = object()
# Classic BPF on the TCP header: a packet with the SYN flag (byte 13, bit 1) is dropped, every other passes.
_DROP_SYN = b"".join(
    struct.pack("HBBI", *instruction)
    for instruction in ((0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (6, 0, 0, 0), (6, 0, 0, 2**32 - 1))
)


def announce_stop(arbiter: Any) -> None:
    """gunicorn's `on_starting` hook: tells workers that the whole service stops.

    A worker cannot know from its SIGTERM: gunicorn sends that on a reload (SIGHUP) and on SIGTTOU too. A master that
    has started its successor (SIGUSR2), or whose predecessor still lives, does not announce: the other has the socket.
    """
    stop = arbiter.stop

    def announce_and_stop(graceful: bool = True) -> None:
        is_last = arbiter.reexec_pid == arbiter.master_pid == 0 and not arbiter.systemd
        _STOPPING[0] = int(is_last)
        stop(graceful)

    arbiter.stop = announce_and_stop


def _refuse_handshakes(listener: socket.socket) -> None:
    """Drops the first packet of each new connection to a TCP socket; the client sends it again and is refused.

    Otherwise a handshake may complete between the last accept and the close: its client sends a request and is reset.
    """
    if listener.family not in (socket.AF_INET, socket.AF_INET6):
        return
    program = ctypes.create_string_buffer(_DROP_SYN, len(_DROP_SYN))
    with suppress(OSError):  # the kernel has no such filters: a gap of microseconds stays
        listener.setsockopt(
            socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(_DROP_SYN) // 8, ctypes.addressof(program))
        )


class WholeResponse(wsgi.Response):
    """Sends the head and a short body at once: one system call and one packet, where gunicorn sends two."""

    headers_sent: bool

    def write(self, arg: bytes) -> None:
        """As gunicorn's."""
        is_whole = type(arg) is bytes and len(arg) == self.response_length and len(arg) <= MAX_TOGETHER_BYTES
        if self.headers_sent or not is_whole or self._omits_body:
            super().write(arg)
            return
        lines = [*self.default_headers(), *(f"{name}: {value}\r\n" for name, value in self.headers), "\r\n"]
        self.sock.sendall("".join(lines).encode("latin-1") + arg)
        self.headers_sent = True
        self.sent = len(arg)


# gunicorn has no setting for it.
wsgi.Response = WholeResponse


class Logger(glogging.Logger):
    """gunicorn's, but it prepares no line for an access log that there is not."""

    def access(self, *args: Any) -> None:
        """Writes a line, when there is an access log."""
        if self.cfg.accesslog:
            super().access(*args)


class DrainingWorker(ThreadWorker):
    """When the whole service stops, accepts every waiting connection, then has new ones refused.

    gunicorn stops accepting but keeps the listening socket open until the last answer. Meanwhile the kernel goes on
    completing handshakes: those clients send their requests and get a reset. A refused connection is harmless: nothing
    was sent yet, and the proxy asks the next container.

    A worker that stops alone (reload, SIGTTOU, max_requests) leaves the socket open: the kernel knows one socket for
    all processes, and the others go on with it. Needs `on_starting = announce_stop`.

    A thread that has answered a request lets its connection wait for the next one by itself. gunicorn's main thread
    does that, woken through a pipe: for a short answer, the second switch of threads costs as much as the answer.
    """

    was_told_to_stop = False

    def handle_exit(self, sig: int, frame: Any) -> None:
        """On SIGTERM."""
        self.was_told_to_stop = self.was_told_to_stop or self.alive
        super().handle_exit(sig, frame)

    def run(self) -> None:
        """As gunicorn's, but a worker that was forked just before the service stops does not begin."""
        if _STOPPING[0]:
            self.alive = False
        super().run()

    def accept(self, listener: Any) -> None:
        """As gunicorn's, but a socket that another worker has closed is no error."""
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise

    def set_accept_enabled(self, enabled: bool) -> None:
        """As gunicorn's, but empties and closes the listening sockets when the service stops."""
        super().set_accept_enabled(enabled)
        if enabled or not self.was_told_to_stop or not self._service_stops():
            return
        for listener in self.sockets:
            _refuse_handshakes(listener.sock)
        time.sleep(HANDSHAKE_SECONDS)
        for listener in self.sockets:
            waiting = True
            while waiting:
                before = self.nr_conns
                self.accept(listener)
                waiting = self.nr_conns > before
            with suppress(OSError):
                listener.sock.shutdown(socket.SHUT_RDWR)

    def _service_stops(self) -> bool:
        """Whether the master stops too; waits for its announcement."""
        end = time.monotonic() + ANNOUNCEMENT_SECONDS
        while not _STOPPING[0] and time.monotonic() < end:
            time.sleep(0.01)
        return bool(_STOPPING[0])

    def enqueue_req(self, conn: Any) -> None:
        """As gunicorn's, but the main thread hears only of what it has to finish."""
        self.tpool.submit(self._handle, conn).add_done_callback(partial(self._handled, conn))

    def _handle(self, conn: Any) -> Any:
        """As `handle`; a connection that is kept waits for its next request, as in gunicorn's `finish_request`."""
        keeps = self.handle(conn)
        if keeps is not True or not self.alive or conn.is_http2 or conn.parser.unreader.buf.getbuffer().nbytes:
            return keeps
        conn.set_timeout()
        # In this order: once it is registered, the main thread may take it out again.
        self.keepalived_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_client_socket_readable, conn))
        return _KEPT

    def _handled(self, conn: Any, future: Future[Any]) -> None:
        if future.cancelled() or future.exception() is not None or future.result() is not _KEPT:
            self.method_queue.defer(self.finish_request, conn, future)

    def _cap_keepalive(self, deadline: float) -> None:
        """As gunicorn's, over a copy: a thread may just be adding one."""
        for conn in list(self.keepalived_conns):
            conn.timeout = min(conn.timeout, deadline)

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:
        """Whether the connection can be used again, after its unread body has been read.

        gunicorn gives up after 64 KB and closes. The kernel then resets the connection, and the proxy answers 502 in
        place of the 413 that it has not read yet.
        """
        body = conn.parser.mesg.body
        if isinstance(body.reader, LengthReader) and not body.reader.length and not body.failed:
            return bool(keepalive)  # it was read whole
        drained = conn.parser.finish_body(deadline=time.monotonic() + MAX_READ_SECONDS, max_bytes=MAX_UNREAD_BYTES)
        return bool(keepalive and drained)
