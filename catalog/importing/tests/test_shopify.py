"""The command import_products with Shopify's CSV: variants, images, inheritance, HTML, oddities of real exports."""

from decimal import Decimal

import pytest

from catalog.importing import variants
from catalog.importing.html_text import text_of
from catalog.importing.tests.test_command import run, write
from catalog.models import Product

pytestmark = pytest.mark.django_db

COLUMNS = {
    "handle": "Handle",
    "title": "Title",
    "body": "Body (HTML)",
    "vendor": "Vendor",
    "type": "Type",
    "published": "Published",
    "option": "Option1 Value",
    "option2": "Option2 Value",
    "sku": "Variant SKU",
    "qty": "Variant Inventory Qty",
    "price": "Variant Price",
    "image": "Image Src",
    "status": "Status",
}


def rows(*said: dict[str, str]) -> list[str]:
    header = ",".join(COLUMNS.values())
    return [header, *(",".join('"' + row.get(name, "").replace('"', '""') + '"' for name in COLUMNS) for row in said)]


FIRST = {
    "handle": "varsity-top",
    "title": "Classic Varsity Top",
    "body": "<p>Grey &amp; black.</p>",
    "vendor": "Demo",
    "type": "Tops",
    "published": "true",
    "option": "Small",
    "qty": "1",
    "price": "60",
}


def test_each_variant_is_a_product_and_inherits_from_the_first_row(tmp_path):
    path = write(
        tmp_path,
        *rows(
            FIRST | {"option2": "Blue", "sku": "V-S"},
            {"handle": "varsity-top", "option": "Medium", "option2": "Blue", "price": "59.99"},
            {"handle": "varsity-top", "image": "https://example.com/2.jpg"},
            {"handle": "varsity-top", "option": "Large", "option2": "Red", "qty": "-3", "price": "65.5"},
        ),
    )
    assert run(path).summary == (3, 0, 0, 0)
    small, medium, large = Product.objects.select_related("brand", "category").order_by("price").all()[::1]
    by_slug = {product.slug: product for product in (small, medium, large)}
    assert set(by_slug) == {"varsity-top-small-blue", "varsity-top-medium-blue", "varsity-top-large-red"}
    assert by_slug["varsity-top-small-blue"].name == "Classic Varsity Top – Small / Blue"
    assert by_slug["varsity-top-small-blue"].sku == "V-S"
    assert by_slug["varsity-top-medium-blue"].price == Decimal("59.99")
    assert [by_slug[f"varsity-top-{x}"].quantity for x in ("small-blue", "medium-blue", "large-red")] == [1, 0, 0]
    for product in by_slug.values():
        assert (product.brand.name, product.category.name, product.description) == ("Demo", "Tops", "Grey & black.")
        assert product.is_active
    assert run(path).summary == (0, 0, 3, 0)


def test_default_title_is_left_out_and_blank_brands_and_categories_have_names(tmp_path):
    row = {"handle": "shirt", "title": " Ocean  Shirt", "option": "Default Title", "price": "50"}
    assert run(write(tmp_path, *rows(row))).summary == (1, 0, 0, 0)
    shirt = Product.objects.get(slug="shirt")
    assert (shirt.name, shirt.sku, shirt.is_active) == ("Ocean Shirt", None, True)
    assert (shirt.brand.name, shirt.category.name) == ("Unbranded", "Uncategorised")


def test_variants_far_from_their_first_row_still_inherit(tmp_path):
    other = {"handle": "mat", "title": "Mat", "option": "Default Title", "price": "5"}
    path = write(tmp_path, *rows(FIRST, other, {"handle": "varsity-top", "option": "Large", "price": "60"}))
    assert run(path).summary == (3, 0, 0, 0)
    assert Product.objects.get(slug="varsity-top-large").name == "Classic Varsity Top – Large"


def test_few_first_rows_are_kept_so_that_memory_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(variants, "MAX_PARENTS", 1)
    other = {"handle": "mat", "title": "Mat", "option": "Default Title", "price": "5"}
    path = write(tmp_path, *rows(FIRST, other, {"handle": "varsity-top", "option": "Large", "price": "60"}))
    result = run(path)
    assert result.summary == (2, 0, 0, 1)
    assert "line 4: no row up to here gives a Title for the handle 'varsity-top'" in result.stderr


def test_the_variants_of_a_refused_first_row_go_in(tmp_path):
    result = run(
        write(tmp_path, *rows(FIRST | {"price": "sixty"}, {"handle": "varsity-top", "option": "Large", "price": "60"}))
    )
    assert result.summary == (1, 0, 0, 1)
    assert Product.objects.get().description == "Grey & black."


