"""The history: who changed what from what to what, by every API and by bulk writes."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection
from django.db.models import F
from django.db.models.signals import post_save
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from graphql_relay import to_global_id

from catalog import services
from catalog.attributes import services as attribute_services
from catalog.attributes.tests.builders import product as with_attributes
from catalog.images import services as images
from catalog.images.tests.pictures import corners, encoded
from catalog.models import AttributeValue, Product
from catalog.tests.factories import BrandFactory, CategoryFactory, ProductFactory
from core import tasks
from core.auth import shop_staff
from core.auth.policy import SYSTEM
from core.history.ambient import acting
from core.history.recording import MAX_TEXT, erase
from core.models import Change
from core.tests.actors import permission
from core.tests.clients import Api
from users.models import User
from users.tests.factories import UserFactory, employee

pytestmark = pytest.mark.django_db
UPDATE = "mutation($input: ProductUpdateInput!) { productUpdate(input: $input) { errors { message } } }"


def changes(row, kind="CHANGE"):
    """What is recorded of a row, first to last."""
    rows = Change.objects.filter(model=row._meta.label_lower, key=row.pk, kind=kind).order_by("pk")
    return [change.changes for change in rows]


def last():
    """Who made the last recorded change, and by what."""
    change = Change.objects.latest("pk")
    return change.actor, change.via


def image_file():
    from io import BytesIO

    return BytesIO(encoded(corners()))


class TestWhoAndByWhat:
    def test_graphql_the_admin_and_a_program(self, admin_client, admin_user):
        user = employee()
        lamp = ProductFactory(price=Decimal("10.00"))
        assert last() == (None, "server")
        Api(user).graphql(UPDATE, input={"id": to_global_id("Product", lamp.pk), "price": "12.5", "quantity": 5})
        assert changes(lamp) == [{"price": ["10.00", "12.50"]}]
        assert last() == (user, "graphql")
        admin_client.post(f"/admin/catalog/brand/{lamp.brand_id}/change/", {"name": "Nord", "slug": "nord"})
        assert last() == (admin_user, "admin")
        with acting(user, via="bulk 7"):
            Product.objects.filter(pk=lamp.pk).update(quantity=F("quantity") - 1)
        assert changes(lamp)[1:] == [{"quantity": [5, 4]}]
        assert last() == (user, "bulk 7")

    def test_a_session_of_the_admin_does_not_act_in_the_apis(self, admin_client):
        body = {"email": "new@example.com", "password": "correct horse battery"}
        sent = json.dumps(body)
        assert admin_client.post("/api/v1/auth/register/", sent, content_type="application/json").status_code == 201
        assert last() == (None, "rest anonymous")

    def test_an_import_is_named_and_its_new_products_are_not_recorded(self, tmp_path):
        lamp = ProductFactory(name="Lamp", slug="lamp", sku="A", price=Decimal("10.00"))
        chair = ProductFactory(name="Chair", slug="chair", sku="B", price=Decimal("10.00"))
        file = tmp_path / "swapped.csv"
        file.write_text(
            "slug,name,sku,price,category,brand\n"
            "lamp,Lamp,B,11.00,Home,Nord\n"
            "chair,Chair,A,10.00,Home,Nord\nnew,New,C,1.00,Home,Nord\n"
        )
        before = Change.objects.latest("pk").pk
        call_command("import_products", str(file), "--stock=0")
        assert changes(lamp)[0]["sku"] == ["A", "B"]
        assert changes(lamp)[0]["price"] == ["10.00", "11.00"]
        assert changes(lamp)[0]["brand"][1]["name"] == "Nord"
        assert changes(chair)[0]["sku"] == ["B", "A"]
        new = Product.objects.get(slug="new")
        assert not Change.objects.filter(pk__gt=before, model="catalog.product", key=new.pk).exists()


class TestProducts:
    def test_foreign_keys_are_readable_and_long_texts_are_bounded(self):
        lamp = ProductFactory(description="a")
        old, new = lamp.category, CategoryFactory(name="Lamps")
        lamp.category, lamp.description = new, "b" * 10_000
        lamp.save()
        (change,) = changes(lamp)
        assert change["category"] == [{"id": old.pk, "name": old.name}, {"id": new.pk, "name": "Lamps"}]
        assert change["description"][0] == "a"
        assert len(change["description"][1]) == MAX_TEXT

    def test_nothing_is_recorded_or_read_where_nothing_tracked_changes(self):
        lamp = Product.objects.get(pk=ProductFactory().pk)
        lamp.save()
        Product.objects.filter(pk=lamp.pk).update(quantity=lamp.quantity)
        with CaptureQueriesContext(connection) as queries:
            lamp.save(update_fields=[])
        assert changes(lamp) == []
        assert not any("core_change" in query["sql"] for query in queries)
        assert sum(query["sql"].startswith("SELECT") for query in queries) == 0

    def test_attributes_and_images(self):
        lamp = with_attributes("Lamp", {"colour": "red"})
        Change.objects.all().delete()
        services.update_product(
            actor=SYSTEM, product_id=lamp.pk, fields={"attributes": [services.AttributeInput("colour", text="blue")]}
        )
        image = images.image_upload(actor=SYSTEM, product_id=lamp.pk, file=image_file(), alt="Front").image
        images.image_update(actor=SYSTEM, image_id=image.pk, alt="Front")
        images.image_update(actor=SYSTEM, image_id=image.pk, alt="Back")
        images.image_delete(actor=SYSTEM, image_id=image.pk)
        assert changes(lamp) == [
            {"attribute: colour": ["red", "blue"]},
            {"image": [None, "Front"]},
            {"alternative text of an image": ["Front", "Back"]},
            {"image": ["Back", None]},
        ]

    def test_a_value_that_is_deleted_is_told_of_each_product(self):
        lamps = [with_attributes(f"Lamp {n}", {"colour": "red"}) for n in range(3)]
        attribute_services.delete_values(actor=SYSTEM, ids=[AttributeValue.objects.get().pk])
        assert [changes(lamp)[-1:] for lamp in lamps] == [[{"attribute: colour": ["red", None]}]] * 3

    def test_a_deletion_keeps_what_the_product_was(self):
        lamp = ProductFactory(name="Lamp", sku="L-1")
        key = lamp.pk
        lamp.delete()
        change = Change.objects.get(model="catalog.product", key=key, kind="DELETE").changes
        assert (change["name"], change["sku"]) == (["Lamp", None], ["L-1", None])

    @pytest.mark.parametrize(
        "change",
        [
            lambda lamp: services.archive_product(actor=SYSTEM, product_id=lamp.pk),
            lambda lamp: Product.objects.filter(pk=lamp.pk).update(quantity=99),
            lambda lamp: (setattr(lamp, "quantity", 98), lamp.save()),
            lambda lamp: images.image_upload(actor=SYSTEM, product_id=lamp.pk, file=image_file()),
            lambda lamp: services.update_product(
                actor=SYSTEM, product_id=lamp.pk, fields={"attributes": [services.AttributeInput("colour", text="x")]}
            ),
            lambda lamp: services.update_product(actor=SYSTEM, product_id=lamp.pk, fields={"group": "lamps"}),
        ],
        ids=["archive", "bulk", "save", "image", "attribute", "group"],
    )
    def test_the_time_of_the_last_change_moves_even_when_the_clock_went_back(self, change):
        lamp = ProductFactory()
        future = timezone.now() + timedelta(hours=1)
        Product._base_manager.filter(pk=lamp.pk).update(updated_at=future)
        change(lamp)
        moved = Product.objects.get(pk=lamp.pk).updated_at
        assert future < moved < future + timedelta(microseconds=9)


class TestUsers:
    def test_passwords_and_rights(self):
        user = UserFactory(first_name="Ada")
        user.set_password("another one 123")
        user.is_staff = True
        user.save()
        user.groups.add(Group.objects.get(name=shop_staff.NAME))
        user.groups.clear()
        assert changes(user) == [
            {"is_staff": [False, True], "password": None},
            {"groups": [None, "Shop staff"]},
            {"groups": ["Shop staff", None]},
        ]

    def test_what_a_group_gives_and_takes(self):
        group = Group.objects.create(name="Sellers")
        group.permissions.add(permission("catalog.add_product"))
        assert [*changes(group)[-1]] == ["permissions"]
        user = UserFactory()
        user.groups.add(group)
        group.delete()
        assert changes(user) == [{"groups": [None, "Sellers"]}, {"groups": ["Sellers", None]}]

    def test_signing_in_is_no_change(self):
        user = UserFactory()
        client = Client()
        assert client.login(email=user.email, password="vitrine-demo")
        user.end_tokens()
        assert changes(user) == []

    def test_personal_data_is_erased_with_the_account_or_before(self):
        user, other = UserFactory(email="ada@example.com"), UserFactory()
        lamp = ProductFactory()
        with acting(user, via="graphql"):
            Product.objects.filter(pk=lamp.pk).update(quantity=1)
            User.objects.filter(pk__in=[user.pk, other.pk]).update(first_name="Ada", is_staff=True)
        erase(User, user.pk)
        assert changes(user) == [{"first_name": None, "is_staff": [False, True]}]
        assert changes(other) == [{"first_name": ["", "Ada"], "is_staff": [False, True]}]
        key = user.pk
        with acting(user, via="graphql"):
            user.delete()
        assert not any("ada@" in json.dumps(change.changes) for change in Change.objects.filter(key=key))
        assert changes(lamp) == [{"quantity": [5, 1]}]
        assert not Change.objects.filter(actor__isnull=False).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("make", [ProductFactory, UserFactory, lambda: Group.objects.create(name="old")])
def test_a_save_outside_a_transaction_keeps_the_row_and_its_history_together(make):
    row = make()
    field = "email" if isinstance(row, User) else "name"

    def save(value):
        setattr(row, field, value)
        row.save()

    save("one@example.com")
    assert [*changes(row)[-1]] == [field]

    def fails(**_):
        raise RuntimeError

    post_save.connect(fails, sender=type(row))
    try:
        with pytest.raises(RuntimeError):
            save("two@example.com")
    finally:
        post_save.disconnect(fails, sender=type(row))
    assert getattr(type(row).objects.get(pk=row.pk), field) == "one@example.com"
    assert len(changes(row)) == 1


def test_old_history_is_deleted(monkeypatch, settings):
    monkeypatch.setattr(tasks, "BATCH", 2)
    settings.HISTORY_DAYS = 30
    for days in (0, 29, 31, 40, 500):
        Change.objects.create(model="m", key=days, kind="ADD", via="server", at=timezone.now() - timedelta(days=days))
    assert tasks.delete_old_history() == 3
    assert {*Change.objects.values_list("key", flat=True)} == {0, 29}


def test_reading_by_the_api_costs_nothing_more(staff):
    lamp = BrandFactory()
    with CaptureQueriesContext(connection) as queries:
        staff.graphql("{ products(first: 1) { nodes { name } } }")
    assert lamp.pk
    assert not any("core_change" in query["sql"] or "UPDATE" in query["sql"] for query in queries)
