"""The admin's list of products: searching, sorting, and prices and stock that are edited in it."""

import json
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from catalog.admin import product_list
from catalog.images.models import ImageStatus, ProductImage, Rendition
from catalog.models import Product
from catalog.tests.factories import ProductFactory
from core.history.ambient import acting
from core.history.models import Change
from users.tests.factories import UserFactory

PRODUCTS = "/admin/catalog/product/"

pytestmark = pytest.mark.django_db


def names(page):
    assert page.status_code == 200
    return [row.name for row in page.context["cl"].result_list]


def fields_of(page):
    """What a browser posts of the list's forms."""
    formset = page.context["cl"].formset
    data = {"_save": "Save"}
    for form in (formset.management_form, *formset.forms):
        for field in form:
            if field.field.disabled:
                continue
            value = field.value()
            data[field.html_name] = "" if value is None else str(value)
            if field.field.show_hidden_initial:
                data[field.html_initial_name] = json.dumps(None if field.current is None else str(field.current))
    return data


def field(page, product, name):
    """The name of a row's field."""
    return next(form[name].html_name for form in page.context["cl"].formset.forms if form.instance.pk == product.pk)


def errors(page):
    return [dict(form.errors) for form in page.context["cl"].formset.forms if form.errors]


class TestEditing:
    @pytest.fixture(autouse=True)
    def _products(self):
        self.cheap = ProductFactory(name="Cheap", price=Decimal("10.00"), quantity=1)
        self.dear = ProductFactory(name="Dear", price=Decimal("90.00"), quantity=2, compare_at_price=Decimal("95.00"))

    def test_only_what_was_edited_is_written_and_recorded(self, admin_client):
        page = admin_client.get(PRODUCTS)
        before = Product.objects.get(pk=self.cheap.pk)
        data = fields_of(page) | {field(page, self.dear, "price"): "99.50"}
        # Meanwhile somebody sells one.
        Product.objects.filter(pk=self.dear.pk).update(quantity=1)
        Change.objects.all().delete()
        saved = admin_client.post(PRODUCTS, data, follow=True)
        assert "1 product was changed successfully" in saved.content.decode()
        dear = Product.objects.get(pk=self.dear.pk)
        # What costs more than before is not reduced any more.
        assert (dear.price, dear.quantity, dear.compare_at_price) == (Decimal("99.50"), 1, None)
        assert Product.objects.get(pk=self.cheap.pk).updated_at == before.updated_at
        assert [(change.key, set(change.changes)) for change in Change.objects.all()] == [
            (self.dear.pk, {"price", "compare_at_price"})
        ]

    def test_a_page_saved_as_it_is_writes_nothing(self, admin_client):
        Product.objects.filter(pk=self.dear.pk).update(unlimited_stock=True)
        page = admin_client.get(PRODUCTS)
        assert "unlimited" in page.content.decode()
        Change.objects.all().delete()
        admin_client.post(PRODUCTS, fields_of(page))
        assert not Change.objects.exists()

    @pytest.mark.parametrize("value", ["", "-1", "1.001", "abc", "9" * 30])
    def test_an_error_is_told_at_its_row_whatever_the_order_is_by_now(self, admin_client, value):
        page = admin_client.get(PRODUCTS, {"o": "5"})
        data = fields_of(page) | {field(page, self.cheap, "price"): value, field(page, self.dear, "quantity"): "7"}
        # In the order of prices the rows change their places.
        Product.objects.filter(pk=self.cheap.pk).update(price=500)
        refused = admin_client.post(f"{PRODUCTS}?o=5", data)
        rows = refused.content.decode().split("<tbody>")[1].split("<tr>")[1:]
        (row,) = [row for row in rows if "errorlist" in row]
        assert ">Cheap<" in row
        assert Product.objects.get(pk=self.dear.pk).quantity == 2

    def test_a_row_that_was_deleted_meanwhile_is_told_and_the_others_are_saved(self, admin_client, admin_user):
        page = admin_client.get(PRODUCTS)
        data = fields_of(page) | {
            field(page, self.cheap, "quantity"): "7",
            field(page, self.dear, "quantity"): "-1",
        }
        with acting(admin_user, via="admin"):
            self.cheap.delete()
        refused = admin_client.post(PRODUCTS, data)
        assert "deleted “Cheap” at" in refused.content.decode()
        assert [*refused.context["cl"].result_list] == [self.dear]
        # The page that is shown has no fields of the deleted row any more.
        data = fields_of(refused) | {field(refused, self.dear, "quantity"): "8"}
        saved = admin_client.post(PRODUCTS, data, follow=True).content.decode()
        assert "1 product was changed successfully" in saved
        assert Product.objects.get(pk=self.dear.pk).quantity == 8
        told = admin_client.post(PRODUCTS, data | {"form-0-id": "nonsense", "form-1-id": "9" * 30}, follow=True)
        assert "“nonsense” is not there any more. Nothing was saved of it." in told.content.decode()

    def test_a_price_that_somebody_changed_meanwhile_is_overwritten_knowingly_only(self, admin_client):
        page = admin_client.get(PRODUCTS)
        data = fields_of(page) | {field(page, self.cheap, "price"): "12.00"}
        Product.objects.filter(pk=self.cheap.pk).update(price=11)
        refused = admin_client.post(PRODUCTS, data)
        assert "after you opened the page. It is now: “11.00”" in str(errors(refused))
        assert Product.objects.get(pk=self.cheap.pk).price == 11
        shown = refused.content.decode()
        initial = f"initial-{field(page, self.cheap, 'price')}"
        assert f'name="{initial}" value="&quot;11.00&quot;"' in shown
        admin_client.post(PRODUCTS, data | {initial: '"11.00"'})
        assert Product.objects.get(pk=self.cheap.pk).price == 12

    def test_who_may_only_look_sees_texts(self):
        user = UserFactory(is_staff=True)
        user.user_permissions.add(Permission.objects.get(codename="view_product"))
        client = Client()
        client.force_login(user)
        page = client.get(PRODUCTS)
        assert "10.00 EUR" in page.content.decode()
        assert (
            client.post(PRODUCTS, {"_save": "Save", "form-TOTAL_FORMS": "0", "form-INITIAL_FORMS": "0"}).status_code
            == 403
        )


