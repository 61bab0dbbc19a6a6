"""Texts that another version of Vitrine folded are folded anew."""

from importlib import import_module

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog import refolding
from catalog.models import Brand, IndexChange, Product
from catalog.tests.factories import BrandFactory, ProductFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows() -> list[Product]:
    """Three products as the release before folded them, and one in ASCII. Their brand is as it was, too."""
    brand = BrandFactory(name="Møller")
    rows = [ProductFactory(name=f"Øre {n}", sku=f"Ł-{n}", description="Zero\u200bgravity", brand=brand) for n in "123"]
    Product.objects.update(search_text="øre\nł\nzero\u200bgravity")
    Brand.objects.update(folded_name="møller")
    ProductFactory(name="Lamp", brand=brand)
    IndexChange.objects.all().delete()
    return rows


def search_texts() -> list[str]:
    return list(Product.objects.order_by("pk").values_list("search_text", flat=True))


NEW = [*(f"ore {n}\nl-{n}\nzerogravity" for n in "123"), "lamp\n\n"]


@pytest.mark.usefixtures("rows")
def test_the_migration_folds_them() -> None:
    import_module("catalog.migrations.0009_refold_texts").refold_texts(apps, None)
    assert search_texts() == NEW
    assert Brand.objects.get(name="Møller").folded_name == "moller"
    # The index holds none of it.
    assert not IndexChange.objects.exists()


@pytest.mark.usefixtures("rows")
def test_the_command_folds_them_and_then_only_reads(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("refold_texts")
    assert capsys.readouterr().out == "4 rows are folded anew.\n"
    assert search_texts() == NEW
    with CaptureQueriesContext(connection) as queries:
        call_command("refold_texts")
    assert capsys.readouterr().out == "0 rows are folded anew.\n"
    assert not [query for query in queries if "UPDATE" in query["sql"]]


@pytest.mark.usefixtures("rows")
def test_it_may_be_killed_and_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refolding, "BATCH", 1)
    fold, calls = refolding.search_text_of, iter(range(10))

    def fold_or_die(*texts: str) -> str:
        if next(calls) == 1:
            raise KeyboardInterrupt
        return fold(*texts)

    monkeypatch.setattr(refolding, "search_text_of", fold_or_die)
    with pytest.raises(KeyboardInterrupt):
        call_command("refold_texts")
    assert search_texts()[0] == NEW[0] != search_texts()[1]
    call_command("refold_texts")
    assert search_texts() == NEW


def test_a_row_that_is_written_meanwhile_is_left_alone(rows: list[Product], monkeypatch: pytest.MonkeyPatch) -> None:
    fold = refolding.search_text_of

    def fold_while_others_write(*texts: str) -> str:
        Product._base_manager.filter(pk=rows[0].pk).update(search_text="written meanwhile\n\n")
        return fold(*texts)

    monkeypatch.setattr(refolding, "search_text_of", fold_while_others_write)
    call_command("refold_texts")
    assert search_texts() == ["written meanwhile\n\n", *NEW[1:]]
