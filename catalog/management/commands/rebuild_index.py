"""`manage.py rebuild_index`: builds a new search index and swaps it in, or compares the index with the database."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from catalog.search.index import store
from catalog.search.index.consistency import find_drift
from catalog.search.index.rebuilding import RebuildRunning, rebuild
from core.caching import revision

MAX_SHOWN = 20


class Command(BaseCommand):
    help = (
        "Builds a new search index beside the one in use and swaps it in; searches and changes go on meanwhile. "
        "--check only compares index and database, prints what differs, and exits with status 1 when anything does."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        group = parser.add_mutually_exclusive_group()
        group.add_argument("--check", action="store_true", help="compare index and database, change nothing")
        group.add_argument("--if-missing", action="store_true", help="do nothing when an index exists and works")

    def handle(self, *, check: bool, if_missing: bool, **options: Any) -> None:
        if check:
            self._check()
            return
        if if_missing and self._index_works():
            return
        # After SQL past the application, what processes keep is old as well.
        revision.bump()
        try:
            with self._progress("Building") as advance:
                count = rebuild(advance)
        except RebuildRunning as error:
            raise CommandError(f"Not rebuilt: {error}.") from error
        self.stdout.write(f"The search index is rebuilt: {count} products.")

    def _index_works(self) -> bool:
        try:
            store.reader.snapshot()
        except store.IndexUnavailable:
            return False
        return True

    def _check(self) -> None:
        try:
            with self._progress("Comparing") as advance:
                drift = find_drift(advance)
        except store.IndexUnavailable as error:
            raise CommandError(f"Nothing to compare: {error}.") from error
        for difference in drift[:MAX_SHOWN]:
            self.stdout.write(str(difference))
        if len(drift) > MAX_SHOWN:
            self.stdout.write(f"… and {len(drift) - MAX_SHOWN} more")
        if drift:
            raise CommandError(
                f"{len(drift)} documents differ from the database. `manage.py rebuild_index` repairs that."
            )
        self.stdout.write("Index and database agree.")

    def _progress(self, what: str) -> "_Bar":
        return _Bar(what, shown=self.stderr.isatty())


class _Bar(Progress):
    """A progress bar on a terminal, nothing elsewhere. As a context manager it gives the function that moves it."""

    def __init__(self, what: str, *, shown: bool) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        super().__init__(*columns, console=Console(stderr=True), disable=not shown, transient=True)
        self._moving = self.add_task(what, total=None)

    def __enter__(self) -> Any:
        super().__enter__()
        return lambda done, total: self.update(self._moving, completed=done, total=total)
