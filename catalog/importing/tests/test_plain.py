"""The command import_products with plain CSV files: columns, values, updates, conflicts."""

import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command

from catalog.importing.tests.test_command import run, write
from catalog.models import Brand, Category, Product

pytestmark = pytest.mark.django_db

HEADER = "name,slug,sku,description,category,brand,price,quantity,rating,created_at"


def test_imports_all_columns(tmp_path):
    path = write(
        tmp_path,
        HEADER,
        "Reading  Lamp,reading-lamp,L-1,Warm light,Home > Lamps,Lumi,129.50,7,4.5,2024-03-01T10:00:00+02:00",
    )
    result = run(path)
    assert result.summary == (1, 0, 0, 0)
    lamp = Product.objects.select_related("category__parent", "brand").get()
    assert (lamp.name, lamp.slug, lamp.sku, lamp.description) == ("Reading Lamp", "reading-lamp", "L-1", "Warm light")
    assert (lamp.price, lamp.quantity, lamp.rating, lamp.is_active) == (Decimal("129.50"), 7, 4.5, True)
    assert lamp.created_at == datetime(2024, 3, 1, 8, tzinfo=UTC)
    assert (lamp.category.name, lamp.category.parent.name, lamp.brand.name) == ("Lamps", "Home", "Lumi")
    assert lamp.name_key == "reading lamp"
    assert "l-1" in lamp.search_text


def test_name_and_price_are_enough(tmp_path):
    assert run(write(tmp_path, "name,price", "Étagère Ä,1")).summary == (1, 0, 0, 0)
    product = Product.objects.get()
    assert (product.slug, product.sku, product.quantity, product.rating) == ("étagère-ä", None, 0, None)
    assert (product.category.name, product.brand.name, product.description) == ("Uncategorised", "Unbranded", "")


def test_the_same_file_twice_changes_nothing(tmp_path):
    path = write(
        tmp_path,
        HEADER,
        'Lamp,,L-1,"Two\nlines",Home > Lamps,Lumi,0.10,7,4.333333333333333,2024-03-01T10:00Z',
        "Mat,,,,,,5,,,",
    )
    run(path)
    before = list(Product.objects.order_by("pk").values())
    assert run(path).summary == (0, 0, 2, 0)
    assert list(Product.objects.order_by("pk").values()) == before


def test_a_changed_row_updates_its_product_and_stored_keys_only(tmp_path):
    run(write(tmp_path, "slug,name,price,sku", "lamp,Lamp,10,L", "mat,Mat,5,M"))
    before = {p.slug: p for p in Product.objects.all()}
    assert run(write(tmp_path, "slug,name,price", "lamp,Grand Lamp,12", "mat,Mat,5")).summary == (0, 1, 1, 0)
    lamp, mat = Product.objects.get(slug="lamp"), Product.objects.get(slug="mat")
    assert (lamp.name, lamp.name_key, lamp.price, lamp.sku) == ("Grand Lamp", "grand lamp", Decimal("12.00"), "L")
    assert lamp.search_text.startswith("grand lamp")
    assert lamp.updated_at > before["lamp"].updated_at
    assert mat.updated_at == before["mat"].updated_at


def test_an_absent_column_is_left_alone_and_a_blank_one_set_to_its_default(tmp_path):
    full = "Lamp,lamp,L-1,Warm,Home > Lamps,Lumi,10,7,4.5,2024-03-01T10:00:00Z"
    run(write(tmp_path, HEADER, full))
    Product.objects.update(is_active=False)
    assert run(write(tmp_path, "name,price", "Lamp,10")).summary == (0, 0, 1, 0)
    assert run(write(tmp_path, HEADER, "Lamp,lamp,,,,,10,,,")).summary == (0, 1, 0, 0)
    lamp = Product.objects.get()
    assert (lamp.sku, lamp.description, lamp.rating) == (None, "", None)
    assert lamp.quantity == 7  # a blank quantity is not sold out
    assert (lamp.category.name, lamp.brand.name) == ("Uncategorised", "Unbranded")
    assert lamp.created_at == datetime(2024, 3, 1, 10, tzinfo=UTC)
    assert lamp.is_active is False


