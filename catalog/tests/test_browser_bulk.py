"""A bulk change in headless Chromium: chosen in the list, looked at, confirmed, followed, undone."""

import pytest
from playwright.sync_api import expect

from catalog.bulk import jobs
from catalog.models import Product
from core.tests.accessibility import violations
from core.tests.test_browser import browser, page, shop, staff_opens

__all__ = ["browser", "page", "shop"]
pytestmark = pytest.mark.browser


@pytest.mark.parametrize("page", [1440, 390], indirect=True)
def test_prices_of_all_that_match_are_lowered_and_put_back(page, shop):
    before = dict(Product.objects.values_list("pk", "price"))
    compared = dict(Product.objects.values_list("pk", "compare_at_price"))
    staff_opens(page, "/admin/catalog/product/?is_active__exact=1")
    page.locator("#action-toggle").check()
    page.locator(".actions .question a").click()
    page.locator("select[name=action]").select_option("change_prices")
    page.locator(".actions").get_by_role("button").first.click()
    page.get_by_label("By percent").fill("10")
    page.get_by_label("Round to").select_option("1.00+0.99")
    page.get_by_label("Show the old price as the price before").check()
    page.get_by_role("button", name="Show what would change").click()
    expect(page.get_by_role("heading", name="What would change: the first 10 of")).to_be_visible()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"]
    page.get_by_role("button", name="Change the prices of").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    assert dict(Product.objects.values_list("pk", "price")) == before
    jobs.work()
    # The page follows by itself.
    expect(page.get_by_text("The change is done.")).to_be_visible()
    assert dict(Product.objects.values_list("pk", "price")) != before
    page.get_by_role("button", name="Undo: put back").click()
    expect(page.get_by_role("heading", name="Waits to be undone")).to_be_visible()
    jobs.work()
    expect(page.get_by_text("The change is undone")).to_be_visible()
    assert violations(page, dark=True) == []
    assert dict(Product.objects.values_list("pk", "price")) == before
    assert dict(Product.objects.values_list("pk", "compare_at_price")) == compared
