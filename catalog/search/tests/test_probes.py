"""What shoppers of some twenty languages type, and what must come first: with their languages named, and with none.

The products are in probes/*.products.csv and the questions in probes/*.probes.csv. `expect` are among the first five
hits and `never` is not the first one. `about` says `named` if that holds only when SEARCH_LANGUAGES names the language,
and `suggestions` if the search box is asked. Invisible characters are escaped.
"""

import csv
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings

from catalog.models import Product
from catalog.search.engine import SuggestionKind
from catalog.search.index import store, suggestions
from catalog.search.index.engine import TantivyEngine
from catalog.search.index.rebuilding import rebuild
from catalog.search.pages import Page
from catalog.search.validation import SearchInput, parse_criteria
from catalog.tests.factories import BrandFactory, CategoryFactory

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
PROBES = Path(__file__).with_name("probes")
SHOPS = sorted(path.name.removesuffix(".products.csv") for path in PROBES.glob("*.products.csv"))
LANGUAGES = ["en", "de", "nl", "sv", "da", "nb", "fr", "es", "ru", "ar", "el", "tr", "it", "pt", "fi"]
KINDS = (
    *("fill", "stop", "cjk", "compound", "dimension", "irregular", "invisible", "exact", "typo", "arabic", "persian"),
    *("letters", "sku", "unit"),
)


def rows_of(name: str) -> list[dict[str, str]]:
    with (PROBES / name).open(newline="") as file:
        return list(csv.DictReader(file))


def unescaped(text: str) -> str:
    return re.sub(r"\\(?:x(..)|u(.{4})|U(.{8}))", lambda m: chr(int(m[1] or m[2] or m[3], 16)), text)


@pytest.fixture(
    scope="module",
    params=[(shop, languages) for shop in SHOPS for languages in (["en"], LANGUAGES)],
    ids=lambda param: f"{param[0]}-{len(param[1])}",
)
def shop(
    request: pytest.FixtureRequest,
    django_db_setup: None,
    django_db_blocker: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[str, list[str]]]:
    """The index of a shop's products: the shop's name, and the languages that its settings name."""
    name, languages = request.param
    folder = tmp_path_factory.mktemp("index")
    with (
        django_db_blocker.unblock(),
        override_settings(SEARCH_ENGINE="tantivy", SEARCH_INDEX_DIR=folder, SEARCH_LANGUAGES=languages),
    ):
        kept, store.reader = store.reader, store.Reader()
        with transaction.atomic():
            make_products(rows_of(f"{name}.products.csv"))
            rebuild()
            yield name, languages
            transaction.set_rollback(True)
        store.reader = kept


def make_products(rows: list[dict[str, str]]) -> None:
    brands = {name: BrandFactory(name=name) for name in sorted({row["brand"] for row in rows})}
    categories = {name: CategoryFactory(name=name) for name in sorted({row["category"] for row in rows})}
    Product.objects.bulk_create(
        Product(
            **{field: unescaped(row[field]) for field in ("slug", "name", "sku", "description")},
            brand=brands[row["brand"]],
            category=categories[row["category"]],
            price=Decimal(5 + number % 300),
            quantity=number % 40,
            created_at=datetime(2024, 1 + number % 12, 1 + number % 28, tzinfo=UTC),
        )
        for number, row in enumerate(rows)
    )


def found(text: str) -> list[str]:
    """The slugs of the hits, best first."""
    search = TantivyEngine().resolve(parse_criteria(SearchInput(text=text)))
    ids = search.page(Page(100)).ids
    assert search.total() == len(ids) or len(ids) == 100, text
    slugs = dict(Product.objects.filter(id__in=ids).values_list("id", "slug"))
    return [slugs[pk] for pk in ids]


def completed(text: str) -> list[str]:
    """The slugs of the products that a search box suggests."""
    suggested = suggestions.suggest(store.reader.snapshot().searcher, text.split(), 8)
    return [suggestion.slug for suggestion in suggested if suggestion.kind is SuggestionKind.PRODUCT]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_meant_comes_first(shop: tuple[str, list[str]], kind: str) -> None:
    name, languages = shop
    probes = [row for row in rows_of(f"{name}.probes.csv") if row["kind"] == kind]
    wrong, asked = [], 0
    for probe in probes:
        if "named" in probe["about"] and languages != LANGUAGES:
            continue
        asked += 1
        text = unescaped(probe["query"])
        came = (completed if "suggestions" in probe["about"] else found)(text)
        expected, never = probe["expect"].split(), probe["never"].split()
        if expected == ["nothing"]:
            holds = len(came) in (0, min(100, Product.objects.count()))
        else:
            holds = set(expected) <= set(came[:5]) and not set(never) & set(came[:1])
        if not holds:
            wrong.append(f"{probe['query']!r} wants {expected}, never {never}: {came[:5]}")
    assert asked
    assert wrong == []
