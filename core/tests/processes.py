"""Real processes for tests: a shop in a folder of its own, its workers and scripts."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from django.conf import settings as here

PRODUCTION = {"SECRET_KEY": "k" * 50, "JWT_SECRET_KEY": "j" * 50, "INSECURE_HTTP": "1", "ALLOWED_HOSTS": "*"}
PRODUCTION |= {"SITE_URL": "https://shop.example", "EMAIL_URL": "smtp://127.0.0.1"}


class Service:
    """A shop in a folder of its own, with whatever processes a test starts in it."""

    ROOT = here.BASE_DIR
    WORKER = (
        *("-A", "core", "worker", "-B", "--pool=custom", "--concurrency=4", "--queues=celery,images"),
        *("--without-gossip", "--without-mingle"),
    )

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        # What all processes say on stderr.
        self.log = folder / "log"
        # The worker of a test must not take messages meant for another.
        self.environment = {
            "PATH": os.environ["PATH"],
            "VAR_DIR": str(folder),
            "SEARCH_ENGINE": "tantivy",
            "LOG_LEVEL": "ERROR",
            "CELERY_CUSTOM_WORKER_POOL": "core.patches.celery:ThreadPool",
            "REMAP_SIGTERM": "SIGQUIT",
            "DJANGO_SETTINGS_MODULE": "core.settings",
            "PYTHONPATH": str(here.BASE_DIR),
            **PRODUCTION,
            **variables,
        }
        self._running: list[subprocess.Popen[str]] = []

    def manage(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(  # noqa: S603 - our own interpreter
            [sys.executable, "manage.py", *arguments],
            cwd=self.ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
        )

    def start(self, *command: str) -> "subprocess.Popen[str]":
        with self.log.open("a") as log:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter
                [sys.executable, *command],
                cwd=self.ROOT,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self._running.append(process)
        return process

    def script(self, text: str, *arguments: str) -> "subprocess.Popen[str]":
        return self.start("-c", f"import django; django.setup()\n{text}", *arguments)

    def run(self, text: str) -> str:
        process = self.script(text)
        told = process.communicate(timeout=300)[0]
        assert process.returncode == 0, self.log.read_text()[-3000:]
        return told

    def worker(self) -> "subprocess.Popen[str]":
        return self.start("-m", "celery", "--quiet", *self.WORKER)

    def drift(self) -> str:
        """What `--check` says; empty when all is well."""
        done = self.manage("rebuild_index", "--check")
        return "" if done.returncode == 0 else done.stdout + done.stderr

    def kill_all(self) -> None:
        for process in self._running:
            # With what it started itself.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Waits for it to hold; fails when it does not in time."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.2)
