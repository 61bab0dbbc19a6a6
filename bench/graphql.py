"""Compares requests per second over HTTP: Vitrine, graphene-django, strawberry-django, a handwritten view. One table.

    .venv/bin/python -m bench.graphql [--quick] [--only compiled,stock]        SQLite, or DATABASE_URL=mysql://…

Each variant runs in one gunicorn process with one thread, on the same catalogue and cart, with persistent database
connections. All must first give the same JSON, except for cursors. Then they are measured in turns, round after round,
so that other load on the machine affects all alike. Two connections stay open, and each sends its next query as soon as
it has an answer. Logs and rate limits are off, because the others have none. strawberry-django needs another version of
graphql-core, so it gets an environment of its own in var/. On MySQL the database is bench_graphql, created and dropped.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from bench.web import cpu_of, free_port

ROOT = Path(__file__).resolve().parent.parent
STRAWBERRY = ROOT / "var" / "bench-strawberry"
PRODUCTS, LINES = 10_000, 5
PAGE = """query Page($first: Int!) { products(first: $first ORDER) { edges { cursor node { id name slug sku description
 price { amount currency } quantity inStock rating createdAt category { id name slug } brand { id name slug } } }
 pageInfo { hasNextPage endCursor } } }"""
DEEP = "query Deep { products(first: 20 ORDER) { edges { node { name category { name parent { name parent { name } } } } } } }"
CART = """query Cart { cart { lines { id quantity product { name slug price { amount } } lineTotal { amount } }
 totalQuantity subtotal { amount } } }"""
UPDATE = """mutation Update($line: ID!, $quantity: Int!) { cartLinesUpdate(input: {lines: [{lineId: $line,
 quantity: $quantity}]}) { cart { totalQuantity subtotal { amount } } errors { message } } }"""
# Query → its document and the variables of two requests that take turns (so that the mutation changes something).
QUERIES: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "20 products": (PAGE, [{"first": 20}]),
    "100 products": (PAGE, [{"first": 100}]),
    "deep nesting": (DEEP, [{}]),
    "cart read": (CART, [{}]),
    "cart mutation": (UPDATE, [{"quantity": 1}, {"quantity": 2}]),
}


@dataclass
class Variant:
    """One of those compared: its environment, and what was measured by query."""

    name: str
    python: Path
    wsgi: str
    environment: dict[str, str]
    order: str = ""
    port: int = 0
    group: int = 0
    runs: dict[str, list[tuple[float, list[float], float]]] = field(default_factory=dict)


HERE = Path(sys.executable)
VITRINE, PEER = "core.wsgi", "bench.peers.wsgi"
SORTED = ", sortBy: {field: PRICE}"
VARIANTS = {
    "compiled": Variant("Vitrine, compiled", HERE, VITRINE, {"GRAPHQL_EXECUTION": "compiled"}, SORTED),
    "standard": Variant("Vitrine, standard", HERE, VITRINE, {"GRAPHQL_EXECUTION": "standard"}, SORTED),
    "stock": Variant("graphene-django", HERE, PEER, {"PEER": "stock"}),
    "strawberry": Variant("strawberry-django", STRAWBERRY / "bin" / "python", PEER, {"PEER": "strawberry_peer"}),
    "handwritten": Variant("written by hand", HERE, PEER, {"PEER": "handwritten"}),
}


def install_strawberry() -> None:
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


def prepare() -> tuple[str, str]:
    """The filled database and index that the environment names; the user's token and a cart line's global id."""
    import django

    django.setup()
    from datetime import timedelta

    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.db import connections
    from graphql_jwt.settings import jwt_settings
    from graphql_relay import to_global_id

    from bench.cart_server import create_database
    from bench.catalogue import fill
    from cart.planning import LineChange
    from cart.services import add_cart_lines
    from catalog.models import Product
    from core.auth import tokens

    create_database()
    fill(PRODUCTS)
    call_command("rebuild_index", verbosity=0)
    jwt_settings.JWT_EXPIRATION_DELTA = timedelta(hours=4)
    user = get_user_model().objects.create_user("bench@example.com")
    keys = Product.objects.filter(quantity__gte=5).values_list("pk", flat=True)[:LINES]
    cart = add_cart_lines(actor=user, lines=[LineChange(key, 2) for key in keys])
    connections.close_all()
    return tokens.issue(user).token, to_global_id("CartLine", cart.contents[0].pk)


@contextmanager
def serving(variant: Variant) -> Iterator[None]:
    """The variant behind gunicorn."""
    variant.port = free_port()
    command = [
        *(str(variant.python), "-m", "gunicorn", variant.wsgi, "--bind", f"127.0.0.1:{variant.port}"),
        *("--workers", "1", "--threads", "1", "--worker-class", "gthread", "--keep-alive", "600"),
        *("--no-control-socket", "--log-level", "warning"),
    ]
    settings = "core.settings" if variant.wsgi == VITRINE else "bench.peers.settings"
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": settings, **variant.environment}
    server = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    variant.group = server.pid
    try:
        yield
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


class Asking:
    """The requests of one query to one variant, over two connections."""

    def __init__(self, variant: Variant, query: str, token: str, line: str) -> None:
        document, variables = QUERIES[query]
        self.name, self.port, self.requests = variant.name, variant.port, []
        for given in variables:
            body = {
                "query": document.replace(" ORDER", variant.order),
                "operationName": document.split()[1].partition("(")[0],
                "variables": {**given, **({"line": line} if "quantity" in given else {})},
            }
            content = json.dumps(body).encode()
            head = (
                f"POST /graphql/ HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
                f"Content-Type: application/json\r\nAccept: */*\r\nContent-Length: {len(content)}\r\n\r\n"
            )
            self.requests.append(head.encode() + content)

    def answers(self) -> list[dict[str, Any]]:
        """The `data` of an answer to each request."""
        answers = []
        for request in self.requests:
            with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
                connection.sendall(request)
                answer = json.loads(read_answer(connection.makefile("rb")))
            if "errors" in answer:
                sys.exit(f"{self.name}: {answer['errors']}")
            answers.append(answer["data"])
        return answers

    def load(self, seconds: float) -> list[float]:
        """Milliseconds of each answer that came within so many seconds; while one is waited for, another is made."""
        connections = [socket.create_connection(("127.0.0.1", self.port), timeout=60) for _ in range(2)]
        files = [connection.makefile("rb") for connection in connections]
        taken: list[float] = []
        sent = [0.0, 0.0]
        for turn in (0, 1):
            sent[turn] = time.perf_counter()
            connections[turn].sendall(self.requests[turn % len(self.requests)])
        until = time.perf_counter() + seconds
        turn = 0
        while True:
            read_answer(files[turn])
            now = time.perf_counter()
            taken.append((now - sent[turn]) * 1000)
            if now >= until:
                break
            sent[turn] = now
            connections[turn].sendall(self.requests[turn % len(self.requests)])
            turn = 1 - turn
        read_answer(files[1 - turn])
        for stream in (*files, *connections):
            stream.close()
        return taken


def read_answer(file: Any) -> bytes:
    """The body of one HTTP response; ends the bench when its status is not 200."""
    status = file.readline()
    length = 0
    while (line := file.readline()) not in (b"\r\n", b""):
        name, _, value = line.lower().partition(b":")
        if name == b"content-length":
            length = int(value)
        elif name == b"transfer-encoding":
            length = -1
    body = b""
    if length >= 0:
        body = file.read(length)
    else:
        while size := int(file.readline(), 16):
            body += file.read(size)
            file.readline()
        file.readline()
    if b" 200 " not in status:
        sys.exit(f"{status!r} {body[:500]!r}")
    return body


def without_cursors(value: Any) -> Any:
    """The answer without what is each server's own."""
    if isinstance(value, dict):
        return {k: without_cursors(v) for k, v in value.items() if k not in ("cursor", "endCursor")}
    return [without_cursors(item) for item in value] if isinstance(value, list) else value


