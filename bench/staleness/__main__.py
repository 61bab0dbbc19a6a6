"""Writes and reads the catalogue at once, and shows that no answer is older than the last write that was acknowledged.

    .venv/bin/python -m bench.staleness [--seconds 60] [--workers 3] [--http]      on SQLite, or on DATABASE_URL

Every name has a version, such as "brand 3 v17". Processes write the next versions, by the ORM, by SQL and over HTTP; some
transactions are rolled back, and writers and gunicorn's workers are killed by SIGKILL. Readers ask over HTTP, as
employees, shoppers and nobody, by GraphQL and REST. They note before each request which versions were acknowledged, and
must see those or newer ones. With --http nothing but gunicorn's processes writes. Prints counts. Exit status 1 at a
stale answer, or one that shows what was rolled back.
"""

import argparse
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from bench.cart_server import shop
from bench.staleness.reading import Reader
from bench.staleness.rows import OVER_HTTP, WRITERS, Ledger, fill
from bench.staleness.writing import Writer


def start(target: Any, *args: Any) -> multiprocessing.Process:
    process = multiprocessing.get_context("fork").Process(target=target, args=args, daemon=True)
    process.start()
    return process


def kill(pid: int, asking: Any, number: int) -> bool:
    """Kills the writer, unless it waits over HTTP: what it has sent would be written after its successor's versions."""
    os.kill(pid, signal.SIGSTOP)
    # It may run on for a moment.
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "TZX":
        time.sleep(0.001)
    if asking[number]:
        os.kill(pid, signal.SIGCONT)
        return False
    os.kill(pid, signal.SIGKILL)
    return True


def gunicorn_workers(port: int) -> list[int]:
    """The process ids of the workers that serve the port."""
    listed = subprocess.run(["pgrep", "-f", f"127.0.0.1:{port} "], capture_output=True, text=True).stdout.split()
    parents = {
        pid: subprocess.run(["ps", "-o", "ppid=", "-p", pid], capture_output=True, text=True).stdout.strip()
        for pid in listed
    }
    return [int(pid) for pid, parent in parents.items() if parent in listed]


def run(seconds: float, workers: int, readers: int, only_http: bool) -> int:
    """The number of stale answers and of failures."""
    environment = {"SEARCH_ENGINE": "database", "CATALOG_PUBLIC": "1"}
    environment |= {"RATE_LIMIT_COST_USER": "off", "RATE_LIMIT_COST_ADDRESS": "off"}
    with shop(workers=workers, threads=2, users=2, products=0, **environment) as place:
        from django.db import connections

        keys = fill()
        connections.close_all()
        ledger = Ledger()

        def writer(number: int) -> multiprocessing.Process:
            ledger.asking[number] = 0
            return start(Writer(place, ledger, keys, number, only_http).run)

        numbers = [number for number, kinds in enumerate(WRITERS) if not only_http or {*kinds} & {*OVER_HTTP}]
        writing = {number: writer(number) for number in numbers}
        reading = [start(Reader(place, ledger, 8 + number).run) for number in range(readers)]
        killed: Counter[str] = Counter()
        ends = time.monotonic() + seconds
        try:
            while (now := time.monotonic()) < ends:
                time.sleep(min(random.uniform(0.3, 1.2), ends - now))
                if random.random() < 0.1 and (serving := gunicorn_workers(place.port)):
                    os.kill(random.choice(serving), signal.SIGKILL)
                    killed["web"] += 1
                number = random.choice(numbers)
                if not kill(writing[number].pid or 0, ledger.asking, number):
                    continue
                writing[number].join()
                killed["writers"] += 1
                writing[number] = writer(number)
        finally:
            for process in (*writing.values(), *reading):
                process.kill()
                process.join()
        names = ("writes", "rolled back", "writes put off", "writes failed", "answers", "stale", "cut off", "refused")
        totals = {name: sum(ledger.counts[at::8]) for at, name in enumerate(names)}
        print(f"{place.vendor}, {seconds:.0f} s, {workers} processes, {readers} readers, {len(numbers)} writers")
        for name, total in totals.items():
            print(f"  {name:<16}{total:>8,}")
        print(f"  killed: {killed['writers']} writers, {killed['web']} of gunicorn's")
        if not (totals["writes"] and totals["answers"]):
            raise SystemExit("Nothing was tried.")
        return totals["stale"] + totals["refused"] + totals["writes failed"]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--workers", type=int, default=3, help="processes of gunicorn")
    parser.add_argument("--readers", type=int, default=4)
    parser.add_argument("--http", action="store_true", help="all is written over HTTP")
    arguments = parser.parse_args()
    sys.exit(1 if run(arguments.seconds, arguments.workers, arguments.readers, arguments.http) else 0)


if __name__ == "__main__":
    main()
