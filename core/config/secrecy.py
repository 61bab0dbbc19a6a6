"""Keeps other processes of the same user from reading this one's memory and environment, which hold the secrets."""

import ctypes

PR_SET_DUMPABLE = 4


def refuse_inspection() -> None:
    """Stops unprivileged processes from reading or tracing this one (/proc, ptrace), and core dumps.

    Forked processes inherit this; executed programs do not. It does nothing on systems other than Linux.
    """
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
