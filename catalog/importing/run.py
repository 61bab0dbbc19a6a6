"""Runs an import of checked files: reads rows in batches and saves each batch in one transaction."""

from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from django.db import reset_queries, transaction

from catalog.importing.files import Record, SourceFile
from catalog.importing.rows import ProductRow, RefusedError, shown
from catalog.importing.save import save_batch
from catalog.importing.seen_slugs import SeenSlugs

# A batch is full when it reaches either. A million characters stay well below MySQL's default packet of 16 MB.
MAX_BATCH_ROWS, MAX_BATCH_CHARACTERS = 2_000, 1_000_000


class Refusal(NamedTuple):
    """A row that was not imported, with the reason and its original cells (a single one if the line is not CSV)."""

    source: SourceFile
    line: int
    reason: str
    cells: list[str]


@dataclass
class Summary:
    """The numbers of rows by outcome."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0


@dataclass
class _Batch:
    rows: list[ProductRow] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    characters: int = 0

    def is_full(self) -> bool:
        return len(self.rows) + len(self.refused) >= MAX_BATCH_ROWS or self.characters >= MAX_BATCH_CHARACTERS


def import_files(
    sources: list[SourceFile],
    *,
    dry_run: bool = False,
    summary: Summary | None = None,
    on_refused: Callable[[Refusal], object] = lambda refusal: None,
    on_progress: Callable[[SourceFile, int], object] = lambda source, position: None,
) -> Summary:
    """Imports the files' products. A dry run imports them in one transaction and rolls it back.

    `summary` counts committed batches, so that the caller knows how far an interrupted import got. `on_refused` is
    called with each refused row in the order of lines, `on_progress` with the number of bytes read.
    Raises FileRefusedError when a file changed since it was checked, OperationalError when the database stays locked.
    """
    summary = Summary() if summary is None else summary
    with closing(SeenSlugs()) as seen_slugs, transaction.atomic() if dry_run else nullcontext():
        for source in sources:
            columns = source.form().columns
            for batch in _batches(source, partial(on_progress, source)):
                _save(batch, source, columns, seen_slugs, summary)
                for refusal in sorted(batch.refused, key=lambda refusal: refusal.line):
                    on_refused(refusal)
                # With DEBUG on, Django keeps the last 9,000 statements; those of a batch take a megabyte.
                reset_queries()
            on_progress(source, source.size)
        if dry_run:
            transaction.set_rollback(True)
    return summary


def _save(batch: _Batch, source: SourceFile, columns: frozenset[str], seen_slugs: SeenSlugs, summary: Summary) -> None:
    """Saves the batch. Adds the rows that conflict with the database or an earlier line to its refused rows."""
    rows = _with_new_slugs(batch, source, seen_slugs)
    saved = save_batch(rows, columns)
    batch.refused += [Refusal(source, row.line, reason, row.cells) for row, reason in saved.refused]
    summary.created += saved.created
    summary.updated += saved.updated
    summary.unchanged += saved.unchanged
    summary.refused += len(batch.refused)


def _with_new_slugs(batch: _Batch, source: SourceFile, seen_slugs: SeenSlugs) -> list[ProductRow]:
    """The rows whose slugs are new in this run. The others are refused."""
    used = seen_slugs.places(row.slug for row in batch.rows)
    new: dict[str, str] = {}
    rows = []
    for row in batch.rows:
        if place := used.get(row.slug) or new.get(row.slug):
            # Within one file the line number is enough.
            place = place.removesuffix(f" of {source.path}")
            reason = f"the slug {shown(row.slug)} is used already in {place}"
            batch.refused.append(Refusal(source, row.line, reason, row.cells))
        else:
            new[row.slug] = f"line {row.line} of {source.path}"
            rows.append(row)
    seen_slugs.add(new)
    return rows


def _batches(source: SourceFile, advance: Callable[[int], object]) -> Iterator[_Batch]:
    form = source.form()
    batch = _Batch()
    for record in source.records(advance):
        try:
            row = form.row(record.line, _cells(record))
        except RefusedError as refused:
            batch.refused.append(Refusal(source, record.line, str(refused), record.cells))
        else:
            if row is None:
                continue
            batch.rows.append(row)
        batch.characters += record.characters
        if batch.is_full():
            yield batch
            batch = _Batch()
    if batch.rows or batch.refused:
        yield batch


def _cells(record: Record) -> list[str]:
    if record.problem:
        raise RefusedError(record.problem)
    return record.cells
