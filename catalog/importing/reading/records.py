"""Splits text into records of CSV, in bounded memory. A broken record costs its own lines at most."""

import csv
import re
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple, TextIO

from catalog.importing.reading.encodings import UNDECODABLE

# No product needs more. Without these limits an unclosed quote would read the whole file into memory.
MAX_LINE_CHARACTERS, MAX_RECORD_CHARACTERS = 1_000_000, 2_000_000
# The most physical lines of one record. Each broken record halves the limit, down to the minimum.
MAX_RECORD_LINES, MIN_RECORD_LINES = 2_000, 10
# What remains of a line that is too long: enough to recognise it by.
LONG_LINE_HEAD = 200
UNUSABLE = re.compile(f"[\0{UNDECODABLE}]")
# The inside of a quoted cell, as far as it goes.
QUOTED = re.compile(r'(?:[^"]++|"")*+')

# The module's own limit for a cell is 131,072 characters, and descriptions are longer.
csv.field_size_limit(MAX_RECORD_CHARACTERS)


class Record(NamedTuple):
    """A record of a table.

    `line` is the number of its first line (in a workbook, of its row), counted from 1. `problem` says why it cannot be
    used, `mended` what was mended in it; both may be empty. `characters` is its length.
    """

    line: int
    cells: list[str]
    problem: str
    characters: int
    mended: str = ""


def split(
    stream: TextIO, delimiter: str, *, skip_lines: int = 0, is_clean: bool = False, encoding: str = ""
) -> Iterator[Record]:
    """All records except blank ones.

    `skip_lines` lines at the top are passed over, but counted. `is_clean` promises that the text has neither NUL nor
    undecodable characters. `encoding` is its name for people.
    """
    lines = _Lines(stream, is_clean=is_clean, encoding=encoding)
    for _ in range(skip_lines):
        next(lines, None)
    read = partial(csv.reader, lines, delimiter=delimiter, strict=True)
    reader = read()
    tolerant = _Tolerant(lines, delimiter)
    while True:
        line = lines.begin()
        mended = ""
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            reader = read()
            repaired = tolerant.cells() if "expected after" in str(error) else None
            if repaired is None:
                first = lines.give_up()
                yield Record(line, [first], lines.problem_of(line) or _problem(error), len(first))
                continue
            cells, problem, mended = repaired, "", "blanks around quotes were taken off"
        else:
            if lines.is_suspect and (repaired := tolerant.cells()) is not None and repaired != cells:
                cells, mended = repaired, "blanks around quotes were taken off"
        if not cells:  # a blank line
            continue
        lines.max_lines = min(MAX_RECORD_LINES, lines.max_lines + 1)
        problem = lines.problem_of(line)
        if problem or any(cell and not cell.isspace() for cell in cells):
            yield Record(line, cells, problem, lines.characters, mended)


