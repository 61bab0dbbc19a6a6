"""A steady mixed load on a composed system, its report, and the check of the books after it."""

import random
import secrets
import threading
import time
from collections import Counter, defaultdict

from .actions import PASSWORD, Action, World, sign_in
from .books import CHECKS, Books
from .client import NoAnswer, Refused, Shop
from .faults import System

THREADS, SHOPPERS, PRODUCTS = 12, 6, 40
RECOVERY = 90


def settings(port: int, mail_port: int, subnet: str) -> str:
    """The environment of the system under test: its own secrets, no limit on attempts, mail at once."""
    names = ("SECRET_KEY", "JWT_SECRET_KEY", "METRICS_TOKEN", "MYSQL_PASSWORD", "MYSQL_ROOT_PASSWORD", "REDIS_PASSWORD")
    fixed = {
        "ALLOWED_HOSTS": "127.0.0.1",
        "INSECURE_HTTP": "1",
        "HTTP_PORT": str(port),
        "SITE_URL": f"http://127.0.0.1:{port}",
        "MAIL_PORT": str(mail_port),
        "SUBNET": subnet,
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

    def report(self) -> list[str]:
        """Prints what became of the requests. Returns what is wrong with those while nothing was broken."""
        print(f"\n| {'while':16} | ok | refused | no answer | broken |\n|---|---|---|---|---|")
        for phase, counts in self.outcomes.items():
            print(f"| {phase:16} | {' | '.join(str(counts[o]) for o in ('ok', 'refused', 'no answer', 'broken'))} |")
            for detail, times in self.details[phase].most_common(6):
                print(f"    {times} × {detail}")
        if any(self.outcomes["calm"][outcome] for outcome in ("no answer", "broken")):
            return ["requests failed while nothing was broken"]
        return []


def prepare(system: System, port: int) -> World:
    """The demo shop, staff and shoppers, all signed in."""
    system.run("run", "--rm", "-T", "migrate", "manage", "seed_demo")
    shoppers = [f"shopper{number}@chaos.example" for number in range(SHOPPERS)]
    code = (
        "from users.models import User\n"
        f"User.objects.create_superuser('staff@chaos.example', {PASSWORD!r})\n"
        f"for email in {shoppers!r}: User.objects.create_user(email, {PASSWORD!r})"
    )
    system.run("exec", "-T", "web", "python", "manage.py", "shell", "--no-imports", "-c", code)
    staff = Shop(port, sign_in(port, "staff@chaos.example"))
    query = (
        f"query ChaosStart {{ products(first: {PRODUCTS}, filter: {{inStock: true}}) {{ nodes {{ id slug name }} }} }}"
    )
    end = time.monotonic() + RECOVERY
    # The index learns of the demo shop from the worker.
    while len(products := staff.graphql(query)["products"]["nodes"]) < PRODUCTS and time.monotonic() < end:
        time.sleep(1)
    return World(port, staff, [(email, Shop(port, sign_in(port, email))) for email in shoppers], products)


def recover(load: Load, quiet: float = 4) -> float | None:
    """Seconds until no request has failed for a while; None when that does not come."""
    began = time.monotonic()
    while time.monotonic() - began < RECOVERY:
        if time.monotonic() - max(load.last_failure, began) >= quiet:
            return max(0.0, load.last_failure - began)
        time.sleep(0.2)
    return None


def balance(world: World, system: System, mail_port: int, mutations: set[str]) -> tuple[int, list[str]]:
    """How many books were checked, and what is wrong in them."""
    world.renew_tokens()
    books, failures, checked = Books(world, system.compose, mail_port), [], 0
    print()
    for check in CHECKS:
        if check.needs and check.needs not in mutations:
            print(f"SKIPPED books of {check.run.__name__}: not built yet ({check.needs} is not in schema.graphql)")
            continue
        wrong, checked = check.run(books), checked + 1
        print(f"{'ok     ' if not wrong else 'WRONG  '} books of {check.run.__name__}")
        for line in wrong[:10]:
            print(f"    {line}")
        failures += [f"books of {check.run.__name__}: {len(wrong)} wrong"] if wrong else []
    return checked, failures
