"""`make two-hosts` starts two hosts in Docker (compose profile two-hosts), and shows that they agree, come what may.

    python -m bench.two_hosts [--seconds 20] [--threads 6] [--rate 8] [--only rolled worker_killed] [--keep]

Threads rename products on one host and ask the other until it finds them; searches go through nginx meanwhile. One part
after the other is killed, and the whole is updated to another version of the code and back. Prints a table. Exit status
1 when a change was found later than after 2 seconds, when a search through nginx failed while no web was killed, when the
database had to answer searches while no index was deleted, or when an index and the database disagree at the end.
It has its own project, volumes, secrets and ports, and is removed at the end. It reaches containers by their addresses
inside Docker, so it runs on Linux only.
"""

import argparse
import os
import secrets
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.chaos.actions import PASSWORD, sign_in
from bench.chaos.client import Shop
from bench.chaos.faults import System
from bench.two_hosts.hosts import INDEX, PARTS, Host, Meter, docker, drift
from bench.two_hosts.tries import LIMIT_SECONDS, Searches, Tries

ROOT = Path(__file__).resolve().parents[2]
PORT, PRODUCTS, OUTAGE_SECONDS = 8190, 60, 8.0
SAID = ROOT / "var/two-hosts.log"
# The same code with another version of the index: what a new release with new analysis is.
OTHER_VERSION = r"""
FROM {image}
USER root
RUN file=$(grep -rlE '^VERSION = [0-9]+$' /app/catalog/search --include=documents.py) \
 && sed -i -E 's/^VERSION = [0-9]+$/VERSION = 900/' "$file"
USER 10001:10001
"""


def settings(metrics_token: str) -> str:
    """The environment of the system under test: its own secrets, no limits on attempts and costs."""
    names = ("SECRET_KEY", "JWT_SECRET_KEY", "MYSQL_PASSWORD", "MYSQL_ROOT_PASSWORD", "REDIS_PASSWORD")
    fixed = {
        "ALLOWED_HOSTS": "127.0.0.1",
        "INSECURE_HTTP": "1",
        "HTTP_PORT": str(PORT),
        "SITE_URL": f"http://127.0.0.1:{PORT}",
        "SUBNET": "172.30.90",
        "COMPOSE_PROFILES": "two-hosts",
        "EMAIL_URL": "smtp://127.0.0.1:1025",
        "METRICS_TOKEN": metrics_token,
        **{f"RATE_LIMIT_COST_{name}": "off" for name in ("USER", "ADDRESS")},
        **{f"THROTTLE_{name}": "off" for name in ("SIGN_IN", "REGISTER", "REFRESH", "RESET")},
    }
    return "\n".join(f"{name}={text}" for name, text in {**fixed, **{n: secrets.token_hex(32) for n in names}}.items())


