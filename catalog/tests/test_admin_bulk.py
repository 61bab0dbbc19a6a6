"""Bulk changes through the admin's pages, as an employee's browser sends them."""

import re
from decimal import Decimal

import pytest
from django.test import Client

from catalog.bulk import jobs, services
from catalog.bulk.models import BulkChange
from catalog.models import Product
from catalog.tests.factories import BrandFactory, CategoryFactory, ProductFactory, created
from core.tests.actors import holder
from users.tests.factories import employee

pytestmark = pytest.mark.django_db
PRODUCTS, CHANGES = "/admin/catalog/product/", "/admin/catalog/bulkchange/"
LOWER = {
    "choose": "",
    "way": "lower",
    "percent": "10",
    "rounding": "1.00+0.99",
    "direction": "NEAREST",
    "before": "KEEP",
}


@pytest.fixture
def shop():
    client = Client()
    client.force_login(employee())
    return client


@pytest.fixture
def products():
    place = {"category": CategoryFactory(name="Floor"), "brand": BrandFactory(name="Hay")}
    rows = (ProductFactory.build(name=f"Lamp {n:02}", price=Decimal(20), is_active=n > 0, **place) for n in range(12))
    return created(rows)


def ask(client, action, ids=(), query="", **more):
    """The page to which an action of the list leads, with its path."""
    form = {"action": action, "_selected_action": ids, **more}
    return client.post(PRODUCTS + query, form, follow=True)


def text_of(response):
    """What the page says, on one line."""
    assert response.status_code == 200
    content = response.content.decode()
    return " ".join(re.sub(r"<[^>]+>", " ", content.partition('id="content-main"')[2]).split())


def path_of(response):
    return response.redirect_chain[-1][0]


def test_archiving_shows_what_changes_and_what_stays_then_asks_and_is_done_once(shop, products):
    page = ask(shop, "archive", [product.pk for product in products])
    text = text_of(page)
    assert "Nothing is changed yet" in text
    assert "11 of 12 products would change" in text
    assert "the first 10 of 11" in text
    assert "in the shop archived" in text
    assert "1 archived already Lamp 00" in text
    assert Product.objects.filter(is_active=True).count() == 11
    path = path_of(page)
    # Twice, as by a double click.
    for _ in range(2):
        page = shop.post(path, {"confirm": "", "version": "0"}, follow=True)
    assert "started already" in page.content.decode()
    assert '<meta http-equiv="refresh"' in page.content.decode()
    jobs.work()
    text = text_of(shop.get(path))
    assert "The change is done" in text
    assert "Undo: put back 11 products" not in text
    assert "Undo: put back 11 products" in shop.get(path).content.decode()
    assert not Product.objects.filter(is_active=True).exists()
    shop.post(path, {"undo": ""})
    shop.post(path, {"undo": ""})
    jobs.work()
    assert "11 of 11 products have again what they had" in text_of(shop.get(path))
    assert Product.objects.filter(is_active=True).count() == 11
    assert BulkChange.objects.count() == 1


def test_prices_are_chosen_looked_at_and_changed(shop, products):
    path = path_of(ask(shop, "change_prices", [product.pk for product in products[:3]]))
    page = shop.get(path).content.decode()
    assert 'name="confirm"' not in page
    assert "1.99" in page
    wrong = shop.post(path, LOWER | {"percent": "100"})
    assert "At most 99.99" in text_of(wrong)
    assert 'name="confirm"' not in wrong.content.decode()
    page = shop.post(path, LOWER, follow=True)
    assert "Lamp 00 price 20.00 EUR 17.99 EUR" in text_of(page)
    # Chosen anew in another window: what the first one shows is not confirmed.
    shop.post(path, LOWER | {"percent": "20"})
    page = shop.post(path, {"confirm": "", "version": "1"}, follow=True)
    assert "chosen anew, in another window" in page.content.decode()
    assert BulkChange.objects.get().status == "DRAFT"
    shop.post(path, {"confirm": "", "version": "2"})
    jobs.work()
    assert set(Product.objects.values_list("price", flat=True)) == {Decimal("15.99"), Decimal(20)}
    listed = shop.get(CHANGES).content.decode()
    assert "Lower prices by 20 %" in listed
    assert f'href="{path}#undo"' in listed


