"""Whatever writes the catalogue, by whatever way, changes its revision; the next request sees what was written."""

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.core import serializers
from django.core.management import call_command
from django.db import connection, models, transaction

from catalog.kept import store
from catalog.models import (
    Attribute,
    AttributeValue,
    BulkBatch,
    BulkChange,
    ImageJob,
    ImportJob,
    IndexChange,
    Product,
    ProductAttribute,
    ProductGroup,
    SearchCount,
    SteeringVersion,
)
from catalog.tests.factories import BrandFactory, CategoryFactory, ProductFactory
from core.caching import revision
from users.tests.factories import UserFactory

# What no API shows of the catalogue. Everything else is watched, and a new model with it.
UNSEEN = {BulkBatch, BulkChange, ImageJob, ImportJob, IndexChange, SearchCount, SteeringVersion}
MODELS = [*apps.get_app_config("catalog").get_models(include_auto_created=True)]


def now() -> int | None:
    """The revision that a request has which begins now."""
    with revision.request():
        return revision.known()


def filled(model: type[models.Model]) -> models.Model:
    """An unsaved row of any model, with something in each field that must have a value."""
    factories = {"product": ProductFactory, "category": CategoryFactory, "brand": BrandFactory}
    if model._meta.model_name in factories:
        related = {} if model is not Product else {"category": CategoryFactory(), "brand": BrandFactory()}
        row = factories[model._meta.model_name].build(**related)
        if isinstance(row, Product):
            row.fill_keys()
        return row
    values: dict[str, Any] = {"number": 1, "slot": 0} if model is ProductAttribute else {}
    for field in model._meta.concrete_fields:
        if field.name in values or field.null or field.primary_key or field.has_default() or field.generated:
            continue
        if isinstance(field, models.ForeignKey):
            related = filled(field.related_model)
            related.save()
            values[field.name] = related
        elif isinstance(field, models.CharField | models.TextField):
            values[field.name] = field.choices[0][0] if field.choices else f"x{id(values)}"[: field.max_length]
        else:
            values[field.name] = 1
    return model(**values)


def raw(statement: str, *params: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)


def ways(row: models.Model, field: models.Field) -> dict[str, Callable[[], Any]]:
    """The ways to write an existing row, of which each deletes it or leaves it as it is."""
    model, table, pk = type(row), connection.ops.quote_name(row._meta.db_table), row.pk
    column, value = connection.ops.quote_name(field.column), getattr(row, field.attname)
    plain, own = model._base_manager.filter(pk=pk), model._default_manager.filter(pk=pk)
    new = [f.attname for f in row._meta.concrete_fields if not f.generated]
    copy = model(**{name: getattr(row, name) for name in new})
    found = {
        "save": row.save,
        "save of some": lambda: row.save(update_fields=[field.name]),
        "fixture": lambda: [each.save() for each in serializers.deserialize("python", fixture)],
        "update": lambda: own.update(**{field.attname: value}),
        "update of the base": lambda: plain.update(**{field.attname: value}),
        "bulk_update": lambda: own.bulk_update([row], [field.name]),
        "update_or_create": lambda: plain.update_or_create(pk=pk, defaults={field.attname: value}),
        "delete": lambda: model._base_manager.get(pk=pk).delete(),
        "delete of many": own.delete,
        "raw delete": lambda: plain._raw_delete("default"),
        "bulk_create": lambda: (plain._raw_delete("default"), renew(), model._base_manager.bulk_create([copy])),
        "bulk_create over": lambda: model._base_manager.bulk_create([copy], ignore_conflicts=True),
        "SQL": lambda: raw(f"/* by hand */ update {table} set {column} = {column} where 1 = 0"),  # noqa: S608
        "SQL with": lambda: raw(f"WITH ids AS (SELECT 1) DELETE FROM {table} WHERE 1 = 0"),  # noqa: S608
        "executemany": lambda: many(f"UPDATE {table} SET {column} = %s WHERE 1 = 0", [[value], [value]]),  # noqa: S608
    }
    if hasattr(own, "update_each"):
        found["update_each"] = lambda: own.update_each([row], [field.name])
    fixture = serializers.serialize("python", [row])
    if connection.vendor == "mysql" and connection.mysql_is_mariadb:
        del found["SQL with"]
    return found