def test_header_names_ignore_case_and_spaces_and_unknown_ones_are_warned_of(tmp_path):
    result = run(write(tmp_path, " Name ,PRICE,Colour", "Lamp,10,red"))
    assert result.summary == (1, 0, 0, 0)
    assert "Columns not understood: 'Colour' (1 cells)" in result.stdout


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("name", " ", "name is empty"),
        ("name", "x" * 256, "name has 256 characters"),
        ("slug", "a b", "slug 'a b' may only have"),
        ("slug", "x" * 256, "slug has 256"),
        ("sku", "x" * 101, "sku has 101"),
        ("category", "Home > > Lamps", "a level of category is empty"),
        ("category", ">".join("abcdefghijk"), "category has 11 levels"),
        ("category", "x" * 256, "category has 256"),
        ("brand", "x" * 256, "brand has 256"),
        ("price", "", "price is empty"),
        ("price", "NaN", "price 'NaN' is not a number"),
        ("price", "1e400", "not a number"),
        ("price", "1_000", "not a number"),
        ("price", '"1,000"', "could be 1 or 1000"),
        ("price", "$5", "another currency"),
        ("price", "5²", "not a number"),
        ("price", "٣", "not a number"),
        ("price", "-1", "price '-1' is negative"),
        ("price", "1.2345", "more than 2 decimals"),
        ("price", "1.234", "could be 1234 or 1.234"),
        ("price", "10000000000", "more than 9999999999.99"),
        ("price", "9" * 5000, "more than 9999999999.99"),
        ("quantity", "1.5", "not a whole number"),
        ("quantity", "2147483648", "more than 2147483647"),
        ("quantity", "9" * 5000, "more than 2147483647"),
        ("rating", "5.1", "not a number from 0 to 5"),
        ("rating", "inf", "not a number from 0 to 5"),
        ("rating", "-1", "not a number from 0 to 5"),
        ("created_at", "yesterday", "not a date"),
        ("created_at", "03/04/2024", "could be two days"),
        ("created_at", "2024-02-30", "no day of the calendar"),
        ("sku", "1.23E+12", "Excel"),
        ("created_at", "0001-01-01T00:00:00+14:00", "out of range"),
        ("created_at", "9999-12-31T23:59:59-10:00", "out of range"),
    ],
)
def test_a_bad_value_refuses_its_row_alone_with_line_and_reason(tmp_path, column, value, reason):
    cells = {"name": "Lamp", "price": "1", column: value}
    bad = ",".join(cells.get(name, "") for name in HEADER.split(","))
    result = run(write(tmp_path, HEADER, "Mat,,,,,,1,,,", bad, "Rug,,,,,,2,,,"))
    assert result.summary == (2, 0, 0, 1)
    assert "line 3: " in result.stderr
    assert reason in result.stderr
    assert set(Product.objects.values_list("name", flat=True)) == {"Mat", "Rug"}
    assert Category.objects.count() == Brand.objects.count() == 1


def test_the_limits_are_accepted(tmp_path):
    row = f"{'n' * 255},{'s' * 255},{'k' * 100},,{'c' * 255},{'b' * 255},9999999999.99,2147483647,5,1000-01-01T00:00Z"
    zero = "zero,,,,,,0,0,0,9998-12-31T00:00Z"
    path = write(tmp_path, HEADER, row, zero)
    assert run(path).summary == (2, 0, 0, 0)
    assert Product.objects.get(slug="s" * 255).price == Decimal("9999999999.99")
    assert Product.objects.get(slug="zero").rating == 0
    assert run(path).summary == (0, 0, 2, 0)


