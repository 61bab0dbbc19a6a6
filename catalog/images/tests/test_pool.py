"""Whatever happens to a child costs its job and nothing else. The tests kill real processes."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from catalog.images.pool import ROOT, Failure, JobFailed, JobRefused, Pool
from catalog.images.tests.pictures import encoded, jpeg

pytestmark = pytest.mark.slow

MEMORY = 3 * 2**29


@pytest.fixture
def make() -> Iterator[Callable[..., Pool]]:
    """Makes pools that end with the test."""
    pools: list[Pool] = []

    def pool(**options: float) -> Pool:
        pools.append(Pool(**{"size": 1, "memory": MEMORY, "deadline": 60, **options}))  # type: ignore[arg-type]
        return pools[-1]

    yield pool
    for pool_ in pools:
        pool_.close()


@cache
def noise() -> bytes:
    """A picture that takes a child long."""
    return encoded(Image.effect_noise((4000, 4000), 90).convert("RGB"))


def job(pool: Pool, data: bytes | None = None) -> int:
    """How many renditions a child makes."""
    head, parts = pool.run("render", data or jpeg(), source="JPEG", formats=["JPEG", "WEBP"], max_pixels=50_000_000)
    assert len(head["renditions"]) == len(parts)
    return len(parts)


def failure(pool: Pool, send: int | None = None) -> Failure:
    """How a long job fails when its child gets this signal."""
    data = noise()
    if send is not None:
        job(pool)
        (pid,) = pool.pids()
        threading.Timer(0.3, os.kill, (pid, send)).start()
    with pytest.raises(JobFailed) as failed:
        job(pool, data)
    assert str(failed.value)
    return failed.value.failure


def test_a_job_runs_in_a_child(make: Callable[..., Pool]) -> None:
    pool = make()
    assert pool.pids() == []  # started lazily
    assert job(pool) == 4
    assert len(pool.pids()) == 1


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGBUS"])
def test_a_crash(make: Callable[..., Pool], name: str) -> None:
    pool = make()
    assert failure(pool, signal.Signals[name]) is Failure.CRASHED
    assert job(pool) == 4


def test_killed_by_somebody_else(make: Callable[..., Pool]) -> None:
    pool = make()
    assert failure(pool, signal.SIGKILL) is Failure.KILLED
    assert job(pool) == 4


def test_a_child_that_hangs(make: Callable[..., Pool]) -> None:
    pool = make()
    job(pool)
    os.kill(pool.pids()[0], signal.SIGSTOP)
    pool.deadline = 0.1
    with pytest.raises(JobFailed) as failed:
        job(pool)
    assert failed.value.failure is Failure.HUNG
    pool.deadline = 60
    assert job(pool) == 4


def test_a_deadline_counts_what_the_child_computes(make: Callable[..., Pool], monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is busy with something else makes no picture fail: its child hardly got on."""
    pool = make(deadline=0.01)
    monkeypatch.setattr("catalog.images.pool.WAIT_FACTOR", 10_000)
    monkeypatch.setattr("catalog.images.pool._cpu_seconds", lambda _: 0.0)
    assert job(pool) == 4
    monkeypatch.undo()
    monkeypatch.setattr("catalog.images.pool.WAIT_FACTOR", 10_000)
    with pytest.raises(JobFailed) as failed:
        job(pool, noise())
    assert failed.value.failure is Failure.HUNG


def test_out_of_memory(make: Callable[..., Pool]) -> None:
    pool = make(memory=120 << 20)
    assert failure(pool) in (Failure.MEMORY, Failure.CRASHED)
    assert job(pool) == 4