class Lab:
    """The running system, what is tried on it, and what breaks it."""

    def __init__(self, system: System, images: list[str], meter: Meter, tries: Tries, searches: Searches) -> None:
        self.system, self.images, self.meter, self.tries, self.searches = system, images, meter, tries, searches

    def calm(self) -> None:
        """Nothing is broken."""

    def worker_killed(self) -> None:
        """Host 2 has no worker for a while: its web follows the log itself."""
        self.system.kill("worker2", OUTAGE_SECONDS)

    def beats_killed(self) -> None:
        """Neither host has a beat for a while."""
        self.system.run("kill", "beat", "beat2")
        time.sleep(OUTAGE_SECONDS)
        self.system.run("start", "beat", "beat2")

    def redis_killed(self) -> None:
        """Nobody is notified."""
        self.system.kill("redis")

    def disk_emptied(self) -> None:
        """The index of host 2 is deleted while it is searched."""
        # What is written meanwhile may stay behind: only the disk's own files are meant to go.
        self.system.inside("web2", f"find {INDEX} -mindepth 1 -delete || true")
        time.sleep(OUTAGE_SECONDS)

    def host_lost(self) -> None:
        """All of host 2 is gone from one moment to the next, and comes back with its disk."""
        self.tries.usable[1] = False
        self.system.run("kill", *PARTS[1])
        time.sleep(OUTAGE_SECONDS)
        self.system.run("up", "--no-build", "--detach", "--wait", "--wait-timeout", "300")
        self._found()

    def host_added(self) -> None:
        """Host 2 goes, and a new one with an empty disk comes."""
        self.tries.usable[1] = False
        self.system.run("stop", *PARTS[1])
        self.system.run("rm", "--force", "migrate2", *PARTS[1])
        name = self.system.compose[self.system.compose.index("--project-name") + 1]
        docker("volume", "rm", f"{name}_index2")
        self.system.run("up", "--no-build", "--detach", "--wait", "--wait-timeout", "300")
        self._found()

    def rolled_forth(self) -> None:
        """Another version of the code takes over, host by host, as `make up` does it."""
        self._roll(self.images[1])

    def rolled_back(self) -> None:
        """The former version comes back."""
        self._roll(self.images[0])

    def _roll(self, image: str) -> None:
        os.environ["IMAGE"] = image
        options = self.system.compose[2:]
        done = subprocess.run([str(ROOT / "docker/roll.sh"), *options], capture_output=True, text=True, timeout=600)
        if done.returncode:
            raise RuntimeError(f"docker/roll.sh: {done.stderr[-800:]}")
        self.system.run("up", "--no-build", "--detach", "--wait", "--wait-timeout", "300")
        for host in self.tries.hosts:
            host.find()

    def _found(self) -> None:
        self.tries.hosts[1].find()
        self.tries.usable[1] = True


# What is done, whether a web is killed by it, and whether an index is deleted by it.
PHASES: list[tuple[Callable[[Lab], None], bool, bool]] = [
    (Lab.calm, False, False),
    (Lab.worker_killed, False, False),
    (Lab.beats_killed, False, False),
    (Lab.redis_killed, False, False),
    (Lab.host_lost, True, False),
    (Lab.host_added, False, False),
    (Lab.rolled_forth, False, False),
    (Lab.rolled_back, False, False),
    (Lab.disk_emptied, False, True),
]


def prepare(system: System) -> tuple[str, list[dict[str, Any]]]:
    """The demo shop and an employee: the token and the products."""
    system.run("run", "--rm", "-T", "migrate", "manage", "seed_demo")
    code = f"from users.models import User; User.objects.create_superuser('staff@chaos.example', {PASSWORD!r})"
    system.run("exec", "-T", "web", "python", "manage.py", "shell", "--no-imports", "-c", code)
    token = sign_in(PORT, "staff@chaos.example")
    query = f"query TwoHostsStart {{ products(first: {PRODUCTS}) {{ nodes {{ id slug name }} }} }}"
    end = time.monotonic() + 60
    while len(products := Shop(PORT, token).graphql(query)["products"]["nodes"]) < PRODUCTS:
        if time.monotonic() > end:
            raise RuntimeError("the demo shop was not found within a minute")
        time.sleep(1)
    return token, products


def rehearse(lab: Lab, token: Callable[[], str], options: argparse.Namespace) -> list[str]:
    """All phases; what was wrong."""
    wrong = []
    lab.tries.start()
    lab.searches.start()
    for phase, kills_web, deletes_index in PHASES:
        name = phase.__name__
        if options.only and name not in options.only:
            continue
        for client in (*lab.tries.hosts, lab.searches):
            client.token = token()
        fallbacks, failures = lab.meter.total(), lab.searches.failures.total()
        lab.tries.phase = lab.searches.phase = name
        began = time.monotonic()
        phase(lab)
        time.sleep(max(0.0, options.seconds - (time.monotonic() - began)))
        fallbacks, failures = lab.meter.total() - fallbacks, lab.searches.failures.total() - failures
        seconds, answers = sorted(lab.tries.seconds[name]), sorted(lab.searches.milliseconds[name])
        print(
            f"| {name:13} | {time.monotonic() - began:5.0f} | {len(seconds):5} | {_quantile(seconds, 0.5):5.2f} | "
            f"{_quantile(seconds, 0.99):5.2f} | {seconds[-1] if seconds else 0:5.2f} | {len(answers):6} | {failures:3} | "
            f"{_quantile(answers, 0.99):5.0f} | {fallbacks:3.0f} |",
            flush=True,
        )
        if failures and not kills_web:
            wrong.append(f"{name}: {failures} searches through nginx failed")
        if fallbacks and not deletes_index:
            wrong.append(f"{name}: the database answered {fallbacks:.0f} searches")
        if not seconds:
            wrong.append(f"{name}: nothing was tried")
    lab.tries.stop()
    lab.searches.stop()
    return [*wrong, *lab.tries.late]


