"""The tables of column names: each is whole, and none takes a file of another."""

import fnmatch
from pathlib import Path

import pytest

from catalog.importing.cells import STOCK_WORDS
from catalog.importing.dialects import FIELDS, layout_of, normal_name
from catalog.importing.files import check
from catalog.importing.reading import FileRefusedError
from catalog.importing.tables import Dialect, dialects

CASES = Path(__file__).with_name("cases")
README = (CASES.parent.parent / "dialects" / "README.md").read_text("utf-8")
HELPERS = {
    "handle",
    "group_name",
    "row_id",
    "kind",
    "parent",
    "locale",
    "status",
    "sale_from",
    "sale_to",
    "sale_dates",
    "discount",
}
HELPERS |= {"discount_percent", "facets", "image_own", "image_alt", "image_position", *STOCK_WORDS}


@pytest.mark.parametrize("dialect", dialects(), ids=lambda dialect: dialect.name)
def test_every_name_in_a_table_means_something(dialect: Dialect) -> None:
    referred = {name for names in dialect.needs for name in names}
    referred |= {dialect.options.values, *dialect.options.column.split("|"), *dialect.default.values()}
    referred |= {*dialect.ignored_if.values(), dialect.options.names, dialect.attributes.pairs, "variant_title"}
    referred |= {"configurable_variations", "configurable_variation_labels"}
    for name in dialect.columns:
        assert name in {*FIELDS, *HELPERS, *referred}, f"no code reads {name}"
        assert name in FIELDS or name not in HELPERS or f"`{name}`" in README
    for name in (*dialect.variants.inherit, *dialect.words, *dialect.default, *dialect.ignored_if):
        assert name in dialect.columns, f"{name} has no column"
    for names in dialect.needs:
        assert {*names} <= dialect.columns.keys()


@pytest.mark.parametrize("dialect", dialects(), ids=lambda dialect: dialect.name)
def test_a_column_has_one_field(dialect: Dialect) -> None:
    owners: dict[str, set[str]] = {}
    for name, aliases in dialect.columns.items():
        for alias in aliases:
            owners.setdefault(normal_name(alias), set()).add(name)
    assert {alias: fields for alias, fields in owners.items() if len(fields) > 1} == {}


def test_the_exact_names_of_fields_are_never_taken_for_another_system() -> None:
    for header in (
        ["name", "price"],
        [*FIELDS],
        ["sku", "quantity"],
        ["slug", "price"],
        ["name", "sku", "price", "quantity"],
    ):
        assert layout_of(Path("x.csv"), header, {}).dialect.name in ("plain columns", "Vitrine's export")


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("bigcommerce*", "BigCommerce"),
        ("google*", "Google Merchant feed"),
        ("magento*", "Magento 2 (Adobe Commerce)"),
        ("medusa*", "Medusa"),
        ("opencart*", "OpenCart"),
        ("prestashop*", "PrestaShop"),
        ("shopify*", "Shopify"),
        ("vendure*", "Vendure"),
        ("woocommerce*", "WooCommerce"),
        ("[!bgmopsvw]*.csv", "plain columns"),
    ],
)
def test_the_cases_are_recognised(pattern: str, name: str) -> None:
    for path in CASES.iterdir():
        if fnmatch.fnmatch(path.name, pattern):
            assert check(path).layout.dialect.name == name, path


def test_the_columns_of_the_cases_are_all_understood() -> None:
    for path in CASES.iterdir():
        if path.suffix in (".csv", ".tsv"):
            assert not [note for note in check(path).notes if "not understood" in note], path


def test_a_file_of_something_else_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "contacts.csv"
    path.write_text("First name,E-mail,Description\nA,a@example.com,x\n")
    with pytest.raises(FileRefusedError, match="--map"):
        check(path)
