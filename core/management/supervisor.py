"""Runs the parts of the Procfile in the foreground and prints their output, each line after its part's name.

A part that ends is started again after a pause, which grows. When the essential part ends, all parts end. Whatever ends
this process (Ctrl-C, a closed terminal, a closed pipe behind its output, even SIGKILL), no part is left behind.

Existing tools do not fit: honcho ends everything when any part ends. supervisord and circus need a configuration and a
log or socket of their own, give up after a few failures, and neither prefix lines nor end with one part.
"""

import os
import queue
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.management import guard

# The pause before a part is started again: the first one, which doubles, and the longest.
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 1.0, 5.0
# After it has lived so long, a part begins with the first pause again.
STEADY_SECONDS = 60.0
# How often a part is checked for being alive, and how long after its start for the first time.
CHECK_SECONDS, FIRST_CHECK_SECONDS = 5.0, 120.0
# A part counts as hung after so many failed checks in a row. One is not enough: when a machine wakes up, every part was
# last seen long ago.
MAX_FAILED_CHECKS = 3
# A hung part, or what a dead one has left behind, has so long to end by itself.
HUNG_GRACE_SECONDS = 2.0
TICK_SECONDS = 0.1
MAX_LINE_BYTES = 64 * 1024
COLOURS = (36, 33, 35, 32)
PROCFILE_LINE = re.compile(r"([A-Za-z][A-Za-z0-9_-]*):\s*(\S.*)")


@dataclass
class Part:
    """One line of the Procfile.

    `is_alive` is called every CHECK_SECONDS, in a thread of its own. When it returns False MAX_FAILED_CHECKS times in a
    row, the part is ended and started again. It may block or raise: that does not count as False.
    """

    name: str
    command: str
    is_alive: Callable[[], bool] | None = None
    process: subprocess.Popen[bytes] | None = None
    failed_checks: int = 0
    # The process that counts as hung.
    hung: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    due_at: float = 0.0
    pause_seconds: float = 0.0


def parse_procfile(path: Path) -> list[Part]:
    """The parts in the file's order: `name: command`, one a line."""
    matches = map(PROCFILE_LINE.fullmatch, path.read_text().splitlines())
    return [Part(name=match[1], command=match[2]) for match in matches if match]


def describe(status: int) -> str:
    """A process's return code in words: "exit status 3", "killed by SIGKILL"."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"


class Output:
    """Standard output, written by one thread: a terminal that is paused blocks the parts, never the supervisor."""

    def __init__(self, names: Sequence[str]) -> None:
        self.width = max(map(len, names))
        self.is_closed = False
        self._lines: queue.Queue[bytes] = queue.Queue(maxsize=1000)
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self._styles = {
            name: (f"\x1b[{COLOURS[n % len(COLOURS)]}m", "\x1b[0m") if colour else ("", "")
            for n, name in enumerate(names)
        }
        self._poll = select.poll()
        # For no event: poll always reports errors, such as a reader that is gone.
        self._poll.register(1, 0)
        threading.Thread(target=self._write, daemon=True, name="output").start()

    def _write(self) -> None:
        while True:
            line = self._lines.get()
            try:
                while line:
                    line = line[os.write(1, line) :]
            except OSError:
                self.is_closed = True
            self._lines.task_done()

    def has_reader(self) -> bool:
        """Whether somebody may still read: False after the terminal or the other end of a pipe was closed."""
        return not (self.is_closed or any(event & (select.POLLERR | select.POLLHUP) for _, event in self._poll.poll(0)))

    def relay(self, part: Part, process: subprocess.Popen[bytes]) -> None:
        """Prints what the process and its children write, until the last of them has ended."""
        before, after = self._styles[part.name]
        prefix = f"{before}{part.name:<{self.width}} |{after} ".encode()
        assert process.stdout is not None  # noqa: S101 - every part is started with a pipe
        with process.stdout as stream:
            while line := stream.readline(MAX_LINE_BYTES):
                self._lines.put(prefix + line.rstrip(b"\r\n") + b"\n")

    def say(self, text: str) -> None:
        """Prints a line of the supervisor's own. It is dropped when nobody reads fast enough."""
        with suppress(queue.Full):
            self._lines.put_nowait(f"{text}\n".encode())

    def flush(self, seconds: float = 1.0) -> None:
        """Waits until everything is written, at most for so many seconds."""
        deadline = time.monotonic() + seconds
        while self._lines.unfinished_tasks and not self.is_closed and time.monotonic() < deadline:
            time.sleep(0.02)