class TestSearch:
    def test_finds_with_typos_best_first_and_archived_ones_by_name(self, admin_client, index):
        for name in ("Oak table lamp", "Lamp", "Garden chair"):
            ProductFactory(name=name)
        ProductFactory(name="Old lamp", is_active=False)
        assert {*names(admin_client.get(PRODUCTS, {"q": "lapm"}))} == {"Lamp", "Oak table lamp"}
        assert names(admin_client.get(PRODUCTS, {"q": "lamp"})) == ["Lamp", "Oak table lamp", "Old lamp"]
        assert names(admin_client.get(PRODUCTS, {"q": "lamp", "is_active__exact": "0"})) == ["Old lamp"]
        assert "Old lamp" not in names(admin_client.get(PRODUCTS, {"q": "lamp", "is_active__exact": "1"}))

    def test_an_sku_finds_its_product_first_archived_or_not(self, admin_client, index):
        ProductFactory(name="Cable for ABC-12", sku="X-1")
        ProductFactory(name="Gone", sku="ABC-12", is_active=False)
        ProductFactory(name="Longer", sku="ABC-123")
        alone = admin_client.get(PRODUCTS, {"q": "abc-12"})
        assert names(alone) == ["Gone"]
        assert "?q=abc-12&amp;similar=1" in alone.content.decode()
        similar = {"q": "abc-12", "similar": "1"}
        assert names(admin_client.get(PRODUCTS, similar))[:2] == ["Gone", "Longer"]
        assert names(admin_client.get(PRODUCTS, {**similar, "is_active__exact": "1"}))[:1] == ["Longer"]
        assert "Gone" not in names(admin_client.get(PRODUCTS, {"q": "abc-12", "is_active__exact": "1"}))

    def test_the_whole_name_finds_its_product_first_archived_or_not(self, admin_client, index):
        ProductFactory(name="Oak lamp of oak")
        ProductFactory(name="Ôak Lamp", is_active=False)
        assert names(admin_client.get(PRODUCTS, {"q": "oak lamp"})) == ["Ôak Lamp", "Oak lamp of oak"]

    def test_filters_apply_to_all_hits_and_not_to_the_best_alone(self, admin_client, index, monkeypatch):
        monkeypatch.setattr("catalog.admin.finding.MAX_FOUND", 2)
        monkeypatch.setattr(product_list, "MAX_FOUND", 2)
        for number in range(4):
            ProductFactory(name=f"Lamp {number}")
        sold_out = ProductFactory(name="A lamp of oak with a long name", quantity=0)
        page = admin_client.get(PRODUCTS, {"q": "lamp"})
        assert len(names(page)) == 2
        assert "The best 2 of 5 hits" in page.content.decode()
        for filters in ({"stock": "none"}, {"brand": sold_out.brand_id}, {"category": sold_out.category_id}):
            assert names(admin_client.get(PRODUCTS, {"q": "lamp", **filters})) == [sold_out.name]


