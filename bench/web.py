"""Compares gunicorn settings: wrk requests a page of 20 products. Prints one table.

    DATABASE_URL=mysql://… .venv/bin/python -m bench.web [--seconds 5] [--rounds 2]

Each variant is started on a free port of loopback. The variants alternate, so that other load affects all alike; the
processor time of a request is least affected by it. When the ranges of two variants overlap, neither is better.
Needs `wrk`, and a database prepared by `manage.py migrate` and `seed_demo`. Reads memory (PSS) and processor time from
/proc.
"""

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
QUERY = """query Bench { products(first: 20, sortBy: {field: PRICE}) { nodes { id name slug price { amount currency }
 category { name slug } brand { name slug } quantity rating createdAt } pageInfo { hasNextPage endCursor } } }"""
# worker class, workers, threads, preload
VARIANTS = [
    ("sync", 2, 1, True),
    ("sync", 4, 1, True),
    ("core.patches.gunicorn.DrainingWorker", 1, 4, True),
    ("core.patches.gunicorn.DrainingWorker", 2, 1, True),
    ("core.patches.gunicorn.DrainingWorker", 2, 2, True),
    ("core.patches.gunicorn.DrainingWorker", 2, 4, True),
    ("core.patches.gunicorn.DrainingWorker", 2, 8, True),
    ("core.patches.gunicorn.DrainingWorker", 4, 4, True),
    ("core.patches.gunicorn.DrainingWorker", 2, 4, False),
]


def free_port() -> int:
    """A free port of loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def memory_of(group: int) -> int:
    """MB of the process group: PSS, in which shared pages count once."""
    total = 0
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(path.name)) == group:
                total += int(re.search(r"^Pss:\s+(\d+)", (path / "smaps_rollup").read_text(), re.M)[1])  # type: ignore[index]
        except (OSError, TypeError):
            continue
    return total // 1024


def cpu_of(group: int) -> float:
    """Seconds of processor time that the group's living processes have used."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(path.name)) == group:
                ticks += sum(map(int, (path / "stat").read_text().rpartition(")")[2].split()[11:13]))
        except OSError:
            continue
    return ticks / os.sysconf("SC_CLK_TCK")


def start(variant: tuple[str, int, int, bool], port: int) -> tuple[subprocess.Popen[bytes], float]:
    """The running server and the seconds until its first answer."""
    kind, workers, threads, preload = variant
    environment = {
        **os.environ,
        "DEBUG": "",
        "SECRET_KEY": "b" * 40,
        "JWT_SECRET_KEY": "b" * 40,
        "ALLOWED_HOSTS": "*",
        "SITE_URL": "https://shop.example",
        "EMAIL_URL": "smtp://127.0.0.1",
        "INSECURE_HTTP": "1",
        "CATALOG_PUBLIC": "1",
        "LOG_LEVEL": "WARNING",
        # Counted as always, never reached.
        "RATE_LIMIT_COST_ADDRESS": "999999/s",
        "PORT": str(port),
        "WORKER_CLASS": kind,
        "WEB_CONCURRENCY": str(workers),
        "WEB_THREADS": str(threads),
        "WEB_PRELOAD": "1" if preload else "0",
        "PROMETHEUS_MULTIPROC_DIR": tempfile.mkdtemp(prefix="bench-metrics-"),
        "PYTHONPATH": str(ROOT),
    }
    command = [str(Path(sys.executable).parent / "gunicorn"), "--config", "docker/gunicorn.conf.py", "core.wsgi"]
    began = time.perf_counter()
    server = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True, stderr=subprocess.DEVNULL)
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1).close()
            return server, time.perf_counter() - began
        except OSError:
            if server.poll() is not None or time.perf_counter() - began > 60:
                sys.exit(f"{variant} did not start")
            time.sleep(0.05)


def load(port: int, connections: int, seconds: float) -> tuple[float, float, float, int]:
    """Requests a second, median and 99th percentile in ms, and errors."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(
            f"wrk.method = 'POST'; wrk.body = {json.dumps(json.dumps({'query': QUERY}))}\n"
            "wrk.headers['Content-Type'] = 'application/json'\n"
            # As nginx does here: a connection for each request.
            "wrk.headers['Connection'] = 'close'\n"
        )
        script.flush()
        command = [
            "wrk",
            "-t1",
            "--timeout",
            "10s",
            f"-c{connections}",
            f"-d{seconds:.0f}s",
            "--latency",
            "-s",
            script.name,
        ]
        out = subprocess.run(
            [*command, f"http://127.0.0.1:{port}/graphql/"], capture_output=True, text=True, check=True
        ).stdout

    def ms(percent: str) -> float:
        value, unit = re.search(rf"{percent}%\s+([\d.]+)(us|ms|s)", out).groups()  # type: ignore[union-attr]
        return float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]

    bad = sum(map(int, re.findall(r"(?:connect|read|write|timeout) (\d+)", out)))
    bad += sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", out)))
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])  # type: ignore[index]
    return rate, ms("50"), ms("99"), bad


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--connections", type=int, default=16)
    options = parser.parse_args()
    results: dict[tuple[str, int, int, bool], list[tuple[float, ...]]] = {variant: [] for variant in VARIANTS}
    for _ in range(options.rounds):
        for variant in VARIANTS:
            port = free_port()
            server, seconds = start(variant, port)
            try:
                load(port, 4, 1)
                before = cpu_of(server.pid)
                measured = load(port, options.connections, options.seconds)
                cost = (cpu_of(server.pid) - before) * 1000 / (measured[0] * options.seconds)
                results[variant].append((*measured, cost, memory_of(server.pid), seconds))
            finally:
                os.killpg(server.pid, signal.SIGTERM)
                server.wait()
    print(
        "| class | processes | threads | preload | requests/s | (least–most) | median ms | p99 ms | errors | CPU ms a request "
        "| (least–most) | MB | first answer s |"
    )
    print("|" + "---|" * 13)
    for (kind, workers, threads, preload), runs in results.items():
        rate, middle, worst, bad, cost, memory, seconds = zip(*runs, strict=True)
        print(
            f"| {kind.rpartition('.')[2]} | {workers} | {threads} | {'yes' if preload else 'no'} "
            f"| {median(rate):.0f} | {min(rate):.0f}–{max(rate):.0f} | {median(middle):.0f} | {median(worst):.0f} | {sum(bad):.0f} "
            f"| {median(cost):.1f} | {min(cost):.1f}–{max(cost):.1f} | {median(memory):.0f} | {median(seconds):.1f} |"
        )


if __name__ == "__main__":
    main()
