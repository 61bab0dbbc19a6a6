"""How fast both search engines answer, at two sizes of a believable catalogue; prints one table.

    .venv/bin/python -m bench.search --sizes 10000,1000000       on SQLite, or on DATABASE_URL=mysql://…

Each size has a database of its own: a file in a temporary folder, or on MySQL `<name>_<size>`, which is filled once
and kept (drop it by hand). Products have eight attributes each, and four are a group; with --plain they have neither. With MySQL there are the columns of plain SQL, too: FULLTEXT and GROUP BY as a shop without
an index would write them. The engines are timings in process, the rows are not read: what is measured is the search.
On a machine that others keep busy, BENCH_CPU=1 tells the processor time of the calls instead of what the clock says.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def timed(
    call: Callable[[], object], seconds: float = 2.0, min_runs: int = 5, max_runs: int = 101
) -> tuple[float, float]:
    """Milliseconds, median and 95th percentile, of as many runs as fit into the time; what takes long is run thrice."""
    clock = time.thread_time if os.environ.get("BENCH_CPU") else time.perf_counter
    started = time.perf_counter()
    call()
    min_runs = 3 if time.perf_counter() - started > seconds else min_runs
    taken: list[float] = []
    until = time.perf_counter() + seconds
    while len(taken) < min_runs or (time.perf_counter() < until and len(taken) < max_runs):
        started = clock()
        call()
        taken.append((clock() - started) * 1000)
    taken.sort()
    return statistics.median(taken), taken[min(len(taken) - 1, int(len(taken) * 0.95))]


def resident() -> float:
    """Megabytes of this process in memory, mapped files included."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def set_up() -> None:
    """Django, for a child."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "core.settings"
    import django

    django.setup()


def fill(size: int, attributes: bool) -> dict[str, Any]:
    """Child: the database of this size, made when it is not there yet."""
    set_up()
    from django.core.management import call_command

    from bench import attributes as bench_attributes
    from bench import catalogue
    from catalog.models import Product, ProductAttribute
    from core.management.commands.serve import create_database

    create_database()
    call_command("migrate", verbosity=0)
    if Product.objects.count() != size:
        catalogue.fill(size)
    if attributes and not ProductAttribute.objects.exists():
        bench_attributes.fill()
    return {}


def build(size: int) -> dict[str, Any]:
    """Child: the index. "Into the index proper" leaves out reading the rows and making documents of them."""
    set_up()
    import tantivy

    from catalog.search.index import rebuilding, store, writing

    reading = 0.0
    rows = writing.all_product_rows

    def timed_rows() -> Any:
        nonlocal reading
        started = time.perf_counter()
        for some in rows():
            reading += time.perf_counter() - started
            yield some
            started = time.perf_counter()
        reading += time.perf_counter() - started

    making = 0.0
    make = writing.Documents.product

    def timed_make(self: Any, row: Any) -> tantivy.Document:
        nonlocal making
        started = time.perf_counter()
        document = make(self, row)
        making += time.perf_counter() - started
        return document

    rebuilding.all_product_rows = timed_rows
    writing.Documents.product = timed_make  # type: ignore[method-assign]
    started = time.perf_counter()
    rebuilding.rebuild()
    took = time.perf_counter() - started
    used = sum(path.stat().st_size for path in store.current().iterdir())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"took": took, "reading": reading, "making": making, "bytes": used, "peak": peak}


def ask(size: int, name: str, seconds: float, only: str) -> dict[str, Any]:
    """Child: what an engine needs for each shape whose name has `only`, and how much it makes a process grow."""
    set_up()
    from django.db import connection

    from bench import searches
    from catalog.models import Product, ProductAttribute
    from catalog.search.cursors import Position
    from catalog.search.engine import engine
    from catalog.search.index.engine import TantivyEngine
    from catalog.search.sql.engine import DatabaseEngine

    place = min(500_000, size // 2)
    deep = Position(*Product.objects.order_by("price", "id").values_list("price", "id")[place])
    engines: dict[str, Any] = {"tantivy": TantivyEngine, "database": DatabaseEngine}
    before = resident()
    times: dict[str, tuple[float, float]] = {}
    if name == "sql":
        if connection.vendor == "mysql":
            times = {shape: timed(call, seconds) for shape, call in searches.sql_shapes().items()}
    else:
        assert engine() is not None  # noqa: S101
        shapes = searches.engine_shapes(engines[name](), deep)
        if ProductAttribute.objects.exists():
            from bench.attribute_searches import attribute_shapes

            shapes += attribute_shapes(engines[name](), size, deep)
        for shape, call in shapes:
            if only not in shape:
                continue
            times[shape] = timed(call, seconds)
            print(f"  {size:,} {name}: {shape}: {times[shape][0]:,.2f} ms", file=sys.stderr, flush=True)
    return {"times": times, "grown": resident() - before}


def child(size: int, folder: str, step: str, *more: str) -> dict[str, Any]:
    """What a step in a process of its own tells."""
    environment = {**os.environ, "DEBUG": "0", "SECRET_KEY": "b" * 32, "JWT_SECRET_KEY": "b" * 32, "LOG_LEVEL": "ERROR"}
    environment |= {"SITE_URL": "https://shop.example", "EMAIL_URL": "smtp://127.0.0.1"}
    environment["VAR_DIR"] = str(Path(folder) / str(size))
    environment["SEARCH_ENGINE"] = "tantivy"
    if url := os.environ.get("DATABASE_URL"):
        environment["DATABASE_URL"] = f"{url}_{size}"
    command = [sys.executable, "-m", "bench.search", "--child", step, str(size), *more]
    result = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
    return json.loads(result.stdout)


def main() -> None:
    """Fills, builds, measures, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,1000000")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each shape")
    parser.add_argument("--plain", action="store_true", help="products without attributes and groups")
    parser.add_argument("--only", default="", help="the shapes with this in their names")
    parser.add_argument("--engines", default="tantivy,database,sql")
    parser.add_argument("--folder", help="keep indexes (and SQLite files) here")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        step, size, *more = options.child
        steps: dict[str, Callable[[], dict[str, Any]]] = {
            "fill": lambda: fill(int(size), more[0] == "attributes"),
            "build": lambda: build(int(size)),
            "ask": lambda: ask(int(size), more[0], float(more[1]), more[2]),
        }
        print(json.dumps(steps[step]()))
        return
    sizes = [int(size) for size in options.sizes.split(",")]
    mysql = os.environ.get("DATABASE_URL", "").startswith("mysql")
    names = [name for name in options.engines.split(",") if mysql or name != "sql"]
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-") as temporary:
        folder = options.folder or temporary
        builds, timings = {}, {}
        for size in sizes:
            child(size, folder, "fill", "plain" if options.plain else "attributes")
            builds[size] = child(size, folder, "build")
            for name in names:
                timings[size, name] = child(size, folder, "ask", name, str(options.seconds), options.only)
    report(sizes, names, builds, timings, "MySQL" if mysql else "SQLite")


