"""`make chaos` starts a second system in Docker, loads it, breaks it part by part and checks the books.

    python -m bench.chaos [--rate 15] [--calm 8] [--only redis mysql] [--keep]

It has its own project, volumes, secrets and loopback ports, so it harms no other system, and it is removed at the end.
The rate (requests per second) and the time (about 7 minutes) are bounded. Exit status 1 when the books do not balance,
when a request failed while nothing was broken, or when the system did not recover.
"""

import argparse
import os
import random
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path

from graphql import build_schema

from .actions import ACTIONS, PASSWORD, Action, World, sign_in
from .books import CHECKS, Books
from .client import NoAnswer, Refused, Shop
from .faults import FAULTS, System

ROOT = Path(__file__).resolve().parents[2]
PORT, MAIL_PORT, THREADS, SHOPPERS, PRODUCTS = 18080, 18025, 12, 6, 40
RECOVERY = 90
# Where the logs go when something was wrong.
SAID = ROOT / "var/chaos.log"


def settings() -> str:
    """The environment of the system under test: its own secrets, no limit on attempts, mail at once."""
    names = ("SECRET_KEY", "JWT_SECRET_KEY", "METRICS_TOKEN", "MYSQL_PASSWORD", "MYSQL_ROOT_PASSWORD", "REDIS_PASSWORD")
    fixed = {
        "ALLOWED_HOSTS": "127.0.0.1",
        "INSECURE_HTTP": "1",
        "HTTP_PORT": str(PORT),
        "SITE_URL": f"http://127.0.0.1:{PORT}",
        "MAIL_PORT": str(MAIL_PORT),
        "SUBNET": "172.30.78",
        "COMPOSE_PROFILES": "mail",
        "EMAIL_URL": "smtp://mail:1025",
        "WELCOME_EMAIL_DELAY": "5",
        "MAIL_SWEEP_SECONDS": "5",
        **{f"THROTTLE_{name}": "off" for name in ("SIGN_IN", "REGISTER", "REFRESH", "RESET")},
    }
    return "\n".join(f"{name}={text}" for name, text in {**fixed, **{n: secrets.token_hex(32) for n in names}}.items())


