"""`make run` as a whole: real web, worker and beat, on a port and in a folder of their own."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest
from django.conf import settings as here

pytestmark = pytest.mark.worker


def eventually(condition, seconds=60):
    """Waits until it holds; fails after so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def processes(folder):
    """The processes of the shop in this folder: {pid: command line}."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"VAR_DIR={folder}".encode() in path.joinpath("environ").read_bytes().split(b"\0"):
                found[int(path.name)] = path.joinpath("cmdline").read_text().replace("\0", " ")
    return {pid: command for pid, command in found.items() if command and pid != os.getpid()}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """`manage.py serve`, ready: (process, its folder, its address, what it has said so far)."""
    tmp_path = tmp_path_factory.mktemp("shop")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve"],
            env={"PATH": os.environ["PATH"], "DEBUG": "1", "VAR_DIR": str(tmp_path / "var"), "PORT": str(port)},
            cwd=here.BASE_DIR,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
        eventually(lambda: "Ctrl-C stops it" in log.read_text() or process.poll() is not None)
        eventually(lambda: " ready." in log.read_text() or process.poll() is not None)
        yield process, tmp_path / "var", f"http://127.0.0.1:{port}", log.read_text
    if process.poll() is None:
        process.kill()
    process.wait()
    eventually(lambda: not processes(tmp_path / "var"))


def test_it_prints_the_addresses_who_may_read_and_nothing_alarming(shop):
    _, _, url, said = shop
    assert "Open, for a first look: make run CATALOG_PUBLIC=1\n" in said()
    assert f"http://localhost:5173, once `make storefront VITE_VITRINE_URL={url}` runs" in said()
    assert [line.split()[-1] for line in said().splitlines() if url in line and "storefront" not in line] == [
        f"{url}/",
        f"{url}/graphql/",
        f"{url}/api/docs/",
        f"{url}/admin/",
    ]
    assert not re.search("superuser|Traceback|critical", said())


def test_a_second_terminal_finds_it(shop):
    _, var, url, _ = shop
    done = subprocess.run(
        [sys.executable, "manage.py", "preview_mail", "welcome", "--to", "shopper@example.com"],
        env={"PATH": os.environ["PATH"], "VAR_DIR": str(var)},
        cwd=here.BASE_DIR,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert f"{url}/products/" in done.stdout


def test_a_killed_worker_comes_back_while_web_goes_on_and_ctrl_c_ends_all(shop):
    process, var, url, said = shop
    worker = min(pid for pid, command in processes(var).items() if "celery" in command)
    os.kill(worker, signal.SIGKILL)
    eventually(lambda: "worker ended (killed by SIGKILL); starting it again in 1 s" in said())
    assert urllib.request.urlopen(f"{url}/healthz").status == 200  # noqa: S310 - ours
    eventually(lambda: said().count(" ready.") == 2)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    eventually(lambda: not processes(var))
