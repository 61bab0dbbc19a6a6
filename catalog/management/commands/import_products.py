"""Imports products from CSV files: Shopify's product export, or a plain CSV."""

from argparse import ArgumentParser
from contextlib import closing
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from catalog.importing.files import FileRefusedError, check
from catalog.importing.pictures import attach_pictures
from catalog.importing.report import RefusedRows
from catalog.importing.run import Summary, import_files


class Command(BaseCommand):
    help = (
        "Imports products from CSV files (UTF-8): Shopify's product export, or a plain CSV with the columns name, "
        "slug, sku, description, category (Home > Lamps), brand, price, quantity, rating, created_at. The header "
        "decides which of the two it is; name and price are required. The slug says which product a row updates. An "
        "update leaves a field alone if its column is absent, and sets it to its default if its cell is blank. Rows "
        "that cannot be imported are refused with their line and the reason; the others are imported. An interrupted "
        "import can be run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE", type=Path)
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="do everything in one transaction and roll it back (on SQLite nobody else can write meanwhile)",
        )
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

    def handle(
        self, *, files: list[Path], dry_run: bool, errors: Path | None, images: Path | None, **options: Any
    ) -> None:
        if images is not None and not images.is_dir():
            raise CommandError(f"{images} is not a folder.")
        summary = Summary()
        try:
            refused = self._import(files, dry_run, errors, summary)
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
        self.stdout.write(_summary_line(summary))
        if images is not None and not dry_run:
            self._attach(files, images)
        if dry_run:
            self.stdout.write("Dry run: nothing was written.")

    def _import(self, files: list[Path], dry_run: bool, errors: Path | None, summary: Summary) -> RefusedRows:
        if errors and any(errors.resolve() == path.resolve() for path in files):
            raise FileRefusedError(f"{errors} is one of the files to import; --errors needs another file.")
        sources = [check(path) for path in files]
        for source in sources:
            if ignored := source.form().ignored:
                self.stderr.write(f"{source.path}: unknown columns, ignored: {', '.join(map(repr, ignored))}")
        with closing(RefusedRows(sources, errors)) as refused, self._progress() as progress:
            tasks = {source.path: progress.add_task(source.path.name, total=source.size) for source in sources}
            import_files(
                sources,
                dry_run=dry_run,
                summary=summary,
                on_refused=refused.add,
                on_progress=lambda source, position: progress.update(tasks[source.path], completed=position),
            )
        return refused

    def _attach(self, files: list[Path], folder: Path) -> None:
        """Attaches pictures after the rows are saved: a row that was refused gets none."""
        pictures = attach_pictures([check(path) for path in files], folder, on_refused=self.stderr.write)
        self.stdout.write(
            f"{pictures.attached} pictures attached, {pictures.known} there already, "
            f"{pictures.missing} not in {folder}, {pictures.refused} refused"
        )

    def _progress(self) -> Progress:
        """A progress bar on a terminal, nothing elsewhere."""
        return Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not self.stderr.isatty(),
            transient=True,
        )


def _summary_line(summary: Summary) -> str:
    return (
        f"{summary.created} created, {summary.updated} updated, "
        f"{summary.unchanged} unchanged, {summary.refused} refused"
    )


def _so_far(summary: Summary, dry_run: bool) -> str:
    if dry_run:
        return "It was a dry run: nothing was written."
    return f"So far {_summary_line(summary)}; run it again to finish."
