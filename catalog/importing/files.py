"""A file that can be imported: its records, the dialect of its header, and how it writes numbers."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from django.conf import settings

from catalog.attributes.models import Attribute
from catalog.importing.attribute_habits import AttributeHabits
from catalog.importing.cells import plain_cells
from catalog.importing.dialects import KEYS, Layout, known, layout_of
from catalog.importing.facts import RowFacts
from catalog.importing.formulas import REPORT_COLUMNS, is_report, unguarded
from catalog.importing.numbers import NumberHabit
from catalog.importing.options import DEFAULTS, ImportOptions
from catalog.importing.reader import NUMBERS, RowReader
from catalog.importing.reading import FileRefusedError, Record, Table, open_table
from catalog.models import SKU_LENGTH

__all__ = ["FileRefusedError", "SourceFile", "check"]

MAX_SHOWN_COLUMNS, MAX_SHOWN_LINES = 20, 10


@dataclass(frozen=True)
class SourceFile:
    """A file that passed `check`. `notes` are sentences about what was recognised and what was not."""

    table: Table
    layout: Layout
    habit: NumberHabit
    options: ImportOptions
    attributes: AttributeHabits
    notes: tuple[str, ...]

    @property
    def path(self) -> Path:
        return self.table.path

    @property
    def header(self) -> list[str]:
        """The column names. Those of a report of refused rows are without its marks."""
        return list(self.layout.header)

    @property
    def size(self) -> int:
        return self.table.size

    @property
    def lacks_quantities(self) -> bool:
        """Whether the file creates products and says nothing about how many there are."""
        return self.layout.lacks_quantities

    def reader(self, made: Iterable[Attribute] = ()) -> RowReader:
        """A new reader of this file's rows. `made`: attributes that a dry run has not made."""
        facts = None
        if self.layout.has_attributes or self.layout.has("group"):
            facts = RowFacts(self.layout, self.habit, self.attributes, made)
        return RowReader(self.layout, self.habit, self.options, facts)

    def records(self, advance: Callable[[int], object] = lambda position: None) -> Iterator[Record]:
        """The records below the header. Calls `advance` with the number of bytes read. Raises FileRefusedError."""
        from_report = is_report(self.table.header)
        for record in self.table.records(advance):
            yield record._replace(cells=[unguarded(cell) for cell in record.cells]) if from_report else record


def check(path: Path, options: ImportOptions = DEFAULTS) -> SourceFile:
    """Reads the file once to its end, in constant memory. Raises FileRefusedError when it is no product file."""
    table = open_table(path, options.reading, partial(known, mapping=options.mapping))
    from_report = is_report(table.header)
    header = [unguarded(cell) for cell in table.header] if from_report else table.header
    layout = layout_of(path, header, options.mapping)
    habit = NumberHabit(default=layout.dialect.decimal)
    numbers = [i for name in NUMBERS for i in layout.at.get(name, ())]
    attributes = AttributeHabits(layout)
    filled: Counter[int] = Counter()
    unknown = [i for i in layout.unknown if not (from_report and i < len(REPORT_COLUMNS))]
    mended: Counter[str] = Counter()
    mended_lines: dict[str, list[int]] = {}
    for record in table.records():
        if record.mended:
            mended[record.mended] += 1
            if mended[record.mended] <= MAX_SHOWN_LINES:
                mended_lines.setdefault(record.mended, []).append(record.line)
        if not record.problem:
            habit.learn(record.cells[i] for i in numbers)
            if attributes.learns:
                cells = [unguarded(cell) for cell in record.cells] if from_report else record.cells
                attributes.learn(plain_cells(layout, cells))
            filled.update(i for i in unknown if record.cells[i].strip())
    notes = [f"{layout.description()}.", *table.notes]
    if layout.dialect.note:
        notes.append(layout.dialect.note)
    for what, count in mended.most_common(MAX_SHOWN_LINES):
        notes.append(f"Mended: {what}, in {_lines(mended_lines[what], count)}.")
    if filled:
        shown = [f"{header[i].strip()!r} ({count:,} cells)" for i, count in filled.most_common(MAX_SHOWN_COLUMNS)]
        more = f" and {len(filled) - len(shown)} more" if len(filled) > len(shown) else ""
        how = '--map "Column=field", or --map "Column=attribute: Column"'
        notes.append(f"Columns not understood: {', '.join(shown)}{more}. Name them by {how}.")
    for i, taken in layout.surplus:
        name, other = header[i].strip(), header[taken].strip()
        notes.append(f'The column {name!r} was not read, because {other!r} was. --map "{name}=field" says otherwise.')
    if not layout.can_create:
        notes.append("It has no name or no price, so it changes products that exist and makes none.")
    elif not layout.has(*KEYS):
        notes.append("It has neither slugs nor SKUs, so its rows are told apart by name.")
    return SourceFile(table, layout, habit, options, attributes, tuple(notes))


def _lines(first: list[int], count: int) -> str:
    more = f" and {count - len(first):,} more" if count > len(first) else ""
    return f"lines {', '.join(map(str, first))}{more}"


def notes_after(reader: RowReader) -> Iterator[str]:
    """What was assumed about the rows that a reader has read."""
    for what, count in reader.left_out.most_common(MAX_SHOWN_COLUMNS):
        yield f"{count:,} rows {what} are no products of their own and were left out."
    if reader.facts and reader.facts.unnamed_options:
        yield (
            f"{reader.facts.unnamed_options:,} variants have options without a name: they are in the names of these "
            "products only."
        )
    if reader.cells.assumed_zone:
        yield f"Dates without an offset were taken in the shop's time zone, {settings.TIME_ZONE}."
    if reader.missing_parents:
        yield (
            f"{reader.missing_parents:,} variants have a parent that is not in the file. What they would have of it, "
            "such as the category, stays as it is; new ones have none."
        )
    if reader.cells.negative_quantities:
        yield f"{reader.cells.negative_quantities:,} quantities were negative: these products have 0 units in stock."
    if reader.cells.long_skus:
        yield f"{reader.cells.long_skus:,} SKUs have more than {SKU_LENGTH} characters: these products have none."
    if reader.cells.ambiguous_dates:
        yield f"{reader.cells.ambiguous_dates:,} dates of creation could not be told and were left out."
    if reader.cells.has_category_ids:
        yield "Categories are given by numbers that this file does not explain: these products are Uncategorised."
