"""Images in a product's page in headless Chromium: added, ordered, described, replaced and deleted."""

import os
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from catalog.images import services
from catalog.images.tests.pictures import jpeg, work_all
from catalog.images.tests.test_admin import photo
from catalog.models import Product, ProductImage
from catalog.tests.factories import BrandFactory, CategoryFactory, ProductFactory
from core.auth.policy import SYSTEM
from core.tests.accessibility import violations
from core.tests.actors import actor
from core.tests.test_browser import browser, holds, page

__all__ = ["browser", "page"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def shop(live_server) -> str:
    return live_server.url


@pytest.fixture
def product() -> Product:
    return ProductFactory()


def upload(product: Product, width: int, alt: str) -> ProductImage:
    return services.image_upload(actor=SYSTEM, product_id=product.pk, file=photo(jpeg(width)), alt=alt).image


def staff_cookies(url: str) -> list[Any]:
    client = Client()
    client.force_login(actor("shop staff"))
    return [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": url}]


def opens(page: Page, shop: str, path: str) -> None:
    page.context.add_cookies(staff_cookies(shop))
    page.goto(path)


def change_page(product: Product) -> str:
    return f"/admin/catalog/product/{product.pk}/change/"


def chosen(name: str, data: bytes) -> Any:
    return {"name": name, "mimeType": "image/jpeg", "buffer": data}


def tiles(page: Page) -> Any:
    return page.locator("li.image")


def said(page: Page) -> Any:
    return expect(page.locator(".images-said"))


def order(product: Product) -> list[str]:
    return [*product.images.values_list("alt", flat=True)]


def test_twenty_at_once_end_in_their_order_and_the_broken_and_the_large_one_are_told(
    page, shop, product, settings
) -> None:
    settings.IMAGE_MAX_BYTES = settings.UPLOAD_MAX_BYTES = 100_000
    opens(page, shop, change_page(product))
    expect(page.get_by_text("There are no images yet.")).to_be_visible()
    files = [chosen(f"{n}.jpg", jpeg(100 + n)) for n in range(18)]
    files.insert(3, chosen("broken.jpg", b"rubbish"))
    files.insert(7, chosen("large.jpg", os.urandom(100_001)))
    page.get_by_label("Add photos").set_input_files(files)
    said(page).to_contain_text("18 photos added. 2 photos not")
    refused = page.locator("li.image[data-refused]")
    expect(refused).to_contain_text(["broken.jpg", "large.jpg"])
    expect(refused).to_contain_text(["not a picture", "larger than"])
    assert page.evaluate("document.querySelector('.images').zone.isOrdering") in (False, None)
    expect(page.locator("li.image img[src^='data:']")).to_have_count(18)
    assert [*product.images.values_list("width", flat=True)] == [*range(100, 118)]
    work_all()
    expect(page.locator("li.image img[src*='/media/']")).to_have_count(18)
    page.get_by_label("Add photos").set_input_files([files[0]])
    expect(refused.last).to_contain_text("has this photo already")


def test_the_order_is_changed_by_dragging_by_keys_and_by_buttons_while_others_delete_and_add(page, shop, product):
    images = [upload(product, 100 + n, alt) for n, alt in enumerate("abcd")]
    # Otherwise the page asks for their state, and learns by that what the others do.
    work_all()
    opens(page, shop, change_page(product))
    tiles(page).nth(3).locator(".image-picture").drag_to(tiles(page).nth(0).locator(".image-picture"))
    said(page).to_have_text("“d” is now photo 1 of 4. Saved.")
    assert order(product) == [*"dabc"]
    handle = tiles(page).nth(0).get_by_role("button", name="Move")
    handle.press("ArrowRight")
    said(page).to_have_text("“d” is now photo 2 of 4. Saved.")
    expect(handle.or_(tiles(page).nth(1).get_by_role("button", name="Move"))).to_have_count(2)
    assert page.evaluate("document.activeElement.closest('li').tile.label") == "d"
    services.image_delete(actor=SYSTEM, image_id=images[1].pk)
    upload(product, 200, "e")
    tiles(page).nth(3).get_by_role("button", name="Earlier").click()
    expect(page.get_by_text("The photo “b” was deleted by somebody else meanwhile.")).to_be_visible()
    expect(tiles(page)).to_have_count(4)
    assert order(product) == [*"adce"]
    assert [text.input_value() for text in tiles(page).get_by_role("textbox").all()] == [*"adce"]


def test_one_is_replaced_and_another_is_deleted_after_a_question(page, shop, product) -> None:
    first, second = upload(product, 100, "a"), upload(product, 200, "b")
    work_all()
    opens(page, shop, change_page(product))
    old = tiles(page).nth(0).locator("img").get_attribute("src")
    with page.expect_file_chooser() as chooser:
        tiles(page).nth(0).get_by_role("button", name="Replace").click()
    chooser.value.set_files(chosen("new.jpg", jpeg(300)))
    expect(tiles(page).nth(0)).to_contain_text("The new picture is on its way.")
    work_all()
    expect(tiles(page).nth(0)).not_to_contain_text("on its way")
    expect(tiles(page).nth(0).locator("img[src*='/media/']")).not_to_have_attribute("src", old)
    assert [*product.images.values_list("pk", "alt", "width")] == [(first.pk, "a", 300), (second.pk, "b", 200)]
    tiles(page).nth(1).get_by_role("button", name="Delete", exact=True).click()
    expect(tiles(page).nth(1).get_by_role("button", name="Keep it")).to_be_focused()
    page.keyboard.press("Escape")
    assert ProductImage.objects.count() == 2
    tiles(page).nth(1).get_by_role("button", name="Delete", exact=True).click()
    tiles(page).nth(1).get_by_role("button", name="Yes, delete").click()
    said(page).to_have_text("“b” is deleted.")
    expect(tiles(page)).to_have_count(1)
    assert order(product) == ["a"]


def test_a_text_is_saved_as_it_is_typed_and_with_the_page_and_never_over_somebody_elses(page, shop, product) -> None:
    image = upload(product, 100, "a")
    opens(page, shop, change_page(product))
    text = page.get_by_label("Alternative text")
    text.fill("first")
    expect(tiles(page).get_by_text("Saved", exact=True)).to_be_visible()
    assert order(product) == ["first"]
    services.image_update(actor=SYSTEM, image_id=image.pk, alt="theirs")
    text.fill("second")
    expect(tiles(page)).to_contain_text("It is now: “theirs”")
    assert order(product) == ["theirs"]
    tiles(page).get_by_role("button", name="Save mine").click()
    expect(tiles(page).get_by_text("Saved", exact=True)).to_be_visible()
    text.fill("third")
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    assert order(product) == ["third"]


def test_an_upload_that_the_network_ends_is_tried_again_and_save_waits_for_it(page, shop, product) -> None:
    opens(page, shop, change_page(product))
    page.evaluate("""() => {
        const { send } = XMLHttpRequest.prototype;
        XMLHttpRequest.prototype.send = function () {
            XMLHttpRequest.prototype.send = send;
            this.dispatchEvent(new ProgressEvent("error"));
        };
    }""")
    page.get_by_label("Add photos").set_input_files([chosen("a.jpg", jpeg(100)), chosen("b.jpg", jpeg(110))])
    said(page).to_contain_text("1 photo added. 1 photo not")
    again = page.get_by_role("button", name="Try again")
    page.evaluate("""() => {
        const [button] = document.querySelectorAll("li.image [data-do=retry]:not([hidden])");
        button.click();
        document.querySelector("[name=_continue]").click();
    }""")
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    expect(again).to_have_count(0)
    expect(tiles(page)).to_have_count(2)
    assert product.images.count() == 2


def test_the_order_is_right_although_the_server_has_taken_the_photos_in_another(page, shop, product) -> None:
    """And although the answers come in the order of the files again."""
    opens(page, shop, change_page(product))
    page.evaluate("""() => {
        const { addEventListener, send } = XMLHttpRequest.prototype;
        let sendFirst = null;
        let tellSecond = null;
        XMLHttpRequest.prototype.send = function (body) {
            if (sendFirst) send.call(this, body);
            else sendFirst = () => send.call(this, body);
        };
        XMLHttpRequest.prototype.addEventListener = function (name, work) {
            addEventListener.call(this, name, name !== "load" ? work : () => {
                if (tellSecond) {
                    Object.assign(XMLHttpRequest.prototype, { addEventListener, send });
                    work();
                    tellSecond();
                } else {
                    tellSecond = work;
                    sendFirst();
                }
            });
        };
    }""")
    page.get_by_label("Add photos").set_input_files([chosen("a.jpg", jpeg(100)), chosen("b.jpg", jpeg(110))])
    said(page).to_contain_text("2 photos added.")
    assert [*product.images.values_list("width", flat=True)] == [100, 110]


def test_what_is_chosen_before_the_script_comes_is_uploaded_and_save_waits_for_the_order(page, shop, product) -> None:
    images = [upload(product, 100 + n, alt) for n, alt in enumerate("ab")]
    work_all()
    held = holds(page, "**/prepopulate_init*.js")
    page.context.add_cookies(staff_cookies(shop))
    page.goto(change_page(product), wait_until="commit")
    held_orders = holds(page, "**/order/")
    page.get_by_label("Add photos").set_input_files([chosen("c.jpg", jpeg(102))])
    held.pop().continue_()
    said(page).to_contain_text("1 photo added.")
    tiles(page).nth(1).get_by_role("button", name="Earlier").click()
    page.get_by_role("button", name="Save and continue editing").click()
    said(page).to_contain_text("The page is saved as soon as")
    assert [*product.images.values_list("pk", flat=True)][:2] == [image.pk for image in images]
    held_orders.pop().continue_()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    assert [*product.images.values_list("width", flat=True)] == [101, 100, 102]


def test_photos_of_a_new_product_outlive_a_mistake_and_are_uploaded_once_it_is_saved(page, shop) -> None:
    category, brand = CategoryFactory(), BrandFactory()
    opens(page, shop, "/admin/catalog/product/add/")
    page.get_by_label("Add photos").set_input_files([chosen("a.jpg", jpeg(100)), chosen("b.jpg", jpeg(110))])
    expect(tiles(page)).to_have_count(2)
    tiles(page).nth(1).get_by_role("button", name="Earlier").click()
    tiles(page).nth(0).get_by_role("textbox").fill("the second")
    page.get_by_label("Name:").fill("Lamp")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".errornote")).to_be_visible()
    expect(tiles(page)).to_have_count(2)
    expect(tiles(page).nth(0).get_by_role("textbox")).to_have_value("the second")
    page.get_by_label("Slug:").fill("lamp")
    for name, row in (("category", category), ("brand", brand)):
        choose = "(select, id) => select.add(new Option('it', id, true, true))"
        page.locator(f"#id_{name}").evaluate(choose, row.pk)
    page.get_by_label("Price:").fill("10")
    page.get_by_label("Units in stock:").fill("1")
    page.get_by_role("button", name="Save", exact=True).click()
    said(page).to_contain_text("2 photos added.")
    expect(page).to_have_url(f"{shop}{change_page(Product.objects.get())}")
    assert [*ProductImage.objects.values_list("width", "alt")] == [(110, "the second"), (100, "")]


