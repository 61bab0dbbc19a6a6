"""Cores, memory and processes are counted by what the container may use, not by its host."""

import os

import pytest

from core.config import machine
from core.config.machine import fitting_processes, usable_cores, usable_memory

MIB = 2**20
HERE = "11111111-docker"


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A file system as a process sees it: `write(membership, mounts, files)`. The host: 8 cores, 16 GiB."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr(os, "sysconf", {"SC_PHYS_PAGES": 4 * MIB, "SC_PAGE_SIZE": 4096}.__getitem__)

    def write(membership, mounts, files):
        (tmp_path / "proc/self").mkdir(parents=True)
        (tmp_path / "proc/self/cgroup").write_text(membership)
        (tmp_path / "proc/self/mountinfo").write_text(mounts)
        for name, text in files.items():
            (tmp_path / "sys/fs/cgroup" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "sys/fs/cgroup" / name).write_text(f"{text}\n")
        return tmp_path

    return write


def mount(kind, options="rw", *, source="/", folder=""):
    """A line of /proc/self/mountinfo."""
    return f"30 23 0:26 {source} /sys/fs/cgroup{folder} ro,nosuid shared:4 - {kind} cgroup {options}\n"


def test_a_container_of_version_2_sees_its_own_limits_at_the_top(root):
    files = {"cpu.max": "150000 100000", "memory.max": 1400 * MIB, "memory.high": "max"}
    found = root("0::/\n", mount("cgroup2"), files)
    assert (usable_cores(found), usable_memory(found)) == (2, 1400 * MIB)


@pytest.mark.parametrize("name", ["memory.max", "memory.high"])
def test_a_parent_may_be_stricter(root, name):
    """A service of systemd, a pod: the limit that counts is often not one's own."""
    files = {
        "pod/cpu.max": "max 100000",
        "pod/memory.max": "max",
        "pod/memory.high": "max",
        "pod/app/cpu.max": "400000 100000",
        "pod/app/memory.max": 8192 * MIB,
        "cpu.max": "300000 100000",
    }
    found = root("0::/pod/app\n", mount("cgroup2"), {**files, f"pod/{name}": 2048 * MIB})
    assert (usable_cores(found), usable_memory(found)) == (3, 2048 * MIB)


def test_without_a_namespace_the_own_group_is_mounted_under_another_name(root):
    """/proc/self/cgroup tells the place on the host, the container sees no more than its own part."""
    files = {"cpu.max": "50000 100000", "memory.max": 300 * MIB}
    found = root(f"0::/docker/{HERE}\n", mount("cgroup2", source=f"/docker/{HERE}"), files)
    assert (usable_cores(found), usable_memory(found)) == (1, 300 * MIB)


def test_version_1(root):
    membership = f"4:memory:/docker/{HERE}\n2:cpu,cpuacct:/docker/{HERE}\n0::/docker/{HERE}\n"
    mounts = (
        mount("cgroup", "rw,cpu,cpuacct", source=f"/docker/{HERE}", folder="/cpu")
        + mount("cgroup", "rw,memory", source=f"/docker/{HERE}", folder="/memory")
        + mount("cgroup2", source="/../..", folder="/unified")
    )
    files = {
        "cpu/cpu.cfs_quota_us": 250_000,
        "cpu/cpu.cfs_period_us": 100_000,
        "memory/memory.limit_in_bytes": 700 * MIB,
        "unified/cgroup.procs": "",
    }
    found = root(membership, mounts, files)
    assert (usable_cores(found), usable_memory(found)) == (3, 700 * MIB)


@pytest.mark.parametrize(
    "files",
    [
        {"cpu.max": "max 100000", "memory.max": "max", "memory.high": "max"},
        {"cpu.max": "", "memory.max": "lots"},
        {"cpu.max": "0 0"},
        {},
    ],
)
def test_without_limits_the_machine_counts(root, files):
    found = root("0::/\n", mount("cgroup2"), files)
    assert (usable_cores(found), usable_memory(found)) == (8, 16384 * MIB)


def test_version_1_without_limits(root):
    files = {"cpu.cfs_quota_us": -1, "cpu.cfs_period_us": 100_000, "memory.limit_in_bytes": 2**63 - 4096}
    found = root("1:cpu,memory:/\n", mount("cgroup", "rw,cpu,memory"), files)
    assert (usable_cores(found), usable_memory(found)) == (8, 16384 * MIB)


def test_a_system_without_control_groups(tmp_path):
    assert usable_cores(tmp_path) == len(os.sched_getaffinity(0))
    assert usable_memory(tmp_path) > 0


def test_a_process_that_may_run_on_two_cores_only(root, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {4, 5})
    assert usable_cores(root("0::/\n", mount("cgroup2"), {"cpu.max": "400000 100000"})) == 2


@pytest.mark.parametrize(
    ("cores", "memory", "processes"),
    [(8, 16384, 8), (8, 3072, 2), (8, 3071, 1), (2, 16384, 2), (8, 1024, 1), (8, 100, 1)],
)
def test_as_many_as_cores_and_memory_allow(monkeypatch, cores, memory, processes):
    monkeypatch.setattr(machine, "usable_cores", lambda _: cores)
    monkeypatch.setattr(machine, "usable_memory", lambda _: memory * MIB)
    assert fitting_processes(bytes_per_process=1280 * MIB, reserved=512 * MIB) == processes
