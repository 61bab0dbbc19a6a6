"""Compares what execution alone costs: plans, interpreted and generated, beside graphql-core. Prints one table.

    .venv/bin/python -m bench.plans [--rounds 200]

The schema is Vitrine's, and its root resolvers return products that are in memory: no database, no HTTP, no JSON. All
must give the same data. They take turns, and each shows the least processor time of its rounds, so that other load on
the machine counts little. "First run" is what a document costs that never comes again, parsing and validation aside.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.graphql import DEEP, PAGE

os.environ.update(DEBUG="1", DJANGO_SETTINGS_MODULE="core.settings")
CATEGORIES = BRANDS = 40
QUERIES = {"20 products": (PAGE, 20), "100 products": (PAGE, 100), "deep nesting": (DEEP, 20)}


def fill_schema(schema: Any, count: int) -> None:
    """Lets `Query.products` and `Category.parent` return rows in memory."""
    from catalog.models import Brand, Category, Product
    from core.db.prepared import instances
    from core.graphql.connections import Connection

    now = datetime(2026, 5, 4, 3, 2, 1, 123456, tzinfo=UTC)
    categories = instances(
        Category,
        ("id", "name", "slug", "parent_id"),
        [(n, f"Category {n}", f"category-{n}", n - 1 or None) for n in range(1, CATEGORIES + 1)],
    )
    brands = instances(Brand, ("id", "name", "slug"), [(n, f"Brand {n}", f"brand-{n}") for n in range(1, BRANDS + 1)])
    columns = ("id", "name", "slug", "sku", "description", "price", "quantity", "rating", "created_at")
    rows = [
        (
            n,
            f"Product {n}",
            f"product-{n}",
            f"SKU-{n}",
            "Some words. " * 9,
            Decimal(n) / 100,
            n,
            n % 50 / 10 or None,
            now,
        )
        for n in range(1, count + 1)
    ]
    products = instances(Product, (*columns, "unlimited_stock"), [(*row, False) for row in rows])
    for key, product in products.items():
        product._state.fields_cache["category"] = categories[key % CATEGORIES + 1]
        product._state.fields_cache["brand"] = brands[key % BRANDS + 1]
    page = [(f"cursor{key}", product) for key, product in products.items()]

    def resolve_products(root: None, info: Any, **arguments: Any) -> Connection:
        return Connection(page, has_next=True, has_previous=False, count=lambda: count)

    schema.query_type.fields["products"].resolve = resolve_products
    schema.type_map["Category"].fields["parent"].resolve = lambda row, info: categories.get(row.parent_id)


def least(rounds: int, calls: list[Callable[[], Any]]) -> list[float]:
    """The milliseconds of processor time that each call takes at least."""
    taken = [float("inf")] * len(calls)
    for _ in range(rounds):
        for number, call in enumerate(calls):
            started = time.process_time()
            call()
            taken[number] = min(taken[number], time.process_time() - started)
    return [seconds * 1000 for seconds in taken]


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100)
    rounds = parser.parse_args().rounds
    import django

    django.setup()
    import orjson
    from graphql import execute, parse

    from core.execution import Plans, generated
    from core.schema import schema

    table = Table("query", "graphql-core, ms", "first run", "second run", "later runs", "× graphql-core")
    graphql = schema.graphql_schema
    for name, (text, count) in QUERIES.items():
        fill_schema(graphql, count)
        document = parse(text.replace(" ORDER", ""))
        operation: Any = document.definitions[0]
        variables = {"first": count} if "$first" in text else {}

        def run(plans: Plans, variables: dict[str, Any] = variables) -> Any:
            return plans.execute(None, None, variables)

        def first(document: Any = document, operation: Any = operation, run: Any = run) -> Plans:
            plans = Plans(graphql, document, operation)
            run(plans)
            return plans

        def standard(document: Any = document, variables: dict[str, Any] = variables) -> Any:
            return execute(graphql, document, variable_values=variables)

        def second(first: Any = first, run: Any = run) -> None:
            generated._compiled.cache_clear()
            run(first())

        known = first()

        def later(known: Plans = known, run: Any = run) -> Any:
            return run(known)

        if len({orjson.dumps(result.data) for result in (standard(), later(), later())}) > 1:
            sys.exit(f"{name}: the answers differ")
        core, once, twice, again = least(rounds, [standard, first, second, later])
        table.add_row(name, *(f"{ms:.2f}" for ms in (core, once, twice - once, again)), f"{core / again:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