def check_same(variants: list[Variant], queries: list[str], token: str, line: str) -> None:
    """Ends the bench unless all give the same JSON, keys in the same order."""
    for query in queries:
        answers = [json.dumps(without_cursors(Asking(v, query, token, line).answers())) for v in variants]
        for variant, answer in zip(variants, answers, strict=True):
            if answer != answers[0]:
                sys.exit(f"{query}: {variant.name} differs\n{answers[0][:1500]}\n{answer[:1500]}")


def measure(variants: list[Variant], queries: list[str], options: argparse.Namespace, token: str, line: str) -> None:
    """Fills the variants' runs, in turns."""
    for number in range(options.rounds):
        for query in queries:
            # Who goes first changes from round to round.
            for variant in variants[number % len(variants) :] + variants[: number % len(variants)]:
                asking = Asking(variant, query, token, line)
                asking.load(options.seconds / 5)
                before, started = cpu_of(variant.group), time.perf_counter()
                taken = asking.load(options.seconds)
                rate = len(taken) / (time.perf_counter() - started)
                cost = (cpu_of(variant.group) - before) * 1000 / len(taken)
                variant.runs.setdefault(query, []).append((rate, taken, cost))


def show(variants: list[Variant], queries: list[str]) -> None:
    """Prints the table: medians over the rounds, ratios to the others' requests a second of the same round."""
    others = [v for v in variants if v.wsgi == PEER]
    print("| query | | requests/s | median ms | p95 ms | CPU ms |" + "".join(f" × {v.name} |" for v in others))
    print("|---|---|---|---|---|---|" + "---|" * len(others))
    for query in queries:
        for variant in variants:
            rates, taken, costs = zip(*variant.runs[query], strict=True)
            times = sorted(milliseconds for run in taken for milliseconds in run)
            cells = [f"{median(rates):.0f}", f"{median(times):.1f}", f"{times[int(len(times) * 0.95)]:.1f}"]
            cells.append(f"{median(costs):.2f}")
            for other in others:
                ratios = [mine / run[0] for mine, run in zip(rates, other.runs[query], strict=True)]
                cells.append(f"{median(ratios):.2f}")
            print(f"| {query} | {variant.name} | {' | '.join(cells)} |")


