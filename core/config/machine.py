"""Finds how many cores and how much memory this process may use, by its control groups and not by the host's size."""

import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path


def usable_cores(root: Path = Path("/")) -> int:
    """The cores of this process: its CPU affinity, or less by the quota of its control group or a parent of that."""
    return max(1, math.ceil(min([len(os.sched_getaffinity(0)), *_limits("cpu", _cpu_quota, root)])))


def usable_memory(root: Path = Path("/")) -> int:
    """Bytes of memory for this process and its children together: the machine's, or less by their control groups."""
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return int(min([physical, *_limits("memory", _memory_limit, root)]))


def fitting_processes(*, bytes_per_process: int, reserved: int, root: Path = Path("/")) -> int:
    """How many processes to run: one for each core, as long as all fit into memory; at least one.

    `bytes_per_process` is the most that one takes. `reserved` is what everything else in the container takes, in bytes.
    """
    return max(1, min(usable_cores(root), (usable_memory(root) - reserved) // bytes_per_process))


def _limits(controller: str, read: Callable[[Path], float], root: Path) -> Iterator[float]:
    """The limits that `read` finds in the control groups of this process, from its own to the topmost visible one."""
    for folder in _groups(controller, root):
        try:
            yield read(folder)
        except (OSError, ValueError):
            continue  # no such file, or no limit


def _groups(controller: str, root: Path) -> Iterator[Path]:
    """The groups' folders: of version 2 (cgroups(7), "unified hierarchy") and of version 1."""
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
            # In a container its own group may be mounted as the root, while `path` is relative to the host's root.
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
    files = [folder / name for name in ("memory.max", "memory.high") if (folder / name).exists()]
    limits = [file.read_text().strip() for file in files]
    return min(int(limit) for limit in limits if limit != "max")
