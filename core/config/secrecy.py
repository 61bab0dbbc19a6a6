"""Keeps other processes of the same user out of this one's memory and environment, where the secrets are."""

import ctypes

PR_SET_DUMPABLE = 4


def refuse_inspection() -> None:
    """No other process may read or trace this one, by /proc or ptrace, unless it is privileged; no core dumps.

    Holds for forked processes too, not for programs that are executed. Elsewhere than on Linux it does nothing.
    """
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
