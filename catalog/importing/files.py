"""Reads CSV files: checks each as a whole before anything is written, then reads its records in bounded memory."""

import codecs
import csv
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple, TextIO

from catalog.importing import plain, shopify
from catalog.importing.formulas import is_report, unguarded
from catalog.importing.reading import FileRefusedError as FileRefusedError
from catalog.importing.rows import Form

CHUNK_BYTES = 1 << 20
# No product needs more. Without these limits an unclosed quote would read the whole file into memory.
MAX_LINE_BYTES, MAX_RECORD_CHARACTERS = 1_000_000, 2_000_000
# The most physical lines of one record. Each broken record halves the limit, down to the minimum.
MAX_RECORD_LINES, MIN_RECORD_LINES = 2_000, 10


class Record(NamedTuple):
    """A record: `line` is the number of its first line, `problem` what is wrong with its CSV, if anything."""

    line: int
    cells: list[str]
    problem: str
    characters: int


@dataclass(frozen=True)
class SourceFile:
    """A file that passed `check`."""

    path: Path
    header: list[str]
    size: int

    def form(self) -> Form:
        """A new reader of this file's rows. The header decides between Shopify's and the plain format."""
        return _form_for(self.path, self.header)

    def records(self, advance: Callable[[int], object] = lambda position: None) -> Iterator[Record]:
        """The records below the header. Calls `advance` with the number of bytes read. Raises FileRefusedError."""
        try:
            with _open(self.path) as text:
                records = _records(text)
                next(records, None)
                from_report = is_report(self.header)
                for count, record in enumerate(records):
                    if count % 256 == 0:
                        advance(text.buffer.tell())
                    cells = [unguarded(cell) for cell in record.cells] if from_report else record.cells
                    yield _fit(record._replace(cells=cells), len(self.header))
        except (OSError, UnicodeDecodeError) as error:
            raise FileRefusedError(f"{self.path} cannot be read to its end: {error}.") from error


def check(path: Path) -> SourceFile:
    """Reads the file once to its end, in constant memory. Raises FileRefusedError when it is no product CSV."""
    try:
        if not path.exists():
            raise FileRefusedError(f"{path}: there is no such file.")
        if not path.is_file():
            raise FileRefusedError(f"{path} is {'a folder' if path.is_dir() else 'not a file'}.")
        with path.open("rb") as raw:
            size = _check_text(path, raw)
        with _open(path) as text:
            first = next(_records(text), None)
    except OSError as error:
        raise FileRefusedError(f"{path} cannot be read: {error.strerror}.") from error
    if first is None:
        raise FileRefusedError(f"{path} is empty.")
    if first.problem:
        raise FileRefusedError(f"{path} is not CSV: in its header, {first.problem}.")
    header = [unguarded(cell) for cell in first.cells] if is_report(first.cells) else first.cells
    _form_for(path, header)
    return SourceFile(path, header, size)


def _open(path: Path) -> TextIO:
    # newline="" keeps line breaks inside quotes as they are; the csv module requires it.
    return path.open(encoding="utf-8-sig", newline="")


