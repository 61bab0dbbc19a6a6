"""The judged queries of our demo shop, and the judge's run on a shop of its own."""

import os
import re
import subprocess
import sys

import pytest

from bench.judging import Query, in_shop, read_judgments
from bench.relevance import DEMO, ROOT, reason_against
from catalog.demo.generator import demo_catalogue
from catalog.tests.factories import ProductFactory

pytestmark = pytest.mark.slow


def test_the_judged_queries_name_products_of_the_demo_shop():
    queries = read_judgments(DEMO)
    assert len(queries) >= 60
    assert len({query.kind for query in queries}) >= 10
    products = {product.slug for product in demo_catalogue().products if product.is_active}
    for query in queries:
        assert query.grades.keys() <= products, query.text
        assert set(query.grades.values()) <= {0, 1, 2, 3}, query.text
        assert any(grade >= 2 for grade in query.grades.values()), query.text


def test_products_are_known_by_slug_sku_and_name(db):
    lamp, twin = (ProductFactory(name="Oak lamp", slug=slug) for slug in ("oak-lamp", "oak-lamp-2"))
    mug = ProductFactory(name="Mug", sku="M-1")
    ProductFactory(name="Gone", slug="gone", is_active=False)
    judged = Query("lamp", "wood", {"oak-lamp-2": 3.0, "M-1": 1.0, "Oak lamp": 2.0, "gone": 3.0})
    (query,), missing = in_shop([judged, Query("nothing", "", {"gone": 3.0})])
    assert (query.text, query.kind) == ("lamp", "wood")
    assert query.grades == {lamp.pk: 2.0, twin.pk: 3.0, mug.pk: 1.0}
    assert missing == ["gone"]
    assert reason_against([judged]) == ""
    assert reason_against([Query("mug", "", {"M-1": 1.0, "a": 1.0, "b": 1.0})]) == "it has 1 of 3 judged products"


def judge(*arguments, folder):
    environment = {**os.environ, "VAR_DIR": str(folder / "var"), "DATABASE_URL": ""}
    command = [sys.executable, "-m", "bench.relevance", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


@pytest.fixture
def judged(tmp_path):
    path = tmp_path / "judged.csv"
    path.write_text(
        "query,product,grade\noak lamp,Oak lamp,3\nbrass lamp,Brass lamp,1\nmugs,Blue mug,3\nzzzz,Blue mug,3\n"
    )
    return path


def test_the_judge_compares_the_engines_on_the_judged_names(judged, tmp_path):
    done = judge(judged, "--database", "--worst", 1, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Not on the shop of the settings: it cannot be read (no such table: catalog_product)." in done.stderr
    assert "4 queries, 4 judgments, relevant from 2.5; on a shop of the judged names alone" in done.stdout
    rows = {
        line.split()[0]: line.split()[1:5]
        for line in done.stdout.splitlines()
        if re.match(r"index|database|BM25", line)
    }
    assert rows["index"] == rows["BM25"] == ["0.750", "0.667", "0.667", "25.0%"]
    assert set(rows) == {"index", "database", "BM25"}
    assert re.search(r"^zzzz +0.000", done.stdout, re.MULTILINE)


def test_the_judge_fails_below_a_floor_and_takes_a_catalogue(judged, tmp_path):
    catalogue = tmp_path / "products.csv"
    catalogue.write_text("name,slug,sku,price\nOak lamp,a,,1\nBrass lamp,b,,1\nBlue mug,c,,1\n")
    done = judge(judged, "--catalogue", catalogue, "--at-least", 0.9, folder=tmp_path)
    assert done.returncode == 1
    assert f"on a shop of {catalogue}" in done.stdout
    assert "The index's nDCG@10 is below 0.9" in done.stderr


def test_a_catalogue_that_cannot_be_imported_is_named(judged, tmp_path):
    done = judge(judged, "--catalogue", tmp_path / "products.csv", folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.strip().endswith("products.csv: there is no such file.")
    assert "Traceback" not in done.stderr
