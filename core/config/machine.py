"""What this process may use of the machine: cores and memory, by its control groups and not by the host's size."""

import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path


def usable_cores(root: Path = Path("/")) -> int:
    """Cores that this process may run on: its CPU affinity, cut by the quota of its control group and its parents."""
    return max(1, math.ceil(min([len(os.sched_getaffinity(0)), *_limits("cpu", _cpu_quota, root)])))


def usable_memory(root: Path = Path("/")) -> int:
    """Bytes that this process and its children may use together: the machine's, or less by their control groups."""
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return int(min([physical, *_limits("memory", _memory_limit, root)]))


def fitting_processes(*, each: int, reserved: int, root: Path = Path("/")) -> int:
    """How many processes to run: one a core, as long as all fit into the memory; at least one.

    `each` is the most that one takes, `reserved` what everything else in the container takes, both in bytes.
    """
    return max(1, min(usable_cores(root), (usable_memory(root) - reserved) // each))


def _limits(controller: str, read: Callable[[Path], float], root: Path) -> Iterator[float]:
    """What `read` finds in the control groups of this process, from its own to the topmost one that is visible."""
    for folder in _groups(controller, root):
        try:
            yield read(folder)
        except (OSError, ValueError):
            continue  # no such file, or no limit


def _groups(controller: str, root: Path) -> Iterator[Path]:
    """Folders of the groups, version 2 (cgroups(7), "unified hierarchy") and 1."""
    try:
        memberships = (root / "proc/self/cgroup").read_text().splitlines()
        mounts = (root / "proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return
    for membership in memberships:
        number, controllers, path = membership.split(":", 2)
        version_2 = number == "0" and not controllers
        if not version_2 and controller not in controllers.split(","):
            continue
        for mount in mounts:
            left, _, right = mount.partition(" - ")
            (mounted, place), (kind, _, options) = left.split()[3:5], right.split()[:3]
            if kind != ("cgroup2" if version_2 else "cgroup"):
                continue
            if not version_2 and controller not in options.split(","):
                continue
            # In a container the own group may be mounted as the root, while `path` tells its place on the host.
            mounted = mounted.rstrip("/")
            below = path[len(mounted) :] if path.startswith(f"{mounted}/") else ""
            top = root / place.lstrip("/")
            folder = top / below.strip("/")
            yield from (folder, *(parent for parent in folder.parents if parent.is_relative_to(top)))


def _cpu_quota(folder: Path) -> float:
    """Cores. Raises OSError or ValueError when there is no limit."""
    if (folder / "cpu.max").exists():
        quota, period = (int(number) for number in (folder / "cpu.max").read_text().split())
    else:
        quota = int((folder / "cpu.cfs_quota_us").read_text())
        period = int((folder / "cpu.cfs_period_us").read_text())
    if quota <= 0 or period <= 0:
        raise ValueError("no quota")
    return quota / period


def _memory_limit(folder: Path) -> float:
    """Bytes. Raises OSError or ValueError when there is no limit."""
    if not (folder / "memory.max").exists():
        return int((folder / "memory.limit_in_bytes").read_text())
    found = [(folder / name).read_text().strip() for name in ("memory.max", "memory.high") if (folder / name).exists()]
    return min(int(text) for text in found if text != "max")