class _Lines:
    """The physical lines of a text, counted. The lines of a broken record can be read again."""

    def __init__(self, stream: TextIO, *, is_clean: bool, encoding: str) -> None:
        self.number = 0
        self.characters = 0
        self.max_lines = MAX_RECORD_LINES
        self.is_suspect = False  # the record has a blank before a quote
        self.record: list[str] = []
        self._fresh = self._checked(stream, is_clean, encoding)
        self._again: deque[str] = deque()
        self._problems: dict[int, str] = {}

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._fresh)
        self.number += 1
        self.characters += len(line)
        self.record.append(line)
        if ' "' in line or '\t"' in line:
            self.is_suspect = True
        if self.characters > MAX_RECORD_CHARACTERS or len(self.record) > self.max_lines:
            raise csv.Error("record too long")
        return line

    def begin(self) -> int:
        """Starts a record. Returns the number of its first line."""
        self.record.clear()
        self.characters = 0
        self.is_suspect = False
        return self.number + 1

    def give_up(self, keep: int = 1) -> str:
        """Ends a broken record after `keep` lines. Returns the first. The others will be read again."""
        # Any number of lines may open a quote. Reading up to the limit again for each of them would take too long.
        self.max_lines = max(MIN_RECORD_LINES, self.max_lines // 2)
        first, others = self.record[0], self.record[keep:]
        self._again.extendleft(reversed(others))
        self.number -= len(others)
        self.characters -= sum(map(len, others))
        del self.record[keep:]
        return first.rstrip("\r\n")

    def problem_of(self, line: int) -> str:
        """What is wrong with the lines of the record that begins with this one."""
        if not self._problems:
            return ""
        problems = [self._problems.pop(number, "") for number in range(line, self.number + 1)]
        return next(filter(None, problems), "")

    def _checked(self, stream: TextIO, is_clean: bool, encoding: str) -> Iterator[str]:
        """The lines of the stream, none too long. Notes what is wrong with those that cannot be used."""
        number, was_cut = 0, False
        # Two more than a line may have: its end.
        read: Callable[[], str] = partial(stream.readline, MAX_LINE_CHARACTERS + 2)
        for line in iter(read, ""):
            if was_cut and line == "\n":  # the second half of the long line's end
                continue
            was_cut = False
            number += 1
            if number == 1:
                line = line.lstrip("\ufeff")  # a second byte order mark
            if len(line) > MAX_LINE_CHARACTERS and len(line.rstrip("\r\n")) > MAX_LINE_CHARACTERS:
                length, end = len(line), line
                while not end.endswith(("\n", "\r")) and (end := read()):
                    length += len(end)
                was_cut = end.endswith("\r")
                self._problems[number] = (
                    f"the line has {length:,} characters, and at most {MAX_LINE_CHARACTERS:,} are read"
                )
                line = line[:LONG_LINE_HEAD].replace('"', "'") + "\n"
            elif not is_clean and (found := UNUSABLE.search(line)):
                self._problems[number] = (
                    "the line has a NUL character" if found[0] == "\0" else f"the line is not {encoding} text"
                )
            yield line


class _Tolerant:
    """Reads a record whose quoted cells have blanks around the quotes, as programs write that join cells by hand."""

    def __init__(self, lines: _Lines, delimiter: str) -> None:
        self._lines = lines
        blanks = r"[ ]*+" if delimiter == "\t" else r"[ \t]*+"
        end = rf"(?={re.escape(delimiter)}|[\r\n]|\Z)"
        self._open = re.compile(blanks + '"')
        self._close = re.compile('"' + blanks + end)
        self._plain = re.compile(rf"[^{re.escape(delimiter)}\r\n]*+")
        self._delimiter = delimiter

    def cells(self) -> list[str] | None:
        """The cells of the record that was begun, or None when blanks are not what is wrong with it."""
        kept = len(self._lines.record)
        try:
            cells = self._parse(self._physical_lines())
        except (csv.Error, StopIteration):
            cells = None
        if cells is None and len(self._lines.record) > kept:
            self._lines.give_up(kept)
        return cells

    def _physical_lines(self) -> Iterator[str]:
        """The lines that were read already, then more."""
        yield from list(self._lines.record)
        yield from self._lines

    def _parse(self, lines: Iterator[str]) -> list[str] | None:
        cells: list[str] = []
        line, position = next(lines), 0
        while True:
            if opened := self._open.match(line, position):
                parts, position = [], opened.end()
                while (inside := QUOTED.match(line, position)) and inside.end() == len(line):
                    parts.append(inside[0])
                    line, position = next(lines), 0
                if inside is None or not (closed := self._close.match(line, inside.end())):
                    return None
                parts.append(inside[0])
                cells.append("".join(parts).replace('""', '"'))
                position = closed.end()
            else:
                plain = self._plain.match(line, position)
                assert plain is not None  # noqa: S101  (it matches the empty text)
                cells.append(plain[0])
                position = plain.end()
            if not line.startswith(self._delimiter, position):
                return cells
            position += 1


def _problem(error: csv.Error) -> str:
    """The csv module's error in words for the user."""
    text = str(error)
    if "unexpected end of data" in text:
        return "a quote is opened and never closed"
    if "field limit" in text or "too long" in text:
        return f"a quote is never closed, or the record has more than {MAX_RECORD_CHARACTERS:,} characters"
    if "expected after" in text:
        return "text follows a closing quote"
    return f"it is not valid CSV ({text})"


def fit(record: Record, width: int, *, is_sheet: bool = False) -> Record:
    """The record with as many cells as the header.

    Cells that are missing at the end are blank. Surplus blank cells go. Surplus filled cells are a problem, because a
    delimiter in a text without quotes makes them; beside the table in a sheet they are somebody's notes, and left out.
    """
    cells = record.cells
    difference = len(cells) - width
    if record.problem or not difference:
        return record
    if difference < 0:
        mended = "" if is_sheet else f"{_count(-difference, 'cell')} missing at the end"
        return record._replace(cells=cells + [""] * -difference, mended=_join(record.mended, mended))
    filled = sum(1 for cell in cells[width:] if cell and not cell.isspace())
    if filled and not is_sheet:
        return record._replace(
            problem=f"the row has {len(cells)} cells and the header {width} columns: is a text with a delimiter in it "
            "not in quotes?"
        )
    mended = f"{_count(filled, 'cell')} right of the header, left out" if filled else ""
    return record._replace(cells=cells[:width], mended=_join(record.mended, mended))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun} is" if number == 1 else f"{number} {noun}s are"


def _join(*texts: str) -> str:
    return "; ".join(filter(None, texts))