def _check_text(path: Path, raw: BinaryIO) -> int:
    """The file's size in bytes. Raises FileRefusedError unless it is UTF-8 text whose lines are not too long."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    size, line, length = 0, 1, 0
    while True:
        chunk = raw.read(CHUNK_BYTES)
        try:
            decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            line += error.object[: error.start].count(b"\n")
            raise FileRefusedError(f"{path} is not UTF-8 text (line {line}).") from error
        if (nul := chunk.find(b"\0")) >= 0:
            line += chunk.count(b"\n", 0, nul)
            raise FileRefusedError(f"{path} is not a text file: line {line} has a NUL character.")
        if not chunk:
            return size
        lengths = [len(piece) for piece in chunk.replace(b"\r", b"\n").split(b"\n")]
        lengths[0] += length  # The chunk continues the last line of the one before.
        if max(lengths) > MAX_LINE_BYTES:
            raise FileRefusedError(f"{path} is not CSV: it has a line of more than {MAX_LINE_BYTES:,} bytes.")
        length = lengths[-1]
        size += len(chunk)
        line += chunk.count(b"\n")


class _Lines:
    """The physical lines of a file, counted. The lines of a broken record can be read again."""

    def __init__(self, stream: TextIO) -> None:
        self.number = 0
        self.characters = 0
        self.max_lines = MAX_RECORD_LINES
        self._stream = stream
        self._record: list[str] = []
        self._again: deque[str] = deque()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._stream)
        self.number += 1
        self.characters += len(line)
        self._record.append(line)
        if self.characters > MAX_RECORD_CHARACTERS or len(self._record) > self.max_lines:
            raise csv.Error("record too long")
        return line

    def begin(self) -> int:
        """Starts a record. Returns the number of its first line."""
        self._record.clear()
        self.characters = 0
        return self.number + 1

    def give_up(self) -> str:
        """Ends a broken record after its first line, which is returned. Its other lines will be read again."""
        # Any number of lines may open a quote. Reading up to the limit again for each of them would take too long.
        self.max_lines = max(MIN_RECORD_LINES, self.max_lines // 2)
        first, *others = self._record
        self._again.extendleft(reversed(others))
        self.number -= len(others)
        return first.rstrip("\r\n")


def _records(stream: TextIO) -> Iterator[Record]:
    """All records except blank ones. A broken one ends after a line: an unclosed quote must not hide the rest."""
    lines = _Lines(stream)
    reader = csv.reader(lines, strict=True)
    while True:
        line = lines.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problem = _problem(error)
            first = lines.give_up()
            reader = csv.reader(lines, strict=True)
            yield Record(line, [first], problem, len(first))
            continue
        lines.max_lines = min(MAX_RECORD_LINES, lines.max_lines + 1)
        if any(cell and not cell.isspace() for cell in cells):
            yield Record(line, cells, "", lines.characters)


def _problem(error: csv.Error) -> str:
    """The csv module's error in words for the user."""
    text = str(error)
    if "unexpected end of data" in text:
        return "a quote is opened and never closed"
    if "field limit" in text or "too long" in text:
        return f"a quote is never closed, or a field has more than {csv.field_size_limit():,} characters"
    if "expected after" in text:
        return "text follows a closing quote"
    return f"it is not valid CSV ({text})"


def _fit(record: Record, width: int) -> Record:
    """The record with as many cells as the header. Surplus blank cells go; any other difference is a problem."""
    cells = record.cells
    if record.problem or len(cells) == width:
        return record
    if len(cells) > width and not any(cell.strip() for cell in cells[width:]):
        return record._replace(cells=cells[:width])
    return record._replace(problem=f"the row has {len(cells)} columns and the header {width}")


def _form_for(path: Path, header: list[str]) -> Form:
    names = [name.strip().lower() for name in header]
    renamed = [shopify.ALIASES.get(name, name) for name in names]
    if "name" not in names and {"handle", "variant price"} & set(renamed):
        _check_columns(path, "Shopify", renamed, (*shopify.FIELDS, *shopify.OPTIONS), shopify.REQUIRED)
        return shopify.ShopifyForm(renamed)
    if not set(names) & set(plain.COLUMNS):
        raise FileRefusedError(
            f"{path} has no header of a product CSV: it needs Shopify's columns, or at least name and price, "
            "separated by commas."
        )
    _check_columns(path, "plain", names, plain.COLUMNS, plain.REQUIRED)
    return plain.PlainForm(names)


def _check_columns(path: Path, kind: str, names: list[str], known: tuple[str, ...], required: tuple[str, ...]) -> None:
    if missing := [name for name in required if name not in names]:
        raise FileRefusedError(f"{path} lacks {_columns(missing)} of a {kind} product CSV.")
    if repeated := [name for name in known if names.count(name) > 1]:
        raise FileRefusedError(f"{path} has {_columns(repeated)} more than once.")


def _columns(names: list[str]) -> str:
    return f"the column{'s' if len(names) > 1 else ''} {', '.join(names)}"
