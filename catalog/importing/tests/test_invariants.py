"""What holds of every import, whatever the rows: a dry run tells the truth, and a second import changes nothing."""

import csv
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.attributes.models import Attribute, ProductAttribute, ProductGroup, options_key
from catalog.importing import run as import_run
from catalog.importing.files import FileRefusedError, check
from catalog.importing.run import Refusal, Summary, import_files
from catalog.models import Product
from core.tests.examples import examples

pytestmark = pytest.mark.django_db

NAMES = ["Lamp", "lamp", "Lamp 1.5", "Lamp 15", "C", "C#", "C++", "☂", "Mat", " Mat ", "", "Search", "Lamp+", "Lamp −"]
CELLS = {
    "name": st.sampled_from(NAMES),
    "slug": st.sampled_from(["", "lamp", "mat", "lamp-15", "a b", "search", "x"]),
    "sku": st.sampled_from(["", "A", "B", "a", "1.2E+12", " A "]),
    "price": st.sampled_from(["1", "2.50", "1,50", "1.234,5", "", "-1", "1,234"]),
    "quantity": st.sampled_from(["", "0", "3", "-1", "2.5", "7.0"]),
    "unlimited_stock": st.sampled_from(["", "yes", "no", "perhaps"]),
    "category": st.sampled_from(["", "Home", "home > Lamps", "Home > > x"]),
    "compare_at_price": st.sampled_from(["", "1", "9"]),
    "attribute: Colour": st.sampled_from(["", "Red", "red", "Blue", "Red | Blue", "R" * 256]),
    "attribute: Width (cm)": st.sampled_from(["", "5", "7.5", "7,5", "5 cm", "5 mm", "wide"]),
    "attribute: New": st.sampled_from(["", "yes", "no", "true", "5"]),
    "group": st.sampled_from(["", "Lamps", "lamps", "Mats"]),
}


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    columns = draw(st.lists(st.sampled_from(list(CELLS)), min_size=2, unique=True))
    if draw(st.booleans()):
        columns += [column for column in ("name", "price", "attribute: Colour", "group") if column not in columns]
    rows = draw(st.lists(st.tuples(*(CELLS[column] for column in columns)), max_size=8))
    return [columns, *map(list, rows)]


GROUPS = {"Shirt": 3, "Cap": 2, "Sock": 3}
SIZES = st.sampled_from(["S", "s", "M", "L"])


@st.composite
def grouped(draw: st.DrawFn) -> list[list[str]]:
    """The products of three groups, in this order, each with some size."""
    slugs = [f"{group}-{n}".lower() for group, number in GROUPS.items() for n in range(number)]
    rows = [[slug, slug, "1", draw(SIZES), slug.partition("-")[0]] for slug in slugs if draw(st.booleans())]
    return [["name", "slug", "price", "attribute: Size", "group"], *rows]


def _import(path: Path, *, dry_run: bool) -> tuple[tuple[int, ...], list[tuple[int, str]]]:
    refused: list[Refusal] = []
    summary: Summary = import_files([check(path)], dry_run=dry_run, on_refused=refused.append)
    counts = (summary.created, summary.updated, summary.unchanged, summary.refused, summary.without_stock)
    return counts, [(refusal.line, refusal.reason) for refusal in refused]


def _products() -> list[dict[str, Any]]:
    """All products with their groups and the values of their attributes, and the attributes."""
    columns = ("attribute__name", "attribute__kind", "attribute__unit", "value__text", "number", "boolean")
    products = list(Product.objects.order_by("pk").values())
    for product in products:
        rows = ProductAttribute.objects.filter(product=product["id"])
        product["attributes"] = sorted(rows.values_list(*columns), key=repr)
        product["group"] = ProductGroup.objects.filter(pk=product["group_id"]).values_list("slug", "name").first()
        if product["group_id"]:
            assert product["options_key"] == options_key(rows)
    return products


@pytest.mark.parametrize("batch_rows", [1, 3, 2_000])
def test_a_dry_run_says_what_an_import_does_and_a_second_one_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_rows: int
) -> None:
    monkeypatch.setattr(import_run, "MAX_BATCH_ROWS", batch_rows)
    path = tmp_path / "products.csv"

    @settings(deadline=None, max_examples=examples(30), suppress_health_check=[*HealthCheck])
    @given(st.lists(tables(), min_size=1, max_size=3))
    def check_all(files: list[list[list[str]]]) -> None:
        with transaction.atomic():
            for rows in files:
                with path.open("w", encoding="utf-8", newline="") as file:
                    csv.writer(file).writerows(rows)
                before, attributes = _products(), Attribute.objects.count()
                try:
                    foretold = _import(path, dry_run=True)
                except FileRefusedError:
                    continue
                assert (_products(), Attribute.objects.count()) == (before, attributes)
                assert _import(path, dry_run=False) == foretold
                after = _products()
                (created, updated, *_), _ = _import(path, dry_run=False)
                assert (created, updated) == (0, 0)
                assert _products() == after
                slugs_before = {product["id"]: product["slug"] for product in before}
                assert all(slugs_before.get(product["id"], product["slug"]) == product["slug"] for product in after)
            transaction.set_rollback(True)

    check_all()


def test_batches_do_not_matter_to_the_options_of_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "products.csv"

    def outcome(files: list[list[list[str]]], batch_rows: int) -> list[Any]:
        monkeypatch.setattr(import_run, "MAX_BATCH_ROWS", batch_rows)
        outcomes: list[Any] = []
        with transaction.atomic():
            for rows in files:
                with path.open("w", encoding="utf-8", newline="") as file:
                    csv.writer(file).writerows(rows)
                outcomes.append(_import(path, dry_run=True))
                assert _import(path, dry_run=False) == outcomes[-1]
            products = Product.objects.order_by("slug")
            outcomes += [
                (each.slug, each.attribute_rows.get().text, each.group.slug) for each in products if each.group
            ]
            transaction.set_rollback(True)
        return outcomes

    @settings(deadline=None, max_examples=examples(40), suppress_health_check=[*HealthCheck])
    @given(st.lists(grouped(), min_size=1, max_size=3))
    def check_all(files: list[list[list[str]]]) -> None:
        assert outcome(files, 3) == outcome(files, 2_000)

    check_all()
