"""A decoder that is taken over reaches nothing. The tests do in a confined process what an attacker would do."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image, ImageCms

from catalog.images import confinement
from catalog.images.pool import ROOT, JobRefused, Pool
from catalog.images.render import NotRendered
from catalog.images.render import render as free_render
from catalog.images.sizes import ImageFormat
from catalog.images.tests.pictures import corners, encoded, jpeg

ATTEMPTS = {
    "the parent's environment": "open(f'/proc/{parent}/environ', 'rb').read()",
    "the first process' environment": "open('/proc/1/environ', 'rb').read()",
    "the parent's memory by file": "open(f'/proc/{parent}/mem', 'rb')",
    "the parent's memory by system call": "syscall(310, parent, ctypes.byref(vector), 1, ctypes.byref(vector), 1, 0)",
    "tracing the parent": "libc.ptrace(16, parent, 0, 0) == 0 or refuse()",
    "a file descriptor of the parent": "syscall(434, parent, 0)",
    "any file": "open('/etc/passwd')",
    "the source": "open(__import__('catalog').__file__)",
    "a new file": "open('/tmp/left-by-a-decoder', 'w')",
    "TCP": "socket.socket(socket.AF_INET)",
    "TCP by IPv6": "socket.socket(socket.AF_INET6)",
    "UDP": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "a Unix socket": "socket.socket(socket.AF_UNIX)",
    "a pair of sockets": "socket.socketpair()",
    "the database": "socket.create_connection(('127.0.0.1', 3306))",
    "io_uring": "syscall(425, 8, ctypes.byref(ctypes.create_string_buffer(120)))",
    "a new process": "os.fork() or os._exit(0)",
    "a new thread": "__import__('_thread').start_new_thread(print, ())",
    "another program": "os.execv('/bin/true', ['true'])",
    "killing the parent": "os.kill(parent, 0)",
    "killing everybody": "os.kill(-1, 0)",
    "killing the parent's thread": "syscall(234, parent, parent, 0)",
    "a namespace": "libc.unshare(0x10000000) == 0 or refuse()",
    "raising its limits": "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))",
    "a descriptor more": "os.dup(0)",
    "a pipe": "os.pipe()",
    "the 32-bit numbers": "syscall(0x40000000 + 41, 2, 1, 0)",
}
SCRIPT = """
import ctypes, json, os, resource, socket, sys
from catalog.images.confinement import NotConfined, confine
parent, attempts = int(sys.argv[1]), json.loads(sys.argv[2])
libc = ctypes.CDLL(None, use_errno=True)
vector = (ctypes.c_void_p * 2)(ctypes.addressof(ctypes.create_string_buffer(8)), 8)
def refuse():
    raise OSError(ctypes.get_errno(), "refused")
def syscall(*arguments):
    if libc.syscall(*arguments) < 0:
        refuse()
{before}
try:
    confine()
    outcomes = {{"": "confined"}}
except NotConfined as error:
    outcomes = {{"": str(error)}}
for name, attempt in attempts.items():
    try:
        eval(attempt)
        outcomes[name] = "possible"
    except Exception as error:
        outcomes[name] = type(error).__name__
