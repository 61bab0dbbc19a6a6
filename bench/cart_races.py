"""Sends cart mutations from many clients at once over HTTP and checks the results. Prints one table.

    DATABASE_URL=mysql://root@127.0.0.1/vitrine .venv/bin/python -m bench.cart_races [--rounds 20] [--workers 4]

50 clients add one product, 20 clients mix all mutations on one cart, 200 clients retry one mutation. Exit status 1
when a result is wrong. Runs on SQLite without DATABASE_URL.
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from threading import Barrier
from typing import Any

from bench.cart_server import Client, Shop, shop

FIELDS = "{ cart { version totalQuantity lines { id quantity product { id } } } errors { field code } }"
KINDS = {"add": "CartLinesAdd", "update": "CartLinesUpdate", "remove": "CartLinesRemove"}
DOCUMENTS = {
    what: f"mutation($input: {kind}Input!) {{ payload: cartLines{what.title()}(input: $input) {FIELDS} }}"
    for what, kind in KINDS.items()
}
DOCUMENTS["clear"] = f"mutation($input: CartClearInput) {{ payload: cartClear(input: $input) {FIELDS} }}"
READ = "{ cart { version totalQuantity lines { id quantity product { id } } } }"


class Watch:
    """How long each answer took, in seconds."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def send(self, client: Client, what: str, **values: Any) -> dict[str, Any]:
        """The payload of a mutation."""
        started = time.perf_counter()
        payload = client.send(DOCUMENTS[what], input=values)["payload"]
        self.seconds.append(time.perf_counter() - started)
        return payload


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """The calls' answers, all let go at the same instant."""
    gate = Barrier(len(calls))

    def one(call: Callable[[], Any]) -> Any:
        gate.wait(60)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(one, calls))


def check(holds: bool, detail: Any) -> None:
    """Ends the program with the detail unless it holds."""
    if not holds:
        raise SystemExit(f"BROKEN: {detail}")


def adds(place: Shop, watch: Watch, rounds: int, clients: int) -> str:
    """Each round, on a fresh cart, every client adds the same product once."""
    for user in range(rounds):
        people = [Client(place, user) for _ in range(clients)]
        line = {"productId": place.products[0], "quantity": 1}
        payloads = at_once([partial(watch.send, client, "add", lines=[line]) for client in people])
        check(all(payload["errors"] == [] for payload in payloads), payloads)
        cart = people[0].send(READ)["cart"]
        check([line["quantity"] for line in cart["lines"]] == [clients] and cart["version"] == clients, cart)
    return f"{rounds} rounds of {clients} clients: one line, the exact sum"


def mix(place: Shop, watch: Watch, user: int, clients: int, steps: int) -> str:
    """All clients change one cart in all ways. Each version must be one cart, returned by one change."""
    seen: dict[int, Any] = {0: []}

    def drive(seed: int) -> list[dict[str, Any]]:
        chance, client, payloads = random.Random(seed), Client(place, user), []
        for _ in range(steps):
            what = chance.choice(["add", "add", "update", "update", "remove", "clear"])
            ids = [line["id"] for line in client.send(READ)["cart"]["lines"]] or ["none"]
            some = chance.sample(ids, min(2, len(ids)))
            values: dict[str, Any] = {
                "add": {"lines": [{"productId": p, "quantity": 1} for p in chance.sample(place.products, 3)]},
                "update": {"lines": [{"lineId": line, "quantity": chance.randrange(9)} for line in some]},
                "remove": {"lineIds": some},
                "clear": {},
            }[what]
            payloads.append(watch.send(client, what, **values))
        return payloads

    payloads = list(chain.from_iterable(at_once([partial(drive, seed) for seed in range(clients)])))
    for payload in payloads:
        check({error["code"] for error in payload["errors"]} <= {"NOT_FOUND"}, payload["errors"])
        cart = payload["cart"]
        lines = sorted((line["id"], line["quantity"]) for line in cart["lines"])
        check(seen.setdefault(cart["version"], lines) == lines, f"two carts at version {cart['version']}")
    end = Client(place, user).send(READ)["cart"]["version"]
    check(set(seen) == set(range(end + 1)), "a version was skipped")
    return f"{clients} clients, {len(payloads)} mutations on one cart: version {end}, each returned by one change"


def retries(place: Shop, watch: Watch, first: int, clients: int) -> str:
    """Each client, on one of some carts, sends adds under keys that it and others repeat at random."""
    carts, keys = max(1, clients // 10), 4
    chance = random.Random(3)
    used: set[tuple[int, int]] = set()
    calls: list[Callable[[], Any]] = []

    def drive(cart: int, sent: list[int]) -> list[dict[str, Any]]:
        client = Client(place, first + cart)
        lines = {key: [{"productId": place.products[key], "quantity": key + 1}] for key in sent}
        return [watch.send(client, "add", lines=lines[key], idempotencyKey=f"key-{key}") for key in sent]

    for number in range(clients):
        sent = [chance.randrange(keys) for _ in range(5)]
        used |= {(number % carts, key) for key in sent}
        calls.append(partial(drive, number % carts, sent))
    payloads = list(chain.from_iterable(at_once(calls)))
    check(all(payload["errors"] == [] for payload in payloads), "a retry was refused")
    for cart in range(carts):
        shown = Client(place, first + cart).send(READ)["cart"]
        expected = {place.products[key]: key + 1 for number, key in used if number == cart}
        check({line["product"]["id"]: line["quantity"] for line in shown["lines"]} == expected, shown)
        check(shown["version"] == len(expected), shown)
    return f"{clients} clients, {len(payloads)} adds under {len(used)} keys: each applied once"


def main() -> None:
    """Runs the three races and prints one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--mixing", type=int, default=20)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--retrying", type=int, default=200)
    parser.add_argument("--workers", type=int, default=4)
    options = parser.parse_args()
    users = options.rounds + 1 + max(1, options.retrying // 10)
    with shop(workers=options.workers, threads=4, users=users, products=6) as place:
        print(f"{place.vendor}, gunicorn with {options.workers} workers")
        print(f"{'seconds':>8} {'median ms':>10} {'slowest s':>10}", flush=True)
        for race in (
            lambda watch: adds(place, watch, options.rounds, options.clients),
            lambda watch: mix(place, watch, options.rounds, options.mixing, options.steps),
            lambda watch: retries(place, watch, options.rounds + 1, options.retrying),
        ):
            watch, started = Watch(), time.perf_counter()
            outcome = race(watch)
            took = time.perf_counter() - started
            middle, slowest = statistics.median(watch.seconds), max(watch.seconds)
            print(f"{took:8.1f} {middle * 1000:10.0f} {slowest:10.1f}   {outcome}", flush=True)


if __name__ == "__main__":
    main()
