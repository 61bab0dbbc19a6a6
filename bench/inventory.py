"""Measures stock levels as an ERP sends them: inventoryUpdate over HTTP, 1,000 items a call. Prints one table.

    .venv/bin/python -m bench.inventory [--products 100000] [--calls 10]            on SQLite
    DATABASE_URL=mysql://root@127.0.0.1/vitrine .venv/bin/python -m bench.inventory  on that server

The server is one gunicorn worker with its default limits; the calls go one after the other, each product is named once.
No worker is running, so the search index takes no part.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

from bench.cart_server import Client, shop

ITEMS = 1000
UPDATE = """mutation($input: InventoryUpdateInput!) { payload: inventoryUpdate(input: $input) {
    updated unchanged errors { field code message } } }"""
# What each item says, by the number of the product.
KINDS: dict[str, Callable[[int], dict[str, Any]]] = {
    "quantity": lambda n: {"quantity": 1_000_000 + n},
    "the same again": lambda n: {"quantity": 1_000_000 + n},
    "change": lambda n: {"change": -1},
    "all fields": lambda n: {"quantity": n, "price": f"{n}.50", "compareAtPrice": f"{n}.99"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=100_000)
    parser.add_argument("--calls", type=int, default=10)
    options = parser.parse_args()
    with shop(workers=1, threads=4, users=1, products=0) as place:
        from django.contrib.auth import get_user_model

        from bench.catalogue import fill

        get_user_model().objects.update(is_staff=True, is_superuser=True)
        fill(options.products)
        client = Client(place, 0)
        print(f"{'':10} {'':16} {'items':>8} {'seconds':>8} {'slowest call':>14}")
        for name, item in KINDS.items():
            took = []
            for call in range(options.calls):
                # Spread over the whole table, as another system's own order would be.
                numbers = range(1 + call, options.products + 1, options.products // ITEMS)[:ITEMS]
                items = [{"sku": f"SKU-{n:08}", **item(n)} for n in numbers]
                started = time.perf_counter()
                payload = client.send(UPDATE, input={"items": items, "idempotencyKey": f"{name}-{call}"})["payload"]
                took.append(time.perf_counter() - started)
                if payload["errors"] or payload["updated"] + payload["unchanged"] != len(items):
                    raise SystemExit(f"refused: {payload}")
            items_sent = options.calls * ITEMS
            print(f"{place.vendor:10} {name:16} {items_sent:8,} {sum(took):8.2f} {max(took):14.2f}", flush=True)


if __name__ == "__main__":
    main()
