"""Imports products from CSV files and workbooks, as shop systems and spreadsheets write them."""

import sys
import time
from argparse import ArgumentParser
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from catalog.importing.dialects import FIELDS_AND_ATTRIBUTES
from catalog.importing.files import FileRefusedError, SourceFile, check
from catalog.importing.options import ImportOptions, Stock
from catalog.importing.pictures import attach_pictures
from catalog.importing.reading import ReadingOptions
from catalog.importing.report import RefusedRows
from catalog.importing.run import Summary, import_files
from catalog.importing.tables import dialects

# Without a terminal, a line of progress is written so often.
PROGRESS_SECONDS = 10


class Command(BaseCommand):
    help = (
        "Imports products from CSV files and workbooks (.xlsx). The header decides which system wrote them: "
        f"{', '.join(dialect.name for dialect in dialects())}. The slug says which product a row is, else the SKU, "
        "else the name. A file without a name or a price changes products by slug or SKU and makes none. An update "
        "leaves a field alone if its column is absent. Rows that cannot be imported are refused with their line and "
        "the reason; the others are imported, and the exit status is 2. An interrupted import can be run again."
    )

    num_refused = 0

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="say what would happen, and write nothing")
        parser.add_argument("--only-update", action="store_true", help="refuse rows of products that do not exist")
        parser.add_argument(
            "--stock",
            choices=[each.value for each in Stock],
            help="what the products of a file without quantities get: sold without limit, or 0 units",
        )
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="COLUMN=FIELD",
            help=f"a column of the file, and what it holds: {', '.join(FIELDS_AND_ATTRIBUTES)}. Can be given several "
            "times.",
        )
        parser.add_argument("--encoding", help="how the file's text is encoded, such as utf-8, cp1252 or shift_jis")
        parser.add_argument("--delimiter", help="the sign between cells: , ; | or tab")
        parser.add_argument("--sheet", help="the sheet of a workbook, by its name or number")
        parser.add_argument(
            "--errors",
            metavar="FILE",
            type=Path,
            help="write refused rows to this CSV file: file, line, reason, the row. Correct it in a spreadsheet and "
            "import it: an apostrophe in front of cells that look like a formula is removed again.",
        )
        parser.add_argument(
            "--images",
            metavar="DIR",
            type=Path,
            help="attach the pictures in this folder that the image columns name (of a URL the last part counts; "
            "nothing is downloaded)",
        )

    def run_from_argv(self, argv: list[str]) -> None:
        super().run_from_argv(argv)
        if self.num_refused:
            sys.exit(2)

    def handle(
        self, *, files: list[Path], dry_run: bool, errors: Path | None, images: Path | None, **options: Any
    ) -> None:
        if images is not None and not images.is_dir():
            raise CommandError(f"{images} is not a folder.")
        summary = Summary()
        try:
            sources = self._check(files, options, errors)
            refused = self._import(sources, dry_run, errors, summary)
        except FileRefusedError as error:
            raise CommandError(str(error)) from error
        except OperationalError as error:
            raise CommandError(f"The database failed ({error}). {_so_far(summary, dry_run)}") from error
        except OSError as error:
            raise CommandError(f"{errors} cannot be written ({error.strerror}). {_so_far(summary, dry_run)}") from error
        except KeyboardInterrupt as error:
            raise CommandError(f"Interrupted. {_so_far(summary, dry_run)}", returncode=130) from error
        if errors is None:
            for line in refused.messages():
                self.stderr.write(line)
        elif refused.count:
            self.stderr.write(f"The refused rows are in {errors}")
        for note in summary.notes:
            self.stdout.write(note)
        self.stdout.write(_summary_line(summary))
        self.num_refused = refused.count
        if images is not None and not dry_run:
            self._attach(sources, images)
        if dry_run:
            self.stdout.write("Dry run: nothing was written.")

    def _check(self, files: list[Path], options: dict[str, Any], errors: Path | None) -> list[SourceFile]:
        if errors and any(errors.resolve() == path.resolve() for path in files):
            raise FileRefusedError(f"{errors} is one of the files to import; --errors needs another file.")
        mapping = {}
        for pair in options["map"]:
            column, sign, name = pair.rpartition("=")
            if not (sign and column.strip()):
                raise FileRefusedError(
                    f"--map {pair!r} is not a column and a field, such as --map 'Their column=price'."
                )
            mapping[column.strip()] = name.strip()
        stock = options["stock"]
        reading = ReadingOptions(options["encoding"], options["delimiter"], options["sheet"])
        given = ImportOptions(Stock(stock) if stock else None, options["only_update"], mapping, reading)
        sources = [check(path, given) for path in files]
        for source in sources:
            for note in source.notes:
                self.stdout.write(f"{source.path}: {note}")
        is_terminal = sys.stdin.isatty() and self.stdout.isatty()
        if given.stock is None and any(source.lacks_quantities for source in sources) and is_terminal:
            stock = self._ask_for_stock()
            sources = [replace(source, options=replace(given, stock=stock)) for source in sources]
        return sources

    def _ask_for_stock(self) -> Stock:
        self.stdout.write("The file does not say how many units there are of each product.")
        while True:
            try:
                answer = input("Sell them without limit (u), or start with 0 units, which nobody can buy (0)? ").strip()
            except EOFError as error:
                raise CommandError("Nothing was imported. Say --stock=unlimited or --stock=0.") from error
            if answer.lower() in ("u", "unlimited", "0"):
                return Stock.NONE if answer == "0" else Stock.UNLIMITED

    def _import(self, sources: list[SourceFile], dry_run: bool, errors: Path | None, summary: Summary) -> RefusedRows:
        lines = _ProgressLines(self.stderr.write, summary)
        with closing(RefusedRows(sources, errors)) as refused, self._progress(summary) as progress:
            tasks = {source.path: progress.add_task(source.path.name, total=source.size) for source in sources}

            def advance(source: SourceFile, position: int) -> None:
                progress.update(tasks[source.path], completed=position)
                if progress.disable:
                    lines.advance(source, position)

            import_files(sources, dry_run=dry_run, summary=summary, on_refused=refused.add, on_progress=advance)
        return refused

    def _attach(self, sources: list[SourceFile], folder: Path) -> None:
        """Attaches pictures after the rows are saved: a row that was refused gets none."""
        pictures = attach_pictures(sources, folder, on_refused=self.stderr.write)
        self.stdout.write(
            f"{pictures.attached} pictures attached, {pictures.known} there already, "
            f"{pictures.missing} not in {folder}, {pictures.refused} refused"
        )

    def _progress(self, summary: Summary) -> Progress:
        """A progress bar on a terminal, nothing elsewhere."""
        return Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            _Rate(summary),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not self.stderr.isatty(),
            transient=True,
        )


