"""gunicorn's threaded worker, which leaves no connection behind: not when it stops, not when it refuses a body."""

import errno
import socket
import time
from contextlib import suppress
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

# What is read and thrown away of a refused body, in bytes and in seconds; nginx lets 26 MB pass.
MOST_LEFT_OVER, PATIENCE = 32 * 2**20, 5.0


class DrainingWorker(ThreadWorker):
    """On SIGTERM takes every connection that waits, then has new ones refused.

    gunicorn stops accepting but keeps the listening socket open until the last answer: meanwhile the kernel goes on
    completing handshakes, and those clients get a reset instead of an answer, their requests sent. A refused connection
    is harmless: the proxy asks the next container, for nothing was sent yet.

    A worker that is recycled (max_requests) or dies leaves the socket alone: its siblings go on with it.
    """

    told_to_stop = False

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM."""
        self.told_to_stop = self.told_to_stop or self.alive
        super().handle_exit(sig, frame)

    def accept(self, listener: Any) -> None:
        """Takes a connection; a socket that a sibling has closed already has none."""
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise

    def set_accept_enabled(self, enabled: bool) -> None:
        """As gunicorn's; when stopping, empties and closes the listening sockets."""
        super().set_accept_enabled(enabled)
        if enabled or not self.told_to_stop:
            return
        for listener in self.sockets:
            waiting = True
            while waiting:
                before = self.nr_conns
                self.accept(listener)
                waiting = self.nr_conns > before
            with suppress(OSError):
                # Every process' copy of the socket: it is one and the same to the kernel.
                listener.sock.shutdown(socket.SHUT_RDWR)

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:
        """Whether the connection can be used again; by then the body that nobody wanted has come in.

        gunicorn gives up after 64 KB and closes. The kernel then answers what is still under way with a reset, and the
        proxy makes a 502 of the 413 that it has not read yet.
        """
        drained = conn.parser.finish_body(deadline=time.monotonic() + PATIENCE, max_bytes=MOST_LEFT_OVER)
        return bool(keepalive and drained)