def test_without_a_script_a_plain_form_adds_several(browser: Browser, shop: str, product: Product) -> None:
    upload(product, 50, "a")
    context = browser.new_context(base_url=shop, java_script_enabled=False)
    page = context.new_page()
    opens(page, shop, change_page(product))
    page.get_by_label("Add photos").set_input_files([chosen("a.jpg", jpeg(100)), chosen("b.jpg", jpeg(110))])
    page.get_by_role("button", name="Save and continue editing").click()
    expect(tiles(page)).to_have_count(3)
    context.close()


@pytest.mark.parametrize("page", [390], indirect=True)
def test_on_a_phone_nothing_is_cut_off_and_axe_has_no_objection(page, shop, product) -> None:
    for n in range(3):
        upload(product, 100 + n, "a" * 100)
    upload(product, 50, "").jobs.all().delete()
    work_all()
    ProductImage.objects.filter(width=50).update(status="FAILED", error="The file is damaged.")
    opens(page, shop, change_page(product))
    page.get_by_label("Add photos").set_input_files([chosen("broken.jpg", b"rubbish")])
    expect(page.locator("li.image[data-refused]")).to_contain_text("not a picture")
    tiles(page).nth(1).get_by_role("button", name="Delete", exact=True).click()
    assert page.evaluate(
        "document.querySelector('.images').scrollWidth <= document.querySelector('.images').clientWidth"
    )
    for dark in (False, True):
        assert [found for found in violations(page, dark=dark) if "image" in found] == []
    # By finger: the handle.
    box = tiles(page).nth(2).get_by_role("button", name="Move").bounding_box()
    target = tiles(page).nth(0).bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(target["x"] + 20, target["y"] + 20, steps=8)
    page.mouse.up()
    said(page).to_contain_text("is now photo 1 of 5")
