"""Child processes for what may crash, hang or eat memory: whatever a child does costs one job, never the pool.

concurrent.futures breaks the whole pool when one child dies. Pebble's children share one pipe behind locks that a
child killed at the wrong moment takes with it. Here each child has pipes of its own, and nothing is shared.
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
# All renditions of one image, with room.
MOST_BYTES = 256 << 20
# A child whose cores others use has so many times its deadline by the clock on the wall.
WAIT_FACTOR = 4
# What a child needs of the environment; no secret is among it.
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV")


class Failure(StrEnum):
    """How a child failed a job that was not at fault by what the child could tell."""

    CRASHED = "CRASHED"
    HUNG = "HUNG"
    MEMORY = "MEMORY"
    KILLED = "KILLED"  # by somebody else: an administrator, or the kernel


class JobRefused(Exception):
    """The child looked at the job and refused it, in words for the uploader; trying again is no use."""


class JobFailed(Exception):
    """The child did not answer; the job may be tried again, by a new child."""

    def __init__(self, failure: Failure, message: str) -> None:
        self.failure = failure
        super().__init__(message)


@dataclass(eq=False)
class _Child:
    process: subprocess.Popen[bytes]
    jobs: int = 0
    is_ready: bool = False
    expired: bool = False


class Pool:
    """Up to `size` children, started when there is work; each job has a deadline in seconds of computing.

    `memory` is a child's address space in bytes; after `recycle` jobs a child is replaced, whatever it has leaked.
    Safe to use from many threads.
    """

    def __init__(self, *, size: int, memory: int, deadline: float, recycle: int = 50) -> None:
        self.size, self.memory, self.deadline, self.recycle = size, memory, deadline, recycle
        self._free = threading.BoundedSemaphore(size)
        self._idle: list[_Child] = []
        self._busy: set[_Child] = set()
        self._lock = threading.Lock()
        self._told = False

    def run(self, task: str, *parts: bytes, **arguments: object) -> tuple[Head, Parts]:
        """What a child answers; waits for a free one. Raises JobRefused or JobFailed."""
        with self._free:
            child = self._take()
            try:
                head, made = self._ask(child, {"task": task, **arguments}, list(parts))
            except BaseException:
                self._end(child)
                raise
            finally:
                self._busy.discard(child)
            self._give_back(child, spent=child.expired or head["state"] == MEMORY)
        if head["state"] == REFUSED:
            raise JobRefused(str(head.get("reason")))
        if head["state"] != DONE:
            raise JobFailed(Failure.MEMORY, "The picture needs more memory than there is for one.")
        return head, made

    def pids(self) -> list[int]:
        """The process ids of the children that live now."""
        with self._lock:
            return [child.process.pid for child in (*self._idle, *self._busy) if child.process.poll() is None]

    def close(self) -> None:
        """Ends idle children; busy ones end with their job."""
        with self._lock:
            idle, self._idle = self._idle, []
        for child in idle:
            self._end(child)

    def _ask(self, child: _Child, head: Head, parts: Parts) -> tuple[Head, Parts]:
        # Popen says IO[bytes] of what are the two ends of buffered pipes.
        to_child, from_child = cast(BinaryIO, child.process.stdin), cast(BinaryIO, child.process.stdout)
        over = threading.Event()
        watch = threading.Thread(target=self._watch, args=(child, over), daemon=True)
        watch.start()
        try:
            if not child.is_ready:
                self._greet(child, from_child)
            send(to_child, head, parts)
            answer, made = receive(from_child, most=MOST_BYTES)
            if answer.get("state") not in (DONE, REFUSED, MEMORY):
                raise EOFError("not an answer")
            return answer, made
        except (OSError, EOFError) as error:
            raise self._failure(child) from error
        finally:
            over.set()
            watch.join()  # it may be killing just now

    def _greet(self, child: _Child, from_child: BinaryIO) -> None:
        """Reads what a new child says before it has seen an untrusted byte. Raises EOFError."""
        greeting, _ = receive(from_child, most=0)
        if greeting.get("state") != READY:
            raise EOFError("not a greeting")
        child.is_ready = True
        with self._lock:
            is_news = bool(greeting.get("unconfined")) and not self._told
            self._told = self._told or is_news
        if is_news:
            logger.warning(
                "Image processes are not confined (%s): a decoder that is taken over could open files and connections. "
                "Their limits hold, and this process cannot be read.",
                greeting["unconfined"],
            )

    def _watch(self, child: _Child, over: threading.Event) -> None:
        """Kills the child at its deadline, unless its job is over before."""
        pid = child.process.pid
        end, last = time.monotonic() + WAIT_FACTOR * self.deadline, _cpu_seconds(pid) + self.deadline
        left = self.deadline
        while not over.wait(left):
            left = min(end - time.monotonic(), last - _cpu_seconds(pid))
            if left <= 0:
                child.expired = True
                child.process.kill()
                return

    def _failure(self, child: _Child) -> JobFailed:
        """Why the child fell silent."""
        if child.expired:
            return JobFailed(Failure.HUNG, f"The picture took longer than {self.deadline:g} seconds.")
        try:
            code = child.process.wait(5)
        except subprocess.TimeoutExpired:
            return JobFailed(Failure.CRASHED, "The process that worked on the picture fell silent.")
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

    def _give_back(self, child: _Child, *, spent: bool) -> None:
        if spent or child.jobs >= self.recycle:
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
            # One arena: what a large picture leaves behind is there for the next one, on whatever thread.
            env={"MALLOC_ARENA_MAX": "1"} | {name: os.environ[name] for name in PASSED_ON if name in os.environ},
        )

    def _end(self, child: _Child) -> None:
        child.process.kill()
        child.process.wait()
        _close(child.process)


def _cpu_seconds(pid: int) -> float:
    """What a process has computed; 0 when it is gone."""
    try:
        return time.clock_gettime(~pid << 3 | 2)  # its clock id, as clock_getcpuclockid(3) makes it
    except OSError:
        return 0.0


def _close(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(OSError):  # what could not be sent to a dead child any more
                stream.close()
