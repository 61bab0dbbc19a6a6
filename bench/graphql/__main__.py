"""Compares requests per second over HTTP: Vitrine, Node, graphene-django, strawberry-django, a handwritten view.

    .venv/bin/python -m bench.graphql [--quick] [--only compiled,node] [--parts queries,cold,mixed]

The database is SQLite, or bench_graphql_… on the server of DATABASE_URL=mysql://…, created and dropped.

- queries: repeated (the same variables each time) and fresh (other bounds of the price in each request).
- cold: different documents, each asked once, beside graphql-core's own cost in the same process.
- mixed: questions by Zipf's law, one of a hundred requests followed by a change of a price in another process.

Each variant has one process on the same catalogue and cart, with persistent database connections. Vitrine runs behind
gunicorn as docker/gunicorn.conf.py sets it up. Peers must first give the same JSON, except for cursors. All are measured
in turns, round after round, so that other load on the machine affects all alike: ratios are of the same round. Two
connections stay open, and each sends its next query as soon as it has an answer. Logs and rate limits are off, because
the others have none. strawberry-django (another graphql-core) and Node are installed in var/.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from itertools import islice

from bench.graphql import cold, mixed, tables
from bench.graphql.client import ask, load, shown
from bench.graphql.documents import QUERIES, requests
from bench.graphql.shop import Shop, environment_for, opened
from bench.graphql.variants import PEER, ROOT, VARIANTS, Variant, install, serving

PARTS = ("queries", "cold", "mixed")


def check_same(variants: list[Variant], queries: list[str], shop: Shop) -> None:
    """Ends the bench unless all give the same JSON, keys in the same order."""
    for query in queries:
        answers = []
        for variant in variants:
            # The bounds are the same for all here; the quantity of a mutation changes and changes back.
            asked = requests(QUERIES[query], variant.order, shop.token, shop.line, start=0)
            bodies = [json.loads(ask(variant.port, request)) for request in islice(asked, 2)]
            if any("errors" in body for body in bodies):
                sys.exit(f"{query}: {variant.name}: {bodies}")
            answers.append(json.dumps([shown(body["data"]) for body in bodies]))
        for variant, answer in zip(variants, answers, strict=True):
            if answer != answers[0]:
                sys.exit(f"{query}: {variant.name} differs\n{answers[0][:1500]}\n{answer[:1500]}")


def measure(variants: list[Variant], queries: list[str], options: argparse.Namespace, shop: Shop) -> None:
    """Fills the variants' runs, in turns."""
    for query in queries:
        for variant in variants:
            # V8 optimizes what it has seen some hundred times.
            asked = requests(QUERIES[query], variant.order, shop.token, shop.line)
            load(variant.port, islice(asked, options.warm), options.seconds * 2)
    for number in range(options.rounds):
        # Who goes first changes from round to round.
        turns = variants[number % len(variants) :] + variants[: number % len(variants)]
        for query in queries:
            for variant in turns:
                asked = requests(QUERIES[query], variant.order, shop.token, shop.line)
                load(variant.port, asked, options.seconds / 5)
                before, started = variant.cpu(), time.perf_counter()
                taken = load(variant.port, asked, options.seconds)
                rate = len(taken) / (time.perf_counter() - started)
                cost = (variant.cpu() - before) * 1000 / len(taken)
                variant.runs.setdefault(query, []).append((rate, taken, cost))


def fill_caches(variants: list[Variant], options: argparse.Namespace, shop: Shop) -> None:
    """Asks all for more different answers than GRAPHQL_ANSWERS_BYTES holds: 60 kB each."""
    for variant in variants:
        asked = requests(QUERIES["100 products, fresh"], variant.order, shop.token, shop.line)
        load(variant.port, islice(asked, options.requests // 3))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3, help="of each run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--products", type=int, default=10_000)
    parser.add_argument("--warm", type=int, default=2_000, help="requests before the first round, for two runs' time")
    parser.add_argument("--documents", type=int, default=5_000, help="cold ones")
    parser.add_argument("--requests", type=int, default=4_000, help="of each run of the mixed load")
    parser.add_argument("--questions", type=int, default=1_000, help="different ones of the mixed load")
    parser.add_argument("--quick", action="store_true", help="two rounds of half a second, 300 documents")
    parser.add_argument("--only", default=",".join(VARIANTS), help=f"some of {', '.join(VARIANTS)}")
    parser.add_argument("--queries", help=f"some of {'; '.join(QUERIES)}, separated by semicolons")
    parser.add_argument("--parts", default=",".join(PARTS), help=f"some of {', '.join(PARTS)}")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.rounds, options.documents, options.requests = 0.5, 2, 300, 300
    return options


def main() -> None:
    """Prepares, checks, measures and prints."""
    options = arguments()
    names, parts = options.only.split(","), options.parts.split(",")
    queries = options.queries.split(";") if options.queries else list(QUERIES)
    for name, reason in install(names).items():
        print(f"LEFT OUT: {VARIANTS[name].name}: {reason}.", file=sys.stderr)
        names.remove(name)
    variants = [VARIANTS[name] for name in names]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-") as folder, ExitStack() as open_ones:
        os.environ.update(environment_for(folder), PYTHONPATH=str(ROOT))
        shop = open_ones.enter_context(opened(options.products))
        for variant in variants:
            open_ones.enter_context(serving(variant))
        print(f"{shop.vendor}, {options.products} products, {options.rounds} rounds of {options.seconds:g} s\n")
        if "queries" in parts:
            check_same(variants, queries, shop)
            measure(variants, queries, options, shop)
            tables.runs(queries, variants, [v for v in variants if v.wsgi in ("", PEER)])
        # Those who understand sorting and the whole filter.
        whole = [variant for variant in variants if variant.order]
        peers = [variant for variant in whole if not variant.is_vitrine]
        if "cold" in parts:
            cold.measure(whole, options, shop)
            tables.runs([cold.NAME], whole, peers)
            cold.compare(options)
        if "mixed" in parts:
            mixed.measure(whole, options, shop)
            tables.runs([mixed.NAME], whole, peers)
        fill_caches(variants, options, shop)
        tables.memory(variants)


if __name__ == "__main__":
    main()
