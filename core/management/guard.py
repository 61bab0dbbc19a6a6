"""Ends process groups. Run as a program it waits until its parent is gone, however that died, and ends what is left.

`python guard.py` reads process groups from its standard input, one a line: `+123` to watch, `-123` to forget.
Standard library only, so that it starts at once and takes little memory.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

# Seconds in which a group may end by itself after SIGTERM. The worker finishes its task, gunicorn its requests.
GRACE_SECONDS = 6.0
# Seconds that the kernel may take to end what was killed.
KILL_SECONDS = 1.0
POLL_SECONDS = 0.05


def exists(group: int) -> bool:
    """Whether any process of the group is there."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        # macOS says so of a group that holds only processes that have ended.
        return False
    return True


def send(group: int, *signals: signal.Signals) -> None:
    """Sends the signals to every process of the group, if there are any."""
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
    """Asks the groups to end, and kills what has not after so many seconds, or as soon as it is urgent.

    A stopped process (SIGSTOP) is continued, so that it hears the request. `reap` collects the caller's own dead
    children, which count as part of their group until then.
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
    """Ends with its parent, after all groups that are still watched."""
    # Whatever ends the parent is no reason to end before its children.
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