class TestOrder:
    def test_every_column_sorts_active_and_archived_products_together(self, admin_client):
        for place, name in enumerate(["b", "D", "a", "c"]):
            ProductFactory(name=name, price=4 - place, quantity=place, sku=name.lower(), is_active=bool(place % 2))
        for column, expected in {"2": "abcD", "3": "abcD", "5": "caDb", "6": "bDac"}.items():
            assert "".join(names(admin_client.get(PRODUCTS, {"o": column}))) == expected
            assert "".join(names(admin_client.get(PRODUCTS, {"o": f"-{column}"}))) == expected[::-1]

    def test_counts_no_further_than_it_pages(self, admin_client, monkeypatch):
        monkeypatch.setattr(product_list, "MAX_COUNTED", 3)
        ProductFactory.create_batch(5)
        page = admin_client.get(PRODUCTS)
        assert len(names(page)) == 3
        assert "more than 3" in page.content.decode()
        assert admin_client.get(PRODUCTS, {"p": "2"}).status_code == 302

    def test_costs_the_same_queries_at_1_and_at_40_rows_with_pictures_and_a_search(self, admin_client, index):
        def add(count):
            for product in ProductFactory.create_batch(count, name="Lamp"):
                image = ProductImage.objects.create(
                    product=product, status=ImageStatus.READY, width=1, height=1, bytes=1, sha256=f"{product.pk}"
                )
                Rendition.objects.create(
                    image=image, size="THUMBNAIL", format="WEBP", name=f"{product.pk}.webp", width=1, height=1, bytes=1
                )

        for parameters in ({}, {"q": "lamp"}):
            add(1)
            admin_client.get(PRODUCTS, parameters)
            with CaptureQueriesContext(connection) as few:
                admin_client.get(PRODUCTS, parameters)
            add(39)
            admin_client.get(PRODUCTS, parameters)
            with CaptureQueriesContext(connection) as many:
                page = admin_client.get(PRODUCTS, parameters)
            assert len(many) == len(few)
            assert page.content.decode().count('loading="lazy"') >= 40

    def test_views_and_the_shop_are_links(self, admin_client, settings):
        settings.PRODUCT_URL = "https://shop.example/p/{slug}"
        product = ProductFactory(slug="oak-lamp")
        page = admin_client.get(PRODUCTS, {"is_active__exact": "1", "stock": "none"}).content.decode()
        assert 'aria-current="page">Sold out<' in page
        assert 'href="https://shop.example/p/oak-lamp"' in admin_client.get(PRODUCTS).content.decode()
        assert "https://shop.example/p/oak-lamp" in admin_client.get(f"{PRODUCTS}{product.pk}/change/").content.decode()


class TestDeletion:
    def test_it_stands_last_and_shows_the_number_and_the_first_ten(self, admin_client, monkeypatch):
        products = [ProductFactory(name=f"Lamp {number:02}") for number in range(12)]
        page = admin_client.get(PRODUCTS).content.decode()
        assert page.rindex('<option value="delete_selected">') > page.rindex('<option value="take_out">')
        action = {"action": "delete_selected", "_selected_action": [product.pk for product in products]}
        asked = admin_client.post(PRODUCTS, action).content.decode()
        assert "Delete 12 products" in asked
        assert "Lamp 09" in asked
        assert "Lamp 10" not in asked
        assert "and 2 others" in asked
        monkeypatch.setattr("core.admin.deletion.MAX_DELETED", 11)
        refused = admin_client.post(PRODUCTS, {**action, "post": "yes"}, follow=True).content.decode()
        assert "at most 11 products are deleted at once. Select fewer, or archive them." in refused
        assert Product.objects.count() == 12

    def test_what_changed_meanwhile_is_told_before_it_goes(self, admin_client):
        lamp, gone = ProductFactory(name="Lamp"), ProductFactory(name="Gone")
        action = {"action": "delete_selected", "_selected_action": [lamp.pk, gone.pk]}
        seen = admin_client.post(PRODUCTS, action).context["seen"]
        lamp.price += 1
        lamp.save()
        gone.delete()
        again = admin_client.post(PRODUCTS, {**action, "post": "yes", "seen": seen})
        text = again.content.decode()
        assert "has just changed “Lamp” (price)" in text
        assert "1 of the selected products had been deleted meanwhile" in text
        assert Product.objects.exists()
        admin_client.post(PRODUCTS, {**action, "post": "yes", "seen": again.context["seen"]})
        assert not Product.objects.exists()