def many(statement: str, params: list[list[Any]]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(statement, params)


def renew() -> None:
    """A request between two writes of one transaction: both must count."""
    now()


@pytest.mark.django_db
class TestEveryWrite:
    @pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
    def test_of_every_model_changes_the_revision(self, model):
        if model in UNSEEN:
            assert not revision.is_watched(model)
            return
        row = filled(model)
        before = now()
        row.save()
        assert now() != before
        field = next(f for f in model._meta.concrete_fields if not (f.primary_key or f.unique or f.generated))
        for name, write in ways(row, field).items():
            before = now()
            with transaction.atomic():
                write()
                assert now() != before, name
                transaction.set_rollback(True)
            assert now() == before, name

    def test_of_anything_else_does_not(self):
        before = now()
        IndexChange.objects.create(kind="product", key=1)
        UserFactory()
        assert now() == before

    def test_past_the_application_is_told_by_the_command(self, settings):
        before = now()
        call_command("rebuild_index")
        assert now() != before


ALL = """query($brand: String!) {
  categories { name children { name parent { name } path { name } } }
  brand(slug: $brand) { id name slug }
  products(first: 20, sortBy: {field: NAME, direction: ASC}) { nodes {
    name category { name path { name } } brand { name } group { name }
    attributes { text number boolean attribute { name slug unit kind } } images { alt }
  } }
}"""


@pytest.fixture
def lamp(db):
    group = ProductGroup.objects.create(name="Lamps", slug="lamps")
    lamp = ProductFactory(category=CategoryFactory(name="Low", parent=CategoryFactory(name="Top")), group=group)
    colour = Attribute.objects.create(name="Colour", slug="colour")
    value = AttributeValue.objects.create(attribute=colour, text="Red")
    lamp.attribute_rows.create(attribute=colour, value=value, slot=value.pk)
    return lamp


class TestWhatIsKept:
    @pytest.fixture(autouse=True)
    def _no_whole_answers(self, settings):
        settings.GRAPHQL_ANSWERS_BYTES = 0

    def ask(self, api, lamp):
        return api.graphql(ALL, brand=lamp.brand.slug)

    def test_is_not_read_again_and_never_old(self, shopper, lamp, django_assert_max_num_queries):
        """After each write the next answer has it, and the one after that needs fewer queries."""
        colour, value = Attribute.objects.get(), AttributeValue.objects.get()
        for row in (lamp, lamp.brand, lamp.category, lamp.category.parent, lamp.group, colour, value):
            name = "text" if row is value else "name"
            setattr(row, name, f"New {getattr(row, name)}")
            row.save()
            seen = str(answer := self.ask(shopper, lamp))
            assert getattr(row, name) in seen
            # The user, ids and rows of products, their attributes, images, group.
            with django_assert_max_num_queries(6) as captured:
                assert self.ask(shopper, lamp) == answer
            assert not any("order_key" in query["sql"] for query in captured)
        type(lamp.brand).objects.filter(pk=lamp.brand_id).update(name="By SQL")
        assert "By SQL" in str(self.ask(shopper, lamp))

    def test_is_changed_by_no_request(self, shopper, lamp):
        store.clear()
        self.ask(shopper, lamp)
        kept = [value for (_, value), _ in (*store._values._new.values(), *store._values._proven.values())]
        rows = [*next(value for value in kept if hasattr(value, "by_id")).by_id.values()]
        rows += [value for value in kept if isinstance(value, models.Model)]
        before = [(str(vars(row)), dict(row._state.fields_cache)) for row in rows]
        assert len(rows) >= 3
        self.ask(shopper, lamp)
        assert [(str(vars(row)), dict(row._state.fields_cache)) for row in rows] == before
        assert not any(cached for _, cached in before)

    def test_is_not_used_by_a_mutation(self, staff, lamp):
        """What a write decides by is in the database."""
        self.ask(staff, lamp)
        hits = store._hits._value.get()
        staff.graphql(
            "mutation($i: ProductCreateInput!) { productCreate(input: $i) { product { brand { name } } } }",
            i={"name": "Other", "price": "1.00", "category": lamp.category.slug, "brand": lamp.brand.slug},
        )
        assert store._hits._value.get() == hits
