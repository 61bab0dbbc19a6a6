"""Those that bench.graphql compares: what each needs installed, its server, its processor time and memory."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.graphql.documents import SORTED
from bench.web import cpu_of, free_port, memory_of

ROOT = Path(__file__).resolve().parent.parent.parent
STRAWBERRY = ROOT / "var" / "bench-strawberry"
NODE, NODE_SOURCES = ROOT / "var" / "bench-node", ROOT / "bench" / "peers" / "node"
VITRINE, PEER = "core.wsgi", "bench.peers.wsgi"


@dataclass
class Variant:
    """One server. `runs`: by query, for each round its requests/s, milliseconds and CPU milliseconds a request."""

    name: str
    wsgi: str
    environment: dict[str, str]
    order: str = ""
    python: Path = Path(sys.executable)
    port: int = 0
    group: int = 0
    runs: dict[str, list[tuple[float, list[float], float]]] = field(default_factory=dict)

    @property
    def is_vitrine(self) -> bool:
        return self.wsgi == VITRINE

    def cpu(self) -> float:
        """Seconds of processor time so far."""
        return cpu_of(self.group)

    def memory(self) -> tuple[int, int, int]:
        """MB: RSS of the process that answers, its peak, and PSS of all its processes (a shared page counts once)."""
        sizes = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if os.getpgid(int(path.name)) == self.group:
                    status = (path / "status").read_text()
                    sizes.append(
                        [int(re.search(rf"^{key}:\s+(\d+)", status, re.M)[1]) // 1024 for key in ("VmRSS", "VmHWM")]
                    )  # type: ignore[index]
            except (OSError, TypeError):
                continue
        resident, peak = max(sizes)
        return resident, peak, memory_of(self.group)


def vitrine(name: str, **environment: str) -> Variant:
    """Vitrine behind gunicorn as docker/gunicorn.conf.py sets it up, in one process; one thread unless told."""
    return Variant(f"Vitrine, {name}", VITRINE, {"WEB_THREADS": "1", **environment}, SORTED)


VARIANTS = {
    "compiled": vitrine("compiled"),
    "fresh": vitrine("no answers kept", GRAPHQL_ANSWERS_BYTES="0"),
    "threads": vitrine("8 threads", WEB_THREADS="8"),
    "standard": vitrine("standard", GRAPHQL_EXECUTION="standard"),
    "stock": Variant("graphene-django", PEER, {"PEER": "stock"}),
    "strawberry": Variant("strawberry-django", PEER, {"PEER": "strawberry_peer"}, python=STRAWBERRY / "bin" / "python"),
    "handwritten": Variant("written by hand", PEER, {"PEER": "handwritten"}),
    "node": Variant("Node", "", {"NODE_ENV": "production"}, SORTED),
}


def install(names: list[str]) -> dict[str, str]:
    """Installs what the variants need. Returns those that cannot run here, each with the reason."""
    if "strawberry" in names:
        _install_strawberry()
    reason = _install_node() if "node" in names else ""
    return {"node": reason} if reason else {}


def _install_strawberry() -> None:
    """strawberry-django's own environment: its newest release, and what our models and settings import."""
    if (STRAWBERRY / "done").exists():
        return
    subprocess.run([sys.executable, "-m", "venv", "--clear", STRAWBERRY], check=True)
    pins = (ROOT / "requirements" / "production.txt").read_text().split()
    ours = ("django", "django-environ", "redis", "structlog", "pyjwt", "orjson", "gunicorn", "mysqlclient", "celery")
    same = [pin for pin in pins if pin.partition("==")[0] in ours]
    pip = [STRAWBERRY / "bin" / "python", "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, "strawberry-graphql-django", *same], check=True)
    (STRAWBERRY / "done").touch()


def _install_node() -> str:
    """Installs the Node peer from its lock file. Returns why it cannot run, or ""."""
    if not (shutil.which("node") and shutil.which("npm")):
        return "node and npm are not installed"
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version[1:].partition(".")[0]) < 20:
        return f"it needs Node 20, and here is {version}"
    NODE.mkdir(parents=True, exist_ok=True)
    lock, done = (NODE_SOURCES / "package-lock.json").read_text(), NODE / "done"
    if not (done.exists() and done.read_text() == lock):
        for name in ("package.json", "package-lock.json"):
            shutil.copy(NODE_SOURCES / name, NODE)
        # better-sqlite3 is compiled where there is no binary for this machine; Debian has Node's headers in /usr.
        headers = {"npm_config_nodedir": "/usr"} if Path("/usr/include/node/node.h").exists() else {}
        command = ["npm", "ci", "--no-fund", "--no-audit", "--loglevel", "error"]
        npm = subprocess.run(command, cwd=NODE, env={**os.environ, **headers}, capture_output=True, text=True)
        if npm.returncode:
            return f"npm ci failed: {npm.stderr.strip()[-500:]}"
        done.write_text(lock)
    if (
        not os.environ.get("DATABASE_URL", "").startswith("mysql:")
        and not (NODE / "node_modules/better-sqlite3").exists()
    ):
        return "better-sqlite3 could not be compiled, so it has no SQLite"
    for source in NODE_SOURCES.iterdir():
        if source.suffix in (".js", ".graphql", ".json"):
            shutil.copy(source, NODE)
    return ""


def _command(variant: Variant) -> list[str]:
    if not variant.wsgi:
        return ["node", str(NODE / "server.js")]
    command = [
        *(str(variant.python), "-m", "gunicorn", variant.wsgi, "--bind", f"127.0.0.1:{variant.port}"),
        *("--workers", "1", "--keep-alive", "600", "--log-level", "warning"),
    ]
    if variant.is_vitrine:
        # Restarts after 20,000 requests would fall into the runs.
        return [*command, "--config", "docker/gunicorn.conf.py", "--max-requests", "0"]
    return [*command, "--threads", "1", "--worker-class", "gthread", "--no-control-socket"]


@contextmanager
def serving(variant: Variant) -> Iterator[None]:
    """The variant's server, which takes connections."""
    variant.port = free_port()
    settings = "core.settings" if variant.is_vitrine else "bench.peers.settings"
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": settings, "PORT": str(variant.port), **variant.environment}
    server = subprocess.Popen(_command(variant), cwd=ROOT, env=environment, start_new_session=True)
    variant.group = server.pid
    try:
        _await(variant, server)
        yield
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def _await(variant: Variant, server: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        try:
            # Whatever its status is: gunicorn listens before it can answer.
            with socket.create_connection(("127.0.0.1", variant.port), timeout=60) as connection:
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
                if connection.recv(1):
                    return
        except OSError:
            if server.poll() is not None:
                break
            time.sleep(0.1)
    sys.exit(f"{variant.name} did not start.")
