"""Documents that are asked once each: over HTTP, and in one process beside graphql-core's own cost."""

import argparse
import json
import random
import subprocess
import sys
import time
from statistics import fmean, median

from bench.graphql.client import chunks, load
from bench.graphql.documents import http_request
from bench.graphql.shop import Shop
from bench.graphql.variants import ROOT, Variant

NAME = "cold documents"
FLOOR = "{__typename}"
_LEAVES = ("id", "name", "slug", "sku", "description", "quantity", "inStock", "rating", "createdAt")
_INNER = {
    "price": ("amount", "currency"),
    "brand": ("id", "name", "slug"),
    "category": ("id", "name", "slug", "parent { name }", "parent { name parent { slug } }"),
}


def documents(count: int, seed: int = 0) -> list[str]:
    """Different documents: each selects its own fields, with aliases and literal arguments."""
    chance = random.Random(seed)
    made: dict[str, None] = {}
    while len(made) < count:
        fields = chance.sample(_LEAVES, chance.randint(2, len(_LEAVES)))
        fields += [
            f"{name} {{ {' '.join(chance.sample(inner, chance.randint(1, 3 if name != 'price' else 2)))} }}"
            for name, inner in _INNER.items()
            if chance.random() < 0.7
        ]
        if chance.random() < 0.3:
            fields.append(f"a{chance.randint(0, 999)}: name")
        low = chance.randint(0, 3_000) / 100
        sort = chance.choice(
            ("{field: PRICE}", "{field: PRICE, direction: DESC}", "{field: CREATED_AT, direction: DESC}")
        )
        given = f'first: {chance.randint(1, 24)}, filter: {{price: {{min: "{low:.2f}"}}}}, sortBy: {sort}'
        made[
            f"query Q{chance.randint(0, 9999)} {{ products({given}) {{ edges {{ node {{ {' '.join(fields)} }} }} pageInfo {{ hasNextPage }} }} }}"
        ] = None
    return list(made)


def measure(variants: list[Variant], options: argparse.Namespace, shop: Shop) -> None:
    """Fills the variants' runs: each gets every document once, a tenth of them at a time, in turns."""
    asked = [http_request(json.dumps({"query": text}).encode(), shop.token) for text in documents(options.documents)]
    for number, part in enumerate(chunks(asked, -(-len(asked) // 10))):
        for variant in variants[number % len(variants) :] + variants[: number % len(variants)]:
            before, started = variant.cpu(), time.perf_counter()
            taken = load(variant.port, part)
            rate = len(taken) / (time.perf_counter() - started)
            cost = (variant.cpu() - before) * 1000 / len(taken)
            variant.runs.setdefault(NAME, []).append((rate, taken, cost))


def compare(options: argparse.Namespace) -> None:
    """Prints graphql-core's own cost beside Vitrine's, measured in a process of its own."""
    subprocess.run([sys.executable, "-m", "bench.graphql.cold", str(options.documents)], cwd=ROOT, check=True)


def main() -> None:
    """Asks each document once of graphql-core and once of Vitrine, in turns, in one process and one thread."""
    import django

    django.setup()
    from django.contrib.auth import get_user_model
    from django.test import RequestFactory
    from graphql import execute, parse, validate

    from bench.graphql.tables import table
    from core.auth import tokens
    from core.urls import graphql
    from core.wsgi import application

    schema = graphql.server.documents.schema
    user = get_user_model().objects.get()
    token = tokens.issue(user).token
    made = RequestFactory()

    def vitrine(text: str) -> None:
        """The whole of a request but the socket: middleware, token, body, answer."""
        given = {"HTTP_HOST": "127.0.0.1", "HTTP_AUTHORIZATION": f"Bearer {token}"}
        environ = made.post("/graphql/", {"query": text}, content_type="application/json", **given).environ
        statuses: list[str] = []
        started = time.process_time()
        response = application(environ, lambda status, headers: statuses.append(status))
        body = b"".join(response)
        taken["Vitrine" if text != FLOOR else "floor"].append(time.process_time() - started)
        response.close()
        if statuses != ["200 OK"] or b'"errors"' in body:
            sys.exit(f"{statuses} {body[:500].decode()}")

    def core(text: str) -> None:
        request = made.post("/graphql/")
        request.user = user
        started = time.process_time()
        node = parse(text)
        errors = validate(schema, node)
        result = errors or execute(schema, node, context_value=request)
        taken["core"].append(time.process_time() - started)
        if errors or result.errors:
            sys.exit(f"{errors} {result}")

    taken: dict[str, list[float]] = {"Vitrine": [], "core": [], "floor": []}
    for warm in documents(50, seed=1):
        core(warm), vitrine(warm), vitrine(FLOOR)
    taken.update({name: [] for name in taken})
    for number, text in enumerate(documents(int(sys.argv[1]))):
        for ask in (core, vitrine) if number % 2 else (vitrine, core):
            ask(text)
        if number % 10 == 0:
            vitrine(FLOOR)
    own, all_of_it, floor = (fmean(taken[name]) * 1000 for name in ("core", "Vitrine", "floor"))
    ratios = [mine / theirs for mine, theirs in zip(taken["Vitrine"], taken["core"], strict=True)]
    cells = [
        f"{own:.2f}",
        f"{all_of_it:.2f}",
        f"{floor:.2f}",
        f"{all_of_it / own:.2f}",
        f"{median(ratios):.2f}",
        f"{(all_of_it - floor) / own:.2f}",
    ]
    heads = ["graphql-core: parse, validate, execute", "Vitrine, the whole request", "of these `{__typename}`"]
    table(
        ["cold documents, CPU ms in one process", *heads, "ratio", "median ratio", "ratio without `{__typename}`"],
        [["", *cells]],
    )


if __name__ == "__main__":
    main()
