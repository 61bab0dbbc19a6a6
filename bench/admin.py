"""Measures the admin's pages at many products and brands. Prints one table.

    .venv/bin/python -m bench.admin [--products 100000] [--brands 40000]            on SQLite
    DATABASE_URL=mysql://root@127.0.0.1/vitrine .venv/bin/python -m bench.admin     on that server

Each page is asked for five times by a superuser in this process, with the search index built; the fastest one counts.
"""

import argparse
import time
from unittest.mock import patch

from bench.cart_server import shop

PRODUCTS = "/admin/catalog/product/"
PAGES = {
    "front page": "/admin/",
    "list": PRODUCTS,
    "list by price": f"{PRODUCTS}?o=5",
    "page 40": f"{PRODUCTS}?p=40",
    "sold out": f"{PRODUCTS}?is_active__exact=1&stock=none",
    "low stock": f"{PRODUCTS}?is_active__exact=1&stock=low",
    "without a picture": f"{PRODUCTS}?is_active__exact=1&pictures=none",
    "a brand": f"{PRODUCTS}?brand=77",
    "a category": f"{PRODUCTS}?category=1",
    "search: a word": f"{PRODUCTS}?q=lamp",
    "search: a typo": f"{PRODUCTS}?q=lmap+oak",
    "search: a word of all": f"{PRODUCTS}?q=handmade",
    "search: a SKU": f"{PRODUCTS}?q=SKU-00000501",
    "form": f"{PRODUCTS}501/change/",
    "history": f"{PRODUCTS}501/history/",
    "box of brands": "/admin/autocomplete/?app_label=catalog&model_name=product&field_name=brand&term=ka",
    "box of categories": "/admin/catalog/category/choices/?term=lamp",
    "brands": "/admin/catalog/brand/",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=100_000)
    parser.add_argument("--brands", type=int, default=40_000)
    options = parser.parse_args()
    with shop(workers=1, threads=1, users=1, products=0) as place:
        from django.conf import settings
        from django.contrib.auth import get_user_model
        from django.core.management import call_command
        from django.db import connection
        from django.test import Client
        from django.test.utils import CaptureQueriesContext

        from bench import catalogue

        get_user_model().objects.update(is_staff=True, is_superuser=True)
        with patch.object(catalogue, "BRANDS", options.brands):
            catalogue.fill(options.products)
        call_command("rebuild_index", verbosity=0)
        call_command("collectstatic", verbosity=0, interactive=False)
        settings.ALLOWED_HOSTS = ["*"]
        client = Client()
        client.force_login(get_user_model().objects.get())
        print(f"{place.vendor}: {options.products:,} products, {options.brands:,} brands")
        print(f"{'':22} {'ms':>6} {'CPU ms':>7} {'SQL ms':>7} {'queries':>8} {'kB':>6}")
        for name, path in PAGES.items():
            runs = []
            for _ in range(5):
                with CaptureQueriesContext(connection) as queries:
                    started, worked = time.perf_counter(), time.process_time()
                    answer = client.get(path)
                    took, cpu = time.perf_counter() - started, time.process_time() - worked
                if answer.status_code != 200:
                    raise SystemExit(f"{path}: {answer.status_code}")
                runs.append((took, cpu, sum(float(query["time"]) for query in queries.captured_queries)))
            ms = [f"{seconds * 1000:.0f}" for seconds in min(runs)]
            print(
                f"{name:22} {ms[0]:>6} {ms[1]:>7} {ms[2]:>7} {len(queries):>8} {len(answer.content) // 1024:>6}",
                flush=True,
            )


if __name__ == "__main__":
    main()
