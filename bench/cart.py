"""Measures the cart's mutations over HTTP: latency, mutations per second of one process, queries. Prints one table.

    .venv/bin/python -m bench.cart [--seconds 5]                                     on SQLite
    DATABASE_URL=mysql://root@127.0.0.1/vitrine .venv/bin/python -m bench.cart       on SQLite and on that server

The server is one gunicorn worker with four threads. Latency is that of one client with a cart of 20 lines; the rate is
that of four clients with a cart each. Every request selects `lines { quantity product { name } }`. Queries are counted
in process, without BEGIN, COMMIT and savepoints.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from typing import Any

from bench.cart_server import Client, Shop, shop

FIELDS = "{ cart { version lines { id quantity product { name } } } errors { code } }"
ADD = f"mutation($input: CartLinesAddInput!) {{ payload: cartLinesAdd(input: $input) {FIELDS} }}"
UPDATE = f"mutation($input: CartLinesUpdateInput!) {{ payload: cartLinesUpdate(input: $input) {FIELDS} }}"
CLIENTS, LINES = 4, 20
# Saleor 3.23 on two cores of the same kind: one line's update.
SALEOR = {"milliseconds": 203, "queries": 84}


def mutations(place: Shop, client: Client) -> dict[str, Callable[[], Any]]:
    """An add of one more, and an update of one line, each going round the products of a cart with 20 lines."""
    lines = [{"productId": product, "quantity": 1} for product in place.products]

    def send(document: str, line: dict[str, Any]) -> None:
        payload = client.send(document, input={"lines": [line]})["payload"]
        if payload["errors"]:
            raise SystemExit(f"refused: {payload['errors']}")

    payload = client.send(ADD, input={"lines": lines})["payload"]
    products = cycle(lines)
    updates = cycle([{"lineId": line["id"], "quantity": q} for q in (300, 400) for line in payload["cart"]["lines"]])
    return {
        "add": lambda: send(ADD, next(products)),
        "update": lambda: send(UPDATE, next(updates)),
    }


def repeat(call: Callable[[], Any], seconds: float) -> list[float]:
    """How long each call took, in seconds, one after the other for so long."""
    took, end = [], time.perf_counter() + seconds
    while (started := time.perf_counter()) < end:
        call()
        took.append(time.perf_counter() - started)
    return took


def count_queries(place: Shop, what: str) -> int:
    """The queries of one mutation, by the same code in this process."""
    from django.db import connection
    from django.test import Client as InProcess
    from django.test.utils import CaptureQueriesContext

    http = InProcess()
    headers = {"Authorization": f"Bearer {place.tokens[0]}", "Host": "127.0.0.1"}

    def send(query: str, **values: Any) -> Any:
        body = json.dumps({"query": query, "variables": {"input": values}})
        return http.post("/graphql/", body, content_type="application/json", headers=headers).json()["data"]["payload"]

    line = {"productId": place.products[0], "quantity": 1}
    lines = send(ADD, lines=[line])["cart"]["lines"]
    with CaptureQueriesContext(connection) as captured:
        if what == "add":
            send(ADD, lines=[line])
        else:
            send(UPDATE, lines=[{"lineId": lines[0]["id"], "quantity": 500}])
    plain = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
    return len([query for query in captured if not query["sql"].startswith(plain)])


def measure(seconds: float) -> None:
    """Measures one database and prints its rows."""
    with shop(workers=1, threads=CLIENTS, users=CLIENTS, products=LINES) as place:
        drivers = [mutations(place, Client(place, user)) for user in range(CLIENTS)]
        for what in ("add", "update"):
            alone = repeat(drivers[0][what], seconds)
            with ThreadPoolExecutor(CLIENTS) as pool:
                together = list(pool.map(lambda driver: repeat(driver[what], seconds), drivers))  # noqa: B023
            rate = sum(len(took) for took in together) / seconds
            middle = statistics.median(alone) * 1000
            slow = statistics.quantiles(alone, n=20)[-1] * 1000
            row = f"{place.vendor:10} {what:8} {middle:10.1f} {slow:8.1f} {rate:8.0f} {count_queries(place, what):8}"
            print(row, flush=True)


def main() -> None:
    """Prints the table, a process for each database."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        measure(options.seconds)
        return
    print(f"{'':10} {'':8} {'median ms':>10} {'p95 ms':>8} {'per s':>8} {'queries':>8}", flush=True)
    given = os.environ.get("DATABASE_URL", "")
    for url in ["", *([given] if given.startswith("mysql:") else [])]:
        command = [sys.executable, "-m", "bench.cart", "--child", "--seconds", str(options.seconds)]
        subprocess.run(command, env={**os.environ, "DATABASE_URL": url}, check=True)
    print(f"{'Saleor':10} {'update':8} {SALEOR['milliseconds']:10} {'':8} {'':8} {SALEOR['queries']:8}")


if __name__ == "__main__":
    main()
