"""A child process that turns a sheet of a workbook (.xlsx, .xlsm) into CSV.

A malicious workbook may use up memory or time, or take over the XML parser. So this process knows no secret, has limits
and can open neither files nor connections. It is run as `python -m catalog.importing.reading.workbook_child IN OUT`
with two open files: the workbook, and the CSV to write. On its standard output it says, in one line of JSON each, which
sheets there are and how they begin, and at the end what it saw. In between it is told the number of the sheet.
"""

import csv
import json
import os
import re
import resource
import sys
import warnings
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from io import BytesIO, TextIOWrapper
from typing import Any, BinaryIO
from xml.etree.ElementTree import Element

import openpyxl
from openpyxl.worksheet._read_only import ReadOnlyWorksheet
from openpyxl.worksheet._reader import FORMULA_TAG, WorkSheetParser

from catalog.images.confinement import NotConfined, confine
from catalog.importing.reading.kinds import archive_kind
from catalog.importing.reading.records import MAX_RECORD_CHARACTERS
from catalog.importing.reading.table import HEADER_RECORDS, MAX_COLUMNS

MEMORY_BYTES, CPU_SECONDS, OUTPUT_BYTES = 768 << 20, 240, 2 << 30
# A workbook unpacks to some ten times its size. More than this is an attack, or no product list.
MAX_UNPACKED_BYTES = 2 << 30
# The last row of Excel. Formatted rows without content end the sheet after so many.
MAX_ROW, MAX_BLANK_ROWS = 1_048_576, 10_000
MAX_SHEETS, MAX_PREVIEW_CHARACTERS = 50, 1_000
ZEROS = re.compile(r"0{2,}")


class Refused(Exception):
    """The workbook cannot be read. The message continues a sentence that begins with its name."""


class Sheet(WorkSheetParser):
    """The cells of a sheet as people see them. `unsaved` counts formulas whose result was not saved."""

    def __init__(self, sheet: ReadOnlyWorksheet, source: BinaryIO) -> None:
        book = sheet.parent
        super().__init__(
            source,
            sheet._shared_strings,
            data_only=True,
            epoch=book.epoch,
            date_formats=book._date_formats,
            timedelta_formats=book._timedelta_formats,
        )
        self.unsaved = 0
        self.ends_blank = False
        self._book = book
        self._widths: dict[int, int] = {}

    def parse_cell(self, element: Element) -> dict[str, Any]:
        """openpyxl's cell. It does not say whether an empty cell has a formula."""
        cell: dict[str, Any] = super().parse_cell(element)
        if cell["value"] is None and element.find(FORMULA_TAG) is not None:
            self.unsaved += 1
        return cell

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """The rows that are not blank, each with its number."""
        blank = 0
        for number, cells in self.parse():
            if number > MAX_ROW:
                raise Refused("is a damaged workbook: it has a row beyond the last.")
            self.row_dimensions.clear()  # else it grows with each row
            texts: list[str] = []
            for cell in cells:
                if (text := self._text(cell)) and cell["column"] <= MAX_COLUMNS + 1:
                    texts.extend([""] * (cell["column"] - 1 - len(texts)))
                    texts[cell["column"] - 1 :] = [text]
            if texts and not all(text.isspace() for text in texts if text):
                blank = 0
                yield number, texts
            elif (blank := blank + 1) > MAX_BLANK_ROWS:
                self.ends_blank = True
                return

    def _text(self, cell: dict[str, Any]) -> str:
        value = cell["value"]
        if value is None:
            return ""
        if isinstance(value, str):
            return value.replace("\0", "")
        if isinstance(value, bool):
            return str(value).upper()
        if isinstance(value, int):
            return str(value).zfill(self._width(cell["style_id"]))
        if isinstance(value, float):
            # Excel shows 15 digits, and stores 0.1 + 0.2 as 0.30000000000000004.
            exact = Decimal(f"{value:.15g}")
            text = f"{exact:f}" if 1e-10 < abs(value) < 1e21 or not value else str(exact)
            text = text.rstrip("0").rstrip(".") if "." in text and "E" not in text else text
            return text.zfill(self._width(cell["style_id"])) if text.isdigit() else text
        if isinstance(value, datetime):
            value = (value + timedelta(milliseconds=500)).replace(microsecond=0)
            return value.date().isoformat() if value.time().isoformat() == "00:00:00" else value.isoformat()
        return value.isoformat() if isinstance(value, date) else str(value)

    def _width(self, style: int) -> int:
        """With how many digits a number of this style is shown: the format 00000 shows 42 as 00042."""
        if style not in self._widths:
            number = self._book._cell_styles[style].numFmtId - 164
            formats = self._book._number_formats
            text = formats[number] if 0 <= number < len(formats) else ""
            self._widths[style] = len(text) if ZEROS.fullmatch(text) else 0
        return self._widths[style]