print(json.dumps(outcomes))
"""


def attempted(attempts: dict[str, str], before: str = "") -> dict[str, str]:
    """The outcome of each attempt in a process that confines itself; "" is the outcome of confining."""
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", SCRIPT.format(before=before), str(os.getpid()), json.dumps(attempts)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    outcomes: dict[str, str] = json.loads(done.stdout)
    return outcomes


def test_nothing_is_left_to_attack() -> None:
    outcomes = attempted(ATTEMPTS)
    assert outcomes.pop("") == "confined"
    assert {name for name, outcome in outcomes.items() if outcome == "possible"} == set()


def test_where_the_kernel_has_no_filter_the_limits_hold() -> None:
    """Another architecture, a container that forbids seccomp: it says why, and still opens and starts nothing."""
    names = ("any file", "TCP", "a Unix socket", "a pipe", "a descriptor more", "a new process", "a new thread")
    attempts = {name: ATTEMPTS[name] for name in names}
    # Opening needs a number below the limit. The administrator may raise limits, so here it is somebody else.
    before = "import platform; platform.machine = lambda: 'vax'\nif os.getuid() == 0: os.setuid(65534)"
    outcomes = attempted(attempts, before)
    assert outcomes.pop("") == "no filter is known for vax"
    assert {name for name, outcome in outcomes.items() if outcome == "possible"} == set()


@pytest.fixture
def make() -> Iterator[Callable[[], Pool]]:
    """Makes pools of one child that end with the test."""
    pools: list[Pool] = []

    def pool() -> Pool:
        pools.append(Pool(size=1, memory=3 * 2**29, deadline=60))
        return pools[-1]

    yield pool
    for pool_ in pools:
        pool_.close()


def render(pool: Pool, **options: Any) -> int:
    """How many renditions a child makes."""
    return len(pool.run("render", jpeg(), source="JPEG", formats=["JPEG"], max_pixels=50_000_000)[1])


def test_the_children_of_the_pool_are_confined(make: Callable[[], Pool], caplog: pytest.LogCaptureFixture) -> None:
    pool = make()
    assert render(pool) == 2
    (pid,) = pool.pids()
    status = Path(f"/proc/{pid}/status").read_text()
    assert "Seccomp:\t2" in status
    assert "NoNewPrivs:\t1" in status
    # Filters of all threads: the one that listens reads what the parent sends and nothing else.
    for task in Path(f"/proc/{pid}/task").iterdir():
        assert "Seccomp:\t2" in (task / "status").read_text()
    assert not caplog.records


MODES = ("RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "I", "I;16", "YCbCr")


def pictures() -> Iterator[tuple[str, str, bytes]]:
    """A name, a format and a file: all that differs in how Pillow reads it, whole, cut off and broken."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation], exif[ExifTags.Base.XResolution] = 5, 72.0
    exif[ExifTags.Base.ImageDescription] = "Läden, 店"
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    options = {
        "plain": {},
        "to be converted": {"icc_profile": srgb.replace("sRGB".encode("utf-16-be"), "xRGB".encode("utf-16-be"))},
        "of another kind": {"icc_profile": ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()},
        "with metadata": {"exif": exif, "dpi": (72, 72), "icc_profile": b"no profile"},
    }
    for format in ("JPEG", "PNG", "WEBP", "AVIF"):
        for mode in MODES:
            for name, chosen in options.items():
                try:
                    data = encoded(corners(60, 40).convert(mode), format, **chosen)
                except (OSError, ValueError):
                    continue  # not a mode of this format
                yield f"{format} {mode} {name}", format, data
        yield f"{format} cut", format, data[: len(data) * 2 // 3]
        yield f"{format} broken", format, data[: len(data) // 2] + b"\xff" * 20 + data[len(data) // 2 + 20 :]


@pytest.mark.slow
def test_a_confined_child_renders_what_a_free_one_does(make: Callable[[], Pool]) -> None:
    """Nothing of Pillow waits to be imported or looked up until it is too late."""
    pool = make()
    formats = list(ImageFormat)
    for name, source, data in pictures():
        try:
            free = [
                each.data for each in free_render(data, source=source, formats=formats, max_pixels=10**6).renditions
            ]
        except NotRendered as refused:
            with pytest.raises(JobRefused) as confined:
                pool.run("render", data, source=source, formats=formats, max_pixels=10**6)
            assert str(confined.value) == str(refused), name  # noqa: PT017
            continue
        assert pool.run("render", data, source=source, formats=formats, max_pixels=10**6)[1] == free, name


def test_a_child_that_cannot_be_confined_works_and_is_told_of_once(
    make: Callable[[], Pool], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import platform\nplatform.machine = lambda: 'vax'\n")
    monkeypatch.setattr("catalog.images.pool.PASSED_VARIABLES", ("PATH", "PYTHONPATH"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    pool = make()
    assert render(pool) == 2
    pool.close()
    assert render(pool) == 2
    (record,) = caplog.records
    assert "not confined (no filter is known for vax)" in record.getMessage()


def test_every_architecture_of_the_image_has_its_numbers() -> None:
    """`docker buildx --platform` in .github/workflows/image.yml: amd64 and arm64."""
    assert set(confinement.ARCHITECTURES) == {"x86_64", "aarch64"}
    columns = list(zip(*confinement.ALLOWED.values(), strict=True))
    assert all(len(set(column)) == len(confinement.ALLOWED) for column in columns)
