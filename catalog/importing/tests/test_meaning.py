"""What cells mean: numbers by a file's habit, dates, prices of today, stock, categories, texts."""

from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.importing.cells import Cells
from catalog.importing.dates import readings
from catalog.importing.dialects import layout_of
from catalog.importing.errors import RefusedError
from catalog.importing.html_text import MAX_TAGS, text_of
from catalog.importing.numbers import NumberHabit, price_of, quantity_of
from catalog.importing.tests.test_command import run, write
from catalog.models import Product


def habit(*cells: str, default: str = "") -> NumberHabit:
    habit = NumberHabit(default=default)
    habit.learn(cells)
    return habit


@pytest.mark.parametrize(
    ("cell", "others", "price"),
    [
        ("1,234", ["1,234.50"], "1234"),
        ("1.234", ["39,90", "1.149,00"], "1234"),
        ("1 234,5", [], "1234.50"),
        ("1\u202f234,50 €", [], "1234.50"),
        ("12'999.–", ["12.–"], "12999"),
        ("1,23,456.00", [], "123456"),
        ("EUR 35", [], "35"),
        ("35.-", [], "35"),
        ("１２．５０", [], "12.50"),
        ("0.5000", [], "0.50"),
        (",5", [], "0.50"),
        ("0,500", [], "0.50"),
    ],
)
def test_prices_are_read_by_the_files_habit(cell: str, others: list[str], price: str) -> None:
    assert price_of("price", cell, habit(cell, *others)) == Decimal(price)


@pytest.mark.parametrize(
    ("cell", "others", "reason"),
    [
        ("1,234", [], "could be 1.234 or 1234"),
        ("1,234", ["10.00"], "could be"),
        ("9.999", ["10.00"], "more than 2 decimals"),
        ("1,234", ["1.5", "1,5"], "could be"),
        ("5 $", [], "currency"),
        ("5 CHF", [], "currency"),
        ("(5)", [], "negative"),
        ("5-", [], "negative"),
        ("−5", [], "negative"),
        ("1.2.3", [], "not a number"),
        ("1,2345,6", [], "not a number"),
        ("12 34", [], "not a number"),
        ("٣", [], "not a number"),
        ("5²", [], "not a number"),
        ("1e3", [], "not a number"),
        ("5 per kg", [], "not a number"),
        ("9" * 70, [], "more than"),
    ],
)
def test_what_is_no_price_or_could_be_two_is_refused(cell: str, others: list[str], reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        price_of("price", cell, habit(cell, *others))


def test_a_price_of_many_digits_is_refused() -> None:
    for text in ("9" * 29, "9" * 29 + ".5", "1" * 50 + ",25"):
        with pytest.raises(RefusedError, match="more than"):
            price_of("price", text, habit(text))


@pytest.mark.parametrize(
    ("cell", "others", "quantity"),
    [
        ("3.0", [], 3),
        ("40.0000", [], 40),
        ("1.200", [], 1200),
        ("1.000", ["7,50"], 1000),
        ("1.000", ["7.50"], 1),
        ("-2", [], -2),
    ],
)
def test_a_quantity_is_a_whole_number(cell: str, others: list[str], quantity: int) -> None:
    assert quantity_of("quantity", cell, habit(cell, *others)) == quantity


@given(
    st.decimals(0, 9_999_999, places=2),
    st.sampled_from([(",", "."), (".", ","), (" ", ","), ("'", "."), ("\u00a0", ",")]),
)
def test_a_price_in_any_habit_is_read_back(price: Decimal, signs: tuple[str, str]) -> None:
    thousands, decimal = signs
    text = f"{price:,.2f}".replace(",", "T").replace(".", decimal).replace("T", thousands)
    assert price_of("price", text, habit(text)) == price


@given(st.text(max_size=80))
def test_any_text_is_a_price_or_refused(text: str) -> None:
    with suppress(RefusedError):
        assert price_of("price", text, habit(text)) >= 0


def test_a_date_of_a_sale_may_have_two_readings() -> None:
    assert readings("11/1/26") == [datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 1, 11, tzinfo=UTC)]
    assert readings("25/12/2023", end_of_day=True) == [datetime(2023, 12, 25, 23, 59, 59, 999999, tzinfo=UTC)]
    assert readings("") == readings("0000-00-00") == readings("soon") == []
    assert readings("3/14/24, 9:05\u202fAM") == [datetime(2024, 3, 14, 9, 5, tzinfo=UTC)]


def cells(dialect: str, header: list[str]) -> Cells:
    layout = layout_of(Path("x.csv"), header, {})
    assert layout.dialect.name.startswith(dialect), layout.dialect.name
    return Cells(layout, NumberHabit(default="."), None)


WOO = ["Type", "Name", "Regular price", "Sale price", "In stock?", "Stock", "Backorders allowed?", "Categories"]


@pytest.mark.parametrize(
    ("stock", "available", "backorders", "result"),
    [
        ("5", "1", "0", (5, False)),
        ("", "1", "0", (None, True)),
        ("0", "0", "0", (0, False)),
        ("0", "1", "notify", (0, True)),
        ("-2", "1", "0", (0, False)),
        ("5", "0", "0", (0, False)),
    ],
)
def test_stock_that_is_not_counted_has_no_limit(
    stock: str, available: str, backorders: str, result: tuple[int | None, bool]
) -> None:
    values = {"quantity": stock, "available": available, "sold_ahead": backorders}
    assert cells("WooCommerce", WOO).stock(values) == result


