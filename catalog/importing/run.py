"""Runs an import of checked files: reads rows in batches and saves each batch in one transaction."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from django.db import reset_queries

from catalog.attributes.models import Attribute, AttributeKind
from catalog.importing.files import MAX_SHOWN_COLUMNS, SourceFile, notes_after
from catalog.importing.options import Stock
from catalog.importing.reader import RowReader
from catalog.importing.rows import GroupRow, ProductRow
from catalog.importing.save import COUNTS, MAX_EXAMPLES, Saved, Saver
from catalog.importing.seen_rows import SeenRows

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
    """The numbers of rows by outcome, what was assumed, and the first changes (see Saved.examples)."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    without_stock: int = 0
    uncounted: int = 0
    shared_skus: int = 0
    renamed: int = 0
    notes: list[str] = field(default_factory=list)
    examples: list[tuple[ProductRow, dict[str, tuple[Any, ...]]]] = field(default_factory=list)


@dataclass
class _Batch:
    rows: list[ProductRow] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    characters: int = 0

    def is_full(self, times: int = 1) -> bool:
        rows = len(self.rows) + len(self.refused)
        return rows >= times * MAX_BATCH_ROWS or self.characters >= times * MAX_BATCH_CHARACTERS


def import_files(
    sources: list[SourceFile],
    *,
    dry_run: bool = False,
    summary: Summary | None = None,
    on_refused: Callable[[Refusal], object] = lambda refusal: None,
    on_progress: Callable[[SourceFile, int], object] = lambda source, position: None,
    on_saved: Callable[[Saved], object] = lambda saved: None,
) -> Summary:
    """Imports the files' products. A dry run finds out the same and writes nothing.

    `summary` counts committed batches, so that the caller knows how far an interrupted import got. `on_refused` is
    called with each refused row in the order of lines, `on_progress` with the number of bytes read, `on_saved` within
    the transaction of each batch. An import that was interrupted can be run again from its start.
    Raises FileRefusedError when a file changed since it was checked, OperationalError when the database stays locked.
    """
    summary = Summary() if summary is None else summary
    with closing(SeenRows()) as seen:
        # New attributes. A dry run has not made those of the files before.
        made: dict[str, Attribute] = {}
        for source in sources:
            reader = source.reader(made.values())
            saver = Saver(
                fields=reader.fields,
                seen=seen,
                why_no_new=_why_no_new(source),
                place=f" of {source.path}" if len(sources) > 1 else "",
                is_dry_run=dry_run,
                on_saved=on_saved,
            )
            for batch in _batches(source, reader, partial(on_progress, source)):
                saved = saver.save(batch.rows)
                _count(summary, saved)
                made |= {attribute.slug: attribute for attribute in saved.new_attributes}
                refused = [Refusal(source, row.line, reason, row.cells) for row, reason in saved.refused]
                summary.refused += len(refused) + len(batch.refused)
                for refusal in sorted(refused + batch.refused, key=lambda refusal: refusal.line):
                    on_refused(refusal)
                # With DEBUG on, Django keeps the last 9,000 statements; those of a batch take a megabyte.
                reset_queries()
            on_progress(source, source.size)
            summary.notes += notes_after(reader)
        summary.notes += _attribute_notes(made)
    summary.notes += _stock_notes(summary, sources)
    if summary.renamed:
        summary.notes.append(
            f"{summary.renamed:,} products, known by their SKU, have another name in the file: they get it."
        )
    if summary.shared_skus:
        summary.notes.append(
            f"{summary.shared_skus:,} variants share their SKU with another one, and SKUs are unique here: only the "
            "first got it."
        )
    return summary


def _count(summary: Summary, saved: Saved) -> None:
    for name in COUNTS:
        setattr(summary, name, getattr(summary, name) + getattr(saved, name))
    summary.examples = (summary.examples + saved.examples)[:MAX_EXAMPLES]


def _why_no_new(source: SourceFile) -> str:
    if source.options.only_update:
        return "this import only updates"
    missing = [name for name in ("name", "price") if not source.layout.has(name)]
    return f"the file has no column with a {' and a '.join(missing)} to make one of" if missing else ""


def _stock_notes(summary: Summary, sources: list[SourceFile]) -> Iterator[str]:
    lacking = [source for source in sources if source.lacks_quantities]
    if lacking and any(source.options.stock is Stock.UNLIMITED for source in lacking):
        yield "The file has no quantities: its products are sold without limit, as you said."
    elif summary.without_stock and lacking:
        said = (
            "as you said"
            if lacking[0].options.stock
            else (
                "so nobody can buy them. To sell them without limit, import the file again with --stock=unlimited; "
                "to say that this is right, use --stock=0"
            )
        )
        yield f"The file has no quantities: {summary.without_stock:,} new products have 0 units in stock, {said}."
    elif summary.without_stock:
        yield f"{summary.without_stock:,} new products have no quantity in the file: they have 0 units in stock."
    if summary.uncounted:
        yield (
            f"{summary.uncounted:,} products have a quantity in the file and are sold without limit all the same "
            "(unlimited stock)."
        )


def _attribute_notes(made: Mapping[str, Attribute]) -> Iterator[str]:
    if made:
        kinds = [f"{each} ({AttributeKind(each.kind).label})" for each in [*made.values()][:MAX_SHOWN_COLUMNS]]
        more = f" and {len(made) - len(kinds):,} more" if len(made) > len(kinds) else ""
        yield f"New attributes: {', '.join(kinds)}{more}."


def _batches(source: SourceFile, reader: RowReader, advance: Callable[[int], object]) -> Iterator[_Batch]:
    batch = _Batch()
    group: GroupRow | None = None
    for read in reader.rows(source.records(advance)):
        row = read.row
        # Products of a group that swap their options are saved at once, unless they are too many.
        if batch.is_full() and not (row and row.group and row.group == group and not batch.is_full(times=2)):
            yield batch
            batch = _Batch()
        if read.refused:
            batch.refused.append(Refusal(source, read.record.line, read.refused, read.record.cells))
        elif row is not None:
            batch.rows.append(row)
            group = row.group
        else:
            continue
        batch.characters += read.record.characters
    if batch.rows or batch.refused:
        yield batch
