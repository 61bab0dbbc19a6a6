"""Attributes, values and groups reach both engines: in words, filters and facets. No difference stays unseen."""

from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from catalog.attributes import writing
from catalog.attributes.writing import AttributeInput
from catalog.category_tree import CategoryTree
from catalog.models import Attribute, AttributeValue, Product, ProductGroup
from catalog.search import attribute_facets
from catalog.search.criteria import Range
from catalog.search.engine import engine
from catalog.search.index import facet_counts, store, updating
from catalog.search.index.attribute_codes import COLUMNS, MORE
from catalog.search.index.consistency import find_drift
from catalog.search.pages import Page
from catalog.search.tests.catalogues import give
from catalog.search.validation import AttributeFilter, SearchInput, parse_criteria
from catalog.tests.factories import ProductFactory

pytestmark = pytest.mark.django_db
on_each_engine = pytest.mark.usefixtures("each_engine")


def found(text: str | None = None, *attributes: AttributeFilter, grouped: bool = False) -> list[str]:
    """The slugs that the engine finds."""
    criteria = parse_criteria(SearchInput(text=text, attributes=attributes, grouped=grouped))
    ids = engine().resolve(criteria).page(Page(100)).ids
    return sorted(Product.objects.filter(pk__in=ids).values_list("slug", flat=True))


def values() -> dict[str, list[tuple[str, int]]]:
    """The facets of everything: the values of each attribute, by its name."""
    facets = engine().resolve(parse_criteria(SearchInput())).facets(CategoryTree.load).attributes()
    return {facet.attribute.name: [(value.value, value.count) for value in facet.values] for facet in facets}


@pytest.fixture
def shirts(each_engine: str, settings: Settings) -> dict[str, Product]:
    """A linen shirt, red in S and blue in M, and a red lamp of 60 W. Weaker hits fill up nothing."""
    settings.SEARCH_MIN_HITS = 1
    group = ProductGroup.objects.create(name="Shirt", slug="shirt")
    made: dict[str, Product] = {
        "red-s": ProductFactory(name="Shirt", slug="red-s", group=group),
        "blue-m": ProductFactory(name="Shirt", slug="blue-m", group=group),
        "lamp": ProductFactory(name="Lamp", slug="lamp"),
    }
    linen = AttributeInput("Material", text="Linen")
    given = {
        "red-s": [AttributeInput("Colour", text="Red"), AttributeInput("Size", text="S"), linen],
        "blue-m": [AttributeInput("Colour", text="Blue"), AttributeInput("Size", text="M"), linen],
        "lamp": [AttributeInput("Colour", text="Red"), AttributeInput("Power", number=Decimal(60), unit="W")],
    }
    give({made[slug].pk: inputs for slug, inputs in given.items()})
    assert found("red") == ["lamp", "red-s"]
    return made


def test_values_are_words_beside_those_of_the_name(shirts: dict[str, Product]) -> None:
    assert found("red linen shirt") == ["red-s"]
    assert found("linen") == ["blue-m", "red-s"]
    assert len(found("linen", grouped=True)) == 1


def test_a_red_m_is_never_a_red_s_beside_a_blue_m(shirts: dict[str, Product]) -> None:
    red, m = AttributeFilter(attribute="colour", values=["Red"]), AttributeFilter(attribute="size", values=["M"])
    for grouped in (False, True):
        assert found(None, red, m, grouped=grouped) == []
        assert found("red", m, grouped=grouped) == []
        assert found("shirt", AttributeFilter(attribute="colour", values=["Blue"]), m, grouped=grouped) == ["blue-m"]


def test_a_value_with_another_spelling_has_it_everywhere(shirts: dict[str, Product]) -> None:
    red = AttributeValue.objects.get(text="Red")
    red.text = "Crimson"
    red.save()
    assert found("crimson") == ["lamp", "red-s"]
    assert found("red") == []
    assert values()["Colour"] == [("Crimson", 2), ("Blue", 1)]
    assert found(None, AttributeFilter(attribute="colour", values=["crimson"])) == ["lamp", "red-s"]