def main() -> None:
    """Prepares, checks, measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4, help="of each run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="two rounds of a second")
    parser.add_argument("--only", default=",".join(VARIANTS), help=f"some of {', '.join(VARIANTS)}")
    parser.add_argument("--queries", default=",".join(QUERIES))
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.rounds = 1, 2
    variants = [VARIANTS[name] for name in options.only.split(",")]
    queries = options.queries.split(",")
    if VARIANTS["strawberry"] in variants:
        install_strawberry()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-") as folder, ExitStack() as open_ones:
        url = os.environ.get("DATABASE_URL", "")
        mysql = url.startswith("mysql:")
        url = urlsplit(url)._replace(path="/bench_graphql").geturl() if mysql else f"sqlite:///{folder}/db.sqlite3"
        secrets = {"DEBUG": "0", "SECRET_KEY": "b" * 32, "JWT_SECRET_KEY": "b" * 32, "INSECURE_HTTP": "1"}
        secrets |= {"SITE_URL": "https://shop.example", "EMAIL_URL": "smtp://127.0.0.1"}
        places = {"VAR_DIR": folder, "ALLOWED_HOSTS": "127.0.0.1", "DATABASE_URL": url, "PYTHONPATH": str(ROOT)}
        limits = {"LOG_LEVEL": "ERROR", "RATE_LIMIT_COST_USER": "off", "RATE_LIMIT_COST_ADDRESS": "off"}
        os.environ.update(secrets, **places, **limits, DJANGO_SETTINGS_MODULE="core.settings")
        token, line = prepare()
        from django.db import connection

        from bench.cart_server import drop_database

        open_ones.callback(drop_database)
        for variant in variants:
            open_ones.enter_context(serving(variant))
        for variant in variants:
            await_port(variant)
        check_same(variants, queries, token, line)
        measure(variants, queries, options, token, line)
        print(f"{connection.display_name}, {PRODUCTS} products, {options.rounds} rounds of {options.seconds:g} s")
        show(variants, queries)


def await_port(variant: Variant) -> None:
    """Returns when the variant takes connections."""
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", variant.port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    sys.exit(f"{variant.name} did not start.")


if __name__ == "__main__":
    main()