def report(sizes: list[int], names: list[str], builds: dict, timings: dict, vendor: str) -> None:
    """The table: milliseconds, median and p95, for each engine and size, and how the largest size compares."""
    titles = {"tantivy": "index", "database": f"ORM on {vendor}", "sql": f"SQL on {vendor}"}
    print(
        f"{'milliseconds: median / p95':40}" + "".join(f"{titles[n]:>20} {s:>9,}" for n in names for s in sizes), end=""
    )
    print("".join(f"{'ratio ' + titles[name]:>20}" for name in names))
    for shape in timings[sizes[0], names[0]]["times"]:
        print(f"{shape:40}", end="")
        for name in names:
            for size in sizes:
                times = timings[size, name]["times"].get(shape)
                print(f"{f'{times[0]:,.2f} / {times[1]:,.2f}' if times else '–':>30}", end="")
        for name in names:
            small, large = (timings[size, name]["times"].get(shape) for size in (sizes[0], sizes[-1]))
            print(f"{f'{large[0] / small[0]:,.1f}' if small and large else '–':>20}", end="")
        print()
    for size in sizes:
        build = builds[size]
        proper = build["took"] - build["reading"] - build["making"]
        print(
            f"\n{size:,} products: built in {build['took']:.1f} s = {size / build['took']:,.0f} products/s, of which "
            f"reading {build['reading']:.1f} s, making documents {build['making']:.1f} s, into the index proper "
            f"{proper:.1f} s = {size / proper:,.0f} products/s; {build['bytes'] / 1e6:.0f} MB on disk, "
            f"the builder's peak {build['peak']:.0f} MB; a web process grows by {timings[size, names[0]]['grown']:.0f} MB"
        )


if __name__ == "__main__":
    main()