def test_a_repeated_slug_is_refused_in_one_file_and_across_files(tmp_path):
    one = write(tmp_path, "name,price", "Lamp,1", "lamp,2", file="one.csv")
    two = write(tmp_path, "name,price", "Lamp,3", "Mat,4", file="two.csv")
    result = run(one, two)
    assert result.summary == (2, 0, 0, 2)
    assert "line 3: the name 'lamp' is used already in line 2\n" in result.stderr
    assert f"the name 'Lamp' is used already in line 2 of {one}" in result.stderr
    assert Product.objects.get(slug="lamp").price == 1


def test_a_taken_sku_refuses_the_row(tmp_path):
    run(write(tmp_path, "slug,name,price,sku", "lamp,Lamp,1,A"))
    rows = ["mat,Mat,1,A,New", "rug,Rug,1,B,", "bed,Bed,1,B,Newer", "cup,Cup,1,b,"]
    result = run(write(tmp_path, "slug,name,price,sku,brand", *rows))
    assert result.summary == (2, 0, 0, 2)
    assert "line 2: the SKU 'A' belongs to the product 'lamp'" in result.stderr
    assert "line 4: the SKU 'B' is used already in line 3" in result.stderr
    assert not Brand.objects.filter(name__startswith="New").exists()


def test_products_of_one_file_may_trade_skus(tmp_path):
    run(write(tmp_path, "slug,name,price,sku", "a,a,1,A", "b,b,1,B", "c,c,1,C"))
    path = write(tmp_path, "slug,name,price,sku", "a,a,1,B", "b,b,1,C", "c,c,1,A", "d,d,1,")
    assert run(path, dry_run=True).summary == (1, 3, 0, 0)
    assert run(path).summary == (1, 3, 0, 0)
    assert dict(Product.objects.values_list("name", "sku")) == {"a": "B", "b": "C", "c": "A", "d": None}
    assert "\nc\n" in Product.objects.get(name="b").search_text
    assert run(path).summary == (0, 0, 4, 0)


def test_a_new_product_may_take_a_sku_that_another_row_gives_up(tmp_path):
    run(write(tmp_path, "slug,name,price,sku", "a,a,1,A"))
    path = write(tmp_path, "slug,name,price,sku", "b,b,1,A", "a,a,1,")
    assert run(path, dry_run=True).summary == run(path).summary == (1, 1, 0, 0)


def test_a_refused_trade_changes_no_sku(tmp_path):
    run(write(tmp_path, "slug,name,price,sku", "a,a,1,A", "b,b,1,B", "z,z,1,Z"))
    result = run(write(tmp_path, "slug,name,price,sku", "a,a,1,Z", "b,b,1,A"))
    assert result.summary == (0, 0, 0, 2)
    assert dict(Product.objects.values_list("name", "sku")) == {"a": "A", "b": "B", "z": "Z"}


def test_without_a_slug_the_sku_says_which_product_it_is(tmp_path):
    run(write(tmp_path, "name,price,sku", "Lmap,1,A", "Mat,1,"))
    result = run(write(tmp_path, "name,price,sku", "Lamp,1,A", "Mat,1,M", "Mat,2,N"))
    assert result.summary == (1, 2, 0, 0)
    products = Product.objects.order_by("sku").values_list("slug", "name", "sku")
    assert list(products) == [("lmap", "Lamp", "A"), ("mat", "Mat", "M"), ("mat-n", "Mat", "N")]


def test_a_blank_sku_beside_a_name_takes_no_sku_away(tmp_path):
    run(write(tmp_path, "name,price,sku", "Lamp,1,A"))
    assert run(write(tmp_path, "name,price,sku", "Lamp,1,")).summary == (0, 0, 1, 0)


def test_names_that_differ_in_signs_only_are_other_products(tmp_path):
    names = [
        "Hose 1.5 m",
        "Hose 15 m",
        "C",
        "C#",
        "C++",
        "A-",
        "A−",
        "A+",
        '1/2"',
        '12"',
        "No. 1.0",
        "No. 10",
        "☂",
        "☃",
        "Search",
    ]
    path = write(
        tmp_path, "name,price", *(f'"{name.replace(chr(34), chr(34) * 2)}",{i + 1}' for i, name in enumerate(names))
    )
    assert run(path).summary == (len(names), 0, 0, 0)
    assert dict(Product.objects.values_list("name", "price")) == {name: i + 1 for i, name in enumerate(names)}
    assert run(path).summary == (0, 0, len(names), 0)


