"""What makes rows of given attributes, and what the database refuses whoever writes."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from catalog.attributes import writing
from catalog.attributes.models import MAX_ATTRIBUTES, MAX_VALUES
from catalog.attributes.writing import AttributeInput
from catalog.models import Attribute, AttributeValue, Product, ProductAttribute, ProductGroup
from catalog.tests.factories import ProductFactory
from core.errors import ErrorCode

pytestmark = pytest.mark.django_db


def text(attribute: str, value: str) -> AttributeInput:
    return AttributeInput(attribute, text=value)


def number(attribute: str, value: str, unit: str = "") -> AttributeInput:
    return AttributeInput(attribute, number=Decimal(value), unit=unit)


def yes(attribute: str, value: bool = True) -> AttributeInput:
    return AttributeInput(attribute, boolean=value)


def give(product: Product, inputs: Sequence[AttributeInput]) -> None:
    resolved = writing.resolve({product.pk: inputs})
    assert not resolved.errors
    writing.write_rows(resolved.rows)
    writing.write_options_keys([product.pk])


def has(product: Product) -> list[tuple[str, str]]:
    rows = product.attribute_rows.select_related("attribute", "value").order_by("id")
    return [(row.attribute.slug, row.text) for row in rows]


def mistakes(*inputs: AttributeInput) -> list[tuple[tuple[str, ...], ErrorCode]]:
    errors = writing.resolve({"x": inputs}).errors.get("x", [])
    return [(error.path, error.code) for error in errors]


def test_a_value_is_spelled_once_as_it_was_first() -> None:
    first, second = ProductFactory(), ProductFactory()
    give(first, [text("Colour", "Dark  Red"), text("Size", "XL")])
    give(second, [text("colour", "DARK RED"), text("size", "ＸＬ"), text("Size", "X\u200bL")])
    assert has(first) == has(second) == [("colour", "Dark Red"), ("size", "XL")]
    give(second, [text("Colour", "Rosé"), text("Colour", "Rose")])
    assert has(second) == [("colour", "Rosé"), ("colour", "Rose")]


def test_an_attribute_is_found_by_its_slug_its_name_and_what_its_name_gives_as_a_slug() -> None:
    Attribute.objects.create(name="Screen size", slug="display")
    product = ProductFactory()
    for name in ("display", "Screen size", "SCREEN SIZE"):
        give(product, [text(name, "big")])
    give(product, [text("Screen-size!", "big")])
    assert [*Attribute.objects.order_by("id").values_list("slug", flat=True)] == ["display", "screen-size"]


def test_names_of_signs_are_attributes_of_their_own() -> None:
    product = ProductFactory()
    give(product, [text("%", "a"), text("€", "b"), text("🎉", "c"), text("C", "d"), text("C++", "e")])
    assert has(product) == [("u25", "a"), ("u20ac", "b"), ("u1f389", "c"), ("c", "d"), ("c-plus-plus", "e")]


def test_what_is_given_replaces_all_and_the_same_again_changes_nothing() -> None:
    product = ProductFactory()
    give(product, [text("Colour", "Red"), number("Power", "60", "W"), yes("Washable")])
    rows = {*ProductAttribute.objects.values_list("pk", flat=True)}
    again = writing.resolve({product.pk: [yes("washable"), number("power", "60.000"), text("colour", "RED")]}).rows
    assert not writing.differs(writing.stored_rows([product.pk])[product.pk], again[product.pk])
    assert writing.write_rows(again) == set()
    assert {*ProductAttribute.objects.values_list("pk", flat=True)} == rows
    give(product, [text("Colour", "Red"), number("Power", "-0.5", "W")])
    assert has(product) == [("colour", "Red"), ("power", "-0.5")]


@pytest.mark.parametrize(
    ("inputs", "path"),
    [
        ([number("Power", "5"), number("Power", "6")], ("1", "number")),
        ([yes("Washable"), yes("washable", False)], ("1", "boolean")),
        ([text("Power", "5"), number("Power", "6")], ("1", "number")),
        ([number("Power", "5", "W"), number("Power", "5", "kW")], ("1", "unit")),
        ([number("Power", "NaN")], ("0", "number")),
        ([number("Power", "Infinity")], ("0", "number")),
        ([number("Power", "1e9")], ("0", "number")),
        ([number("Power", "1e-400")], ("0", "number")),
        ([number("Power", "0.0000001")], ("0", "number")),
        ([text("Colour", "x" * 256)], ("0", "text")),
        ([text("Colour", "a\x00b")], ("0", "text")),
        ([text("x" * 101, "a")], ("0", "attribute")),
        ([AttributeInput("Colour")], ("0",)),
        ([AttributeInput("Colour", text="a", boolean=True)], ("0",)),
        ([AttributeInput("Colour", text="a", unit="cm")], ("0", "unit")),
    ],
)
def test_a_mistake_is_named_and_writes_nothing(inputs: list[AttributeInput], path: tuple[str, ...]) -> None:
    assert mistakes(*inputs) == [(path, ErrorCode.INVALID)]
    assert not AttributeValue.objects.exists()


@pytest.mark.parametrize("value", ["", "  ", "\u200b", "\ufeff \u2060"])
def test_a_value_has_something_to_see(value: str) -> None:
    assert mistakes(text("Colour", value)) == [(("0", "text"), ErrorCode.REQUIRED)]
    assert mistakes(text(value, "Red")) == [(("0", "attribute"), ErrorCode.REQUIRED)]


def test_a_product_has_so_many_attributes_and_values() -> None:
    assert not mistakes(*(yes(f"a{n}") for n in range(MAX_ATTRIBUTES)))
    assert mistakes(*(yes(f"b{n}") for n in range(MAX_ATTRIBUTES + 1))) == [((), ErrorCode.LIMIT_EXCEEDED)]
    assert not mistakes(*(text("a", f"value {n}") for n in range(MAX_VALUES)))
    assert mistakes(*(text("a", f"value {n}") for n in range(MAX_VALUES + 1))) == [((), ErrorCode.LIMIT_EXCEEDED)]
    assert not Attribute.objects.filter(slug__startswith="b").exists()


def test_without_create_nothing_is_written_and_the_same_mistakes_are_found() -> None:
    inputs = {"good": [text("Colour", "Red")], "bad": [number("Colour", "5")]}
    resolved = writing.resolve(inputs, create=False)
    assert [*resolved.rows] == ["good"]
    assert [*resolved.errors] == ["bad"]
    assert not Attribute.objects.exists()


class TestOptions:
    """Two products of a group never have the same."""

    @pytest.fixture
    def shirts(self) -> list[Product]:
        group = ProductGroup.objects.create(name="Shirt", slug="shirt")
        shirts = [ProductFactory(group=group) for _ in range(2)]
        for shirt, size in zip(shirts, "SM", strict=True):
            give(shirt, [text("Size", size), number("Weight", "0.1")])
        return shirts

    def taken(self, product: Product, *inputs: AttributeInput) -> bool:
        rows = writing.resolve({product.pk: inputs}).rows[product.pk]
        return bool(writing.taken_options({product.pk: (product.group_id, rows)}, [product.pk]))

    def test_they_are_told_before_the_database_refuses(self, shirts: list[Product]) -> None:
        assert self.taken(shirts[0], number("weight", "0.10"), text("size", "m"))
        assert not self.taken(shirts[0], text("size", "s"), number("weight", "0.1"))
        assert not self.taken(shirts[0], text("size", "m"))
        with pytest.raises(IntegrityError), transaction.atomic():
            give(shirts[0], [text("size", "m"), number("weight", "0.1")])

    def test_two_new_ones_are_told_too(self, shirts: list[Product]) -> None:
        group = shirts[0].group_id
        rows = writing.resolve({n: [text("Size", "XL")] for n in "ab"}, create=False).rows
        assert writing.taken_options({key: (group, rows[key]) for key in "ab"}, []) == {"b"}
        assert writing.taken_options({key: (None, rows[key]) for key in "ab"}, []) == set()

    def test_they_may_be_swapped(self, shirts: list[Product]) -> None:
        sizes = zip(shirts, "MS", strict=True)
        rows = writing.resolve({shirt.pk: [text("Size", size), number("Weight", "0.1")] for shirt, size in sizes}).rows
        writing.write_rows(rows)
        writing.write_options_keys(rows)
        assert [has(shirt)[-1] for shirt in shirts] == [("size", "M"), ("size", "S")]

    def test_outside_of_a_group_all_may_be_the_same(self, shirts: list[Product]) -> None:
        Product.objects.update(group=None)
        for shirt in shirts:
            give(shirt, [text("Size", "M")])
        assert {*Product.objects.values_list("options_key", flat=True)} == {None}


class TestConstraints:
    """What not even code that writes rows by itself can store."""

    @pytest.mark.parametrize(
        "values",
        [
            {"number": Decimal(1), "slot": 1},
            {"boolean": True, "slot": 1},
            {"number": Decimal(1), "boolean": True, "slot": 0},
            {"slot": 0},
        ],
    )
    def test_a_row_has_one_value_of_one_kind(self, values: dict[str, Any]) -> None:
        attribute = Attribute.objects.create(name="A", slug="a", kind="NUMBER")
        with pytest.raises(IntegrityError), transaction.atomic():
            ProductAttribute.objects.create(product=ProductFactory(), attribute=attribute, **values)

    def test_a_product_has_one_number(self) -> None:
        row = {"product": ProductFactory(), "attribute": Attribute.objects.create(name="A", slug="a", kind="NUMBER")}
        ProductAttribute.objects.create(**row, number=Decimal(1), slot=0)
        with pytest.raises(IntegrityError), transaction.atomic():
            ProductAttribute.objects.create(**row, number=Decimal(2), slot=0)

    def test_a_value_in_use_and_an_attribute_in_use_stay(self) -> None:
        product = ProductFactory()
        give(product, [text("Colour", "Red")])
        for model in (AttributeValue, Attribute):
            with pytest.raises(IntegrityError), transaction.atomic():
                model.objects.get().delete()
        product.delete()
        Attribute.objects.get().delete()
        assert not AttributeValue.objects.exists()
