"""Forms of the admin overwrite nothing silently: two people at one product, category, brand or account."""

import re
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from html import unescape
from threading import Barrier

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from catalog.models import Attribute, Brand, Product
from catalog.tests.factories import BrandFactory, CategoryFactory, ProductFactory
from core.history.ambient import acting
from core.models import Change
from users.models import User
from users.tests.factories import UserFactory, employee

pytestmark = pytest.mark.django_db
PLACES = {Product: "catalog/product", Brand: "catalog/brand", User: "users/user"}


def path_of(row, page="change"):
    place = PLACES.get(type(row), f"{row._meta.app_label}/{row._meta.model_name}")
    return f"/admin/{place}/{row.pk}/{page}/"


def fields_of(page):
    """What a browser would post of a page's form, unedited: lists, for each name has one value or several."""
    sent = {}
    forms = [page.context["adminform"].form, *(formset.formset for formset in page.context["inline_admin_formsets"])]
    html = page.content.decode()
    for tag in re.findall(r"<input [^>]*>", html):
        attrs = {name: unescape(value) for name, value in re.findall(r'([\w-]+)="([^"]*)"', tag)}
        if attrs.get("type") in ("submit", "search", "file") or "name" not in attrs or "csrf" in attrs["name"]:
            continue
        if attrs["type"] not in ("checkbox", "radio") or re.search(r"\schecked", tag):
            sent.setdefault(attrs["name"], []).append(attrs.get("value", "on" if attrs["type"] == "checkbox" else ""))
    for name, text in re.findall(r'<textarea name="([^"]*)"[^>]*>\n?(.*?)</textarea>', html, re.S):
        sent[name] = [unescape(text).replace("\r\n", "\n").replace("\n", "\r\n")]
    for name, options in re.findall(r'<select name="([^"]*)"[^>]*>(.*?)</select>', html, re.S):
        chosen = re.findall(r'<option value="([^"]*)"[^>]*selected', options)
        first = re.findall(r'<option value="([^"]*)"', options)[:1]
        sent[name] = chosen or ([] if "multiple" in html.split(f'name="{name}"')[1].split(">")[0] else first)
    assert forms
    sent.pop("action", None)
    return {name: values for name, values in sent.items() if not name.endswith("__prefix__")}


@pytest.fixture
def other(admin_user):
    """Somebody else of the shop, who changes the same in the admin."""
    return UserFactory(email="ann@example.com", first_name="Ann", is_staff=True)


def changed_by(user, row, **values):
    with acting(user, via="admin"):
        type(row).objects.filter(pk=row.pk).update(**values)


