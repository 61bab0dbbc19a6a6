"""Products as CSV: an export imports again unchanged, into an empty shop and over itself."""

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from catalog.attributes.models import MAX_NUMBER, Attribute, AttributeKind, AttributeValue, ProductGroup
from catalog.attributes.ordering import value_key
from catalog.attributes.writing import AttributeInput, resolve, taken_options, write_options_keys, write_rows
from catalog.importing import export
from catalog.importing.cell_lists import category_cell, category_names
from catalog.importing.files import check
from catalog.importing.run import import_files
from catalog.models import MAX_PRICE, MAX_QUANTITY, Brand, Category, Product
from catalog.tests.factories import BrandFactory, CategoryFactory, ProductFactory, created
from catalog.text import squeeze
from core.parsing import has_unsafe_characters
from core.tests.actors import holder
from core.tests.examples import examples
from users.tests.factories import employee

pytestmark = pytest.mark.django_db
EXPORT = "/admin/catalog/product/export/"


def exported(products=None):
    return "".join(export.csv_chunks(Product.objects.all() if products is None else products))


def rows(text):
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def imported(text, folder):
    """The numbers of an import of this file, and the reasons of what it refused."""
    path = Path(folder) / "products.csv"
    path.write_bytes(text.encode())
    refused = []
    summary = import_files([check(path)], on_refused=lambda refusal: refused.append(refusal.reason))
    return (summary.created, summary.updated, summary.unchanged), refused


def empty_the_shop():
    Product.objects.all().delete()
    for model in (AttributeValue, Attribute, ProductGroup):
        model.objects.all().delete()
    Brand.objects.all().delete()
    for category in reversed(Category.objects.order_by("pk")):
        category.delete()


def give(facts):
    """Gives the products their attributes, and to those that are not the same a group."""
    kinds, inputs, group_name, in_group = facts
    for n, (name, kind, unit) in enumerate(kinds):
        Attribute.objects.create(name=name, slug=f"a-{n}", kind=kind, unit=unit)
    group = ProductGroup.objects.create(name=group_name, slug="-g")
    products = [*Product.objects.order_by("pk")]
    resolved = resolve({product.pk: given for product, given in zip(products, inputs, strict=False)})
    assert not resolved.errors
    wanted = {pk: (group.pk, rows) for (pk, rows), is_in in zip(resolved.rows.items(), in_group, strict=False) if is_in}
    taken = taken_options(wanted, wanted)
    Product.objects.filter(pk__in=wanted.keys() - taken).update(group=group)
    write_rows(resolved.rows)
    write_options_keys(resolved.rows)


# Every character that a database takes; those that tell cells, paths and formulas apart come often.
characters = st.one_of(
    st.sampled_from("\\>'=+-@\t\n\r ,;\"<&|#"), st.characters(exclude_categories=["Cs"], exclude_characters="\0")
)
names = st.text(characters, min_size=1, max_size=30).map(squeeze).filter(bool)
products = st.fixed_dictionaries(
    {
        "name": names,
        "sku": st.none() | st.text(characters, max_size=20).map(str.strip).filter(bool),
        "description": st.text(characters, max_size=60) | st.sampled_from(["<b>bold</b> &amp; R&D", "a\r\nb", " x "]),
        "price": st.decimals(0, MAX_PRICE, places=2),
        "quantity": st.integers(0, MAX_QUANTITY),
        "unlimited_stock": st.booleans(),
        "rating": st.none() | st.floats(0, 5).filter(lambda rating: rating == 0 or rating > 1e-30),
        "is_active": st.booleans(),
        "created_at": st.datetimes(datetime(1000, 1, 2), datetime(9998, 12, 30), timezones=st.just(UTC)),
    }
)
shops = st.tuples(
    st.lists(names, min_size=1, max_size=3),
    names,
    st.lists(products, min_size=1, max_size=3, unique_by=lambda p: p["sku"]),
)
texts = st.text(characters | st.just("|"), min_size=1, max_size=15).map(squeeze)
texts = texts.filter(lambda text: value_key(text) and not has_unsafe_characters(text))
numbers = st.decimals(-MAX_NUMBER, MAX_NUMBER, places=6)
attributes = st.tuples(texts, st.just(AttributeKind.TEXT) | st.just(AttributeKind.BOOLEAN), st.just("")) | st.tuples(
    texts, st.just(AttributeKind.NUMBER), st.just("") | texts.filter(str.isprintable)
)
values = {
    AttributeKind.TEXT: st.lists(texts.map(lambda text: {"text": text}), max_size=3),
    AttributeKind.NUMBER: st.lists(numbers.map(lambda number: {"number": number}), max_size=1),
    AttributeKind.BOOLEAN: st.lists(st.booleans().map(lambda boolean: {"boolean": boolean}), max_size=1),
}


@st.composite
def facts(draw):
    """Attributes, the values of three products, and the name of the group that some of them are in."""
    kinds = draw(st.lists(attributes, max_size=3))
    inputs = [
        [
            AttributeInput(f"a-{n}", name=name, **given)
            for n, (name, kind, _) in enumerate(kinds)
            for given in draw(values[kind])
        ]
        for _ in range(3)
    ]
    return kinds, inputs, draw(texts), draw(st.lists(st.booleans(), min_size=3, max_size=3))


