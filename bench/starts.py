"""Starts `make run` anew again and again on a busy machine. Prints a line for each start.

    .venv/bin/python -m bench.starts [--starts 20] [--seconds 180] [--busy 2] [--faults]

Each start has its own VAR_DIR. Products are renamed one after another; search must find each new name within 10
seconds, and the service must not end. With --faults the worker is killed, frozen and fed garbage: /readyz must say so
within 30 seconds, and be "ok" within 15 seconds after the cause has ended. Exit status 1 otherwise.
"""

import argparse
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SIGN_IN = 'mutation { tokenAuth(email: "staff@example.com", password: "vitrine-demo") { token } }'
RENAME = "mutation ($input: ProductUpdateInput!) { productUpdate(input: $input) { product { id } errors { message } } }"
SEARCH = "query ($text: String!) { products(search: $text, first: 1) { nodes { id } } }"


class Shop:
    """`make run` in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.folder, self.base, self.token = folder, f"http://127.0.0.1:{port}", ""
        self.log = (folder / "log").open("w")
        variables = [f"PORT={port}", f"VAR_DIR={folder / 'var'}"]
        self.process = subprocess.Popen(
            ["make", "--no-print-directory", "run", *variables],
            cwd=ROOT,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )

    def ask(self, query: str, **variables: Any) -> Any:
        """The data of a GraphQL answer."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        headers = {"Content-Type": "application/json"} | (
            {"Authorization": f"Bearer {self.token}"} if self.token else {}
        )
        request = urllib.request.Request(self.base + "/graphql/", body, headers)
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)["data"]

    def readiness(self) -> dict[str, Any]:
        """The answer of /readyz; empty when there is none."""
        try:
            with urllib.request.urlopen(self.base + "/readyz", timeout=10) as response:
                return dict(json.load(response))
        except (OSError, urllib.error.URLError):
            return {}

    def sign_in(self) -> None:
        """As the demo's staff."""
        self.token = ""
        self.token = self.ask(SIGN_IN)["tokenAuth"]["token"]

    def change(self, number: int) -> float:
        """Renames a product; seconds until a search finds it by the new name (at most 60)."""
        word = f"zq{number}x{random.randrange(10**6)}"
        products = self.ask("{ products(first: 50) { nodes { id } } }")["products"]["nodes"]
        product = random.choice(products)["id"]
        errors = self.ask(RENAME, input={"id": product, "name": word})["productUpdate"]["errors"]
        if errors:
            raise RuntimeError(errors)
        began = time.monotonic()
        while time.monotonic() < began + 60:
            if self.ask(SEARCH, text=word)["products"]["nodes"]:
                break
            time.sleep(0.05)
        return time.monotonic() - began

    def worker(self) -> int:
        """The process id of the worker; waits for one."""
        while not (pid := self._worker()):
            time.sleep(0.2)
        return pid

    def _worker(self) -> int:
        pids = subprocess.run(["pgrep", "-f", "celery .*-A core worker"], capture_output=True, text=True).stdout.split()
        mine = f"VAR_DIR={self.folder / 'var'}".encode()
        for pid in pids:
            try:
                if mine in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                    return int(pid)
            except OSError:
                continue
        return 0

    def stop(self) -> float:
        """Ctrl-C; seconds until all is gone (at most 30)."""
        os.killpg(self.process.pid, signal.SIGINT)
        began = time.monotonic()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.log.close()
        return time.monotonic() - began


def until(holds: Callable[[], bool], seconds: float) -> float | None:
    """Seconds until it holds; None when it does not in time."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() > began + seconds:
            return None
        time.sleep(0.2)
    return time.monotonic() - began


def cause_and_watch(shop: Shop, name: str, cause: Callable[[], Any], end: Callable[[], Any] | None) -> str:
    """Causes a fault. Returns "" when /readyz reports it and its end in time, else what was wrong."""
    cause()
    if end is not None:
        if until(lambda: shop.readiness().get("status") == "degraded", 30) is None:
            return f"{name}: not reported within 30 s"
        end()
    # A fault without an end of its own is mended by the supervisor.
    if until(lambda: shop.readiness().get("checks", {}).get("worker", {}).get("status") == "ok", 15) is None:
        return f"{name}: not recovered within 15 s: {shop.readiness()}"
    return ""


def faults(shop: Shop) -> list[str]:
    """Breaks worker and broker in several ways, and returns what was wrong."""
    broker = shop.folder / "var" / "broker"

    def garbage() -> None:
        for queue in ("celery", "images"):
            (broker / queue).mkdir(parents=True, exist_ok=True)
            for number, content in enumerate((b"", b"{", os.urandom(300), b"null", b'{"properties": {}}')):
                (broker / queue / f"0{number}.json").write_bytes(content)

    return [
        wrong
        for wrong in (
            cause_and_watch(shop, "garbage", garbage, None),
            cause_and_watch(shop, "folder removed", lambda: shutil.rmtree(broker, ignore_errors=True), None),
            cause_and_watch(shop, "worker killed", lambda: os.kill(shop.worker(), signal.SIGKILL), None),
            cause_and_watch(
                shop,
                "worker frozen",
                lambda: os.kill(shop.worker(), signal.SIGSTOP),
                lambda: os.kill(shop.worker(), signal.SIGCONT),
            ),
        )
        if wrong
    ]


def one_start(number: int, seconds: float, with_faults: bool) -> list[str]:
    """A start, changes and an end; prints its line and returns what was wrong."""
    folder = Path(tempfile.mkdtemp(prefix="vitrine-start-"))
    shop = Shop(folder)
    wrong, taken = [], [0.0]
    ready = until(lambda: shop.readiness().get("status") == "ok", 180)
    if ready is None:
        wrong.append(f"not ready: {shop.readiness()}")
    else:
        shop.sign_in()
        end = time.monotonic() + seconds
        while time.monotonic() < end and shop.process.poll() is None:
            taken.append(shop.change(len(taken)))
            time.sleep(0.2)
        if with_faults:
            wrong += faults(shop)
            shop.sign_in()
            taken.append(shop.change(len(taken)))
        if shop.process.poll() is not None:
            wrong.append("it ended")
        if max(taken) > 10:
            wrong.append(f"a change took {max(taken):.1f} s")
    ended = shop.stop()
    if ended > 10:
        wrong.append(f"ending took {ended:.1f} s")
    slowest = f"slowest {max(taken):.2f} s"
    print(
        f"{number:3}  ready after {ready or 0:5.1f} s, {len(taken) - 1:4} changes found, {slowest}, ended in {ended:.1f} s  "
        + ("; ".join(wrong) or "ok"),
        flush=True,
    )
    if not wrong:
        shutil.rmtree(folder, ignore_errors=True)
    return wrong


def main() -> None:
    """One line for each start."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--busy", type=int, default=os.cpu_count() or 1, help="processes that keep the cores busy")
    parser.add_argument("--faults", action="store_true")
    options = parser.parse_args()
    busy = [subprocess.Popen([sys.executable, "-c", "while True: sum(range(10**6))"]) for _ in range(options.busy)]
    try:
        wrong = [
            problem for n in range(options.starts) for problem in one_start(n + 1, options.seconds, options.faults)
        ]
    finally:
        for process in busy:
            process.kill()
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
