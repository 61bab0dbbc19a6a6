"""Opens a file as a table: finds its encoding, its delimiter and its header."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

from catalog.importing.reading import encodings
from catalog.importing.reading.encodings import Encoding
from catalog.importing.reading.errors import FileRefusedError
from catalog.importing.reading.kinds import is_archive, refuse_binary, refuse_text
from catalog.importing.reading.records import MAX_LINE_CHARACTERS, Record, fit, split
from catalog.importing.reading.workbook import Preview, SheetSource, read_sheet

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
DELIMITER_NAMES = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
MAX_COLUMNS = 2_000
# The header is looked for in so many records, so that titles may stand above it.
HEADER_RECORDS = 11
# So much of the file decides about the delimiter.
HEAD_LINES, HEAD_CHARACTERS = 60, 2 * MAX_LINE_CHARACTERS
# Excel's line above the header, alone in its row: sep=; (other programs put it in quotes or fill the row up).
SEPARATOR_LINE = re.compile(r'"?sep=(\\t|[^\w"\r\n])"?[,;|\t ]*[\r\n]*', re.IGNORECASE)
CONTROL = re.compile(r"[\x00-\x1f\x7f\u200b\u2060\ufeff]+")
# The UTF-8 byte order mark, read as Windows-1252.
MISREAD_MARK = "ï»¿"

Known = Callable[[Sequence[str]], int]


@dataclass(frozen=True)
class ReadingOptions:
    """What a person says of the file: how it is encoded and delimited, which sheet to take (its name, or its number
    from 1). What is not said is found out."""

    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None


@dataclass(frozen=True)
class Table:
    """A table whose header was found. `notes` are sentences for the user: how it was read, and what was guessed."""

    path: Path
    header: list[str]
    header_line: int
    size: int
    encoding: str
    delimiter: str
    sheet: str
    notes: tuple[str, ...]
    _source: "Source | SheetSource" = field(repr=False)

    def records(self, advance: Callable[[int], object] = lambda position: None) -> Iterator[Record]:
        """The records below the header. Calls `advance` with how many bytes of `size` are read.

        Each has as many cells as the header, or a problem. Raises FileRefusedError.
        """
        width, is_sheet = len(self.header), bool(self.sheet)
        try:
            for record in self._source.records(advance):
                if record.line > self.header_line:
                    yield fit(record, width, is_sheet=is_sheet)
        except (OSError, UnicodeError) as error:
            raise FileRefusedError(f"{self.path} cannot be read to its end: {error}.") from error


@dataclass(frozen=True)
class Source:
    """Where records come from: a text file with its encoding and delimiter."""

    path: Path
    encoding: Encoding
    delimiter: str
    skip_lines: int = 0

    def records(self, advance: Callable[[int], object] = lambda position: None) -> Iterator[Record]:
        """All records, the header's too. Raises OSError or UnicodeError."""
        with self.encoding.open(self.path) as text:
            records = split(
                text,
                self.delimiter,
                skip_lines=self.skip_lines,
                is_clean=self.encoding.is_clean,
                encoding=self.encoding.name,
            )
            for count, record in enumerate(records):
                if count % 256 == 0:
                    advance(text.buffer.tell())
                yield record


def open_table(path: Path, options: ReadingOptions, known: Known) -> Table:
    """Opens the file. `known` counts the cells that are column names, which tells the header and the delimiter.

    Raises FileRefusedError when it is no table, or none of its first rows is a header.
    """
    try:
        if not path.exists():
            raise FileRefusedError(f"{path}: there is no such file.")
        if not path.is_file():
            raise FileRefusedError(f"{path} is {'a folder' if path.is_dir() else 'not a file'}.")
        if not path.stat().st_size:
            raise FileRefusedError(f"{path} is empty.")
        refuse_binary(path)
        if is_archive(path):
            return _open_workbook(path, options, known)
        return _open_text(path, options, known)
    except OSError as error:
        raise FileRefusedError(f"{path} cannot be read: {error.strerror or error}.") from error
    except UnicodeError as error:
        raise FileRefusedError(f"{path} is not text in the encoding {options.encoding}: {error}.") from error


def _open_text(path: Path, options: ReadingOptions, known: Known) -> Table:
    encoding = encodings.named(options.encoding) if options.encoding else encodings.detect(path)
    head = _head(path, encoding)
    said = SEPARATOR_LINE.fullmatch(head[0]) if head else None
    if options.delimiter:
        delimiter = _delimiter(options.delimiter)
    elif said:
        delimiter = DELIMITER_NAMES.get(said[1], said[1])
    else:
        delimiter = _best_delimiter("".join(head), known)
    source = Source(path, encoding, delimiter, skip_lines=1 if said else 0)
    header = find_header(source.records(), known)
    if header is None:
        refuse_text(path, "".join(head))
        raise FileRefusedError(_no_header(path, source))
    if header.problem:
        raise FileRefusedError(f"{path} cannot be read: in its header (line {header.line}), {header.problem}.")
    notes = []
    if encoding.is_guessed:
        notes.append(f"The file was read as {encoding.name}, guessed by its letters; --encoding overrides this.")
    elif encoding.name != "UTF-8":
        notes.append(f"The file was read as {encoding.name}.")
    if delimiter != ",":
        name = DELIMITERS.get(delimiter, repr(delimiter))
        notes.append(f"Its cells are separated by {name}{', as its first line says' if said else ''}.")
    return Table(
        path=path,
        header=clean_names(_checked_width(path, header.cells)),
        header_line=header.line,
        size=path.stat().st_size,
        encoding=encoding.name,
        delimiter=delimiter,
        sheet="",
        notes=tuple(notes),
        _source=source,
    )


