"""Exports of other systems and spreadsheets, each with what a shop owner expects of it (cases/expected.json)."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError

from catalog.importing.tests.test_command import Result, run
from catalog.models import Category, Product
from core.tests.clients import Api

FOLDER = Path(__file__).with_name("cases")
CASES = [case for case in json.loads((FOLDER / "expected.json").read_text("utf-8"))["files"] if not case.get("made_by")]
IN_STOCK = "query InStock($slug: String!) { product(slug: $slug) { inStock } }"

pytestmark = pytest.mark.django_db


def _path(category: Category | None) -> list[str]:
    return [*_path(category.parent), category.name] if category else []


def _found(product: Product) -> dict[str, Any]:
    return {
        "name": product.name,
        "slug": product.slug,
        "sku": product.sku,
        "price": f"{product.price:.2f}",
        "quantity": product.quantity,
        "active": product.is_active,
        "available": product.in_stock,
        "category": _path(product.category),
        "brand": product.brand.name,
        "created_at": product.created_at.isoformat(),
    }


def _differences(wanted: dict[str, Any]) -> list[str]:
    key = next(key for key in ("sku", "slug", "name") if key in wanted)
    product = Product.objects.filter(**{key: wanted[key]}).first()
    if product is None:
        return [f"{wanted[key]} is missing"]
    found = _found(product)
    different = [f"{name} is {found[name]!r}" for name in found if name in wanted and found[name] != wanted[name]]
    different += [
        f"{name} is {found[name]!r}"
        for name in ("price", "category")
        if found[name] not in wanted.get(f"{name}_any", [found[name]])
    ]
    different += [
        f"name lacks {text}" for text in wanted.get("name_has", ()) if text.lower() not in product.name.lower()
    ]
    different += [
        f"text lacks {text!r}" for text in wanted.get("description_has", ()) if text not in product.description
    ]
    different += [f"text has {text!r}" for text in wanted.get("description_lacks", ()) if text in product.description]
    if not found["created_at"].startswith(wanted.get("created_on", "")):
        different.append(f"created_at is {found['created_at']}")
    return [f"{wanted[key]}: {difference}" for difference in different]


def _says(text: str, words: list[str]) -> bool:
    return any(word.lower() in text.lower() for word in words)


def _refused_lines(result: Result) -> dict[int, str]:
    return {int(line): reason for line, reason in re.findall(r"line (\d+): (.*)", result.stdout + result.stderr)}


@pytest.mark.parametrize("case", CASES, ids=[case["file"] for case in CASES])
def test_a_file_arrives_as_expected_and_a_second_time_changes_nothing(case: dict[str, Any]) -> None:
    assert settings.CURRENCY == "EUR"
    for name in case.get("before", ()):
        run(FOLDER / name)
    before = Product.objects.count()
    result = run(FOLDER / case["file"])
    refused = _refused_lines(result)
    must, may = ({each["line"]: each["says"] for each in case.get(name, ())} for name in ("refused", "may_refuse"))
    assert must.keys() <= refused.keys() <= must.keys() | may.keys(), refused
    assert all(_says(reason, (must | may)[line]) for line, reason in refused.items()), refused
    wanted = [each for each in case.get("products", ()) if each.get("line") not in refused.keys() - must.keys()]
    if "created" in case:
        assert Product.objects.count() - before == case["created"] - (len(case.get("products", ())) - len(wanted))
    assert [difference for each in wanted for difference in _differences(each)] == []
    alternatives = [[d for each in group for d in _differences(each)] for group in case.get("alternatives", ())]
    assert not alternatives or [] in alternatives, alternatives
    assert not Product.objects.filter(sku__in=case.get("absent", ())).exists()
    assert all(_says(result.stdout + result.stderr, words) for words in case.get("says", ()))
    products = list(Product.objects.order_by("pk").values())
    assert run(FOLDER / case["file"]).summary[:2] == (0, 0)
    assert list(Product.objects.order_by("pk").values()) == products


def test_what_has_unlimited_stock_is_for_sale(shopper: Api) -> None:
    run(FOLDER / "shopify_untracked.csv")
    assert shopper.graphql(IN_STOCK, slug="drift-log-s")["product"]["inStock"] is True
    assert shopper.graphql(IN_STOCK, slug="gravel-5")["product"]["inStock"] is False


def test_one_long_line_is_refused_alone(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text(f'name,sku,price,description\nLong,L1,9,"{"word " * 240_000}"\nNext,L2,3,x\n')
    result = run(path)
    assert result.summary == (1, 0, 0, 1)
    assert _says(_refused_lines(result)[2], ["long", "characters"])


def test_a_workbook_that_is_none_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "products.xlsx"
    path.write_bytes((FOLDER / "products.xlsx").read_bytes()[:2_000])
    with pytest.raises(CommandError, match=r"products\.xlsx"):
        run(path)
