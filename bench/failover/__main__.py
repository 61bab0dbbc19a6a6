"""`make failover`: kills the primary of two MySQL servers under load, promotes the other, and checks the books.

    python -m bench.failover [--rate 15] [--rounds 2] [--keep]

A system of its own in Docker, with its own volumes and ports (docker/labs/failover/), removed at the end. First the
replica stops, hangs and dies, which no reader may notice. Then, in each round, the primary is killed (SIGKILL), the
other server is promoted, and the old one comes back: it must take no writes until it follows. Exit status 1 when a book
does not balance, when service is not back within 15 seconds of a promotion, or when a request failed that should not.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from graphql import build_schema

from bench.chaos.actions import ACTIONS, Action, World, rest_search, search
from bench.chaos.books import CHECKS
from bench.chaos.client import NoAnswer, Shop
from bench.chaos.faults import System
from bench.chaos.load import Load, balance, prepare, settings

from . import servers

ROOT = Path(__file__).resolve().parents[2]
PORT, MAIL_PORT, SUBNET = 18090, 18035, "172.30.79"
SAID = ROOT / "var/failover.log"
MAX_BACK_SECONDS = 15


def read(world: World) -> None:
    """What a shopper without an account reads: the names of a page."""
    Shop(world.port).graphql("query FailoverRead { products(first: 20) { nodes { name brand { name } } } }")


def main() -> int:
    """Runs all of it; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=15, help="requests a second (at most 100)")
    parser.add_argument("--calm", type=float, default=8, help="seconds between two faults")
    parser.add_argument("--rounds", type=int, default=2, help="how often the primary is killed")
    parser.add_argument("--keep", action="store_true", help="leave the system running")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.NamedTemporaryFile("w", prefix="failover-", suffix=".env") as environment:
        environment.write(settings(PORT, MAIL_PORT, SUBNET) + "\nCATALOG_PUBLIC=1")
        environment.flush()
        os.environ["ENV_FILE"] = environment.name
        files = ["docker/compose.yaml", "docker/labs/failover/compose.yaml"]
        files = [part for name in files for part in ("--file", str(ROOT / name))]
        compose = ["docker", "compose", "--project-name", "vitrine-failover", "--env-file", environment.name, *files]
        system = System(compose)
        try:
            system.run("build", "migrate", "haproxy", "mail")
            system.run("up", "--detach", "--wait", "--wait-timeout", "180", *servers.SERVERS, "haproxy")
            servers.set_up(system, "mysql")
            system.run("up", "--detach", "--wait", "--wait-timeout", "300")
            return rehearse(system, options)
        finally:
            if not options.keep:
                subprocess.run([*compose, "--profile", "*", "down", "--volumes"], capture_output=True)


