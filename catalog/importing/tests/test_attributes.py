"""Columns of attributes: which kind an attribute gets, what an update changes, and what is refused."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.attributes.models import Attribute, ProductGroup
from catalog.importing import run as import_run
from catalog.importing.tests.test_command import run, write
from catalog.models import Product

pytestmark = pytest.mark.django_db


def values_of(slug: str) -> dict[str, list[str]]:
    """The values of a product, by the names of their attributes."""
    values: dict[str, list[str]] = {}
    for row in Product.objects.get(slug=slug).attribute_rows.select_related("attribute", "value"):
        values.setdefault(str(row.attribute), []).append(row.text)
    return {name: sorted(texts) for name, texts in values.items()}


def kinds() -> dict[str, tuple[str, str]]:
    return {each.name: (each.kind, each.unit) for each in Attribute.objects.all()}


@pytest.mark.parametrize(
    ("heading", "cells", "kind"),
    [
        ("Colour", ["Red", "Blue"], ("TEXT", "")),
        ("Pages", ["120", "95"], ("NUMBER", "")),
        ("Width (cm)", ["120", "95.5 cm"], ("NUMBER", "cm")),
        ("Power", ["40 W", "7 W"], ("NUMBER", "W")),
        ("Temperature", ["-5 °C", "10 °C"], ("NUMBER", "°C")),
        ("Area", ["12 m2", "3 m2"], ("NUMBER", "m2")),
        ("Power", ["40 W", "7"], ("TEXT", "")),
        ("Power", ["40 W", "7 kW"], ("TEXT", "")),
        ("Size", ["38", "M"], ("TEXT", "")),
        ("Code", ["007", "12"], ("TEXT", "")),
        ("Format", ["10x20 cm", "20x30 cm"], ("TEXT", "")),
        ("Digits", ["1234567890", "1"], ("TEXT", "")),
        ("Lengths", ["1 | 2", "3"], ("TEXT", "")),
        ("Organic", ["yes", "No"], ("BOOLEAN", "")),
        ("Organic", ["yes", "partly"], ("TEXT", "")),
    ],
)
def test_the_kind_of_a_new_attribute_follows_from_all_its_cells(tmp_path, heading, cells, kind):
    lines = [f"Lamp {n},1,{cell}" for n, cell in enumerate(cells)]
    result = run(write(tmp_path, f"name,price,attribute: {heading}", *lines, "Lamp without,1,"))
    assert result.summary == (3, 0, 0, 0)
    name = heading.partition(" (")[0]
    assert kinds() == {name: kind}
    assert f"New attributes: {Attribute.objects.get()} (" in result.stdout


def test_a_unit_in_the_heading_of_a_text_is_part_of_the_name(tmp_path):
    run(write(tmp_path, "name,price,attribute: Size (EU)", "Shoe,1,38", "Boot,1,38-40"))
    assert kinds() == {"Size (EU)": ("TEXT", "")}
    assert values_of("shoe") == {"Size (EU)": ["38"]}


def test_a_decimal_comma_is_that_of_the_column_or_of_the_file(tmp_path):
    run(write(tmp_path, "name;price;attribute: Length (m)", "Rope;1,50;1,234", "Line;2,25;0,5"))
    assert values_of("rope") == {"Length (m)": ["1.234"]}


class TestAnExistingAttribute:
    def test_keeps_its_kind(self, tmp_path):
        Attribute.objects.create(name="Pages", slug="pages")
        run(write(tmp_path, "name,price,attribute: PAGES", "Book,1,120"))
        assert kinds() == {"Pages": ("TEXT", "")}
        assert values_of("book") == {"Pages": ["120"]}

    @pytest.mark.parametrize(
        ("cell", "reason"),
        [
            ("wide", "the attribute 'Width' 'wide' is not a number such as 12.5"),
            ("5 mm", "the attribute 'Width' is measured in cm, and the file has '5 mm'"),
            ("5 | 6", "the attribute 'Width' has one value, not 2"),
            ("9999999999", "from -999999999 to 999999999"),
            ("0.1234567", "more than 6 decimals"),
        ],
    )
    def test_refuses_what_is_no_number_of_its_unit(self, tmp_path, cell, reason):
        Attribute.objects.create(name="Width", slug="width", kind="NUMBER", unit="cm")
        result = run(write(tmp_path, "name,price,attribute: Width", f"Rug,1,{cell}", "Mat,1,40 cm"))
        assert result.summary == (1, 0, 0, 1)
        assert "line 2: " in result.stderr
        assert reason in result.stderr
        assert values_of("mat") == {"Width (cm)": ["40"]}

    def test_refuses_what_is_neither_yes_nor_no(self, tmp_path):
        Attribute.objects.create(name="Organic", slug="organic", kind="BOOLEAN")
        result = run(write(tmp_path, "name,price,attribute: Organic", "Tea,1,perhaps", "Jam,1,1"))
        assert "line 2: the attribute 'Organic' 'perhaps' is none of yes, no" in result.stderr
        assert values_of("jam") == {"Organic": ["Yes"]}

    def test_is_named_by_its_slug_too(self, tmp_path):
        Attribute.objects.create(name="Colour of the frame", slug="frame")
        run(write(tmp_path, "name,price,attribute: frame", "Bed,1,Oak"))
        assert values_of("bed") == {"Colour of the frame": ["Oak"]}


class TestUpdates:
    @pytest.fixture(autouse=True)
    def lamp(self, tmp_path):
        run(write(tmp_path, "name,price,attribute: Colour,attribute: Power (W)", "Lamp,1,Red | Blue,40"))

    def test_a_file_without_the_columns_leaves_attributes_and_groups_alone(self, tmp_path):
        group = ProductGroup.objects.create(name="Lamps", slug="lamps")
        Product.objects.update(group=group)
        assert run(write(tmp_path, "name,price", "Lamp,2")).summary == (0, 1, 0, 0)
        assert values_of("lamp") == {"Colour": ["Blue", "Red"], "Power (W)": ["40"]}
        assert Product.objects.get().group == group

    def test_a_column_changes_its_attribute_only(self, tmp_path):
        path = write(tmp_path, "slug,attribute: Colour", "lamp,red")
        assert run(path, dry_run=True).summary == (0, 1, 0, 0)
        assert run(path).summary == (0, 1, 0, 0)
        assert values_of("lamp") == {"Colour": ["Red"], "Power (W)": ["40"]}
        assert run(path).summary == (0, 0, 1, 0)

    def test_a_blank_cell_takes_the_values_away(self, tmp_path):
        assert run(write(tmp_path, "slug,attribute: Colour", "lamp,")).summary == (0, 1, 0, 0)
        assert values_of("lamp") == {"Power (W)": ["40"]}

    def test_only_update_makes_no_product_and_no_attribute(self, tmp_path):
        path = write(tmp_path, "name,price,attribute: Shade", "Lamp,1,", "Torch,1,Round")
        assert run(path, only_update=True).summary == (0, 0, 1, 1)
        assert "Shade" not in kinds()

    def test_a_refused_row_makes_nothing(self, tmp_path):
        path = write(tmp_path, "name,price,attribute: Shade,group", "Torch,many,Round,Torches")
        assert run(path).summary == (0, 0, 0, 1)
        assert "Shade" not in kinds()
        assert not ProductGroup.objects.exists()


def test_map_names_columns_of_attributes_and_groups(tmp_path):
    path = write(tmp_path, "name,price,Farbe,Modell", "Hose rot,1,Rot,Hose", "Hose blau,1,Blau,Hose")
    result = run(path)
    assert "Columns not understood: 'Farbe' (2 cells), 'Modell' (2 cells)" in result.stdout
    run(path, map=["Farbe=attribute: Colour", "Modell=group"])
    assert values_of("hose-rot") == {"Colour": ["Rot"]}
    assert {*Product.objects.values_list("group__slug", "group__name")} == {("hose", "Hose")}


def test_a_bar_within_a_value_has_a_backslash(tmp_path):
    run(write(tmp_path, "name,price,attribute: Scale", r"Map,1,1 \| 2 | A & B &amp; C"))
    assert values_of("map") == {"Scale": ["1 | 2", "A & B & C"]}


class TestLimits:
    def test_of_one_row(self, tmp_path):
        header = ",".join(f"attribute: A{n}" for n in range(51))
        full, less = ",".join("x" * 51), ",".join("x" * 50)
        result = run(
            write(
                tmp_path,
                f"name,price,{header},attribute: B",
                f"Lamp,1,{full},",
                f"Mat,1,{less},,",
                f"Rug,1,{',' * 51}" + "|".join(map(str, range(201))),
                f"Bed,1,{',' * 51}{'x' * 256}",
            )
        )
        assert result.summary == (1, 0, 0, 3)
        assert "line 2: A product has at most 50 attributes" in result.stderr
        assert "line 4: A product has at most 200 values of attributes" in result.stderr
        assert "line 5: the attribute 'B': At most 255 characters are allowed" in result.stderr

    def test_together_with_what_the_product_has(self, tmp_path):
        many = ",".join(f"attribute: A{n}" for n in range(50))
        run(write(tmp_path, f"name,price,{many}", f"Lamp,1,{','.join('x' * 50)}"))
        result = run(write(tmp_path, "slug,attribute: One more", "lamp,x"))
        assert result.summary == (0, 0, 0, 1)
        assert "line 2: its product would have more than 50 attributes" in result.stderr
        assert "One more" not in kinds()


class TestGroups:
    HEADER = "name,slug,price,attribute: Size,group"

    def test_products_of_one_group_never_have_the_same_options(self, tmp_path):
        path = write(
            tmp_path,
            self.HEADER,
            "Shirt S,s,1,S,Shirt",
            "Shirt S again,s2,1,s,Shirt",
            "Shirt M,m,1,M,Shirt",
            "Cap S,c,1,S,",
        )
        foretold = run(path, dry_run=True)
        result = run(path)
        assert result.summary == foretold.summary == (3, 0, 0, 1)
        assert "line 3: line 2 has the same options in the group 'shirt': Size s" in result.stderr
        assert foretold.stderr == result.stderr
        result = run(write(tmp_path, self.HEADER, "Shirt L,l,1,S,shirt"))
        assert "line 2: the product 's' has the same options in the group 'shirt': Size S" in result.stderr

    @pytest.mark.parametrize("batch_rows", [2, 2_000])
    def test_products_swap_their_options(self, tmp_path, monkeypatch, batch_rows):
        monkeypatch.setattr(import_run, "MAX_BATCH_ROWS", batch_rows)
        run(write(tmp_path, self.HEADER, "Cap,c,1,,", "Shirt 1,s,1,S,Shirt", "Shirt 2,m,1,M,Shirt"))
        path = write(tmp_path, self.HEADER, "Cap,c,1,,", "Shirt 1,s,1,M,Shirt", "Shirt 2,m,1,S,Shirt")
        assert run(path, dry_run=True).summary == (0, 2, 1, 0)
        assert run(path).summary == (0, 2, 1, 0)
        assert (values_of("s"), values_of("m")) == ({"Size": ["M"]}, {"Size": ["S"]})

    def test_a_swap_with_a_refused_row_is_refused(self, tmp_path):
        run(write(tmp_path, self.HEADER, "Shirt 1,s,1,S,Shirt", "Shirt 2,m,1,M,Shirt"))
        path = write(tmp_path, self.HEADER, "Shirt 1,s,1,M,Shirt", "Shirt 2,m,much,S,Shirt")
        assert run(path, dry_run=True).summary == run(path).summary == (0, 0, 0, 2)
        assert (values_of("s"), values_of("m")) == ({"Size": ["S"]}, {"Size": ["M"]})

    def test_a_product_that_stays_keeps_its_options(self, tmp_path):
        run(write(tmp_path, self.HEADER, "Shirt 1,s,1,S,Shirt", "Shirt 2,m,1,M,Shirt"))
        result = run(write(tmp_path, self.HEADER, "Shirt 1,s,1,M,Shirt", "Shirt 2,m,1,M,Shirt"))
        assert result.summary == (0, 0, 1, 1)
        assert "line 2: line 3 has the same options" in result.stderr

    def test_a_blank_cell_takes_a_product_out_of_its_group(self, tmp_path):
        run(write(tmp_path, self.HEADER, "Shirt 1,s,1,S,Shirt", "Shirt 2,m,1,M,Shirt"))
        assert run(write(tmp_path, "slug,group", "s,")).summary == (0, 1, 0, 0)
        product = Product.objects.get(slug="s")
        assert (product.group, product.options_key) == (None, None)
        assert values_of("s") == {"Size": ["S"]}

    def test_a_column_group_without_attributes_groups_something_else(self, tmp_path):
        result = run(write(tmp_path, "name,price,group", "Lamp,1,Lighting", "Torch,1,Lighting"))
        assert result.summary == (2, 0, 0, 0)
        assert "Columns not understood: 'group' (2 cells)" in result.stdout

    def test_digits_are_sizes_where_there_are_groups(self, tmp_path):
        run(write(tmp_path, self.HEADER, "Shoe 38,a,1,38,Shoe", "Shoe 39,b,1,39,Shoe"))
        assert kinds() == {"Size": ("TEXT", "")}


def test_a_file_names_so_many_attributes(tmp_path, monkeypatch):
    monkeypatch.setattr("catalog.importing.attribute_habits.MAX_NAMES", 2)
    columns = "Type,SKU,Name,Published,Regular price,In stock?,Attribute 1 name,Attribute 1 value(s)"
    rows = [f"simple,S{n},Lamp {n},1,1,1,A{n},x" for n in range(3)]
    result = run(write(tmp_path, columns, *rows))
    assert result.summary == (2, 0, 0, 1)
    assert "line 4: the file names more than 2 attributes; 'A2' is one too many" in result.stderr


def test_statements_do_not_grow_with_rows_attributes_or_values(tmp_path):
    counts = []
    for number in (2, 40):
        header = ",".join(f"attribute: {name}" for name in ("Colour", "Size", "Shape", "Width (cm)"))
        lines = [f"L{number}-{n},1,c{n},s{n},x,{n},G{number} {n % 3}" for n in range(number)]
        path = write(tmp_path, f"name,price,{header},group", *lines)
        run(
            write(
                tmp_path,
                "name,price,attribute: Colour,attribute: Size,attribute: Shape,attribute: Width (cm)",
                "First,1,a,b,c,4",
                file="first.csv",
            )
        )
        with CaptureQueriesContext(connection) as queries:
            assert run(path).summary == (number, 0, 0, 0)
        counts.append(len(queries))
        with CaptureQueriesContext(connection) as queries:
            assert run(path).summary == (0, 0, number, 0)
        counts.append(len(queries))
    assert counts[:2] == counts[2:]