class Load:
    """Sends requests at a steady rate and counts them by phase, kind and outcome."""

    def __init__(self, world: World, actions: list[Action], rate: float) -> None:
        self.world, self.actions, self.rate = world, actions, rate
        self.phase, self.fault, self.faults = "calm", "", 0
        self.outcomes: dict[str, Counter[str]] = defaultdict(Counter)
        self.details: dict[str, Counter[str]] = defaultdict(Counter)
        self.last_failure = 0.0
        self._lock, self._stop, self._next = threading.Lock(), threading.Event(), time.monotonic()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(THREADS)]

    def start(self) -> None:
        """Begins."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends when every request at hand has."""
        self._stop.set()
        for thread in self._threads:
            thread.join(120)

    def begin(self, fault: str) -> None:
        """From here on something is broken."""
        self.fault, self.faults, self.phase = fault, self.faults + 1, fault

    def _work(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                self._next = max(self._next + 1 / self.rate, time.monotonic() - 1)
                wait = self._next - time.monotonic()
            if wait > 0 and self._stop.wait(wait):
                return
            action = random.choices(self.actions, [action.weight for action in self.actions])[0]
            faults, phase, outcome = self.faults, self.phase, "ok"
            try:
                action.run(self.world)
            except NoAnswer as error:
                outcome, detail = "no answer", f"{action.run.__name__}: {error.kind}"
            except Refused as error:
                outcome, detail = "refused", f"{action.run.__name__}: {error}"
            except Exception as error:  # the report is the place for it
                outcome, detail = "broken", f"{action.run.__name__}: {error!r}"
            with self._lock:
                # Under way when something broke: that is what it met.
                phase = phase if faults == self.faults else self.fault
                self.outcomes[phase][outcome] += 1
                if outcome != "ok":
                    self.details[phase][detail[:160]] += 1
                    self.last_failure = time.monotonic()


def prepare(system: System) -> World:
    """The demo shop, staff and shoppers, all signed in."""
    system.run("run", "--rm", "-T", "migrate", "manage", "seed_demo")
    shoppers = [f"shopper{number}@chaos.example" for number in range(SHOPPERS)]
    code = (
        "from users.models import User\n"
        f"User.objects.create_superuser('staff@chaos.example', {PASSWORD!r})\n"
        f"for email in {shoppers!r}: User.objects.create_user(email, {PASSWORD!r})"
    )
    system.run("exec", "-T", "web", "python", "manage.py", "shell", "--no-imports", "-c", code)
    staff = Shop(PORT, sign_in(PORT, "staff@chaos.example"))
    query = (
        f"query ChaosStart {{ products(first: {PRODUCTS}, filter: {{inStock: true}}) {{ nodes {{ id slug name }} }} }}"
    )
    end = time.monotonic() + RECOVERY
    # The index learns of the demo shop from the worker.
    while len(products := staff.graphql(query)["products"]["nodes"]) < PRODUCTS and time.monotonic() < end:
        time.sleep(1)
    return World(PORT, staff, [(email, Shop(PORT, sign_in(PORT, email))) for email in shoppers], products)


def recover(load: Load, quiet: float = 4) -> float | None:
    """Seconds until no request has failed for a while; None when that does not come."""
    began = time.monotonic()
    while time.monotonic() - began < RECOVERY:
        if time.monotonic() - max(load.last_failure, began) >= quiet:
            return max(0.0, load.last_failure - began)
        time.sleep(0.2)
    return None


def main() -> int:
    """Runs all of it; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=15, help="requests a second (at most 100)")
    parser.add_argument("--calm", type=float, default=8, help="seconds between two faults")
    parser.add_argument("--only", nargs="*", help=f"of {', '.join(fault.__name__ for fault, _ in FAULTS)}")
    parser.add_argument("--keep", action="store_true", help="leave the system running")
    options = parser.parse_args()
    # Told to stop, it takes its system along.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    known = build_schema((ROOT / "schema.graphql").read_text()).mutation_type
    mutations = set(known.fields) if known else set()
    with tempfile.NamedTemporaryFile("w", prefix="chaos-", suffix=".env") as environment:
        environment.write(settings())
        environment.flush()
        os.environ["ENV_FILE"] = environment.name
        files = ["--file", str(ROOT / "docker/compose.yaml"), "--file", str(ROOT / "bench/chaos/compose.yaml")]
        compose = ["docker", "compose", "--project-name", "vitrine-chaos", "--env-file", environment.name, *files]
        system = System(compose)
        try:
            system.run("up", "--build", "--detach", "--wait", "--wait-timeout", "300", "--scale", "web=2")
            return rehearse(system, mutations, options)
        finally:
            if not options.keep:
                subprocess.run([*compose, "--profile", "*", "down", "--volumes"], capture_output=True)


def rehearse(system: System, mutations: set[str], options: argparse.Namespace) -> int:
    """Load, faults and books on the running system; the exit status."""
    world, failures = prepare(system), []
    built = [action for action in ACTIONS if action.needs is None or action.needs in mutations]
    for action in ACTIONS:
        if action not in built:
            print(f"SKIPPED load {action.run.__name__}: not built yet ({action.needs} is not in schema.graphql)")
    load = Load(world, built, min(options.rate, 100))
    load.start()
    time.sleep(options.calm)
    for fault, unnoticed in FAULTS:
        if options.only and fault.__name__ not in options.only:
            continue
        began = time.monotonic()
        load.begin(fault.__name__)
        fault(system)
        broken = time.monotonic() - began
        recovered = recover(load)
        after = "never" if recovered is None else f"{recovered:.1f} s later"
        print(f"{fault.__name__:16} mended after {broken:5.1f} s, last failure {after}", flush=True)
        if recovered is None:
            failures.append(f"{fault.__name__}: the system did not come back within {RECOVERY} s")
        if unnoticed and load.outcomes[fault.__name__]["no answer"]:
            failures.append(f"{fault.__name__}: should have gone unnoticed")
        world.renew_tokens()
        load.phase = "calm"
        time.sleep(options.calm)
    load.stop()
    print(f"\n| {'while':16} | ok | refused | no answer | broken |\n|---|---|---|---|---|")
    for phase, counts in load.outcomes.items():
        print(f"| {phase:16} | {' | '.join(str(counts[o]) for o in ('ok', 'refused', 'no answer', 'broken'))} |")
        for detail, times in load.details[phase].most_common(6):
            print(f"    {times} × {detail}")
    if any(load.outcomes["calm"][outcome] for outcome in ("no answer", "broken")):
        failures.append("requests failed while nothing was broken")
    world.renew_tokens()
    books = Books(world, system.compose, MAIL_PORT)
    print()
    for check in CHECKS:
        if check.needs and check.needs not in mutations:
            print(f"SKIPPED books of {check.run.__name__}: not built yet ({check.needs} is not in schema.graphql)")
            continue
        wrong = check.run(books)
        print(f"{'ok     ' if not wrong else 'WRONG  '} books of {check.run.__name__}")
        for line in wrong[:10]:
            print(f"    {line}")
        failures += [f"books of {check.run.__name__}: {len(wrong)} wrong"] if wrong else []
    checked = sum(check.needs is None or check.needs in mutations for check in CHECKS)
    if failures:
        SAID.parent.mkdir(exist_ok=True)
        SAID.write_text(system.run("logs", "--no-color", "--timestamps"))
        failures.append(f"What the services said is in {SAID.relative_to(ROOT)}.")
    verdict = f"{checked} of {len(CHECKS)} books were checked and balance; everything came back."
    print("\n" + ("\n".join(failures) if failures else verdict))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