def open_book(source: BinaryIO) -> openpyxl.Workbook:
    """The workbook. Raises Refused when it is none."""
    with zipfile.ZipFile(source) as archive:
        if kind := archive_kind(archive.namelist()):
            raise Refused(f"is {kind}")
        if sum(entry.file_size for entry in archive.infolist()) > MAX_UNPACKED_BYTES:
            raise Refused("is a workbook that unpacks to more than 2 GB. Save the rows as CSV UTF-8 and import that.")
    source.seek(0)
    return openpyxl.load_workbook(source, read_only=True, data_only=True, keep_links=False)


def warm_up() -> None:
    """Writes and reads a workbook once, because Python loads modules on first use and confinement forbids that."""
    book, file = openpyxl.Workbook(), BytesIO()
    book.worksheets[0].append(["a", 1, 1.5, True, datetime(2024, 1, 1), "=1"])
    book.save(file)
    sheet = open_book(file).worksheets[0]
    with sheet._get_source() as source:
        list(Sheet(sheet, source).rows())


def preview(sheet: ReadOnlyWorksheet) -> dict[str, Any]:
    """The sheet's name and its first rows, in which a header may be."""
    rows = []
    with sheet._get_source() as source:
        for _, (number, texts) in zip(range(HEADER_RECORDS), Sheet(sheet, source).rows(), strict=False):
            rows.append([number, [text[:MAX_PREVIEW_CHARACTERS] for text in texts]])
    return {"name": sheet.title[:100], "rows": rows}


def convert(sheet: ReadOnlyWorksheet, out: TextIOWrapper) -> dict[str, Any]:
    """Writes the sheet's rows: number, problem, cells. Returns what was noticed."""
    writer = csv.writer(out)
    with sheet._get_source() as source:
        reader = Sheet(sheet, source)
        last = 0
        for last, texts in reader.rows():
            characters = sum(map(len, texts))
            if characters > MAX_RECORD_CHARACTERS // 2 - 100_000:
                writer.writerow([last, f"the row has {characters:,} characters, which is too much"])
            else:
                writer.writerow([last, "", *texts])
    out.close()
    return {"unsaved": reader.unsaved, "last": last, "ends_blank": reader.ends_blank}


def main(source: BinaryIO, out: TextIOWrapper) -> None:
    """Answers the parent as this module says."""
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (OUTPUT_BYTES, OUTPUT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warm_up()
    try:
        confine()
    except NotConfined as error:
        print(f"Workbooks are read without confinement ({error}).", file=sys.stderr)  # noqa: T201
    try:
        # A hidden sheet is read only when no other has a header, or when its name is given.
        sheets = sorted(open_book(source).worksheets, key=lambda sheet: sheet.sheet_state != "visible")[:MAX_SHEETS]
        answer({"sheets": [preview(sheet) for sheet in sheets]})
        if (line := sys.stdin.readline()).strip():
            answer(convert(sheets[int(line)], out))
    except Refused as error:
        answer({"refused": str(error)})
    except MemoryError:
        answer({"refused": "is a workbook that needs too much memory. Save its rows as CSV UTF-8 and import that."})
    except Exception as error:  # openpyxl raises whatever its parts raise
        answer({"refused": f"is a damaged workbook ({type(error).__name__}). Open it in Excel and save it again."})


def answer(message: dict[str, Any]) -> None:
    """Tells the parent."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(os.fdopen(int(sys.argv[1]), "rb"), os.fdopen(int(sys.argv[2]), "w", encoding="utf-8", newline=""))
