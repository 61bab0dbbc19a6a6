"""The admin in headless Chromium: the list of products by mouse, keyboard and thumb, and what axe-core finds."""

import pytest
from playwright.sync_api import Page, expect

from catalog.models import Brand, Product
from core.tests.accessibility import violations
from core.tests.test_browser import browser, page, shop, staff_opens

__all__ = ["browser", "page", "shop"]
pytestmark = pytest.mark.browser

PRODUCTS = "/admin/catalog/product/"


def fits(page: Page) -> bool:
    """Whether nothing makes the page scroll sideways."""
    return page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"]


@pytest.mark.parametrize("page", [1440, 390], indirect=True)
def test_no_page_scrolls_sideways_and_axe_has_no_objection(page, shop):
    page.goto("/admin/login/")
    assert violations(page) == violations(page, dark=True) == []
    product = Product.objects.filter(brand__isnull=False).first()
    name = product.name
    Product.objects.filter(pk=product.pk).update(name="A" * 200)
    staff_opens(page, PRODUCTS)
    paths = [
        *(PRODUCTS, f"{PRODUCTS}?q=lamp&is_active__exact=1", f"{PRODUCTS}{product.pk}/change/"),
        *(f"{PRODUCTS}{product.pk}/history/", "/admin/catalog/productimage/", "/admin/catalog/category/", "/admin/"),
    ]
    for path in paths:
        page.goto(path)
        for panel in page.locator("#changelist-filter > summary").all():
            panel.click()
        assert fits(page), path
        assert violations(page) == violations(page, dark=True) == [], path
    Product.objects.filter(pk=product.pk).update(name=name)


def test_a_price_is_edited_by_keyboard_alone_and_a_brand_is_filtered_by_its_box(page, shop):
    brand = Brand.objects.get(name="Møllegård")
    staff_opens(page, PRODUCTS)
    page.get_by_text("Filters", exact=True).click()
    page.locator(".filter-box", has_text="Brand").locator(".select2-selection").click()
    page.locator(".select2-search__field").fill("mollegard")
    page.locator(".select2-results__option", has_text="Møllegård").click()
    expect(page).to_have_url(f"{shop}{PRODUCTS}?brand={brand.pk}")
    product = Product.objects.filter(brand=brand).order_by("-created_at", "-id").first()
    page.get_by_label(f"Price of {product.name}").fill("12.34")
    page.keyboard.press("Tab")
    expect(page.get_by_label(f"Units of {product.name} in stock")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 product was changed successfully")).to_be_visible()
    expect(page.get_by_label(f"Price of {product.name}")).to_have_value("12.34")


def test_edits_are_not_left_unasked_and_the_top_says_which_field_is_wrong(page, shop):
    product = Product.objects.filter(is_active=True).first()
    staff_opens(page, f"{PRODUCTS}{product.pk}/change/")
    page.goto(PRODUCTS)
    page.go_back()
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.get_by_label("Price:", exact=True).fill("-1")
    page.get_by_role("link", name="View on site").click()
    assert asked == ["beforeunload"]
    expect(page.get_by_label("Price:", exact=True)).to_have_value("-1")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_label("Price:", exact=True)).to_be_focused()
    page.locator(".errornote").get_by_role("link", name="Price").click()
    page.get_by_label("Price:", exact=True).fill("12.50")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    assert asked == ["beforeunload"]


@pytest.mark.parametrize("page", [390], indirect=True)
def test_on_a_phone_the_menu_covers_the_page_until_it_is_closed(page, shop):
    staff_opens(page, PRODUCTS)
    menu = page.get_by_role("navigation", name="Menu")
    expect(menu).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    expect(menu).to_be_visible()
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    menu.get_by_role("link", name="Categories").click()
    expect(page.get_by_role("heading", name="Categories", exact=True)).to_be_visible()
