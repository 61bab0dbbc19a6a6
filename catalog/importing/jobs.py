"""Does the imports that were uploaded in the admin: one at a time over all hosts, by the worker that holds the lease.

An import may be killed anywhere and is run again from its start: rows that are in are then unchanged. Its counts are
written in the transactions of its batches, so they are exact.
"""

import logging
import re
import time
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

from django.core.files.base import File
from django.db import DatabaseError
from django.db.models import F
from django.utils import timezone

from catalog.category_tree import CategoryTree
from catalog.importing import job_files
from catalog.importing.batch_facts import ATTRIBUTE
from catalog.importing.files import SourceFile, check
from catalog.importing.models import ImportJob
from catalog.importing.options import ImportOptions, Stock
from catalog.importing.reading import FileRefusedError, ReadingOptions
from catalog.importing.report import RefusedRows
from catalog.importing.rows import ProductRow
from catalog.importing.run import Refusal, Summary, import_files
from catalog.importing.save import Saved
from catalog.models import Brand
from catalog.text import squeeze
from core.db.transactions import is_transient
from core.history.ambient import acting
from core.jobs import lease
from core.jobs.job import CLAIMED, DUE, FAILED, claim, due, move, release, retry, shortened

logger = logging.getLogger(__name__)

# After so many workers died over an import, it is given up.
MAX_ATTEMPTS = 3
PROGRESS_SECONDS = 1.0
RETRY_PAUSE = timedelta(seconds=10)
# What a page shows of them.
MAX_REFUSALS, MAX_NOTES, MAX_VALUE_LENGTH = 20, 50, 80
# What the form of the upload calls the options of the command.
OPTIONS = {
    "--map": "Columns with other names",
    "--encoding": "Encoding",
    "--delimiter": "Columns are separated by",
    "--sheet": "Sheet",
    "--only-update": "Only change products that exist",
}
Phase, Status = ImportJob.Phase, ImportJob.Status
stopping = Event()


class ClaimLost(Exception):
    """The import was cancelled or deleted, or another worker has it. This worker's batch does not count."""


class Stopped(Exception):
    """The worker stops; the import goes on in another one."""


