"""CSV of all kinds is read back as it was written, and a broken line costs itself alone."""

import codecs
import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.importing.reading import FileRefusedError, records
from catalog.importing.reading.tests.support import opened, problems, rows

HEADER = b"name,sku,price\n"
cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "products.csv"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    table=st.lists(st.lists(cells, min_size=3, max_size=3), max_size=5),
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_any_table_of_texts_is_read_back(path, table, delimiter, encoding, end):
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([["name", "sku", "price"], *table])
    table_read = opened(path, text.getvalue().encode(encoding))
    assert rows(table_read) == [row for row in table if any(cell and not cell.isspace() for cell in row)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(content=st.binary(max_size=400), prefix=st.sampled_from([b"", HEADER, b"sep=;\nname;sku\n", b"\xff\xfe"]))
def test_any_bytes_are_records_or_refused(path, content, prefix):
    try:
        table = opened(path, prefix + content)
    except FileRefusedError:
        return
    for record in table.records():
        assert record.problem or len(record.cells) == len(table.header)


@pytest.mark.parametrize(
    ("content", "delimiter", "line"),
    [
        (b"name;sku\nA;1\n", ";", 1),
        (b"name\tsku\nA\t1\n", "\t", 1),
        (b"name|sku\nA|1\n", "|", 1),
        (b"sep=;\r\nname;sku\r\nA;1\r\n", ";", 2),
        (b'"sep=;"\nname;sku\nA;1\n', ";", 2),
        ("sep=\t\nname\tsku\nA\t1\n".encode("utf-16"), "\t", 2),
        (b"\n\nOur prices\nof 2024,,\n\nname,sku\nA,1\n", ",", 6),
        (b"\xef\xbb\xbf\xef\xbb\xbf name ,\x01sku\nA,1\n", ",", 1),
    ],
)
def test_the_header_and_the_delimiter_are_found(path, content, delimiter, line):
    table = opened(path, content)
    assert (table.header, table.delimiter, table.header_line) == (["name", "sku"], delimiter, line)
    assert [(record.line, record.cells) for record in table.records()] == [(line + 1, ["A", "1"])]


def test_a_delimiter_that_is_given_counts(path):
    assert opened(path, b"name:sku\nA:1\n", delimiter=":").header == ["name", "sku"]
    assert opened(path, b"name\tsku\n", delimiter="tab").header == ["name", "sku"]
    with pytest.raises(FileRefusedError, match="cannot separate cells"):
        opened(path, delimiter="ab")


def test_blanks_around_quotes_are_mended(path):
    table = opened(path, HEADER + b'"a, b" ,1,\t"2"\n "c\nd"\t, "1",2\n12" pipe,"x ""y""",3\n')
    assert rows(table) == [["a, b", "1", "2"], ["c\nd", "1", "2"], ['12" pipe', 'x "y"', "3"]]
    assert [bool(record.mended) for record in table.records()] == [True, True, False]


def test_broken_lines_cost_themselves_alone(path):
    broken = b'"a" b,1,2\n"never closed,1,2\na,1\nb,1,2,\nc,1,2,3\nnul\0,1,2\nbad\xff,1,2\n\xc3\xa4,1,2\n'
    table = opened(path, HEADER + broken)
    assert rows(table) == [["a", "1", ""], ["b", "1", "2"], ["ä", "1", "2"]]
    found = problems(table)
    assert "text follows a closing quote" in found[2]
    assert "quote" in found[3]
    assert "4 cells and the header 3 columns" in found[6]
    assert "NUL" in found[7]
    assert "not UTF-8" in found[8]
    assert next(record.mended for record in table.records() if record.line == 4) == "1 cell is missing at the end"


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_line_up_to_the_limit_goes_in_and_a_longer_one_is_told(path, monkeypatch, end):
    monkeypatch.setattr(records, "MAX_LINE_CHARACTERS", 100)
    lines = [b"name,sku", b"x" * 98 + b",1", b"x" * 99 + b",1", b"x" * 1000 + b",1", b"a,1"]
    table = opened(path, end.join(lines))
    assert [len(cells[0]) for cells in rows(table)] == [98, 1]
    assert list(problems(table)) == [3, 4]
    assert "characters, and at most 100 are read" in problems(table)[4]


def test_many_unclosed_quotes_are_not_quadratic(path):
    table = opened(path, HEADER + b'"a,1,2\n' * 5_000)
    assert sum(1 for _ in table.records()) > 2_000


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"%PDF-1.7", "a PDF"),
        (b"\x1f\x8b\x08", "gzip"),
        (codecs.BOM_UTF8 + b'{"a": 1}', "JSON"),
        (b"<!DOCTYPE html><table>", "a web page"),
        (b"\x89PNG\r\n", "a picture"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 99, "old Excel workbook"),
        (b"a,b\n1,2\n", "no header"),
        (b"name" + b",x" * 3000, "at most 2,000"),
    ],
)
def test_what_is_no_table_is_refused_in_a_sentence(path, content, says):
    with pytest.raises(FileRefusedError, match=says):
        opened(path, content)