def test_a_name_that_would_overwrite_another_is_refused(tmp_path):
    run(write(tmp_path, "name,price", "Hose 2.5 m,1"))
    path = write(tmp_path, "name,price", '"Hose 2,5 m",2', "Hose 2.5 m,3")
    for result in (run(path, dry_run=True), run(path)):
        assert result.summary == (0, 1, 0, 1)
        assert "line 2: it would overwrite the product 'Hose 2.5 m'" in result.stderr
    assert Product.objects.get().price == 3


@pytest.mark.parametrize("key", ["slug", "sku"])
def test_an_update_changes_its_columns_only(tmp_path, key):
    run(write(tmp_path, "name,slug,sku,price,quantity,description", "Lamp,lamp,L,5,4,Warm", "Mat,mat,M,6,1,Soft"))
    before = {product["slug"]: product for product in Product.objects.values()}
    first, unknown = ("lamp", "x") if key == "slug" else ("L", "X")
    result = run(write(tmp_path, f"{key},quantity", f"{first},9", f"{unknown},1", f"{first},3"))
    assert result.summary == (0, 1, 0, 2)
    assert f"line 3: there is no product with the {'slug' if key == 'slug' else 'SKU'} '{unknown}'" in result.stderr
    assert "line 4: " in result.stderr
    changed = {
        name for name, value in Product.objects.filter(slug="lamp").values()[0].items() if value != before["lamp"][name]
    }
    assert changed == {"quantity", "updated_at"}
    assert Product.objects.filter(slug="mat").values()[0] == before["mat"]


def test_only_update_makes_nothing(tmp_path):
    run(write(tmp_path, "name,price", "Lamp,5"))
    result = run(write(tmp_path, "name,price", "Lamp,6", "Mat,1"), only_update=True)
    assert result.summary == (0, 1, 0, 1)
    assert "there is no product with the name 'Mat'" in result.stderr


def test_stock_of_a_file_without_quantities(tmp_path):
    path = write(tmp_path, "name,price", "Lamp,5")
    assert "--stock=unlimited" in run(path).stdout
    lamp = Product.objects.get()
    assert (lamp.quantity, lamp.unlimited_stock) == (0, False)
    assert "sold without limit" in run(path, stock="unlimited").stdout
    lamp.refresh_from_db()
    assert lamp.in_stock
    result = run(write(tmp_path, "slug,quantity", "lamp,3", file="stock.csv"))
    assert "1 products have a quantity in the file and are sold without limit all the same" in result.stdout
    assert run(path, stock="0").summary == (0, 1, 0, 0)
    lamp.refresh_from_db()
    assert (lamp.quantity, lamp.unlimited_stock) == (3, False)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_on_a_terminal_the_stock_is_asked_for(tmp_path, monkeypatch):
    path = write(tmp_path, "name,price", "Lamp,5")
    monkeypatch.setattr("sys.stdin", Terminal("what?\nu\n"))
    call_command("import_products", str(path), stdout=(out := Terminal()), stderr=io.StringIO())
    assert "does not say how many units" in out.getvalue()
    assert Product.objects.get().unlimited_stock
    # Where nobody can answer, nothing is asked.
    monkeypatch.setattr("sys.stdin", Terminal(""))
    assert "--stock" in run(write(tmp_path, "name,price", "Mat,5")).stdout


def test_columns_of_other_names_can_be_mapped(tmp_path):
    path = write(tmp_path, "Wording,Costs,Colour", "Lamp,5,red", "Mat,6,")
    result = run(path, map=["Wording=name", "costs=price"])
    assert result.summary == (2, 0, 0, 0)
    assert "'Colour' (1 cells)" in result.stdout
    for wrong, reason in (
        (["Wording=title"], "no field 'title'"),
        (["Wording=name", "Words=price"], "no column 'Words'"),
        (["x"], "is not a column"),
    ):
        with pytest.raises(CommandError, match=reason):
            run(path, map=wrong)


