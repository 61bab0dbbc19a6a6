"""Attributes and groups written by productCreate and productUpdate."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, connections
from graphql_relay import to_global_id

from catalog import services
from catalog.attributes.tests.builders import product
from catalog.attributes.writing import AttributeInput
from catalog.models import Attribute, AttributeValue, Product, ProductAttribute, ProductGroup
from catalog.tests.factories import BrandFactory, CategoryFactory
from core.errors import ErrorCode, InvalidInput
from core.tests.clients import Api
from users.tests.factories import employee

FIELDS = """{ product { id slug attributes { text number boolean attribute { slug name kind unit } }
              group { slug name products { slug } } } errors { field message code } }"""
CREATE = f"mutation($input: ProductCreateInput!) {{ payload: productCreate(input: $input) {FIELDS} }}"
UPDATE = f"mutation($input: ProductUpdateInput!) {{ payload: productUpdate(input: $input) {FIELDS} }}"
WANTED = {"name": "Shirt", "category": "shirts", "brand": "linum", "price": "19.90"}
RED, BLUE = {"attribute": "Colour", "text": "Red"}, {"attribute": "colour", "text": "Blue"}


@pytest.fixture(autouse=True)
def _place(db: None) -> None:
    CategoryFactory(slug="shirts")
    BrandFactory(slug="linum")


def create(api: Api, **values: Any) -> dict[str, Any]:
    payload: dict[str, Any] = api.graphql(CREATE, input={**WANTED, **values})["payload"]
    return payload


def update(api: Api, row: Product, **values: Any) -> dict[str, Any]:
    payload: dict[str, Any] = api.graphql(UPDATE, input={"id": to_global_id("Product", row.pk), **values})["payload"]
    return payload


def codes(payload: dict[str, Any]) -> set[tuple[str, str]]:
    assert (payload["product"] is None) == bool(payload["errors"])
    return {(".".join(error["field"] or []), error["code"]) for error in payload["errors"]}


def texts(payload: dict[str, Any]) -> list[tuple[str, str]]:
    return [(row["attribute"]["slug"], row["text"]) for row in payload["product"]["attributes"]]


class TestAttributes:
    def test_every_kind_makes_its_attribute(self, staff: Api, shopper: Api) -> None:
        given = [
            RED,
            {"attribute": "Material", "text": " Linen "},
            {"attribute": "material", "text": "Cotton"},
            {"attribute": "Length", "number": 72.5, "unit": "cm"},
            {"attribute": "Ironing", "boolean": False},
        ]
        payload = create(staff, attributes=given)
        assert codes(payload) == set()
        assert texts(payload) == [
            *(("colour", "Red"), ("ironing", "No"), ("length", "72.5"), ("material", "Cotton"), ("material", "Linen")),
        ]
        length = payload["product"]["attributes"][2]
        assert length["attribute"] == {"slug": "length", "name": "Length", "kind": "NUMBER", "unit": "cm"}
        assert (length["number"], payload["product"]["attributes"][1]["boolean"]) == (72.5, False)
        shown = shopper.graphql('{ product(slug: "shirt") { attributes { text } } }')["product"]["attributes"]
        assert [row["text"] for row in shown] == ["Red", "No", "72.5", "Cotton", "Linen"]

    @pytest.mark.parametrize(
        ("number", "shown"), [(0.1, "0.1"), (-0.0, "0"), (1e9 - 1, "999999999"), (1e-6, "0.000001"), (3, "3")]
    )
    def test_a_float_is_the_number_that_was_written(self, staff: Api, number: float, shown: str) -> None:
        assert texts(create(staff, attributes=[{"attribute": "x", "number": number}])) == [("x", shown)]

    def test_a_value_is_spelled_once(self, staff: Api) -> None:
        create(staff, attributes=[RED])
        assert texts(create(staff, attributes=[{"attribute": "COLOUR", "text": "red"}])) == [("colour", "Red")]
        assert (Attribute.objects.count(), AttributeValue.objects.count()) == (1, 1)

    def test_an_update_replaces_all_and_leaves_out_nothing_else(self, staff: Api) -> None:
        shirt = product("Shirt", {"Colour": "Red", "Length": 70})
        assert texts(update(staff, shirt, name="New shirt")) == [("colour", "Red"), ("length", "70")]
        assert texts(update(staff, shirt, attributes=[BLUE])) == [("colour", "Blue")]
        assert texts(update(staff, shirt, isActive=False)) == [("colour", "Blue")]
        assert texts(update(staff, shirt, attributes=[])) == []
        assert codes(update(staff, shirt, attributes=None)) == {("attributes", "REQUIRED")}

    @pytest.mark.parametrize(
        ("given", "field", "code"),
        [
            ([{"attribute": "x"}], "attributes.0", "INVALID"),
            ([RED, {"attribute": "x", "text": "a", "number": 1.0}], "attributes.1", "INVALID"),
            ([RED, {"attribute": " ", "text": "a"}], "attributes.1.attribute", "REQUIRED"),
            ([RED, {"attribute": "x", "text": ""}], "attributes.1.text", "REQUIRED"),
            ([{"attribute": "x" * 101, "text": "a"}], "attributes.0.attribute", "INVALID"),
            ([{"attribute": "x", "text": "a" * 256}], "attributes.0.text", "INVALID"),
            ([{"attribute": "x", "number": 1e9}], "attributes.0.number", "INVALID"),
            ([{"attribute": "x", "number": 1e300}], "attributes.0.number", "INVALID"),
            ([{"attribute": "x", "number": 1e-7}], "attributes.0.number", "INVALID"),
            ([{"attribute": "x", "text": "a", "unit": "cm"}], "attributes.0.unit", "INVALID"),
            ([RED, {"attribute": "colour", "number": 1.0}], "attributes.1.number", "INVALID"),
            ([{"attribute": "x", "number": 1.0}, {"attribute": "X", "number": 2.0}], "attributes.1.number", "INVALID"),
            ([{"attribute": "size", "number": 1.0, "unit": "m"}], "attributes.0.unit", "INVALID"),
            ([{"attribute": f"x{n}", "text": "a"} for n in range(51)], "attributes", "LIMIT_EXCEEDED"),
            ([{"attribute": "x", "text": f"a{n}"} for n in range(201)], "attributes", "LIMIT_EXCEEDED"),
        ],
    )
    def test_refuses(self, staff: Api, given: list[dict[str, Any]], field: str, code: str) -> None:
        Attribute.objects.create(name="Size", slug="size", kind="NUMBER", unit="cm")
        assert codes(create(staff, attributes=given)) == {(field, code)}
        shirt = product("Shirt", {"size": 1})
        assert codes(update(staff, shirt, name="Other", attributes=given)) == {(field, code)}
        shirt.refresh_from_db()
        assert (shirt.name, Product.objects.count(), ProductAttribute.objects.count()) == ("Shirt", 1, 1)
        # Nothing of what was refused stays.
        assert (Attribute.objects.count(), AttributeValue.objects.count()) == (1, 0)

    def test_fifty_are_allowed(self, staff: Api) -> None:
        assert len(texts(create(staff, attributes=[{"attribute": f"x{n}", "text": "a"} for n in range(50)]))) == 50

    def test_all_mistakes_at_once(self, staff: Api) -> None:
        wrong = {"name": " ", "group": "a b", "attributes": [{"attribute": "x", "number": 1e9}, {"attribute": "y"}]}
        assert codes(create(staff, **wrong)) == {
            *(("name", "REQUIRED"), ("group", "INVALID"), ("attributes.0.number", "INVALID")),
            ("attributes.1", "INVALID"),
        }


class TestGroups:
    def test_a_new_slug_makes_the_group(self, staff: Api) -> None:
        red = create(staff, group="linen-shirt", attributes=[RED])
        assert red["product"]["group"] == {
            "slug": "linen-shirt",
            "name": "Linen shirt",
            "products": [{"slug": "shirt"}],
        }
        blue = create(staff, group="linen-shirt", attributes=[BLUE])
        assert [row["slug"] for row in blue["product"]["group"]["products"]] == ["shirt-2", "shirt"]
        assert ProductGroup.objects.count() == 1

    def test_null_leaves_the_group(self, staff: Api) -> None:
        red = product("Red", {"Colour": "Red"}, of="Shirt")
        assert update(staff, red, name="New")["product"]["group"]["slug"] == "shirt"
        assert update(staff, red, group=None)["product"]["group"] is None
        assert create(staff, group=None)["product"]["group"] is None

    @pytest.mark.parametrize("slug", ["", "a b", "x" * 256, "🎉"])
    def test_refuses_what_is_no_slug(self, staff: Api, slug: str) -> None:
        assert codes(create(staff, group=slug)) == {("group", "INVALID")}
        assert not ProductGroup.objects.exists()

    def test_two_products_never_have_the_same_options(self, staff: Api) -> None:
        create(staff, slug="red", group="shirt", attributes=[RED])
        payload = create(staff, group="shirt", attributes=[{"attribute": "colour", "text": "RED"}])
        assert codes(payload) == {("attributes", "ALREADY_EXISTS")}
        assert "“red”" in payload["errors"][0]["message"]
        blue = product("Blue", {"Colour": "Blue"}, of="Shirt")
        assert codes(update(staff, blue, attributes=[RED])) == {("attributes", "ALREADY_EXISTS")}
        alone = product("Alone", {"Colour": "Red"})
        assert codes(update(staff, alone, group="shirt")) == {("attributes", "ALREADY_EXISTS")}
        assert codes(update(staff, alone, group="other")) == set()
        assert codes(update(staff, blue, attributes=[BLUE])) == set()

    def test_group_and_attributes_may_change_together(self, staff: Api) -> None:
        product("Red", {"Colour": "Red"}, of="Shirt")
        other = product("Other", {"Colour": "Red"}, of="Trousers")
        payload = update(staff, other, group="shirt", attributes=[BLUE])
        assert (codes(payload), payload["product"]["group"]["slug"]) == (set(), "shirt")
        # The key of the group that it left is gone: its place there is free.
        assert codes(create(staff, group="trousers", attributes=[RED])) == set()

    def test_archived_products_keep_their_place_but_are_not_listed(self, staff: Api) -> None:
        red, blue = (product(colour, {"Colour": colour}, of="Shirt", slug=colour) for colour in ("red", "blue"))
        assert update(staff, red, isActive=False)["product"]["group"]["products"] == [{"slug": "blue"}]
        assert codes(update(staff, blue, attributes=[RED])) == {("attributes", "ALREADY_EXISTS")}
        assert len(update(staff, red, isActive=True)["product"]["group"]["products"]) == 2


def test_shoppers_write_nothing(shopper: Api, nobody: Api) -> None:
    assert codes(create(shopper, group="shirt", attributes=[RED])) == {("", "FORBIDDEN")}
    assert nobody.error(CREATE, input={**WANTED, "group": "shirt", "attributes": [RED]})["code"] == "UNAUTHENTICATED"
    assert (Attribute.objects.count(), ProductGroup.objects.count()) == (0, 0)


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def at_once(self, work: Callable[[int], Product], count: int = 6) -> list[str]:
        """Runs the work in threads at once. Returns for each "" or the error's path and code."""
        gate = Barrier(count, timeout=30)

        def run(number: int) -> str:
            try:
                connection.ensure_connection()
                gate.wait()
                work(number)
                return ""
            except InvalidInput as error:
                return " ".join(f"{'.'.join(f.path)} {f.code}" for f in error.field_errors)
            finally:
                connections.close_all()

        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(run, range(count)))

    def test_the_same_new_attribute_value_and_group(self) -> None:
        actor = employee()

        def make(number: int) -> Product:
            attributes = [AttributeInput("Colour", text="Red"), AttributeInput("Number", number=Decimal(number))]
            fields: Any = {**WANTED, "price": Decimal(1), "attributes": attributes, "group": "shirt"}
            return services.create_product(actor=actor, fields=fields)

        assert self.at_once(make) == [""] * 6
        counts = [model._default_manager.count() for model in (Attribute, AttributeValue, ProductGroup, Product)]
        assert counts == [2, 1, 1, 6]
        assert ProductAttribute.objects.count() == 12

    def test_the_same_options(self) -> None:
        actor = employee()
        product("Other", {"Colour": "Blue"}, of="Shirt")

        def make(number: int) -> Product:
            fields: Any = {**WANTED, "price": Decimal(1), "attributes": [AttributeInput("Colour", text="Red")]}
            return services.create_product(actor=actor, fields={**fields, "group": "shirt"})

        results = self.at_once(make)
        assert sorted(results) == ["", *[f"attributes {ErrorCode.ALREADY_EXISTS}"] * 5]
        assert Product.objects.count() == 2

    def test_two_products_take_the_same_options(self) -> None:
        actor = employee()
        rows = [product(f"P{n}", {"Size": str(n)}, of="Shirt") for n in range(6)]

        def change(number: int) -> Product:
            fields: Any = {"attributes": [AttributeInput("Colour", text="Red")]}
            return services.update_product(actor=actor, product_id=rows[number].pk, fields=fields)

        assert sorted(self.at_once(change)) == ["", *[f"attributes {ErrorCode.ALREADY_EXISTS}"] * 5]
        assert Product.objects.exclude(options_key=None).values("options_key").distinct().count() == 6