class Rehearsal:
    """The load on the running system, who the primary is, and what went wrong."""

    def __init__(self, system: System, load: Load, calm: float) -> None:
        self.system, self.load, self.calm = system, load, calm
        self.primary = "mysql"
        self.failures: list[str] = []

    @property
    def replica(self) -> str:
        return servers.other(self.primary)

    def replica_stops(self) -> None:
        """It receives and applies nothing for a while."""
        servers.sql(self.system, self.replica, "STOP REPLICA SQL_THREAD")
        time.sleep(8)
        servers.sql(self.system, self.replica, "START REPLICA SQL_THREAD")

    def replica_hangs(self) -> None:
        """It accepts connections and says nothing (SIGSTOP). Writes wait for it: there is no third server."""
        self.system.run("pause", self.replica)
        time.sleep(6)
        self.system.run("unpause", self.replica)

    def replica_dies(self) -> None:
        """SIGKILL, and started again."""
        self.system.kill(self.replica, 4)
        servers.wait_for(self.system, self.replica)
        servers.wait_until_followed(self.system, self.primary)

    def unnoticed(self, fault: Callable[[], None]) -> None:
        """No reader may fail meanwhile. Writes wait for the replica, since there is no third server."""
        name = fault.__name__
        self.load.begin(name)
        fault()
        time.sleep(2)
        self.load.phase = "calm"
        readers = tuple(f"{action.__name__}: " for action in (search, rest_search, read))
        failed = [detail for detail in self.load.details[name] if detail.startswith(readers)]
        if failed:
            self.failures.append(f"{name}: readers should not have noticed: {', '.join(failed)}")
        print(f"{name}: over", flush=True)
        time.sleep(self.calm)

    def primary_dies(self) -> None:
        """SIGKILL, the other is promoted, the old one comes back as a replica."""
        old, new = self.primary, self.replica
        self.load.begin("primary_dies")
        killed = time.monotonic()
        self.system.run("kill", "--signal", "SIGKILL", old)
        time.sleep(3)
        began = time.monotonic()
        servers.promote(self.system, new)
        promoted, self.primary = time.monotonic(), new
        back = self._first_write() - promoted
        while time.monotonic() - max(self.load.last_failure, promoted) < 4:
            time.sleep(0.1)
        last = max(0.0, self.load.last_failure - promoted)
        print(
            f"primary_dies: {old} killed, {new} promoted {promoted - killed:.1f} s later (promoting took "
            f"{promoted - began:.1f} s); first write {back:.1f} s after that, last failure {last:.1f} s after that"
        )
        if max(back, last) > MAX_BACK_SECONDS:
            self.failures.append(f"service was back {max(back, last):.1f} s after the promotion")
        self.load.phase = "old_comes_back"
        self._come_back(old)
        self.load.phase = "calm"
        self.load.world.renew_tokens()
        time.sleep(self.calm)

    def _first_write(self) -> float:
        """When a mutation is answered again."""
        query = "mutation FailoverCart($i: CartLinesAddInput!) { cartLinesAdd(input: $i) { errors { code } } }"
        world = self.load.world
        (email, shop), product = world.shoppers[0], world.products[0]
        while True:
            try:
                key = f"failover-{time.monotonic_ns()}"
                with world.ledger.lock:
                    world.ledger.maybe_carted[email, product["id"]] += 1
                lines = [{"productId": product["id"], "quantity": 1}]
                shop.graphql(query, i={"lines": lines, "idempotencyKey": key})
                return time.monotonic()
            except NoAnswer:
                time.sleep(0.1)

    def _come_back(self, old: str) -> None:
        self.system.run("start", old)
        servers.wait_for(self.system, old)
        try:
            servers.sql(self.system, old, "UPDATE vitrine.core_heartbeat SET name = name", user="vitrine")
            self.failures.append(f"{old} came back and took a write")
        except RuntimeError as error:
            if "1290" not in str(error):
                raise
        extra = servers.rejoin(self.system, old, self.primary)
        print(
            f"{old} came back read-only, and follows {self.primary}; it had {extra or 'nothing'} of its own", flush=True
        )


def rehearse(system: System, options: argparse.Namespace) -> int:
    """Load, faults and books on the running system; the exit status."""
    world = prepare(system, PORT)
    schema = build_schema((ROOT / "schema.graphql").read_text()).mutation_type
    mutations = set(schema.fields) if schema else set()
    load = Load(world, [*ACTIONS, Action(read, 10)], min(options.rate, 100))
    rehearsal = Rehearsal(system, load, options.calm)
    load.start()
    time.sleep(options.calm)
    for fault in (rehearsal.replica_stops, rehearsal.replica_hangs, rehearsal.replica_dies):
        rehearsal.unnoticed(fault)
    for _ in range(options.rounds):
        rehearsal.primary_dies()
    load.stop()
    failures = rehearsal.failures + load.report()
    print("\nreads of the catalogue by who answered: " + answered(system))
    checked, wrong = balance(world, system, MAIL_PORT, mutations)
    failures += wrong
    if failures:
        SAID.parent.mkdir(exist_ok=True)
        SAID.write_text(system.run("logs", "--no-color", "--timestamps"))
        failures.append(f"What the services said is in {SAID.relative_to(ROOT)}.")
    verdict = f"{checked} of {len(CHECKS)} books were checked and balance; {options.rounds} failovers."
    print("\n" + ("\n".join(failures) if failures else verdict))
    return 1 if failures else 0


def answered(system: System) -> str:
    """vitrine_replica_reads_total of the web container."""
    code = (
        "import os, urllib.request as u; r = u.Request('http://127.0.0.1:8000/metrics', headers={'Authorization': "
        "'Bearer ' + os.environ['METRICS_TOKEN']}); "
        "print(*[l for l in u.urlopen(r).read().decode().splitlines() if l.startswith('vitrine_replica_reads_total')])"
    )
    return system.run("exec", "-T", "web", "python", "-c", code).strip()


if __name__ == "__main__":
    sys.exit(main())