class TestProduct:
    def test_an_unedited_page_writes_nothing(self, admin_client):
        lamp = ProductFactory(description="Two\nlines\n", rating=4.5, sku="L-1", compare_at_price=Decimal("12.50"))
        Product.objects.filter(pk=lamp.pk).update(created_at="2024-05-01 12:00:00.123456+00:00")
        before, changes = Product.objects.filter(pk=lamp.pk).values().get(), Change.objects.count()
        sent = fields_of(admin_client.get(path_of(lamp)))
        with CaptureQueriesContext(connection) as queries:
            response = admin_client.post(path_of(lamp), {**sent, "price": "10.0", "compare_at_price": "12.5"})
        assert response.status_code == 302, response.context["errors"]
        assert Product.objects.filter(pk=lamp.pk).values().get() == before
        assert Change.objects.count() == changes
        written = [query["sql"] for query in queries if re.match("UPDATE|INSERT|DELETE", query["sql"])]
        assert [sql for sql in written if "session" not in sql and "SAVEPOINT" not in sql] == []

    def test_what_others_changed_stays_and_is_told(self, admin_client, other):
        lamp = ProductFactory(quantity=5)
        sent = fields_of(admin_client.get(path_of(lamp)))
        changed_by(other, lamp, quantity=3, is_active=False)
        response = admin_client.post(path_of(lamp), {**sent, "price": "12.00"}, follow=True)
        lamp.refresh_from_db()
        assert (str(lamp.price), lamp.quantity, lamp.is_active) == ("12.00", 3, False)
        told = [str(message) for message in response.context["messages"]]
        assert any(text.startswith("Units in stock: Ann (ann@example.com)") and "“3”" in text for text in told)
        assert any(text.startswith("In the shop") and "“no”" in text for text in told)

    def test_the_same_field_is_refused_with_both_values_and_saved_the_second_time(self, admin_client, other):
        lamp = ProductFactory(price="10.00", quantity=5)
        sent = fields_of(admin_client.get(path_of(lamp)))
        changed_by(other, lamp, price="11.00", quantity=4)
        page = admin_client.post(path_of(lamp), {**sent, "price": "12.00", "created_at_1": "13:14:15"})
        (error,) = page.context["adminform"].form.errors["price"]
        assert error.startswith("Ann (ann@example.com) has changed this at 20")
        assert "“11.00”" in error
        assert list(page.context["adminform"].form.errors) == ["price"]
        again = fields_of(page)
        # What was edited here, and what was not.
        assert (again["price"], again["quantity"]) == (["12.00"], ["4"])
        assert admin_client.post(path_of(lamp), again).status_code == 302
        lamp.refresh_from_db()
        # Both edits are saved, and the stock, which was not edited, is that of the other.
        assert (str(lamp.price), lamp.quantity, f"{lamp.created_at:%H:%M:%S}") == ("12.00", 4, "13:14:15")

    def test_the_same_value_is_no_conflict(self, admin_client, other):
        lamp = ProductFactory(price="10.00")
        sent = fields_of(admin_client.get(path_of(lamp)))
        changed_by(other, lamp, price="12.00")
        assert admin_client.post(path_of(lamp), {**sent, "price": "12"}).status_code == 302

    @pytest.mark.parametrize("seen", ["", "{", "[1]", '{"a": 1}', "NaN", '"\\ud800"', "9" * 5000, "[" * 5000, "null"])
    def test_a_forged_version_is_no_error(self, admin_client, seen):
        lamp = ProductFactory()
        sent = fields_of(admin_client.get(path_of(lamp)))
        sent |= {name: seen for name in sent if name.startswith("initial-")}
        assert admin_client.post(path_of(lamp), {**sent, "price": "12.00"}).status_code in (200, 302)


class TestDeletion:
    def test_a_product_that_somebody_deleted_is_told(self, admin_client, other):
        lamp = ProductFactory(name="Lamp")
        path, sent = path_of(lamp), fields_of(admin_client.get(path_of(lamp)))
        with acting(other, via="admin"):
            lamp.delete()
        page = admin_client.post(path, {**sent, "price": "12.00"}, follow=True)
        assert re.search("Ann .* deleted “Lamp” at .* Nothing was saved", page.content.decode())

    def test_what_was_changed_since_the_question_is_not_deleted_unseen(self, admin_client, other):
        brand = BrandFactory(name="Nord")
        page = admin_client.get(path_of(brand, "delete"))
        version = re.search('name="version" value="([0-9]+)"', page.content.decode())[1]
        changed_by(other, brand, name="Nordic")
        page = admin_client.post(path_of(brand, "delete"), {"post": "yes", "version": version}, follow=True)
        assert "Nothing was deleted. Ann" in page.content.decode()
        version = re.search('name="version" value="([0-9]+)"', page.content.decode())[1]
        admin_client.post(path_of(brand, "delete"), {"post": "yes", "version": version})
        assert not Brand.objects.exists()


class TestOthers:
    def test_a_category_and_a_brand(self, admin_client, other):
        for row in (CategoryFactory(name="Lamps"), BrandFactory(name="Nord")):
            sent = fields_of(admin_client.get(path_of(row)))
            changed_by(other, row, name="Theirs", slug="theirs")
            page = admin_client.post(path_of(row), {**sent, "name": "Mine"})
            assert "“Theirs”" in str(page.context["adminform"].form.errors["name"])
            assert admin_client.post(path_of(row), fields_of(page)).status_code == 302
            row.refresh_from_db()
            assert (row.name, row.slug) == ("Mine", "theirs")

    def test_a_stale_page_of_an_account_gives_nothing_back(self, admin_client, other):
        user = employee()
        permission = Permission.objects.first()
        user.user_permissions.add(permission)
        sent = fields_of(admin_client.get(path_of(user)))
        assert sent["groups"]
        user.groups.clear()
        user.user_permissions.clear()
        changed_by(other, user, is_active=False, is_staff=False)
        assert admin_client.post(path_of(user), {**sent, "first_name": "Bo"}).status_code == 302
        user.refresh_from_db()
        assert (user.first_name, user.is_active, user.is_staff) == ("Bo", False, False)
        assert not user.groups.exists()
        assert not user.user_permissions.exists()

    def test_groups_that_both_change(self, admin_client, other):
        user = employee()
        mine, theirs = Group.objects.create(name="Mine"), Group.objects.create(name="Theirs")
        sent = fields_of(admin_client.get(path_of(user)))
        with acting(other, via="admin"):
            user.groups.set([theirs])
        page = admin_client.post(path_of(user), {**sent, "groups": [mine.pk]})
        told = str(page.context["adminform"].form.errors["groups"])
        assert "Ann" in told
        assert "It is now: “Theirs”" in unescape(told)
        assert admin_client.post(path_of(user), fields_of(page)).status_code == 302
        assert [*user.groups.all()] == [mine]


