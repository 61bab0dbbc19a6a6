"""Workbooks are read as people see them, and hostile ones are refused in a sentence."""

import datetime
import random
import zipfile
from contextlib import suppress
from io import BytesIO

import openpyxl
import pytest
from openpyxl.styles import Font

from catalog.importing.reading import FileRefusedError
from catalog.importing.reading.tests.support import opened, rows

pytestmark = pytest.mark.slow


def saved(path, *sheets):
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, content in sheets:
        sheet = book.create_sheet(name)
        for row in content:
            sheet.append(row)
    book.save(path)
    return book


@pytest.fixture
def path(tmp_path):
    return tmp_path / "products.csv"  # the content decides, not the name


def test_cells_are_read_as_people_see_them(path):
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(["Our prices"])
    sheet.append([])
    sheet.append(["name", "sku", "price", "quantity", "on", "at", "new", "formula", "error"])
    day, moment = datetime.date(2024, 3, 1), datetime.datetime(2024, 3, 1, 10, 30, 5)
    sheet.append(["Lamp", 4711.0, 0.1 + 0.2, 42, day, moment, True, "=1+1", "#N/A", None, "a note"])
    sheet["D4"].number_format = "00000"
    sheet["I4"].data_type = "e"
    sheet["A1048576"].font = Font(bold=True)
    book.save(path)
    table = opened(path)
    cells = ["Lamp", "4711", "0.3", "00042", "2024-03-01", "2024-03-01T10:30:05", "TRUE", "", "#N/A"]
    records = list(table.records())
    assert [(record.line, record.cells) for record in records] == [(4, cells)]
    assert "left out" in records[0].mended
    assert any("formula" in note for note in table.notes)


def test_the_sheet_with_a_header_is_taken_or_the_one_that_is_named(path):
    first, second = ("Notes", [["Hello"]]), ("Wares", [["name", "sku"], ["Lamp", "1"]])
    saved(path, first, second, ("More", [["name"], ["Mat"]]))
    assert opened(path).sheet == "Wares"
    assert rows(opened(path, sheet="3")) == [["Mat"]]
    with pytest.raises(FileRefusedError, match="'Notes', 'Wares', 'More'"):
        opened(path, sheet="None")


def replaced(path, part, content):
    """The workbook with another content of one of its parts."""
    out = BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, content if name == part else old.read(name))
    return out.getvalue()


SHEET = "xl/worksheets/sheet1.xml"
BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(10))
    + b"]><worksheet><sheetData><row><c t='inlineStr'><is><t>&k;</t></is></c></row></sheetData></worksheet>"
)


@pytest.mark.parametrize("content", [BOMB, b"<worksheet"])
def test_a_hostile_sheet_is_refused(path, content):
    saved(path, ("A", [["name"], ["Lamp"]]))
    with pytest.raises(FileRefusedError):
        opened(path, replaced(path, SHEET, content))


@pytest.mark.parametrize(
    ("part", "says"),
    [("word/document.xml", "Word"), ("content.xml", "OpenDocument"), ("a.csv", "archive"), ("Index/a.iwa", "Apple")],
)
def test_another_archive_is_refused(path, part, says):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(part, b"x")
    with pytest.raises(FileRefusedError, match=says):
        opened(path)


def check_damaged(path, content):
    with suppress(FileRefusedError):
        list(opened(path, content).records())


def test_a_truncated_workbook_is_refused(path):
    saved(path, ("A", [["name"], ["Lamp"]]))
    content = path.read_bytes()
    with pytest.raises(FileRefusedError, match="damaged"):
        opened(path, content[: len(content) // 2])


def test_flipped_bytes_are_records_or_refused(path):
    saved(path, ("A", [["name", "price"], *(["Lamp", number / 7] for number in range(50))]))
    content, draw = path.read_bytes(), random.Random(1)
    for _ in range(60):
        damaged = bytearray(content)
        for _ in range(draw.randint(1, 8)):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        check_damaged(path, bytes(damaged))


def test_bombs_end_within_limits(path):
    saved(path, ("A", [["name"], ["Lamp"]]))
    text = b"<worksheet><sheetData><row><c t='inlineStr'><is><t>" + b"a" * (900 << 20)
    with pytest.raises(FileRefusedError):
        opened(path, replaced(path, SHEET, text))