@dataclass
class Supervisor:
    """Runs parts until a signal stops it or the essential part ends; see `run`."""

    parts: list[Part]
    essential: str
    environment: Mapping[str, str]
    folder: Path
    # Called every TICK_SECONDS until it returns True; then the greeting is printed.
    is_ready: Callable[[], bool] = lambda: False
    greeting: str = ""
    first_pause: float = FIRST_PAUSE_SECONDS
    check_seconds: float = CHECK_SECONDS
    first_check_seconds: float = FIRST_CHECK_SECONDS
    grace_seconds: float = guard.GRACE_SECONDS
    # How many signals to stop have arrived. A second one makes it urgent.
    stop_signals: int = 0
    output: Output = field(init=False)
    _guard: subprocess.Popen[str] = field(init=False)

    def run(self) -> int:
        """Returns the exit status: 0 after a signal, else that of the essential part (1 if that was 0)."""
        self.output = Output([part.name for part in self.parts])
        self._guard = subprocess.Popen(  # noqa: S603 - our own interpreter and file
            [sys.executable, "-I", "-S", guard.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        self._handle_signals()
        threading.Thread(target=self._check, daemon=True, name="checks").start()
        try:
            status = self._loop()
        finally:
            running = [part.process.pid for part in self.parts if part.process]
            guard.end(running, seconds=self.grace_seconds, reap=self._reap, is_urgent=lambda: self.stop_signals > 1)
            for group in running:
                self._tell_guard(f"-{group}")
            with suppress(OSError, subprocess.TimeoutExpired):
                self._guard.communicate(timeout=1)
            self.output.flush()
        return status

    def _handle_signals(self) -> None:
        def stop(*_: object) -> None:
            self.stop_signals += 1

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # nohup: the terminal may close.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, stop)
        # Writing to a closed pipe is an error like any other, not the end.
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)

    def _loop(self) -> int:
        # make passes SIGTERM on; killed hard it cannot.
        parent = os.getppid() if "MAKELEVEL" in os.environ else None
        is_greeted = False
        while True:
            if self.stop_signals:
                self.output.say("Stopping")
                return 0
            if not self.output.has_reader() or (parent and os.getppid() != parent):
                return 0
            for part in self.parts:
                status = self._look_after(part)
                if status is not None and part.name == self.essential:
                    self.output.say(f"{part.name} ended ({describe(status)}); stopping")
                    return status if status > 0 else 1
            if not is_greeted and self.is_ready():
                is_greeted = True
                self.output.say(self.greeting)
            time.sleep(TICK_SECONDS)

    def _look_after(self, part: Part) -> int | None:
        """Starts the part when that is due. Returns the return code of a part that has just ended, else None."""
        now = time.monotonic()
        if part.process is None:
            if now >= part.due_at:
                self._start(part)
            return None
        status = part.process.poll()
        is_hung = status is None and part.hung is part.process
        if status is None and not is_hung:
            return None
        # What a dead process has left behind in its group (a killed worker leaves beat) would work beside the new one.
        guard.end([part.process.pid], seconds=HUNG_GRACE_SECONDS, reap=part.process.poll)
        self._tell_guard(f"-{part.process.pid}")
        part.process = None
        is_steady = now - part.started_at >= STEADY_SECONDS
        is_first = is_steady or not part.pause_seconds
        part.pause_seconds = self.first_pause if is_first else min(part.pause_seconds * 2, MAX_PAUSE_SECONDS)
        part.due_at = time.monotonic() + part.pause_seconds
        if part.name != self.essential or is_hung:
            how = "does not answer" if status is None else f"ended ({describe(status)})"
            self.output.say(f"{part.name} {how}; starting it again in {part.pause_seconds:g} s")
        return status

    def _start(self, part: Part) -> None:
        part.process = subprocess.Popen(  # noqa: S603 - the Procfile is ours
            ["/bin/sh", "-c", part.command],
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # In a group of its own, so that Ctrl-C reaches the supervisor alone, and the part's children end with it.
            start_new_session=True,
        )
        self._tell_guard(f"+{part.process.pid}")
        part.started_at = time.monotonic()
        threading.Thread(target=self.output.relay, args=(part, part.process), daemon=True, name=part.name).start()

    def _check(self) -> None:
        while True:
            time.sleep(self.check_seconds)
            for part in self.parts:
                process, age = part.process, time.monotonic() - part.started_at
                if part.is_alive is None or process is None or age < self.first_check_seconds:
                    continue
                with suppress(Exception):
                    part.failed_checks = 0 if part.is_alive() else part.failed_checks + 1
                    if part.failed_checks >= MAX_FAILED_CHECKS:
                        part.hung, part.failed_checks = process, 0

    def _tell_guard(self, line: str) -> None:
        stream: Any = self._guard.stdin
        # The guard may have been killed.
        with suppress(OSError):
            stream.write(f"{line}\n")
            stream.flush()

    def _reap(self) -> None:
        for part in self.parts:
            if part.process:
                part.process.poll()
