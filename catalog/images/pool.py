"""A pool of child processes for work that may crash, hang or use up memory. A bad job ends its child, not the pool.

concurrent.futures breaks the whole pool when one child dies. Pebble's children share a pipe behind locks, and a child
that is killed at the wrong moment keeps the lock. Here each child has its own pipes, and the children share nothing.
"""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, cast

from catalog.images.protocol import DONE, MEMORY, READY, REFUSED, Head, Parts, receive, send

logger = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parent.parent.parent
# Far more than all renditions of one image.
MAX_ANSWER_BYTES = 256 << 20
# A deadline counts processor time. On a busy machine a job may take so many times as long by the clock.
WAIT_FACTOR = 4
# The environment variables that a child gets. None of them is a secret.
PASSED_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV")


class Failure(StrEnum):
    """Why a child gave no answer."""

    CRASHED = "CRASHED"
    HUNG = "HUNG"
    MEMORY = "MEMORY"
    KILLED = "KILLED"  # by somebody else: an administrator, or the kernel


class JobRefused(Exception):
    """The child refused the job; the message is for the uploader. Another attempt would end the same way."""


class JobFailed(Exception):
    """The child gave no answer. A new child may be given the job again."""

    def __init__(self, failure: Failure, message: str) -> None:
        self.failure = failure
        super().__init__(message)


@dataclass(eq=False)
class _Child:
    process: subprocess.Popen[bytes]
    jobs: int = 0
    is_ready: bool = False
    is_expired: bool = False


class Pool:
    """Up to `size` children, each started when there is work for it. Threads may share a pool.

    `memory` limits a child's address space, in bytes. `deadline` limits the processor time of a job, in seconds. A
    child is replaced after `recycle` jobs, so that leaks do not add up.
    """

    def __init__(self, *, size: int, memory: int, deadline: float, recycle: int = 50) -> None:
        self.size, self.memory, self.deadline, self.recycle = size, memory, deadline, recycle
        self._slots = threading.BoundedSemaphore(size)
        self._idle: list[_Child] = []
        self._busy: set[_Child] = set()
        self._lock = threading.Lock()
        self._has_warned = False

    def run(self, task: str, *parts: bytes, **arguments: object) -> tuple[Head, Parts]:
        """Gives the job to a child, waiting for an idle one, and returns its answer. Raises JobRefused or JobFailed."""
        with self._slots:
            child = self._take()
            try:
                answer, answer_parts = self._ask(child, {"task": task, **arguments}, list(parts))
            except BaseException:
                self._end(child)
                raise
            finally:
                self._busy.discard(child)
            self._give_back(child, is_spent=child.is_expired or answer["state"] == MEMORY)
        if answer["state"] == REFUSED:
            raise JobRefused(str(answer.get("reason")))
        if answer["state"] != DONE:
            raise JobFailed(Failure.MEMORY, "The picture needs more memory than one picture may use.")
        return answer, answer_parts

    def pids(self) -> list[int]:
        """The process ids of the living children."""
        with self._lock:
            return [child.process.pid for child in (*self._idle, *self._busy) if child.process.poll() is None]

    def close(self) -> None:
        """Ends the idle children. A busy one goes on until its job is done."""
        with self._lock:
            idle, self._idle = self._idle, []
        for child in idle:
            self._end(child)

    def _ask(self, child: _Child, head: Head, parts: Parts) -> tuple[Head, Parts]:
        # Popen says IO[bytes] of what are the two ends of buffered pipes.
        to_child, from_child = cast(BinaryIO, child.process.stdin), cast(BinaryIO, child.process.stdout)
        is_over = threading.Event()
        watch = threading.Thread(target=self._watch, args=(child, is_over), daemon=True)
        watch.start()
        try:
            if not child.is_ready:
                self._greet(child, from_child)
            send(to_child, head, parts)
            answer, answer_parts = receive(from_child, max_bytes=MAX_ANSWER_BYTES)
            if answer.get("state") not in (DONE, REFUSED, MEMORY):
                raise EOFError("this is not an answer")
            return answer, answer_parts
        except (OSError, EOFError) as error:
            raise self._failure(child) from error
        finally:
            is_over.set()
            watch.join()  # it may be about to kill the child

    def _greet(self, child: _Child, from_child: BinaryIO) -> None:
        """Reads a new child's first message, sent before it has read an untrusted byte. Raises EOFError."""
        greeting, _ = receive(from_child, max_bytes=0)
        if greeting.get("state") != READY:
            raise EOFError("this is not a greeting")
        child.is_ready = True
        with self._lock:
            is_news = bool(greeting.get("unconfined")) and not self._has_warned
            self._has_warned = self._has_warned or is_news
        if is_news:
            logger.warning(
                "Image processes are not confined (%s): an attacker who takes over a decoder could open files and "
                "connections. The limits on memory and processor time still hold, and this process cannot be read.",
                greeting["unconfined"],
            )

    def _watch(self, child: _Child, is_over: threading.Event) -> None:
        """Kills the child at its deadline, unless its job ends before."""
        pid = child.process.pid
        wall_deadline, cpu_deadline = time.monotonic() + WAIT_FACTOR * self.deadline, _cpu_seconds(pid) + self.deadline
        seconds_left = self.deadline
        while not is_over.wait(seconds_left):
            seconds_left = min(wall_deadline - time.monotonic(), cpu_deadline - _cpu_seconds(pid))
            if seconds_left <= 0:
                child.is_expired = True
                child.process.kill()
                return

    def _failure(self, child: _Child) -> JobFailed:
        """Why the child did not answer."""
        if child.is_expired:
            return JobFailed(Failure.HUNG, f"The picture took longer than {self.deadline:g} seconds.")
        try:
            code = child.process.wait(5)
        except subprocess.TimeoutExpired:
            return JobFailed(Failure.CRASHED, "The process that worked on the picture stopped answering.")
        if code == -signal.SIGKILL:
            return JobFailed(Failure.KILLED, "The process that worked on the picture was killed.")
        how = signal.Signals(-code).name if code < 0 else f"status {code}"
        return JobFailed(Failure.CRASHED, f"The process that worked on the picture crashed ({how}).")

    def _take(self) -> _Child:
        with self._lock:
            while self._idle:
                child = self._idle.pop()
                if child.process.poll() is None:
                    break
                _close(child.process)
            else:
                child = _Child(self._start())
            self._busy.add(child)
        child.jobs += 1
        return child

    def _give_back(self, child: _Child, *, is_spent: bool) -> None:
        if is_spent or child.jobs >= self.recycle:
            self._end(child)
            return
        with self._lock:
            self._idle.append(child)

    def _start(self) -> subprocess.Popen[bytes]:
        """A new interpreter that inherits neither memory, locks nor secrets."""
        return subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "catalog.images.child", str(self.memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            # With one arena, the next picture reuses the memory of the last one, even on another thread.
            env={"MALLOC_ARENA_MAX": "1"} | {name: os.environ[name] for name in PASSED_VARIABLES if name in os.environ},
        )

    def _end(self, child: _Child) -> None:
        child.process.kill()
        child.process.wait()
        _close(child.process)


def _cpu_seconds(pid: int) -> float:
    """The processor time that a process has used; 0 when it has ended."""
    try:
        return time.clock_gettime(~pid << 3 | 2)  # its clock id, as clock_getcpuclockid(3) makes it
    except OSError:
        return 0.0


def _close(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(OSError):  # closing sends what is left in the buffer, but the child is dead
                stream.close()
