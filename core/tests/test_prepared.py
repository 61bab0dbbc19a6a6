"""Prepared queries and instances give the same values as Django's own."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from catalog.attributes.models import ProductAttribute
from catalog.attributes.tests.builders import product
from catalog.models import Product
from core.db.prepared import Prepared, instances

pytestmark = pytest.mark.django_db


@pytest.fixture
def keys() -> list[int]:
    """Two products that have a value in each column between them."""
    moment = datetime(2026, 1, 31, 12, 0, 0, 811369, tzinfo=UTC)
    first = product("Lamp", {"Colour": "Red", "Width": Decimal("2.5"), "Folds": True}, of="Lamps", sku="L-1")
    second = product("Chair", {}, compare_at_price=Decimal("999.90"), unlimited_stock=True, is_active=False)
    Product.objects.filter(pk=first.pk).update(created_at=moment, rating=4.5)
    return [first.pk, second.pk]


def test_values_are_those_of_django(keys: list[int]) -> None:
    columns = [field.attname for field in Product._meta.concrete_fields]
    rows = Product.objects.order_by("pk").values_list(*columns)
    prepared = Prepared(lambda some: rows.filter(pk__in=some))
    # The same statement serves any number of keys, and is compiled once.
    for some in (keys[:1], keys, [*keys, 2**62]):
        values = [*map(tuple, prepared(some))]
        assert values == [*rows.filter(pk__in=some)]
        assert [*map(repr, values)] == [*map(repr, rows.filter(pk__in=some))]
    assert not prepared([])
    related = ProductAttribute.objects.order_by("pk").values_list("number", "boolean", "value__text", "product__price")
    assert [*Prepared(lambda some: related.filter(product__in=some))(keys)] == [*related.filter(product__in=keys)]


def test_instances_are_those_of_django(keys: list[int]) -> None:
    columns = ("id", "name", "created_at", "unlimited_stock")
    rows = Product.objects.order_by("pk").values_list(*columns)
    (read, other) = instances(Product, columns, rows).values()
    django = Product.objects.only(*columns).get(pk=read.pk)
    assert read == django
    assert read.get_deferred_fields() == django.get_deferred_fields()
    assert (read._state.adding, read._state.db) == (django._state.adding, django._state.db)
    assert read._state.fields_cache is not other._state.fields_cache
    with CaptureQueriesContext(connection) as captured:
        assert (read.name, read.created_at, read.price) == (django.name, django.created_at, django.price)
    assert len(captured) == 2
    read.name = "Renamed"
    read.save(update_fields=["name"])
    assert Product.objects.get(pk=read.pk).name == "Renamed"


def test_each_number_may_have_a_place_of_its_own() -> None:
    users = get_user_model().objects
    user = users.create_user("who@example.com")
    prepared = Prepared(lambda some: users.filter(pk=some[0], token_generation=some[1]).values_list("email"), places=2)
    assert [*map(tuple, prepared([user.pk, user.token_generation]))] == [("who@example.com",)]
    assert not prepared([user.pk, user.token_generation + 1])
    assert not prepared([user.token_generation + 1, user.pk])


def test_only_numbers_are_written_into_statements(keys: list[int]) -> None:
    prepared = Prepared(lambda some: Product.objects.filter(pk__in=some).values_list("id"))
    if connection.vendor == "mysql":
        with pytest.raises(TypeError):
            prepared(["1) OR (1=1"])  # type: ignore[list-item]
    for unknown in (
        Prepared(lambda some: Product.objects.filter(pk__in=some, name="Lamp").values_list("id")),
        Prepared(lambda some: Product.objects.filter(pk__in=some, group__in=some).values_list("id")),
        Prepared(lambda some: Product.objects.filter(name__contains="%", pk__in=some).values_list(F("pk") % 2)),
    ):
        with pytest.raises((ValueError, TypeError)):
            unknown(keys)


@pytest.mark.mysql
def test_moments_are_read_as_by_the_driver() -> None:
    from MySQLdb.times import DateTime_or_None

    from core.db.mysql.conversions import _moment

    texts = ["2026-01-31 12:00:00", "2026-01-31 12:00:00.811369", "1000-01-01 00:00:00.000001", "9999-12-31 23:59:59"]
    for text in (*texts, "2026-01-31 12:00:00.81", "0000-00-00 00:00:00", "2026-00-31 00:00:00.000000"):
        assert _moment(text) == DateTime_or_None(text)