def test_all_that_match_are_fixed_when_asked_for(shop, products):
    brand = BrandFactory(name="Muuto")
    first = [products[0].pk]
    page = ask(shop, "set_brand", first, "?is_active__exact=1&q=lamp", select_across="1", index="0")
    ProductFactory(name="Lamp new", category=products[0].category, brand=products[0].brand)
    path = path_of(page)
    page = shop.post(path, {"choose": "", "place": brand.pk}, follow=True)
    assert "11 of 11 products would change" in text_of(page)
    assert "brand Hay Muuto" in text_of(page)
    assert "?is_active__exact=1&amp;q=lamp" in page.content.decode()
    shop.post(path, {"confirm": "", "version": "1"})
    jobs.work()
    assert Product.objects.filter(brand=brand).count() == 11
    place = CategoryFactory(name="Ceiling", parent=CategoryFactory(name="Light"))
    path = path_of(ask(shop, "move", first))
    assert "Choose one" in text_of(shop.post(path, {"choose": "", "place": ""}))
    page = shop.post(path, {"choose": "", "place": place.pk}, follow=True)
    assert "category Floor Light &gt; Ceiling" in text_of(page)
    page = shop.post(path, {"cancel": ""}, follow=True)
    assert path_of(page) == PRODUCTS
    assert BulkChange.objects.count() == 1


def test_a_draft_is_its_owners_and_who_may_not_change_products_is_asked_nothing(shop, products):
    ids = [products[1].pk]
    path = path_of(ask(shop, "archive", ids))
    other = Client()
    other.force_login(employee())
    assert "is not there any more" in other.get(path, follow=True).content.decode()
    other.post(path, {"confirm": "", "version": "0"})
    assert BulkChange.objects.get().status == "DRAFT"
    assert "Archive" not in text_of(other.get(CHANGES))
    viewer = Client()
    viewer.force_login(holder("catalog.view_product", "catalog.view_bulkchange"))
    ask(viewer, "archive", ids)
    shop.post(path, {"confirm": "", "version": "0"})
    for button in ("cancel", "undo", "resume"):
        assert viewer.post(path, {button: ""}).status_code == 403
    assert 'type="submit"' not in viewer.get(path).content.decode().partition('id="content-main"')[2]
    assert BulkChange.objects.get().status == "DUE"
    # Without its token.
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(BulkChange.objects.get().user)
    assert strict.post(path, {"cancel": ""}).status_code == 403
    shop.post(path, {"cancel": ""})
    assert "Nothing was changed." in text_of(shop.get(path))


def test_too_many_products_are_refused(shop, products, monkeypatch):
    monkeypatch.setattr(services, "MAX_PRODUCTS", 5)
    page = ask(shop, "archive", [product.pk for product in products])
    assert "At most 5 products can be changed at once" in page.content.decode()
    assert not BulkChange.objects.exists()


@pytest.mark.parametrize(
    "form", [{"confirm": "", "version": "x" * 99}, {"choose": ""}, {"resume": ""}, {"undo": ""}, {}]
)
def test_a_forged_form_changes_nothing(shop, products, form):
    path = path_of(ask(shop, "change_prices", [products[0].pk]))
    assert shop.post(path, form, follow=True).status_code == 200
    assert BulkChange.objects.get().status == "DRAFT"


def test_the_pages_make_the_same_number_of_queries(shop, products, django_assert_max_num_queries):
    path = path_of(ask(shop, "archive", [product.pk for product in products]))
    shop.get(path)
    with django_assert_max_num_queries(12):
        shop.get(path)
