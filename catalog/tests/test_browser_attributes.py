"""Attributes, values and variants in the admin, in headless Chromium."""

import pytest
from playwright.sync_api import Page, expect

from catalog.attributes.models import Attribute, AttributeValue
from catalog.models import Product
from core.tests.test_browser import browser, holds, page, shop, staff_opens

__all__ = ["browser", "page", "shop"]
pytestmark = pytest.mark.browser


@pytest.fixture
def rug(shop) -> Product:
    """A rug of the demo shop in a group of several sizes."""
    return Product.objects.filter(name__startswith="Azilal wool rug").order_by("name").first()


def row(page: Page, n: int):
    return page.locator(f"#attribute_rows-{n}")


def choose(page: Page, n: int, attribute: str) -> None:
    """Chooses a row's attribute by keyboard."""
    box = row(page, n).get_by_role("combobox").first
    box.focus()
    page.keyboard.press("Enter")
    page.locator(".select2-search__field").fill(attribute)
    expect(page.locator(".select2-results__option--highlighted")).to_contain_text(attribute)
    page.keyboard.press("Enter")


def suggestions(page: Page, n: int) -> list[str]:
    texts = "list => [...list.options].map(option => option.value)"
    return row(page, n).locator("datalist").evaluate(texts)


@pytest.mark.parametrize("page", [1440, 390], indirect=True)
def test_rows_are_added_by_keyboard_with_suggestions_and_units(page, rug):
    rug.attribute_rows.all().delete()
    staff_opens(page, f"/admin/catalog/product/{rug.pk}/change/")
    choose(page, 0, "Material")
    value = row(page, 0).get_by_label("Value")
    value.press_sequentially("woo")
    expect(row(page, 0).locator("datalist option[value='Wool']")).to_have_count(1)
    value.fill("Wool")
    page.get_by_role("button", name="Add another Attribute").press("Enter")
    choose(page, 1, "Pile height")
    expect(row(page, 1).locator(".unit")).to_have_text("mm")
    row(page, 1).get_by_label("Value").fill("high")
    page.get_by_role("button", name="Add another Attribute").press("Enter")
    choose(page, 2, "Outdoor")
    expect(row(page, 2).locator(".unit")).to_have_text("yes or no")
    assert suggestions(page, 2) == ["Yes", "No"]
    row(page, 2).get_by_label("Value").fill("no")
    page.get_by_role("button", name="Save and continue editing").click()
    expect(row(page, 1).get_by_text("Enter a number")).to_be_visible()
    expect(row(page, 1).locator(".unit")).to_have_text("mm")
    assert page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"]
    row(page, 1).get_by_label("Value").fill("25.0")
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    stored = {each.attribute.name: each.text for each in rug.attribute_rows.select_related("attribute", "value")}
    assert stored == {"Material": "Wool", "Pile height": "25", "Outdoor": "No"}


def test_a_row_is_taken_out_and_a_new_value_is_typed(page, rug):
    staff_opens(page, f"/admin/catalog/product/{rug.pk}/change/")
    material = page.locator("tr.form-row", has_text="Material")
    material.get_by_label("Value").fill("Yak hair")
    page.locator("tr.form-row", has_text="Weave").get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    names = {each.attribute.name: each.text for each in rug.attribute_rows.select_related("attribute", "value")}
    assert names["Material"] == "Yak hair"
    assert "Weave" not in names


def test_an_attribute_is_made_without_leaving_the_page(page, rug):
    staff_opens(page, f"/admin/catalog/product/{rug.pk}/change/")
    # By its number: while the page arrives, another row is the last one for a moment.
    last = row(page, rug.attribute_rows.count())
    with page.expect_popup() as opened:
        last.locator(".add-related").click()
    opened.value.get_by_label("Name:").fill("Knots")
    opened.value.get_by_label("Kind:").select_option("NUMBER")
    opened.value.get_by_label("Unit:").fill("per cm²")
    opened.value.get_by_role("button", name="Save").click()
    expect(last.locator(".unit")).to_have_text("per cm²")
    last.get_by_label("Value").fill("12")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    assert rug.attribute_rows.get(attribute__slug="knots").text == "12"


