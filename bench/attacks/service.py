"""The attacked service: gunicorn as in production, with a Redis of its own, watched from outside."""

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from bench.web import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
# The Redis that compose starts by default.
REDIS = ["--maxmemory", "192mb", "--maxmemory-policy", "volatile-lru", "--save", "", "--appendonly", "no"]
MEGABYTE = 2**20


class Service:
    """Prepares a database, starts everything, and ends it again. `folder` takes all files."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self._processes: list[subprocess.Popen[bytes]] = []
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "VAR_DIR": str(folder),
            "DATABASE_URL": os.environ.get("DATABASE_URL", ""),
            "CACHE_URL": os.environ.get("CACHE_URL", ""),
            "SECRET_KEY": "attack-" * 8,
            "JWT_SECRET_KEY": "signing-" * 8,
            "METRICS_TOKEN": "metrics-" * 8,
            "ALLOWED_HOSTS": "127.0.0.1",
            "SITE_URL": "http://127.0.0.1",
            "EMAIL_URL": "smtp://127.0.0.1:1",
            "INSECURE_HTTP": "1",
            "CATALOG_PUBLIC": "1",
            "TRUSTED_PROXIES": "127.0.0.1/32",
            "STATEMENT_TIMEOUT_MS": "10000",
            "LOG_LEVEL": "INFO",
            "PORT": str(self.port),
        }

    def start(self) -> None:
        """Returns when the service answers. Ends the program when it does not."""
        if not self.environment["CACHE_URL"] and (redis := shutil.which("redis-server")):
            port = free_port()
            self._run([redis, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(self.folder), *REDIS], "redis")
            self.environment["CACHE_URL"] = f"redis://127.0.0.1:{port}/1"
            self.environment["CELERY_BROKER_URL"] = f"redis://127.0.0.1:{port}/0"
            _wait_for(port)
        for command in ("migrate", "seed_demo", "rebuild_index"):
            self.manage(command)
        gunicorn = str(Path(sys.executable).parent / "gunicorn")
        self.server = self._run([gunicorn, "--config", "docker/gunicorn.conf.py", "core.wsgi"], "gunicorn")
        _wait_for(self.port)
        for _ in range(100):
            if healthz(self.port, 5) < 5:
                return
        sys.exit(f"The service does not answer: see {self.folder}/gunicorn.log.")

    def settle(self) -> None:
        """Returns when the last attack's requests are over, as far as /healthz tells; after a minute in any case."""
        quick, end = 0, time.monotonic() + 60
        while quick < 5 and time.monotonic() < end:
            quick = quick + 1 if healthz(self.port, 5) < 0.2 else 0
            time.sleep(0.1)

    def manage(self, *arguments: str) -> None:
        """Runs a command of manage.py. Raises CalledProcessError."""
        command = [sys.executable, "manage.py", *arguments]
        subprocess.run(command, cwd=ROOT, env=self.environment, check=True, stdout=subprocess.DEVNULL)

    def stop(self) -> None:
        """Ends what was started, gunicorn first."""
        for process in reversed(self._processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def web_processes(self) -> list[int]:
        """The ids of gunicorn's workers."""
        pids = []
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(path.read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
            if parent == self.server.pid:
                pids.append(int(path.parent.name))
        return sorted(pids)

    def memory(self) -> dict[int, int]:
        """Resident bytes of each web process."""
        bytes_by_pid = {}
        for pid in self.web_processes():
            try:
                status = Path(f"/proc/{pid}/status").read_text()
            except OSError:
                continue
            if resident := re.search(r"VmRSS:\s+(\d+)", status):
                bytes_by_pid[pid] = int(resident[1]) * 1024
        return bytes_by_pid

    def occurrences(self, marks: list[bytes]) -> dict[bytes, int]:
        """How often each mark stands in the memory of the web processes (this wants root)."""
        counts = dict.fromkeys(marks, 0)
        for pid in self.web_processes():
            regions = Path(f"/proc/{pid}/maps").read_text().splitlines()
            with Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
                for region in regions:
                    span, rights = region.split()[:2]
                    low, high = (int(end, 16) for end in span.split("-"))
                    if not rights.startswith("rw"):
                        continue
                    try:
                        memory.seek(low)
                        content = memory.read(high - low)
                    except (OSError, ValueError, OverflowError):
                        continue
                    for mark in marks:
                        counts[mark] += content.count(mark)
        return counts

    def _run(self, command: list[str], name: str) -> subprocess.Popen[bytes]:
        log = (self.folder / f"{name}.log").open("wb")
        process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=subprocess.STDOUT)
        self._processes.append(process)
        return process


@dataclass
class Seen:
    """What the watch saw: the longest answer of /healthz in seconds; by how many bytes a process grew, at most and for good."""

    healthz: float = 0.0
    peak: int = 0
    kept: int = 0
    died: bool = False


class Watch:
    """Asks /healthz and reads memory all the while, on a thread of its own."""

    def __init__(self, service: Service) -> None:
        self.service, self.seen = service, Seen()
        self._before = service.memory()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Seen:
        self._thread.start()
        return self.seen

    def __exit__(self, *args: object) -> None:
        self._over.set()
        self._thread.join(90)
        after = self.service.memory()
        self.seen.died = not self._before.keys() <= after.keys()
        self.seen.kept = max((size - self._before.get(pid, size) for pid, size in after.items()), default=0)

    def _look(self) -> None:
        while not self._over.is_set():
            self.seen.healthz = max(self.seen.healthz, healthz(self.service.port, 60))
            for pid, size in self.service.memory().items():
                self.seen.peak = max(self.seen.peak, size - self._before.get(pid, size))
            self._over.wait(0.05)


def healthz(port: int, patience: float) -> float:
    """Seconds until /healthz answers 200; `patience` when it does not."""
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=patience)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        answer.read()
        return time.perf_counter() - began if answer.status == 200 else patience
    except (OSError, http.client.HTTPException):
        return patience
    finally:
        connection.close()


def _wait_for(port: int) -> None:
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit(f"Nothing listens on port {port}.")