def test_an_image_row_may_come_first(tmp_path):
    image = {"handle": "varsity-top", "image": "https://example.com/1.jpg"}
    assert run(write(tmp_path, *rows(image, FIRST))).summary == (1, 0, 0, 0)


def test_a_variant_without_an_option_value_is_the_product_itself_once(tmp_path):
    bare = {"handle": "varsity-top", "price": "61"}
    result = run(write(tmp_path, *rows(FIRST, bare, bare)))
    assert result.summary == (2, 0, 0, 1)
    assert Product.objects.get(slug="varsity-top").price == 61
    assert "line 4: the slug 'varsity-top' is used already in line 3" in result.stderr


@pytest.mark.parametrize(
    ("said", "active"),
    [
        ({"published": "FALSE"}, False),
        ({"published": "TRUE", "status": "active"}, True),
        ({"published": "", "status": ""}, True),
        ({"published": "true", "status": "Draft"}, False),
        ({"published": "true", "status": "archived"}, False),
    ],
)
def test_an_unpublished_product_is_archived_with_all_its_variants(tmp_path, said, active):
    variant = {"handle": "varsity-top", "option": "Large", "price": "60"}
    assert run(write(tmp_path, *rows(FIRST | said, variant))).summary == (2, 0, 0, 0)
    assert set(Product.objects.values_list("is_active", flat=True)) == {active}


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"handle": ""}, "Handle is empty"),
        ({"title": ""}, "no row up to here gives a Title"),
        ({"price": ""}, "Variant Price is empty"),
        ({"price": "$60"}, "Variant Price '$60' is in another currency"),
        ({"qty": "many"}, "Variant Inventory Qty 'many' is not a whole number"),
        ({"published": "perhaps"}, "Published 'perhaps' is none of true, false"),
        ({"status": "odd"}, "Status 'odd' is none of"),
        ({"handle": "x" * 256}, "the slug has 262 characters"),
    ],
)
def test_a_bad_row_is_refused_with_its_reason(tmp_path, said, reason):
    result = run(write(tmp_path, *rows(FIRST | said)))
    assert result.summary == (0, 0, 0, 1)
    assert "line 2: " in result.stderr
    assert reason in result.stderr


def test_options_of_every_script_make_different_slugs(tmp_path):
    options = ["Größe 38", "赤", "1.5 m", "15 m", "★", "☆", "S/M"]
    said = [FIRST | {"option": option} for option in options]
    assert run(write(tmp_path, *rows(*said))).summary == (7, 0, 0, 0)
    assert set(Product.objects.values_list("slug", flat=True)) == {
        f"varsity-top-{ending}" for ending in ("größe-38", "赤", "1-5-m", "15-m", "u2605", "u2606", "sm")
    }


def test_absent_columns_are_left_alone(tmp_path):
    run(write(tmp_path, *rows(FIRST | {"sku": "V", "published": "false"})))
    path = write(tmp_path, "Handle,Title,Variant Price,Option1 Value", "varsity-top,Classic Varsity Top,61,Small")
    assert run(path).summary == (0, 1, 0, 0)
    top = Product.objects.get()
    assert (top.price, top.sku, top.is_active, top.brand.name) == (61, "V", False, "Demo")


def test_the_names_of_newer_exports_are_known(tmp_path):
    path = write(
        tmp_path,
        "Title,URL handle,Description,Vendor,Type,Published on online store,Status,SKU,"
        "Option1 value,Price,Inventory quantity",
        "Lamp,lamp,<b>Warm</b>,Lumi,Light,TRUE,Active,L-1,Large,9.50,4",
        ",lamp,,,,,,L-2,Small,8.50,",
    )
    assert run(path).summary == (2, 0, 0, 0)
    large = Product.objects.get(slug="lamp-large")
    assert (large.description, large.brand.name, large.sku, large.quantity) == ("Warm", "Lumi", "L-1", 4)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("Just text.\nTwo lines,  & more ", "Just text.\nTwo lines, & more"),
        ("<p>One</p>\n<ul>\n<li>14k&nbsp;gold</li>\n<li>12&quot; long</li>\n</ul>", 'One\n14k gold\n12" long'),
        ("Choker.\u2028<ul>\n<li>Leather</li></ul>", "Choker.\nLeather"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<style>p{}</style>x<script>alert('<p>')</script>y<!-- no -->", "xy"),
        ("<table><tr><td>A</td><td>B</td></tr></table>", "A B"),
        ("<p>un<b>clos</b>ed <div>here", "unclosed\nhere"),
        ("5 &lt; 6 &amp;amp; &#x2605; &#0; &#xD800;", "5 < 6 &amp; ★ \ufffd \ufffd"),
        ("", ""),
        ("<p> </p>", ""),
    ],
)
def test_html_becomes_text(html, text):
    assert text_of(html) == text