def test_whoever_is_quicker_than_the_scripts_makes_an_attribute_all_the_same(page, rug):
    held = holds(page, "**/prepopulate_init*.js")
    staff_opens(page, f"/admin/catalog/product/{rug.pk}/change/")
    new = row(page, rug.attribute_rows.count())
    with page.expect_popup() as opened:
        new.locator(".add-related").click()
    popup = opened.value
    popup.get_by_label("Name:").fill("Knots")
    popup.get_by_label("Kind:").select_option("NUMBER")
    popup.get_by_label("Unit:").fill("per cm²")
    expect(popup.get_by_label("Slug:")).to_have_value("knots")
    popup.get_by_role("button", name="Save").click()
    expect(new.locator("option:checked")).to_have_text("Knots (per cm²)")
    expect(new.locator(".unit")).to_have_count(0)
    held[0].continue_()
    expect(new.locator(".unit")).to_have_text("per cm²")


@pytest.mark.parametrize("page", [1440, 390], indirect=True)
def test_a_variant_is_added(page, rug):
    staff_opens(page, f"/admin/catalog/product/{rug.pk}/change/")
    before = rug.group.products.count()
    page.get_by_role("link", name="Add variant").click()
    expect(page.get_by_role("heading", name="Add variant of")).to_be_visible()
    expect(page.get_by_label("Name:")).to_have_value(rug.name)
    size = page.locator("tr.form-row", has_text="Size").first.get_by_label("Value")
    expect(size).to_have_value("")
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_text("Enter a value, or empty the row.", exact=True)).to_be_visible()
    size = page.locator("tr.form-row", has_text="Size").first.get_by_label("Value")
    size.fill(rug.attribute_rows.get(attribute__slug="size").text)
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_text("of the same group has the same values")).to_be_visible()
    page.locator("tr.form-row", has_text="Size").first.get_by_label("Value").fill("300 × 400 cm")
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_text("was added successfully")).to_be_visible()
    assert rug.group.products.count() == before + 1
    expect(page.locator(".group-products tbody tr")).to_have_count(before + 1)
    assert page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"]


def test_a_value_is_renamed_and_merged(page, shop):
    material = Attribute.objects.get(slug="material")
    wool = AttributeValue.objects.get(attribute=material, text="Wool")
    products = wool.product_rows.count()
    linen = AttributeValue.objects.get(attribute=material, text="Linen")
    staff_opens(page, f"/admin/catalog/attributevalue/{wool.pk}/change/")
    page.get_by_label("Text:").fill("New wool")
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    page.get_by_label("Text:").fill("LINEN")
    page.get_by_role("button", name="Save and continue editing").click()
    page.get_by_role("link", name="merge this value into it").click()
    expect(page.get_by_text(f"stands at {products} products")).to_be_visible()
    expect(page.get_by_role("combobox", name="Linen")).to_be_visible()
    linens = linen.product_rows.count()
    page.get_by_role("button", name="Merge").click()
    expect(page.get_by_text("“New wool” is “Linen” now.")).to_be_visible()
    assert linens < linen.product_rows.count() <= linens + products
    assert not AttributeValue.objects.filter(pk=wool.pk).exists()


@pytest.mark.parametrize("page", [1440, 390], indirect=True)
def test_products_come_into_a_group_and_go(page, rug):
    lamp = Product.objects.exclude(group=rug.group).first()
    Product.objects.filter(pk=lamp.pk).update(group=None, options_key=None)
    staff_opens(page, f"/admin/catalog/productgroup/{rug.group_id}/change/")
    page.get_by_label(f"Take {rug.name} out").check()
    page.locator(".field-add .select2-selection").click()
    page.locator(".select2-search__field").fill(lamp.name)
    page.locator(".select2-results__option", has_text=lamp.name).first.click()
    assert page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"]
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    expect(page.get_by_role("link", name=lamp.name, exact=True)).to_be_visible()
    rug.refresh_from_db()
    assert rug.group is None
