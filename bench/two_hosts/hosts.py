"""The hosts under test: where each web answers, and what its metrics say."""

import json
import re
import subprocess
import threading
import time
import urllib.request

from bench.chaos.client import Shop
from bench.chaos.faults import System

# By host: its web, its worker and its beat, and the volume of its index.
PARTS = [("web", "worker", "beat"), ("web2", "worker2", "beat2")]
INDEX = "/var/lib/vitrine/index"
FALLBACKS = re.compile(r"^vitrine_search_fallbacks_total (\S+)", re.MULTILINE)


def docker(*arguments: str) -> str:
    """Runs a docker command. Raises RuntimeError."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise RuntimeError(f"docker {' '.join(arguments)}: {done.stderr.strip()[-500:]}")
    return done.stdout


def addresses(system: System) -> dict[str, tuple[str, str]]:
    """By container of a web that runs: its service and its address inside Docker, which Linux reaches from outside."""
    containers = system.run("ps", "--quiet", "web", "web2").split()
    running = {}
    # One that has gone meanwhile is left out.
    found = subprocess.run(["docker", "inspect", *containers], capture_output=True, text=True, timeout=60).stdout
    for container in json.loads(found or "[]"):
        network = next(iter(container["NetworkSettings"]["Networks"].values()))
        if container["State"]["Running"] and network["IPAddress"]:
            running[container["Id"]] = (
                container["Config"]["Labels"]["com.docker.compose.service"],
                network["IPAddress"],
            )
    return running


class Host(Shop):
    """One host's web, asked past nginx. It is looked up again after a failure, for containers come and go."""

    def __init__(self, system: System, number: int, token: str) -> None:
        super().__init__(8000, token)
        self.system, self.number = system, number
        self.find()

    def find(self) -> None:
        """Learns where the host's web is now."""
        name = PARTS[self.number][0]
        self.host = next((address for service, address in addresses(self.system).values() if service == name), "")


class Meter:
    """Adds up how many searches the database had to answer, in all webs, those that are gone included."""

    def __init__(self, system: System, token: str) -> None:
        self.system, self.token = system, token
        self.counts: dict[str, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def total(self) -> float:
        """How many there were until now."""
        self._read()
        return sum(self.counts.values())

    def stop(self) -> None:
        """Ends."""
        self._stop.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._stop.wait(0.5):
            self._read()

    def _read(self) -> None:
        try:
            running = addresses(self.system)
        except (RuntimeError, subprocess.SubprocessError):
            return
        for container, (_, address) in running.items():
            request = urllib.request.Request(f"http://{address}:8000/metrics")
            request.add_header("Authorization", f"Bearer {self.token}")
            request.add_header("Host", "127.0.0.1")
            try:
                with urllib.request.urlopen(request, timeout=5) as answer:
                    self.counts[container] = float(FALLBACKS.findall(answer.read().decode())[0])
            except (OSError, IndexError):
                continue


def drift(system: System, number: int) -> str:
    """What the host's index and the database disagree about, waited for up to a minute; empty when they agree."""
    end = time.monotonic() + 60
    while True:
        try:
            system.inside(PARTS[number][1], "python manage.py rebuild_index --check")
            return ""
        except RuntimeError as error:
            if time.monotonic() > end:
                return str(error)
            time.sleep(2)