class TestTheSameAgain:
    # Whatever fails is shown as it was drawn: to make it smaller takes minutes.
    @settings(
        max_examples=examples(40),
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
        suppress_health_check=[HealthCheck.function_scoped_fixture],
        deadline=None,
    )
    @given(shops, facts())
    def test_into_an_empty_shop_and_over_itself(self, tmp_path, shop, facts):
        # The transaction is the same for all drawn shops.
        empty_the_shop()
        path, brand, fields_of = shop
        parent = None
        for n, name in enumerate(path):
            parent = CategoryFactory(name=name, slug=f"c-{n}", parent=parent)
        maker = BrandFactory(name=brand, slug="b")
        for n, fields in enumerate(fields_of):
            ProductFactory(slug=f"p-{n}", category=parent, brand=maker, **fields)
        give(facts)
        text = exported()
        assert imported(text, tmp_path) == ((0, 0, len(fields_of)), [])
        assert exported() == text
        empty_the_shop()
        assert imported(text, tmp_path) == ((len(fields_of), 0, 0), [])
        assert exported() == text

    def test_a_price_before_and_what_staff_typed(self, tmp_path):
        ProductFactory(compare_at_price=Decimal("12.00"), description="two\r\nlines", slug="-x-", sku="007")
        text = exported()
        assert imported(text, tmp_path) == ((0, 0, 1), [])
        empty_the_shop()
        assert imported(text, tmp_path) == ((1, 0, 0), [])
        assert exported() == text

    def test_nul_is_left_out(self):
        ProductFactory(description="a\0b")
        assert rows(exported())[0]["description"] == "ab"


@pytest.mark.parametrize(
    "names", [["Home", "Lamps"], ["a > b", "c"], ["\\", "\\\\>", ">"], ["a\\>b\\", "\\"], [">", ">>", "\\>\\"]]
)
def test_a_category_is_told_from_the_sign_in_its_name(names):
    assert category_names(category_cell(names)) == names


def test_a_formula_is_text_to_a_spreadsheet():
    ProductFactory(name='=HYPERLINK("http://x")', sku="+1", description="@x", brand=BrandFactory(name="-x"))
    (row,) = rows(exported())
    # +1 is a number.
    assert [row[name] for name in ("sku", "description", "brand")] == ["+1", "'@x", "'-x"]
    assert row["name"] == '\'=HYPERLINK("http://x")'


def test_a_moment_keeps_its_microseconds():
    moment = datetime(2024, 5, 1, 12, 30, 15, 123456, tzinfo=UTC)
    ProductFactory(created_at=moment)
    assert rows(exported())[0]["created_at"] == "2024-05-01T12:30:15.123456+00:00"


def test_statements_grow_with_pages_only(monkeypatch):
    monkeypatch.setattr(export, "PAGE_ROWS", 10)
    category, brand = CategoryFactory(), BrandFactory()
    counts = []
    for number in (1, 10, 30):
        Product.objects.all().delete()
        created(ProductFactory.build(category=category, brand=brand, slug=f"p-{n}") for n in range(number))
        with CaptureQueriesContext(connection) as queries:
            assert len(rows(exported())) == number
        counts.append(len(queries))
    # The attributes, the tree, a statement that finds no further page, and three for each page.
    assert counts == [6, 6, 12]


def test_a_category_that_is_newer_than_the_export(monkeypatch):
    monkeypatch.setattr(export, "PAGE_ROWS", 1)
    ProductFactory()
    chunks = export.csv_chunks(Product.objects.all())
    head, first = next(chunks), next(chunks)
    ProductFactory(category=CategoryFactory(name="New"))
    assert [row["category"] for row in rows(head + first + "".join(chunks))][1] == "New"


class TestInTheAdmin:
    @pytest.fixture
    def client(self):
        client = Client()
        client.force_login(employee())
        return client

    def test_the_list_as_filtered(self, client):
        brand = BrandFactory()
        wanted = ProductFactory(brand=brand, quantity=0)
        ProductFactory(brand=brand)
        ProductFactory(quantity=0)
        response = client.get(EXPORT, {"stock": "none", "brand": brand.pk})
        assert response["Content-Type"] == "text/csv; charset=utf-8"
        assert f"products-{timezone.localdate()}.csv" in response["Content-Disposition"]
        assert [row["slug"] for row in rows(response.getvalue().decode())] == [wanted.slug]
        assert [row["slug"] for row in rows(client.get(EXPORT, {"q": wanted.slug}).getvalue().decode())] == [
            wanted.slug
        ]
        assert len(rows(client.get(EXPORT).getvalue().decode())) == 3

    def test_the_button_keeps_the_filter(self, client):
        page = client.get("/admin/catalog/product/?stock=none").content.decode()
        assert f'href="{EXPORT}?stock=none">Export these' in page

    def test_a_wrong_filter_leads_to_the_list(self, client):
        assert client.get(EXPORT, {"stock": "x"})["Location"] == "/admin/catalog/product/?e=1"

    def test_whoever_may_not_see_products_gets_none(self):
        client = Client()
        client.force_login(holder("catalog.view_brand"))
        assert client.get(EXPORT).status_code == 403
        client.force_login(holder("catalog.view_product"))
        assert client.get(EXPORT).getvalue()
        assert Client().get(EXPORT).status_code == 302


class TestCommand:
    def test_writes_a_file_that_imports_again(self, tmp_path):
        ProductFactory(name="Öl")
        path = tmp_path / "out.csv"
        call_command("export_products", path)
        assert path.read_bytes().decode() == exported()
        assert [file.name for file in tmp_path.iterdir()] == ["out.csv"]

    def test_writes_to_standard_output(self):
        ProductFactory()
        out = io.StringIO()
        call_command("export_products", stdout=out)
        assert out.getvalue() == exported()

    def test_a_folder_that_is_not_there_is_told(self, tmp_path):
        with pytest.raises(Exception, match="cannot be written: No such file or directory"):
            call_command("export_products", tmp_path / "none" / "out.csv")