class TestHistoryPage:
    def test_shows_who_changed_what_and_escapes_it(self, admin_client, other):
        lamp = ProductFactory(name="Lamp", price="10.00")
        changed_by(other, lamp, name="<script>alert(1)</script>", price="11.00")
        html = admin_client.get(path_of(lamp, "history")).content.decode()
        assert "Ann (ann@example.com)" in html
        assert "<script>alert" not in html
        assert re.search('data-label="From">10.00</td><td data-label="To">11.00', html)

    def test_of_what_only_the_admin_writes_is_django_s(self, admin_client):
        place = "/admin/catalog/attribute/"
        attribute = Attribute.objects.create(name="Colour", slug="colour")
        sent = fields_of(admin_client.get(f"{place}{attribute.pk}/change/"))
        assert admin_client.post(f"{place}{attribute.pk}/change/", {**sent, "name": "Color"}).status_code == 302
        assert "Changed Name." in admin_client.get(f"{place}{attribute.pk}/history/").content.decode()

    def test_is_for_those_who_may_see_the_row(self, client):
        lamp = ProductFactory()
        client.force_login(UserFactory(is_staff=True))
        assert client.get(path_of(lamp, "history")).status_code == 403

    def test_costs_the_same_with_1_and_50_changes_and_is_paged(self, admin_client, other):
        lamp = ProductFactory()
        counts = []
        for number in range(1, 61):
            changed_by(other, lamp, quantity=number + 100)
            if number in (2, 50):
                with CaptureQueriesContext(connection) as queries:
                    admin_client.get(path_of(lamp, "history"))
                counts.append(len(queries))
        assert counts[0] == counts[1]
        assert "61 changes" in admin_client.get(path_of(lamp, "history"), {"p": "2"}).content.decode()
        assert admin_client.get(path_of(lamp, "history"), {"p": "x"}).status_code == 200

    def test_an_import_is_linked(self, admin_client, admin_user):
        lamp = ProductFactory()
        with acting(admin_user, via="import 12"):
            Product.objects.filter(pk=lamp.pk).update(quantity=1)
        assert '<a href="/admin/catalog/importjob/12/change/">import 12</a>' in (
            admin_client.get(path_of(lamp, "history")).content.decode()
        )


def test_an_anonymous_client_sees_no_history():
    lamp = ProductFactory()
    assert Client().get(path_of(lamp, "history")).status_code == 302


@pytest.mark.mysql
@pytest.mark.django_db(transaction=True)
def test_two_people_save_the_same_page_at_the_same_moment(admin_user):
    """Exactly one of them is asked, whoever comes second; nothing is lost unseen."""
    lamp = ProductFactory(price=Decimal("10.00"), quantity=0)
    client = Client()
    client.force_login(admin_user)
    sent = fields_of(client.get(path_of(lamp)))
    gate = Barrier(2, timeout=30)

    def save(values):
        try:
            own = Client()
            own.force_login(admin_user)
            gate.wait()
            return own.post(path_of(lamp), {**sent, **values}).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        for low, high in ((11, 12), (13, 14), (15, 16)):
            assert sorted(pool.map(save, [{"price": low}, {"price": high}])) == [200, 302]
            sent = fields_of(client.get(path_of(lamp)))
        assert [*pool.map(save, [{"price": "99"}, {"quantity": "7"}])] == [302, 302]
    lamp.refresh_from_db()
    assert (lamp.price, lamp.quantity) == (Decimal("99.00"), 7)