@pytest.mark.parametrize(
    ("cell", "path"),
    [
        ("Clothing > Socks, Sale", ("Clothing", "Socks")),
        ("Sale, Clothing > Socks", ("Clothing", "Socks")),
        (r"Gifts\, small things > Badges", ("Gifts, small things", "Badges")),
        ("Home &amp; Shed", ("Home & Shed",)),
        ("Uncategorized", ("Uncategorised",)),
        ("", ("Uncategorised",)),
    ],
)
def test_the_deepest_category_counts(cell: str, path: tuple[str, ...]) -> None:
    assert cells("WooCommerce", WOO).category({"category": cell}) == path


def test_magentos_categories_may_have_an_escaped_slash() -> None:
    magento = cells("Magento", ["sku", "product_type", "attribute_set_code", "name", "price", "categories"])
    values = {"category": r"Default Category/Home \/ Garden/Cans,Default Category/Sale"}
    assert magento.category(values) == ("Home / Garden", "Cans")


@pytest.mark.parametrize(
    "piece",
    [
        "<!--",
        "<a b='",
        "<![CDATA[",
        "<?",
        "</",
        "<b>",
        "<div>",
        "<table>",
        "<svg><math>",
        "&",
        "<x ",
        '<a href="',
        "&amp;amp;",
    ],
)
def test_hostile_html_is_read_in_linear_time(piece: str) -> None:
    # A parser that is quadratic would take minutes.
    assert len(text_of(piece * (MAX_TAGS * 10))) < 10_000_000


@given(st.text(max_size=200))
def test_any_text_becomes_text_without_tags_that_stay(text: str) -> None:
    done = text_of(text)
    assert "<script" not in text_of(f"<p>{text}</p><script>x</script>").lower() or "<script" in text.lower()
    assert done == done.strip()


@pytest.mark.django_db
def test_variants_that_share_a_sku_are_all_made(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "Handle,Title,Option1 Value,Variant SKU,Variant Price,Variant Inventory Qty",
        *("tee,Tee,S,T,5,1", "tee,,M,T,5,2", "tee,,L,T,5,3", "mug,Mug,,'0042,5,1"),
    )
    assert "2 variants share their SKU" in run(path).stdout
    assert list(Product.objects.order_by("slug").values_list("slug", "sku", "quantity")) == [
        ("mug", "0042", 1),
        ("tee-l", None, 3),
        ("tee-m", None, 2),
        ("tee-s", "T", 1),
    ]
    assert run(path).summary == (0, 0, 4, 0)


@pytest.mark.django_db
def test_a_handle_with_an_option_and_another_handle_may_make_one_slug(tmp_path: Path) -> None:
    header = "Handle,Title,Option1 Value,Variant SKU,Variant Price"
    path = write(tmp_path, header, "cap,Cap,Red,C1,5", "cap-red,Red cap,,C2,6")
    assert run(path, dry_run=True).summary == run(path).summary == (2, 0, 0, 0)
    assert dict(Product.objects.values_list("name", "sku")) == {"Cap – Red": "C1", "Red cap": "C2"}
    assert run(path).summary == (0, 0, 2, 0)


@pytest.mark.django_db
def test_a_column_for_each_location_is_added_too(tmp_path: Path) -> None:
    run(write(tmp_path, "Handle,Title,Option1 Value,Variant SKU,Variant Price", "tee,Tee,S,T1,5"))
    path = write(tmp_path, "Handle,Title,Option1 Value,SKU,HS Code,COO,Oslo,Bergen", "tee,Tee,S,T1,,,3,not stocked")
    assert run(path).summary == (0, 1, 0, 0)
    assert Product.objects.get().quantity == 3


@pytest.mark.django_db
def test_quantities_of_all_locations_are_added(tmp_path: Path) -> None:
    run(write(tmp_path, "Handle,Title,Option1 Value,Variant SKU,Variant Price", "tee,Tee,S,T1,5", "tee,,M,T2,5"))
    header = "Handle,Title,Option1 Name,Option1 Value,SKU,Location,Available"
    rows = [
        "tee,Tee,Size,S,T1,Oslo,3",
        "tee,Tee,Size,S,T1,Bergen,4",
        "tee,Tee,Size,M,T2,Oslo,not stocked",
        "tee,Tee,Size,M,T2,Bergen,2",
    ]
    assert run(write(tmp_path, header, *rows, file="inventory.csv")).summary == (0, 2, 0, 0)
    assert dict(Product.objects.values_list("slug", "quantity")) == {"tee-s": 7, "tee-m": 2}


@pytest.mark.django_db
def test_a_variant_without_its_parent_keeps_what_it_has(tmp_path: Path) -> None:
    header = "ID,Type,SKU,Name,Published,In stock?,Stock,Regular price,Categories,Parent,Description"
    parent, variant = "1,variable,P,Tee,0,1,,,Tops,,Soft", "2,variation,V,Tee - S,1,1,3,5,,P,"
    run(write(tmp_path, header, parent, variant))
    before = Product.objects.get()
    result = run(write(tmp_path, header, variant.replace(",5,", ",6,")))
    assert "1 variants have a parent that is not in the file" in result.stdout
    after = Product.objects.get()
    assert (after.price, after.category, after.description) == (6, before.category, "Soft")