def test_an_attribute_with_another_name_has_it_in_facets(shirts: dict[str, Product]) -> None:
    Attribute.objects.filter(slug="colour").update(name="Tone")
    assert "Colour" not in values()
    assert values()["Tone"] == [("Red", 2), ("Blue", 1)]


def test_values_and_attributes_stand_where_staff_put_them(shirts: dict[str, Product]) -> None:
    assert values()["Size"] == [("S", 1), ("M", 1)]
    AttributeValue.objects.filter(text="S").update(position=1)
    assert values()["Size"] == [("M", 1), ("S", 1)]
    assert [*values()] == ["Colour", "Material", "Size", "Power"]
    Attribute.objects.filter(slug="size").update(position=0)
    Attribute.objects.filter(slug="material").update(position=1)
    assert [*values()] == ["Colour", "Size", "Material", "Power"]


@pytest.mark.parametrize("grouped", [False, True])
def test_what_a_product_has_changes_at_once(shirts: dict[str, Product], grouped: bool) -> None:
    red_s, red = shirts["red-s"].pk, AttributeFilter(attribute="colour", values=["red"])
    give({red_s: [AttributeInput("Colour", text="Green")]})
    assert found("red", grouped=grouped) == found(None, red, grouped=grouped) == ["lamp"]
    assert found("green", grouped=grouped) == ["red-s"]
    give({red_s: []})
    assert found("green", grouped=grouped) == []
    assert found("linen", grouped=grouped) == ["blue-m"]


def test_a_product_that_leaves_its_group_is_listed_by_itself(shirts: dict[str, Product]) -> None:
    assert len(found("shirt", grouped=True)) == 1
    Product.objects.filter(slug="red-s").update(group=None, options_key=None)
    assert found("shirt", grouped=True) == ["blue-m", "red-s"]


@on_each_engine
@pytest.mark.parametrize("chunk", [2, 1000])
def test_the_first_values_of_many_that_share_a_count(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attribute_facets, "CHUNK_KEYS", chunk)
    common = AttributeInput("Size", text="100 cm")
    products: list[Product] = ProductFactory.create_batch(9)
    give({p.pk: [AttributeInput("Size", text=f"{n} cm"), common] for n, p in enumerate(reversed(products), start=4)})
    given = AttributeFilter(attribute="size", values=["100 cm", "no such size", "9 cm"])
    for asked, wanted in (
        ([], ["100 cm", "4 cm", "5 cm", "6 cm"]),
        ([given], ["100 cm", "9 cm", "no such size", "4 cm"]),
    ):
        facets = engine().resolve(parse_criteria(SearchInput(attributes=asked))).facets(CategoryTree.load)
        assert [value.value for value in facets.attributes(values=4)[0].values] == wanted
        assert [value.value for value in facets.attributes(values=2)[0].values] == wanted[: 3 if asked else 2]


@pytest.mark.usefixtures("index")
def test_more_values_than_tantivy_counts_are_counted_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("attributes", {column: {"terms": {"field": column, "size": 5}} for column in (*COLUMNS, MORE)})
    monkeypatch.setitem(facet_counts.AGGREGATIONS, *names)
    products: list[Product] = ProductFactory.create_batch(30)
    tags = [AttributeInput("Tag", text=f"tag {n}") for n in range(40)]
    give({product.pk: [AttributeInput("Serial", text=f"SN {product.pk}"), *tags] for product in products})
    facets = (
        engine().resolve(parse_criteria(SearchInput())).facets(CategoryTree.load, ["attributes"]).attributes(values=100)
    )
    assert {facet.attribute.name: [value.count for value in facet.values] for facet in facets} == {
        "Serial": [1] * 30,
        "Tag": [30] * 40,
    }


@pytest.mark.usefixtures("index")
def test_so_many_counts_are_kept_of_an_index(monkeypatch: pytest.MonkeyPatch) -> None:
    products: list[Product] = ProductFactory.create_batch(30)
    give({product.pk: [AttributeInput("Serial", text=f"SN {product.pk}")] for product in products})
    monkeypatch.setattr(store, "MAX_KEPT_COUNTS", 100)
    for price in range(20):
        criteria = parse_criteria(SearchInput(price=Range(Decimal(price) / 100, None)))
        assert (
            len(engine().resolve(criteria).facets(CategoryTree.load, ["attributes"]).attributes(values=100)[0].values)
            == 30
        )
    # Each search has 31 counts. The last one is not weighed yet.
    assert len(store.reader.snapshot().results._results) <= 100 // 31 + 1