def _open_workbook(path: Path, options: ReadingOptions, known: Known) -> Table:
    names: list[str] = []
    header: Record | None = None
    chosen = 0

    def choose(sheets: Sequence[Preview]) -> int:
        nonlocal header, chosen
        names.extend(sheet.name for sheet in sheets)
        wanted = [_sheet(path, options.sheet, names)] if options.sheet else range(len(sheets))
        for chosen in wanted:
            if header := find_header(iter(sheets[chosen].rows), known):
                return chosen
        which = f"its sheet {names[wanted[0]]!r}" if options.sheet else f"none of its sheets ({_listed(names)})"
        raise FileRefusedError(
            f"{path} has no header: {which} has a column name that is known in its first {HEADER_RECORDS} rows."
        )

    source, notes = read_sheet(path, choose)
    assert header is not None  # noqa: S101
    if len(names) > 1:
        notes.insert(0, f"The sheet {names[chosen]!r} was read, of {_listed(names)}; --sheet overrides this.")
    return Table(
        path=path,
        header=clean_names(_checked_width(path, header.cells)),
        header_line=header.line,
        size=source.size,
        encoding="",
        delimiter="",
        sheet=names[chosen],
        notes=tuple(notes),
        _source=source,
    )


def _sheet(path: Path, name: str, names: list[str]) -> int:
    """The position of the sheet of this name, or of this number from 1."""
    folded = [one.casefold() for one in names]
    if name.casefold() in folded:
        return folded.index(name.casefold())
    if name.isdecimal() and 0 < int(name) <= len(names):
        return int(name) - 1
    raise FileRefusedError(f"{path} has no sheet {name[:100]!r}. It has {_listed(names)}.")


def _listed(names: list[str]) -> str:
    return ", ".join(repr(name) for name in names[:20])


def _checked_width(path: Path, cells: list[str]) -> list[str]:
    if len(cells) > MAX_COLUMNS:
        raise FileRefusedError(f"{path} has {len(cells):,} columns; at most {MAX_COLUMNS:,} are read.")
    return cells


def find_header(records: Iterator[Record], known: Known) -> Record | None:
    """The one of the first records with the most column names that are known; the first of several."""
    best, most = None, 0
    for _, record in zip(range(HEADER_RECORDS), records, strict=False):
        count = known(clean_names(record.cells[:MAX_COLUMNS]))
        if count > most:
            best, most = record, count
    return best


def clean_names(cells: list[str]) -> list[str]:
    """The names of columns without the blanks, control characters and byte order marks that cling to them."""
    return [CONTROL.sub(" ", cell.removeprefix(MISREAD_MARK)).strip().strip('"').strip() for cell in cells]


def _head(path: Path, encoding: Encoding) -> list[str]:
    """The first lines that are not blank."""
    head: list[str] = []
    size = 0
    with encoding.open(path) as text:
        while len(head) < HEAD_LINES and size < HEAD_CHARACTERS and (line := text.readline(MAX_LINE_CHARACTERS)):
            if line := line.lstrip("\ufeff"):
                size += len(line)
                if not line.isspace():
                    head.append(line)
    return head


def _delimiter(name: str) -> str:
    delimiter = DELIMITER_NAMES.get(name.strip().lower(), name)
    if len(delimiter) != 1 or delimiter in '"\r\n\0' or delimiter.isalnum():
        raise FileRefusedError(
            f"{name[:100]!r} cannot separate cells. Name one character, such as a comma or a semicolon, or tab."
        )
    return delimiter


def _best_delimiter(head: str, known: Known) -> str:
    """The delimiter under which a row has the most known names, then the most cells."""

    def score(delimiter: str) -> tuple[int, int]:
        records = split(StringIO(head, newline=""), delimiter, is_clean=True)
        rows = [record.cells[:MAX_COLUMNS] for _, record in zip(range(HEADER_RECORDS), records, strict=False)]
        return max(((known(clean_names(row)), len(row)) for row in rows), default=(0, 0))

    return max(DELIMITERS, key=score)


def _no_header(path: Path, source: Source) -> str:
    first = next(source.records(), None)
    if first is None:
        return f"{path} is empty."
    if first.problem:
        return f"{path} is not CSV: in its header (line {first.line}), {first.problem}."
    names = ", ".join(name[:40] for name in clean_names(first.cells)[:8])
    return (
        f"{path} has no header: none of its first {HEADER_RECORDS} rows has a column name that is known. Its first row "
        f"is: {names}."
    )
