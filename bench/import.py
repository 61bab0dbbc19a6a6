"""Compares `import_products` of a plain CSV with `bulk_create` of the same rows. Prints one table.

    .venv/bin/python -m bench.import [--rows 100000]          on SQLite, or on DATABASE_URL

Each runs in its own process on a new database (on MySQL: test_<name>, dropped at the end). bulk_create gets finished
objects and uses one transaction. The import's time is that of the whole command: check, read, verify, look up, write.
"""

import argparse
import csv
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORDS = (
    *("oak", "linen", "lamp", "chair", "wool", "brass", "Kissen", "étagère", "small", "large"),
    *("blue", "green", "handmade", "shelf", "table", "warm", "soft"),
)
COLUMNS = (
    *("name", "slug", "sku", "description", "category"),
    *("brand", "price", "quantity", "rating", "created_at"),
)


def write_rows(path: Path, rows: int) -> None:
    """A believable plain CSV, the same on every run."""
    chance = random.Random(7)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for i in range(rows):
            words = chance.choices(WORDS, k=40)
            room, kind = chance.randrange(10), chance.randrange(20)
            writer.writerow(
                [
                    " ".join(words[:3]).title(),
                    f"{words[0]}-{words[1]}-{i}",
                    f"SKU-{i:07}",
                    " ".join(words).capitalize() + ".",
                    f"Home > Room {room} > Kind {kind}",
                    f"Brand {chance.randrange(100)}",
                    f"{chance.randrange(1, 200_000) / 100:.2f}",
                    chance.randrange(500),
                    chance.choice(["", f"{chance.uniform(1, 5):.1f}"]),
                    f"20{chance.randrange(10, 25)}-0{chance.randrange(1, 10)}-1{chance.randrange(10)}T08:30:00+02:00",
                ]
            )


def timed_import(path: Path) -> float:
    """Seconds that the command takes."""
    from django.core.management import call_command

    started = time.perf_counter()
    call_command("import_products", str(path), stdout=sys.stderr)
    return time.perf_counter() - started


def timed_bulk_create(path: Path) -> float:
    """Seconds that one bulk_create takes, objects and their keys ready."""
    from catalog.importing.files import check
    from catalog.importing.taxonomy import brand_ids, category_ids
    from catalog.models import Product

    source = check(path)
    rows = [read.row for read in source.reader().rows(source.records()) if read.row is not None]
    categories, brands = category_ids(row.category for row in rows), brand_ids(row.brand for row in rows)
    fields = ("name", "slug", "sku", "description", "price", "quantity", "rating", "created_at")
    products = []
    for row in rows:
        said = {name: getattr(row, name) for name in fields}
        products.append(Product(**said, category_id=categories[row.category], brand_id=brands[row.brand]))
        products[-1].fill_keys()
    started = time.perf_counter()
    Product.objects.bulk_create(products, batch_size=1_000)
    return time.perf_counter() - started


def child(what: str, path: Path) -> None:
    """Runs one of the two on a fresh database and prints what it took, as JSON."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "core.settings"
    import django

    django.setup()
    from django.db import connection

    if connection.vendor == "sqlite":
        connection.settings_dict["TEST"]["NAME"] = str(path.with_name(f"{what}.sqlite3"))
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        seconds = (timed_import if what == "import" else timed_bulk_create)(path)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(json.dumps({"seconds": seconds, "peak": peak, "vendor": connection.vendor}))
    finally:
        connection.creation.destroy_test_db("bench", verbosity=0)


def main() -> None:
    """Measures both and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--only", choices=["import", "bulk_create"])
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child[0], Path(options.child[1]))
        return
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-") as folder:
        path = Path(folder) / "products.csv"
        write_rows(path, options.rows)
        secrets = {"DEBUG": "0", "SECRET_KEY": "b" * 32, "JWT_SECRET_KEY": "b" * 32, "VAR_DIR": folder}
        secrets |= {"SITE_URL": "https://shop.example", "EMAIL_URL": "smtp://127.0.0.1"}
        took = {}
        for what in [options.only] if options.only else ["bulk_create", "import"]:
            command = [sys.executable, "-m", "bench.import", "--child", what, str(path)]
            done = subprocess.run(command, env={**os.environ, **secrets}, check=True, stdout=subprocess.PIPE)
            took[what] = json.loads(done.stdout)
    print(f"{'':12} {'rows/s':>8} {'seconds':>8} {'peak MB':>8}    {options.rows:,} rows")
    for what, result in took.items():
        rate = options.rows / result["seconds"]
        print(f"{what:12} {rate:8,.0f} {result['seconds']:8.1f} {result['peak']:8}    {result['vendor']}")
    if len(took) == 2:
        print(f"{'ratio':12} {took['bulk_create']['seconds'] / took['import']['seconds']:8.2f}")


if __name__ == "__main__":
    main()
