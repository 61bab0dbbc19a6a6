"""How long searches take while another process commits: nobody waits for a commit to be opened.

    .venv/bin/python -m bench.commits VAR_DIR --commits 40

VAR_DIR has an index, such as one that `bench.search --index-alone --folder` left. It is written to in a copy whose files
are links. Each commit replaces as many products as a batch of an import, 1,000. The table tells the milliseconds of a
page by category and price, in two threads, without commits, with commits opened beside, and with commits that each
search opens itself, as SEARCH_INDEX_SYNC does.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

PAUSE_SECONDS, BATCH = 0.5, 1_000


def set_up(var: str, folder: str) -> None:
    """Django, with the index in the folder and the database of `var`."""
    os.environ |= {"VAR_DIR": var, "SEARCH_INDEX_DIR": folder, "DJANGO_SETTINGS_MODULE": "core.settings", "DEBUG": "1"}
    os.environ |= {"LOG_LEVEL": "ERROR", "SEARCH_ENGINE": "tantivy"}
    import django

    django.setup()


def link(var: str, folder: str) -> None:
    """The index in use, as links: a writer removes and adds files, and changes none."""
    source = Path(var) / "index"
    name = next(source.glob("current-*")).read_text()
    target = Path(folder) / name
    target.mkdir()
    for path in (source / name).iterdir():
        # Both are replaced by renaming another file, and locks are files of their own.
        if not path.name.endswith(".lock"):
            os.link(path, target / path.name)
    (Path(folder) / f"current-{name.partition('-')[0]}").write_text(name)


def write(commits: int) -> None:
    """Child: replaces random products, batch by batch."""
    from bench.index_alone import rows_of_database
    from catalog.search.applying import Applier
    from catalog.search.index import store
    from catalog.search.index.writing import TantivyWriter

    maker = rows_of_database()
    with store.writing(store.current()) as writer:
        applier = Applier(TantivyWriter(store.current(), writer, is_new=False))
        for _ in range(commits):
            batch = [next(maker) for _ in range(BATCH)]
            applier.put_products(batch)
            writer.commit()
            time.sleep(PAUSE_SECONDS)
        # Merges that still run would take minutes, and no search waits for them.
        os._exit(0)


def measured(go_on: Callable[[], bool]) -> list[float]:
    """Milliseconds of pages, in two threads."""
    from bench.searches import Calls
    from catalog.search.criteria import Range, SortField
    from catalog.search.index.engine import TantivyEngine

    calls = Calls(TantivyEngine())
    middle = Range(Decimal(20), Decimal(60))
    pages = [
        calls.page(categories=[f"leaf-{number}-1-1"], price=middle, sort=SortField.PRICE) for number in range(1, 12)
    ]
    times: list[float] = []

    def search() -> None:
        while go_on():
            page = random.choice(pages)
            started = time.perf_counter()
            page()
            times.append((time.perf_counter() - started) * 1000)
            time.sleep(0.002)

    threads = [threading.Thread(target=search) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(times)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("var")
    parser.add_argument("--commits", type=int, default=40)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        set_up(options.var, options.child)
        write(options.commits)
        return
    with tempfile.TemporaryDirectory(prefix="commits-", dir=options.var) as folder:
        link(options.var, folder)
        set_up(options.var, folder)
        from django.conf import settings

        from catalog.search.index import snapshots

        snapshots.reader.refresh()
        until = time.monotonic() + options.commits * PAUSE_SECONDS
        tell("without commits", measured(lambda: time.monotonic() < until))
        for name, sync in (("commits opened beside", False), ("commits opened by searches", True)):
            settings.SEARCH_INDEX_SYNC = sync
            command = [sys.executable, "-m", "bench.commits", options.var, "--child", folder]
            with subprocess.Popen([*command, "--commits", str(options.commits)]) as child:
                tell(name, measured(lambda: child.poll() is None))


def tell(name: str, times: list[float]) -> None:
    """One line of the table."""
    p99 = times[int(len(times) * 0.99)]
    print(
        f"{name:28} {len(times):6} pages, median {statistics.median(times):6.1f} ms, p99 {p99:7.1f}, longest {times[-1]:7.1f}"
    )


if __name__ == "__main__":
    main()