@pytest.mark.usefixtures("index")
@on_each_engine
@pytest.mark.parametrize("grouped", [False, True])
def test_products_with_very_many_values_are_counted_as_others_are(grouped: bool) -> None:
    group = ProductGroup.objects.create(name="Box", slug="box")
    boxes = [ProductFactory(group=group), ProductFactory(group=group), ProductFactory()]
    tags = [[f"t{n:03}" for n in range(start, start + size)] for start, size in ((0, 150), (140, 40), (149, 1))]
    lids = [AttributeInput("Lid", boolean=True), AttributeInput("Weight", number=Decimal(3))]
    give(
        {
            box.pk: [*lids, *(AttributeInput("Tag", text=tag) for tag in own)]
            for box, own in zip(boxes, tags, strict=True)
        }
    )
    facets = engine().resolve(parse_criteria(SearchInput(grouped=grouped))).facets(CategoryTree.load)
    counts = {f.attribute.name: {v.value: v.count for v in f.values} for f in facets.attributes(values=100)}
    having = {f.attribute.name for f in facets.attributes()}
    assert having == {"Tag", "Lid", "Weight"}
    assert counts["Lid"] == {"true": 2 if grouped else 3}
    assert counts["Tag"]["t149"] == (2 if grouped else 3)
    # Ten values are in both products of the group.
    assert [count for count in counts["Tag"].values() if count == 2] == ([2] if grouped else [2] * 9)


class TestDrift:
    """`rebuild_index --check` compares attributes and groups too, whoever changed them."""

    @pytest.fixture
    def shop(self, index: None) -> Product:
        group = ProductGroup.objects.create(name="Shirt", slug="shirt")
        shirt, *_ = [ProductFactory(name="Shirt", slug=f"shirt-{n}", group=group) for n in range(2)]
        lamp = ProductFactory(name="Lamp", slug="lamp")
        numbers = {"Power": "60", "Height": "0.5"}
        give(
            {
                shirt.pk: [AttributeInput("Colour", text="Red")],
                lamp.pk: [
                    *(AttributeInput(name, number=Decimal(number)) for name, number in numbers.items()),
                    AttributeInput("Dimmable", boolean=True),
                ],
            }
        )
        updating.bring_up_to_date()
        assert find_drift() == []
        return shirt

    @pytest.mark.parametrize(
        "statement",
        [
            "DELETE FROM catalog_productattribute WHERE value_id IS NOT NULL",
            "UPDATE catalog_productattribute SET number = 61 WHERE number = 60",
            "UPDATE catalog_productattribute SET number = 0.500001 WHERE number = 0.5",
            "UPDATE catalog_productattribute SET boolean = NOT boolean WHERE boolean IS NOT NULL",
            "UPDATE catalog_attributevalue SET text = 'Crimson'",
            "UPDATE catalog_product SET group_id = NULL WHERE slug = 'shirt-0'",
            "UPDATE catalog_product SET compare_at_price = price + 1 WHERE slug = 'lamp'",
        ],
    )
    def test_a_change_past_the_orm_is_found_and_mended(self, shop: Product, statement: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)
        assert {drift.what for drift in find_drift()} == {"stale"}
        with pytest.raises(CommandError, match="differ"):
            call_command("rebuild_index", check=True, verbosity=0)
        call_command("rebuild_index", verbosity=0)
        assert find_drift() == []

    def test_a_change_that_is_only_recorded_is_no_drift_once_it_is_applied(self, shop: Product) -> None:
        rows = writing.resolve({shop.pk: [AttributeInput("Colour", text="Blue")]}).rows
        writing.write_rows(rows)
        value = AttributeValue.objects.get(text="Red")
        value.text = "Scarlet"
        value.save()
        updating.bring_up_to_date()
        assert find_drift() == []
