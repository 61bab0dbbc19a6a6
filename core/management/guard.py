"""Ends process groups: as a function for the supervisor, and as a program that outlives it.

The program, `python guard.py`, reads process groups from its standard input, one a line: `+123` to watch, `-123` to
forget. When its parent is gone, even by SIGKILL, the input ends, and the program ends the groups that are left. It uses
the standard library only, so that it starts at once and takes little memory.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

# How long a group may take to end after SIGTERM. The worker finishes its tasks and gunicorn its requests.
GRACE_SECONDS = 6.0
# How long the kernel may take to end a killed process.
KILL_SECONDS = 1.0
POLL_SECONDS = 0.05


def exists(group: int) -> bool:
    """Whether any process of the group exists."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        # macOS raises this for a group of processes that have all ended.
        return False
    return True


def send(group: int, *signals: signal.Signals) -> None:
    """Sends the signals to every process of the group. A group that is gone is no error."""
    with suppress(ProcessLookupError, PermissionError):
        for number in signals:
            os.killpg(group, number)


def end(
    groups: Iterable[int],
    *,
    seconds: float = GRACE_SECONDS,
    reap: Callable[[], object] = lambda: None,
    is_urgent: Callable[[], bool] = lambda: False,
) -> None:
    """Sends SIGTERM to the groups, and SIGKILL to what is left after so many seconds or as soon as it is urgent.

    A stopped process (SIGSTOP) is continued, so that it receives the SIGTERM. `reap` must collect the caller's dead
    children: until then they count as part of their group.
    """
    remaining = set(groups)

    def wait(seconds: float, has_to_end: Callable[[], bool]) -> None:
        deadline = time.monotonic() + seconds
        while remaining and time.monotonic() < deadline and not has_to_end():
            time.sleep(POLL_SECONDS)
            reap()
            remaining.difference_update([group for group in remaining if not exists(group)])

    for group in remaining:
        send(group, signal.SIGTERM, signal.SIGCONT)
    wait(seconds, is_urgent)
    for group in remaining:
        send(group, signal.SIGKILL)
    wait(KILL_SECONDS, lambda: False)


def main() -> None:
    """Waits for the end of its parent, then ends all groups that are still watched."""
    # Signals that end the parent must not end this process, which still has to end the groups.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line.startswith("+"):
            groups.add(group)
        else:
            groups.discard(group)
    end(groups)


if __name__ == "__main__":
    main()