def _quantile(numbers: list[float], share: float) -> float:
    return statistics.quantiles(numbers, n=1000)[round(share * 1000) - 1] if len(numbers) > 1 else 0.0


def run(system: System, images: list[str], metrics_token: str, options: argparse.Namespace) -> int:
    """Everything on the running system; the exit status."""
    token, products = prepare(system)
    meter = Meter(system, metrics_token)
    tries = Tries([Host(system, number, token) for number in (0, 1)], products, options.threads)
    lab = Lab(system, images, meter, tries, Searches(PORT, token, options.rate))
    print(f"Changes on one host must be found on the other within {LIMIT_SECONDS:.0f} s.\n")
    print("|               | lasts | tries | median|  p99  |  max  | searches| failed | p99 ms | by SQL |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    wrong = rehearse(lab, lambda: sign_in(PORT, "staff@chaos.example"), options)
    for number in (0, 1):
        if difference := drift(system, number):
            wrong.append(f"the index of host {number + 1} is not what the database says: {difference}")
    meter.stop()
    for title, failures in (("searches through nginx", lab.searches.failures), ("tries", tries.failures)):
        for failure, count in failures.most_common(10):
            print(f"    {title}: {count} × {failure}")
    if wrong:
        SAID.parent.mkdir(exist_ok=True)
        SAID.write_text(system.run("logs", "--no-color", "--timestamps"))
        wrong.append(f"What the services said is in {SAID.relative_to(ROOT)}.")
    total = sum(len(seconds) for seconds in tries.seconds.values())
    print("\n" + ("\n".join(wrong) if wrong else f"{total} changes were found in time, and both indexes agree."))
    return 1 if wrong else 0


def main() -> int:
    """Starts, rehearses and removes the system; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20, help="how long each phase lasts at least")
    parser.add_argument("--threads", type=int, default=6, help="how many tries there are at once")
    parser.add_argument("--rate", type=float, default=8, help="searches a second through nginx")
    parser.add_argument("--only", nargs="*", help=f"of {', '.join(phase.__name__ for phase, _, _ in PHASES)}")
    parser.add_argument("--keep", action="store_true", help="leave the system running")
    options = parser.parse_args()
    # Told to stop, it takes its system along.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    images = ["vitrine-two-hosts:one", "vitrine-two-hosts:two"]
    docker("build", "--tag", images[0], str(ROOT))
    subprocess.run(
        ["docker", "build", "--tag", images[1], "-"],
        input=OTHER_VERSION.format(image=images[0]),
        check=True,
        text=True,
        capture_output=True,
    )
    os.environ["IMAGE"] = images[0]
    metrics_token = secrets.token_hex(32)
    with tempfile.NamedTemporaryFile("w", prefix="two-hosts-", suffix=".env") as environment:
        environment.write(settings(metrics_token))
        environment.flush()
        os.environ["ENV_FILE"] = environment.name
        files = ["--env-file", environment.name, "--file", str(ROOT / "docker/compose.yaml")]
        system = System(["docker", "compose", "--project-name", "twohosts", *files])
        try:
            system.run("up", "--no-build", "--detach", "--wait", "--wait-timeout", "300")
            return run(system, images, metrics_token, options)
        finally:
            if not options.keep:
                subprocess.run([*system.compose, "--profile", "*", "down", "--volumes"], capture_output=True)


if __name__ == "__main__":
    sys.exit(main())
