"""Runs the parts of the Procfile in the foreground, their output line by line under their names.

A part that ends is started again after a pause that grows; when the essential one ends, all do. Whatever ends this
process (Ctrl-C, a closed terminal, nobody who reads the output, even SIGKILL), no part is left behind.

Why our own: honcho ends everything when one part ends. supervisord and circus want a configuration, a log or socket of
their own, neither prefixes lines nor ends with one part, and after a few failures they give up.
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

# Seconds until a part is started again: the first pause, which doubles, and the longest.
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 1.0, 5.0
# A part that has lived so long (seconds) begins with the first pause again.
STEADY_SECONDS = 60.0
# How often (seconds) a part is asked whether it is alive, and how long after its start for the first time.
CHECK_SECONDS, FIRST_CHECK_SECONDS = 5.0, 120.0
# So many times in a row it must not be: after a machine has slept, everything was last seen long ago.
MISSED_CHECKS = 3
# Seconds that a hung part, or what a dead one leaves behind, has to end by itself.
HUNG_GRACE_SECONDS = 2.0
TICK_SECONDS = 0.1
MAX_LINE_BYTES = 64 * 1024
COLOURS = (36, 33, 35, 32)
PROCFILE_LINE = re.compile(r"([A-Za-z][A-Za-z0-9_-]*):\s*(\S.*)")


@dataclass
class Part:
    """One line of the Procfile.

    `is_alive` is called every CHECK_SECONDS, in a thread of its own: False, MISSED_CHECKS times in a row, has the part
    ended and started again. It may block or raise, which says nothing.
    """

    name: str
    command: str
    is_alive: Callable[[], bool] | None = None
    process: subprocess.Popen[bytes] | None = None
    missed_checks: int = 0
    # The process that was found hung.
    hung: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    due: float = 0.0
    pause: float = 0.0


def parse_procfile(path: Path) -> list[Part]:
    """The parts in the file's order: `name: command`, one a line."""
    matches = map(PROCFILE_LINE.fullmatch, path.read_text().splitlines())
    return [Part(name=match[1], command=match[2]) for match in matches if match]


def describe(status: int) -> str:
    """What a process's return code means: "exit status 3", "killed by SIGKILL"."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"


class Output:
    """Standard output, written by one thread: a terminal that stands still holds up the parts, never the supervisor."""

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
        # Nothing is waited for: a reader that is gone is an error, which is always told.
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
        """Whether somebody may still read: False after the terminal was closed, or the other end of a pipe."""
        return not (self.is_closed or any(event & (select.POLLERR | select.POLLHUP) for _, event in self._poll.poll(0)))

    def relay(self, part: Part, process: subprocess.Popen[bytes]) -> None:
        """Passes on what the process and its children write, until the last of them has ended."""
        before, after = self._styles[part.name]
        prefix = f"{before}{part.name:<{self.width}} |{after} ".encode()
        with process.stdout as stream:  # type: ignore[union-attr]
            while line := stream.readline(MAX_LINE_BYTES):
                self._lines.put(prefix + line.rstrip(b"\r\n") + b"\n")

    def say(self, text: str) -> None:
        """One line of the supervisor's own; dropped when nobody reads fast enough."""
        with suppress(queue.Full):
            self._lines.put_nowait(f"{text}\n".encode())

    def flush(self, seconds: float = 1.0) -> None:
        """Waits until all is written, but not longer than so many seconds."""
        deadline = time.monotonic() + seconds
        while self._lines.unfinished_tasks and not self.is_closed and time.monotonic() < deadline:
            time.sleep(0.02)


@dataclass
class Supervisor:
    """Runs parts until it is told to stop or the essential one ends; see `run`."""

    parts: list[Part]
    essential: str
    environment: Mapping[str, str]
    folder: Path
    # Called every moment until it says True; then the greeting is printed.
    is_ready: Callable[[], bool] = lambda: False
    greeting: str = ""
    first_pause: float = FIRST_PAUSE_SECONDS
    check_seconds: float = CHECK_SECONDS
    first_check_seconds: float = FIRST_CHECK_SECONDS
    grace_seconds: float = guard.GRACE_SECONDS
    # How often it was told to stop.
    told_to_stop: int = 0
    output: Output = field(init=False)
    _guard: subprocess.Popen[str] = field(init=False)

    def run(self) -> int:
        """Returns the exit status: 0 when it was told to stop, else that of the essential part (1 if that was 0)."""
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
            guard.end(running, seconds=self.grace_seconds, reap=self._reap, is_urgent=lambda: self.told_to_stop > 1)
            for group in running:
                self._tell_guard(f"-{group}")
            with suppress(OSError, subprocess.TimeoutExpired):
                self._guard.communicate(timeout=1)
            self.output.flush()
        return status

    def _handle_signals(self) -> None:
        def stop(*_: object) -> None:
            self.told_to_stop += 1

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
            if self.told_to_stop:
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
        """Starts the part when it is due; the return code when it has just ended."""
        now = time.monotonic()
        if part.process is None:
            if now >= part.due:
                self._start(part)
            return None
        status = part.process.poll()
        is_hung = status is None and part.hung is part.process
        if status is None and not is_hung:
            return None
        # What a dead process has left behind of its group (a killed worker leaves beat) would work beside the new one.
        guard.end([part.process.pid], seconds=HUNG_GRACE_SECONDS, reap=part.process.poll)
        self._tell_guard(f"-{part.process.pid}")
        part.process = None
        is_steady = now - part.started >= STEADY_SECONDS
        part.pause = self.first_pause if is_steady or not part.pause else min(part.pause * 2, MAX_PAUSE_SECONDS)
        part.due = time.monotonic() + part.pause
        if part.name != self.essential or is_hung:
            how = "does not answer" if status is None else f"ended ({describe(status)})"
            self.output.say(f"{part.name} {how}; starting it again in {part.pause:g} s")
        return status

    def _start(self, part: Part) -> None:
        part.process = subprocess.Popen(  # noqa: S603 - the Procfile is ours
            ["/bin/sh", "-c", part.command],
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # A group of its own: Ctrl-C reaches the supervisor alone, and all that the part starts ends with it.
            start_new_session=True,
        )
        self._tell_guard(f"+{part.process.pid}")
        part.started = time.monotonic()
        threading.Thread(target=self.output.relay, args=(part, part.process), daemon=True, name=part.name).start()

    def _check(self) -> None:
        while True:
            time.sleep(self.check_seconds)
            for part in self.parts:
                process, age = part.process, time.monotonic() - part.started
                if part.is_alive is None or process is None or age < self.first_check_seconds:
                    continue
                with suppress(Exception):
                    part.missed_checks = 0 if part.is_alive() else part.missed_checks + 1
                    if part.missed_checks >= MISSED_CHECKS:
                        part.hung, part.missed_checks = process, 0

    def _tell_guard(self, line: str) -> None:
        stream: Any = self._guard.stdin
        # Somebody may have ended it.
        with suppress(OSError):
            stream.write(f"{line}\n")
            stream.flush()

    def _reap(self) -> None:
        for part in self.parts:
            if part.process:
                part.process.poll()