@dataclass
class Findings:
    """What a page shows of a run: its counts, sentences, and the first of the refused rows and of the changes."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    lacks_quantities: bool = False
    notes: list[str] = field(default_factory=list)
    # The line and the reason.
    refusals: list[tuple[int, str]] = field(default_factory=list)
    # The product's name, and of each field its name and the values before and after.
    changes: list[tuple[str, list[tuple[str, str, str]]]] = field(default_factory=list)


def options_of(job: ImportJob) -> ImportOptions:
    """What the person chose for the file."""
    chosen = job.options
    stock = chosen.get("stock")
    return ImportOptions(
        stock=Stock(stock) if stock else None,
        only_update=bool(chosen.get("only_update")),
        mapping=chosen.get("mapping") or {},
        reading=ReadingOptions(
            encoding=chosen.get("encoding") or None,
            delimiter=chosen.get("delimiter") or None,
            sheet=chosen.get("sheet") or None,
        ),
    )


def work() -> int:
    """Does imports until none is due; returns how many. Does nothing while another worker holds the lease."""
    if not ImportJob.objects.filter(status__in=(DUE, CLAIMED)).exists():
        return 0
    count = 0
    with lease.hold("import") as is_holder:
        if not is_holder:
            return 0
        # Whoever held the lease before is dead, or has lost its claim now.
        release(ImportJob, max_attempts=MAX_ATTEMPTS)
        ImportJob.objects.filter(status=FAILED, ended_at=None).update(ended_at=timezone.now())
        while not stopping.is_set() and (job := due(ImportJob).first()) is not None:
            if claim(job):
                _do(job)
                count += 1
    return count


def _do(job: ImportJob) -> None:
    """Does a claimed import, or its check. Afterwards it is READY, DONE, FAILED or due again."""
    try:
        with job_files.local_source(job) as path, acting(job.user, via=f"import {job.pk}"):
            _Run(job, path).run()
    except ClaimLost:
        logger.info("Import %s was cancelled, or another worker has it", job.pk)
    except Stopped:
        move(job, DUE, attempts=job.attempts - 1)
    except FileRefusedError as error:
        _fail(job, str(error))
    except FileNotFoundError:
        _fail(job, "The uploaded file is gone. Upload it again.")
    except DatabaseError as error:
        if not is_transient(error):
            raise
        if retry(job, f"The database was too busy: {error}", pause=RETRY_PAUSE, max_attempts=MAX_ATTEMPTS):
            logger.warning("Import %s is tried again later: %s", job.pk, error)
    except Exception:
        logger.exception("Import %s", job.pk)
        _fail(job, "Something went wrong that is not the file's fault. Ask whoever runs the shop to look into the log.")


def _fail(job: ImportJob, reason: str) -> None:
    logger.info("Import %s failed: %s", job.pk, reason)
    move(job, FAILED, reason=shortened(reason), ended_at=timezone.now())


class _Run:
    """One attempt at a phase of a claimed import."""

    def __init__(self, job: ImportJob, path: Path) -> None:
        self.job, self.path = job, path
        self.is_check = job.phase == Phase.CHECK
        self.findings, self.summary = Findings(), Summary()
        self._written_at = time.monotonic()
        self._own = ImportJob.objects.filter(pk=job.pk, claim=job.claim, status=CLAIMED)

    def run(self) -> None:
        """Raises ClaimLost, Stopped, FileRefusedError, DatabaseError, or OSError of the storage."""
        self._update(started_at=timezone.now(), position=0, rows=0, size=self.job.bytes)
        try:
            source = check(self.path, options_of(self.job))
            self._update(size=source.size)
            with TemporaryDirectory(prefix="vitrine-import-") as folder:
                self._import(source, Path(folder) / job_files.REFUSED)
        except FileRefusedError as error:
            raise FileRefusedError(self._named(str(error))) from error
        self._finish(source)

    def _import(self, source: SourceFile, report: Path) -> None:
        shown = replace(source, table=replace(source.table, path=Path(self.job.file_name)))
        refused = RefusedRows([shown], report)

        def on_refused(refusal: Refusal) -> None:
            reason = self._named(refusal.reason)
            if len(self.findings.refusals) < MAX_REFUSALS:
                self.findings.refusals.append((refusal.line, reason))
            refused.add(refusal._replace(source=shown, reason=reason))

        try:
            import_files(
                [source],
                dry_run=self.is_check,
                summary=self.summary,
                on_refused=on_refused,
                on_progress=self._on_progress,
                on_saved=self._on_saved,
            )
        finally:
            refused.close()
        if self.summary.refused:
            with report.open("rb") as file:
                job_files.store(self.job, job_files.REFUSED, File(file))

    def _on_progress(self, source: SourceFile, position: int) -> None:
        if time.monotonic() - self._written_at < PROGRESS_SECONDS:
            return
        if stopping.is_set():
            raise Stopped
        # The time of the claim tells others that this worker lives.
        self._update(position=position, rows=self._rows(), claimed_at=timezone.now())
        self._written_at = time.monotonic()

    def _on_saved(self, saved: Saved) -> None:
        """Within the batch's transaction: with an exception here nothing of the batch is written."""
        self._update(created=F("created") + saved.created, updated=F("updated") + saved.updated)

    def _finish(self, source: SourceFile) -> None:
        found, summary = self.findings, self.summary
        found.created, found.updated = summary.created, summary.updated
        found.unchanged, found.refused = summary.unchanged, summary.refused
        found.lacks_quantities = source.lacks_quantities
        notes = dict.fromkeys([*source.notes, *summary.notes])
        found.notes = [self._named(note) for note in notes if not (self.is_check and "--stock" in note)][:MAX_NOTES]
        tree = CategoryTree.load()
        found.changes = [_change(row, changed, tree) for row, changed in summary.examples]
        done = {"position": source.size, "rows": self._rows(), "reason": ""}
        if self.is_check:
            self._move(Status.READY, check_findings=asdict(found), **done)
            return
        self.job.refresh_from_db(fields=["created", "updated"])
        # What an attempt before this one created or updated is unchanged in this one.
        earlier = self.job.created + self.job.updated - summary.created - summary.updated
        done |= {"unchanged": max(0, summary.unchanged - earlier), "refused": summary.refused}
        self._move(Status.DONE, import_findings=asdict(found), ended_at=timezone.now(), **done)
        logger.info("Import %s: %s rows done", self.job.pk, self._rows())

    def _rows(self) -> int:
        summary = self.summary
        return summary.created + summary.updated + summary.unchanged + summary.refused

    def _named(self, sentence: str) -> str:
        """The sentence with the file's own name in the place of the temporary one, and what the form calls options."""
        for option, name in OPTIONS.items():
            sentence = re.sub(rf'{option}\b(?: "[^"]*"|=\S+)?', f"the option “{name}”", sentence)
        return sentence.replace(str(self.path), self.job.file_name)

    def _update(self, **changes: Any) -> None:
        if not self._own.update(**changes):
            raise ClaimLost

    def _move(self, status: str, **changes: Any) -> None:
        if not move(self.job, status, **changes):
            raise ClaimLost


def _change(
    row: ProductRow, changed: dict[str, tuple[Any, ...]], tree: CategoryTree
) -> tuple[str, list[tuple[str, str, str]]]:
    """A change as a page shows it."""
    fields = []
    for name, (old, new) in changed.items():
        if name == "category_id":
            path = tree.path(tree.by_id[old]) if old in tree.by_id else []
            old, new = " > ".join(category.name for category in path), " > ".join(row.category)
        elif name == "brand_id":
            old, new = Brand.objects.filter(pk=old).first(), row.brand
        label = name if name.startswith(ATTRIBUTE) else name.removesuffix("_id").replace("_", " ")
        fields.append((label, _value(old), _value(new)))
    return row.name or row.slug or row.sku or f"line {row.line}", fields


def _value(value: Any) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = squeeze(str(value))
    return text if len(text) <= MAX_VALUE_LENGTH else f"{text[: MAX_VALUE_LENGTH - 1]}…"
