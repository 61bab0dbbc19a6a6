"""prometheus_client: the processes that share PROMETHEUS_MULTIPROC_DIR name their files by METRICS_SLOT.

- Written against: prometheus_client 0.26.0.
- Why: its files are named after process ids and are never deleted, so the folder grows with every worker that is
  recycled. The next worker takes over the slot, and goes on counting in the same file (docker/gunicorn.conf.py).
- Upstream: prometheus/client_python#275, #509 (`MultiProcessValue` takes the function, but at one's own risk).
- Test: core/patches/tests/test_prometheus.py.
- Delete when: a setting or a documented function names the files.
"""

import os

from prometheus_client import values

_slot: str | None = None


def slot() -> str:
    """The name of this process's files. Processes that run at the same time have different ones."""
    global _slot
    if _slot is None:
        _slot = os.environ.get("METRICS_SLOT") or f"pid{os.getpid()}"
    return _slot


def forget_slot() -> None:
    """After a fork: the new process has a slot of its own."""
    global _slot
    _slot = None


os.register_at_fork(after_in_child=forget_slot)


def use_slots() -> None:
    """Call it before the first metric is created."""
    forget_slot()
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        values.ValueClass = values.MultiProcessValue(slot)