def test_categories_are_found_by_folded_path_and_created_with_unique_slugs(tmp_path):
    home = Category.objects.create(name="Home", slug="home")
    lamps = Category.objects.create(name="Lamps", slug="lamps", parent=home)
    paths = ["HOME>lámps", "Garden > Lamps", "Garden > Lamps > Lamps", "Lamps", "★", "☆ > ★"]
    rows = [f"p{i},1,{path}" for i, path in enumerate(paths)]
    path = write(tmp_path, "name,price,category", *rows)
    assert run(path).summary == (6, 0, 0, 0)
    assert Product.objects.get(name="p0").category == lamps
    slugs = dict(Product.objects.values_list("name", "category__slug"))
    assert [slugs[f"p{i}"] for i in range(4)] == ["lamps", "garden-lamps", "garden-lamps-lamps", "lamps-2"]
    assert Category.objects.values("slug").distinct().count() == Category.objects.count() == 9
    assert run(path).summary == (0, 0, 6, 0)


def test_brands_are_found_by_folded_name_the_oldest_first(tmp_path):
    old = Brand.objects.create(name="Ménagerie", slug="menagerie")
    Brand.objects.create(name="MENAGERIE", slug="menagerie-2")
    run(write(tmp_path, "name,price,brand", "a,1,menagerie", "b,1,Ménagerie", "c,1,Menagerie!"))
    assert set(old.products.values_list("name", flat=True)) == {"a", "b"}
    assert Product.objects.get(name="c").brand.slug == "menagerie-3"


def test_many_rows_go_in_batches_with_a_bounded_number_of_queries(tmp_path, django_assert_max_num_queries):
    path = write(tmp_path, "name,price,sku", *(f"Lamp {i},1,S{i}" for i in range(300)))
    with django_assert_max_num_queries(30):  # SQLite inserts 71 rows at a time
        assert run(path).summary == (300, 0, 0, 0)
    with django_assert_max_num_queries(6):
        assert run(path).summary == (0, 0, 300, 0)


def test_of_two_columns_of_one_field_one_is_read_and_the_other_told(tmp_path):
    result = run(write(tmp_path, "name,price,Menge,Bestand", "Lamp,5,100,3", "Mat,5,100,"))
    assert "'Menge' was not read, because 'Bestand' was" in result.stdout
    assert list(Product.objects.order_by("name").values_list("quantity", flat=True)) == [3, 0]
    result = run(write(tmp_path, "name,price,Our price", "Lamp,5,", "Rug,5,7"), map=["Our price=price"])
    assert result.summary == (1, 0, 0, 1)
    assert Product.objects.get(name="Rug").price == 7


def test_a_price_before_may_come_alone(tmp_path):
    run(write(tmp_path, "name,sku,price,compare_at_price", "Lamp,L,10,40"))
    for header, cells, prices in (
        ("compare_at_price", "60", (10, 60)),
        ("compare_at_price", "9", (10, None)),
        ("compare_at_price", "60", (10, 60)),
        ("sale_price", "8", (8, 60)),
        ("price", "70", (70, None)),
        ("price,compare_at_price", "10,", (10, None)),
    ):
        assert run(write(tmp_path, f"sku,{header}", f"L,{cells}")).summary == (0, 1, 0, 0)
        lamp = Product.objects.get()
        assert (lamp.price, lamp.compare_at_price) == prices
        assert run(write(tmp_path, f"sku,{header}", f"L,{cells}")).summary == (0, 0, 1, 0)


def test_a_product_of_another_name_is_told(tmp_path):
    run(write(tmp_path, "name,sku,price", "Red lamp,1,5"))
    assert "1 products, known by their SKU" in run(write(tmp_path, "name,sku,price", "Hose,1,5")).stdout
