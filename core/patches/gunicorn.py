"""gunicorn's threaded worker, which leaves no connection behind: not when it stops, not when it refuses a body."""

import ctypes
import errno
import mmap
import socket
import struct
import time
from contextlib import suppress
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

# What is read and thrown away of a refused body, in bytes and in seconds; nginx lets 26 MB pass.
MOST_LEFT_OVER, PATIENCE = 32 * 2**20, 5.0
# One byte that the master and all its workers share: 1 when the master stops for good.
_STOPPING = mmap.mmap(-1, 1)
# How long a worker that got SIGTERM waits for the master to say so. Both get it at once when a process manager signals
# the whole group (systemd, a terminal).
ANNOUNCEMENT_SECONDS = 0.2
# How long handshakes that are halfway have to complete before the socket closes.
HANDSHAKE_SECONDS = 0.02
SO_ATTACH_FILTER = 26
# Classic BPF on the TCP header: a packet with the SYN flag (byte 13, bit 1) is dropped, every other passes.
_DROP_SYN = b"".join(
    struct.pack("HBBI", *instruction)
    for instruction in ((0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (6, 0, 0, 0), (6, 0, 0, 2**32 - 1))
)


def announce_stop(arbiter: Any) -> None:
    """gunicorn's `on_starting` hook: from now on workers learn whether only they are to go or the whole service stops.

    gunicorn sends SIGTERM to a worker in both cases: to the old ones on a reload (SIGHUP), to one of them on SIGTTOU. A
    master that has started its successor (SIGUSR2), or whose predecessor still lives, leaves the socket to that one.
    """
    stop = arbiter.stop

    def announce_and_stop(graceful: bool = True) -> None:
        is_last = arbiter.reexec_pid == arbiter.master_pid == 0 and not arbiter.systemd
        _STOPPING[0] = int(is_last)
        stop(graceful)

    arbiter.stop = announce_and_stop


def _refuse_handshakes(listener: socket.socket) -> None:
    """Drops the first packet of each new connection to a TCP socket.

    Without it a handshake that completes between the last accept and the close is reset, its request sent. The client
    tries again after a second and is refused.
    """
    if listener.family not in (socket.AF_INET, socket.AF_INET6):
        return
    program = ctypes.create_string_buffer(_DROP_SYN, len(_DROP_SYN))
    with suppress(OSError):  # a kernel that has no such filters: the gap of microseconds stays
        listener.setsockopt(
            socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(_DROP_SYN) // 8, ctypes.addressof(program))
        )


class DrainingWorker(ThreadWorker):
    """When the whole service stops, takes every connection that waits, then has new ones refused.

    gunicorn stops accepting but keeps the listening socket open until the last answer: meanwhile the kernel goes on
    completing handshakes, and those clients get a reset instead of an answer, their requests sent. A refused connection
    is harmless: the proxy asks the next container, for nothing was sent yet.

    A worker that goes alone (reload, SIGTTOU, max_requests) leaves the socket alone: it is one and the same to the
    kernel in all processes, and the others go on with it. Needs `on_starting = announce_stop`.
    """

    told_to_stop = False

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM."""
        self.told_to_stop = self.told_to_stop or self.alive
        super().handle_exit(sig, frame)

    def run(self) -> None:
        """As gunicorn's; a worker that was forked just before the end does not begin."""
        if _STOPPING[0]:
            self.alive = False
        super().run()

    def accept(self, listener: Any) -> None:
        """Takes a connection; a socket that a sibling has closed already has none."""
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise

    def set_accept_enabled(self, enabled: bool) -> None:
        """As gunicorn's; when the service stops, empties and closes the listening sockets."""
        super().set_accept_enabled(enabled)
        if enabled or not self.told_to_stop or not self._service_stops():
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
        """Whether the master stops too."""
        end = time.monotonic() + ANNOUNCEMENT_SECONDS
        while not _STOPPING[0] and time.monotonic() < end:
            time.sleep(0.01)
        return bool(_STOPPING[0])

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:
        """Whether the connection can be used again; by then the body that nobody wanted has come in.

        gunicorn gives up after 64 KB and closes. The kernel then answers what is still under way with a reset, and the
        proxy makes a 502 of the 413 that it has not read yet.
        """
        drained = conn.parser.finish_body(deadline=time.monotonic() + PATIENCE, max_bytes=MOST_LEFT_OVER)
        return bool(keepalive and drained)