class _Rate(ProgressColumn):
    """Rows in a second."""

    def __init__(self, summary: Summary) -> None:
        super().__init__()
        self._summary = summary

    def render(self, task: Task) -> Text:
        return Text(f"{_rows(self._summary) / task.elapsed:,.0f} rows/s" if task.elapsed else "")


class _ProgressLines:
    """Lines of progress for a log."""

    def __init__(self, write: Any, summary: Summary) -> None:
        self._write, self._summary = write, summary
        self._began = self._written = time.monotonic()

    def advance(self, source: SourceFile, position: int) -> None:
        now = time.monotonic()
        if now - self._written < PROGRESS_SECONDS or not position:
            return
        self._written = now
        elapsed, done = now - self._began, min(1.0, position / max(1, source.size))
        rate = _rows(self._summary) / elapsed
        left = elapsed * (1 - done) / done
        self._write(
            f"{source.path.name}: {done:.0%}, {_rows(self._summary):,} rows, {rate:,.0f} rows/s, {left:.0f} s left"
        )


def _rows(summary: Summary) -> int:
    return summary.created + summary.updated + summary.unchanged + summary.refused


def _summary_line(summary: Summary) -> str:
    return (
        f"{summary.created} created, {summary.updated} updated, "
        f"{summary.unchanged} unchanged, {summary.refused} refused"
    )


def _so_far(summary: Summary, dry_run: bool) -> str:
    if dry_run:
        return "It was a dry run: nothing was written."
    return f"So far {_summary_line(summary)}; run it again to finish."