@pytest.mark.worker
@pytest.mark.parametrize("format", ["WEBP", "AVIF", "PNG"])
def test_the_memory_of_a_child_is_enough_for_the_worst_picture(make: Callable[..., Pool], format: str) -> None:
    """As core.settings reckons it from the pixels: with alpha, a colour profile to convert and a rotation."""
    side = 5000
    noise = Image.effect_noise((side // 8, side // 8), 60).resize((side, side))
    picture = Image.merge("RGBA", [noise, noise, noise, noise])
    exif = Image.Exif()
    exif[0x0112] = 6
    named = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = named.replace("sRGB".encode("utf-16-be"), "xRGB".encode("utf-16-be"))
    options = {"WEBP": {"quality": 20, "method": 0}, "AVIF": {"speed": 10}, "PNG": {"compress_level": 1}}[format]
    data = encoded(picture, format, exif=exif, icc_profile=profile, **options)
    pool = make(memory=side * side * 20 + 2**28, deadline=600)
    head, _ = pool.run("render", data, source=format, formats=["WEBP"], max_pixels=50_000_000)
    assert (head["width"], head["height"]) == (side, side)


def test_a_broken_image_costs_no_child(make: Callable[..., Pool]) -> None:
    pool = make()
    job(pool)
    before = pool.pids()
    with pytest.raises(JobRefused, match="damaged"):
        job(pool, jpeg()[:-200])
    assert pool.pids() == before


def test_an_idle_child_that_died_is_replaced(make: Callable[..., Pool]) -> None:
    pool = make()
    job(pool)
    os.kill(pool.pids()[0], signal.SIGKILL)
    while pool.pids():
        time.sleep(0.01)
    assert job(pool) == 4


def test_recycled_after_some_jobs(make: Callable[..., Pool]) -> None:
    pool = make(recycle=2)
    seen = set()
    for _ in range(4):
        job(pool)
        seen.update(pool.pids())
    assert len(seen) <= 2
    assert pool.pids() == []


def test_many_threads_while_children_are_killed(make: Callable[..., Pool]) -> None:
    pool = make(size=2)
    over, chance = threading.Event(), random.Random(1)

    def kill() -> None:
        for _ in range(12):
            over.wait(chance.random() * 0.4)
            while not pool.pids() and not over.is_set():
                time.sleep(0.01)
            for pid in pool.pids():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def stubborn(_: int) -> int:
        while True:
            try:
                return job(pool)
            except JobFailed as failed:
                assert failed.failure is Failure.KILLED  # noqa: PT017

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        with ThreadPoolExecutor(6) as threads:
            assert set(threads.map(stubborn, range(12))) == {4}
    finally:
        over.set()
        killer.join()


def test_children_end_with_their_parent() -> None:
    """However it ends."""
    code = (
        "import os, sys\nfrom catalog.images.pool import Pool\n"
        "pool = Pool(size=1, memory=3 << 29, deadline=60)\n"
        "picture = sys.stdin.buffer.read()\n"
        "pool.run('render', picture, source='JPEG', formats=['JPEG'], max_pixels=10**6)\n"
        "print(*pool.pids(), flush=True)\nos.kill(os.getpid(), 9)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, input=jpeg(), capture_output=True, check=False)
    assert run.returncode == -signal.SIGKILL
    for _ in range(600):
        if not Path(f"/proc/{int(run.stdout)}").exists():
            return
        time.sleep(0.1)
    pytest.fail("the child is still there")


def modules_after(imports: str) -> set[str]:
    """The top-level modules that an import brings with it, in a fresh interpreter."""
    code = f"{imports}\nimport sys\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in run.stdout.split()}


def test_children_import_no_django() -> None:
    assert "PIL" in modules_after("import catalog.images.child")
    assert not {"django", "celery", "core"} & modules_after("import catalog.images.child")


def test_the_web_process_imports_no_pillow() -> None:
    imports = "import core.wsgi, core.urls, catalog.admin.catalogue, catalog.tasks"
    assert "PIL" not in modules_after(f"import os\nos.environ['DJANGO_SETTINGS_MODULE'] = 'core.settings'\n{imports}")


def test_children_know_no_secret(make: Callable[..., Pool], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "s" * 50)
    monkeypatch.setenv("DATABASE_URL", "mysql://user:password@host/name")
    pool = make()
    job(pool)
    environment = Path(f"/proc/{pool.pids()[0]}/environ").read_text()
    assert "PATH=" in environment
    assert "SECRET" not in environment
    assert "password" not in environment
