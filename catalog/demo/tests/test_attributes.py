"""The attributes and groups of the demo shop: what they are, and that an older demo shop is given them."""

import re
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from zlib import crc32

import pytest
from django.conf import settings
from django.db.models import Count

from catalog.attributes.models import AttributeKind, options_key
from catalog.attributes.writing import stored_rows
from catalog.demo.generator import demo_catalogue
from catalog.demo.seed import seed_demo
from catalog.demo.subjects import colour_of, subject_of
from catalog.models import Attribute, AttributeValue, IndexChange, Product, ProductAttribute, ProductGroup
from core.tests.clients import Api

pytestmark = pytest.mark.django_db


def without_attributes(products: Iterable[Product]) -> None:
    """Makes the products as the version before attributes left them."""
    keys = [product.pk for product in products]
    ProductAttribute.objects.filter(product__in=keys).delete()
    Product.objects.filter(pk__in=keys).update(group=None, options_key=None)


def values_of(slug: str) -> dict[str, list[str]]:
    """The values of a product, by the name of the attribute."""
    values: dict[str, list[str]] = {}
    for row in ProductAttribute.objects.filter(product__slug=slug).order_by("attribute__position", "value"):
        unit = row.attribute.unit
        values.setdefault(row.attribute.name, []).append(f"{row.text} {unit}" if unit else row.text)
    return values


def options_of(group: ProductGroup) -> dict[str, set[str]]:
    """The attributes in which the products of the group differ, with all their values."""
    products = list(group.products.all())
    rows = Counter(
        (row.attribute.name, row.text)
        for row in ProductAttribute.objects.filter(product__in=products).select_related("attribute", "value")
    )
    options: dict[str, set[str]] = {}
    for (name, text), count in rows.items():
        if count < len(products):
            options.setdefault(name, set()).add(text)
    return options


@pytest.mark.usefixtures("demo_shop")
class TestSeededShop:
    def test_there_are_attributes_of_every_kind_and_each_has_products(self) -> None:
        kinds = Counter(Attribute.objects.values_list("kind", flat=True))
        assert sum(kinds.values()) >= 25
        assert min(kinds[kind] for kind in AttributeKind) >= 10
        assert not Attribute.objects.filter(product_rows=None).exists()
        assert not AttributeValue.objects.filter(product_rows=None).exists()
        units = dict(Attribute.objects.exclude(unit="").values_list("name", "unit"))
        assert {"Width": "cm", "Power": "W", "Capacity": "l", "Weight": "kg"}.items() <= units.items()

    def test_every_product_has_attributes_and_a_group(self) -> None:
        counted = Product.objects.annotate(attributes=Count("attribute_rows__attribute", distinct=True))
        assert not counted.filter(attributes__lt=3).exists()
        assert not counted.filter(attributes__gt=12).exists()
        assert not Product.objects.filter(group=None).exists()
        assert not ProductGroup.objects.annotate(size=Count("products")).filter(size__lt=2).exists()
        rows = stored_rows(Product.objects.values_list("pk", flat=True))
        assert all(product.options_key == options_key(rows[product.pk]) for product in Product.objects.all())

    def test_each_family_of_sofas_is_one_group_told_apart_by_colour(self) -> None:
        sofas = Product.objects.filter(category__slug="sofas")
        families = Counter(re.sub(" in .*", "", name) for name in sofas.values_list("name", flat=True))
        groups = ProductGroup.objects.filter(products__in=sofas).annotate(size=Count("products"))
        assert {group.name: group.size for group in groups} == families
        assert families["Harlow two-seater sofa"] == 3
        assert all(options_of(group).keys() == {"Colour"} for group in groups)

    @pytest.mark.usefixtures("each_engine")
    def test_a_sofa_in_three_colours_is_one_tile(self, shopper: Api) -> None:
        query = """{ products(filter: {category: ["sofas"]}, groupBy: GROUP) { totalCount nodes {
          group { name options { attribute { name } values } products { slug } } } } }"""
        found = shopper.graphql(query)["products"]
        tiles = {node["group"]["name"]: node["group"] for node in found["nodes"]}
        assert found["totalCount"] == len(tiles) == 4
        harlow = tiles["Harlow two-seater sofa"]
        assert len(harlow["products"]) == 3
        assert harlow["options"] == [
            {"attribute": {"name": "Colour"}, "values": ["Forest green", "Oatmeal", "Slate grey"]}
        ]

    @pytest.mark.parametrize(
        ("slug", "options"),
        [
            ("harlow-two-seater-sofa", {"Colour": {"Oatmeal", "Slate grey", "Forest green"}}),
            (
                "linde-linen-duvet-cover",
                {"Colour": {"Chalk white", "Sage", "Dusty rose"}, "Size": {"140 × 200 cm", "200 × 200 cm"}},
            ),
            ("kasten-low-tv-bench", {"Width": {"120", "180"}}),
            ("bistrot-porcelain-mug", {"Capacity": {"0.25", "0.4"}}),
            ("pellamo-wine-glasses-set-of-6", {"Wine": {"Red", "White"}}),
            ("rye-paring-knife", {"Handle": {"Walnut", "Beech"}}),
            ("carrara-coffee-table", {"Colour": {"Brushed brass", "Matt black"}}),
            ("t-lights-in-aluminium-free-cups", {"Pieces": {"24", "60"}}),
        ],
    )
    def test_options(self, slug: str, options: dict[str, set[str]]) -> None:
        assert options_of(ProductGroup.objects.get(slug=slug)) == options

    def test_no_group_has_more_options_than_two(self) -> None:
        groups = list(ProductGroup.objects.all())
        assert 100 < len(groups) < 200
        assert {len(options_of(group)) for group in groups} == {1, 2}

    def test_values_come_from_the_line_its_category_its_brand_and_its_care(self) -> None:
        assert values_of("lektor-reading-lamp-in-matt-black") == {
            "Colour": ["Matt black"],
            "Material": ["Steel"],
            "Bulb base": ["E14"],
            "Made in": ["Sweden"],
            "Height": ["130 cm"],
            "Power": ["6 W"],
            "Dimmable": ["Yes"],
            "Outdoor": ["No"],
        }

    def test_attributes_say_what_the_description_says(self) -> None:
        """Where the text of a line has a width in centimetres, the attribute is the same, and so on."""
        checked = 0
        for name, phrase in (
            ("Width", r"(?<!and )\b([\d.]+) cm wide"),
            ("Height", r"(?<!and )\b([\d.]+) cm high"),
            ("Depth", r"([\d.]+) cm deep"),
            ("Seat height", r"[Ss]eat height ([\d.]+)"),
        ):
            rows = ProductAttribute.objects.filter(attribute__name=name).select_related("product")
            for row in rows:
                if found := re.search(phrase, row.product.description):
                    assert row.number == Decimal(found[1]), row.product.name
                    checked += 1
        assert checked > 100

    def test_an_older_demo_shop_is_given_attributes_by_another_run(self) -> None:
        before = sorted(ProductAttribute.objects.values_list("product", "attribute", "slot", "number", "boolean"))
        keys = sorted(Product.objects.values_list("pk", "group", "options_key"))
        without_attributes(Product.objects.all())
        IndexChange.objects.all().delete()
        seeded = seed_demo()
        assert seeded is not None
        assert (seeded.products, seeded.with_attributes) == (0, Product.objects.count())
        after = ProductAttribute.objects.values_list("product", "attribute", "slot", "number", "boolean")
        assert sorted(after) == before
        assert sorted(Product.objects.values_list("pk", "group", "options_key")) == keys
        changed = IndexChange.objects.filter(kind="product").values("key").distinct()
        assert changed.count() == Product.objects.count()

    def test_what_the_shopkeeper_has_made_of_attributes_stays(self) -> None:
        harlow = Product.objects.get(slug="harlow-two-seater-sofa-in-oatmeal")
        colour, width = Attribute.objects.get(slug="colour"), Attribute.objects.get(slug="width")
        ProductAttribute.objects.filter(product=harlow).exclude(attribute=width).delete()
        AttributeValue.objects.filter(attribute=colour, text="Sage").update(text="Salbei", key="salbei")
        ProductAttribute.objects.filter(product=harlow, attribute=width).update(number=170)
        seeded = seed_demo()
        assert seeded is not None
        assert seeded.with_attributes == 0
        assert values_of(harlow.slug) == {"Width": ["170 cm"]}
        assert not AttributeValue.objects.filter(text="Sage").exists()

    def test_a_product_whose_options_another_one_has_stays_as_it_is(self) -> None:
        old, other = Product.objects.filter(group__slug="holm-leather-lounge-chair").order_by("name")
        key = old.options_key
        without_attributes([old])
        Product.objects.filter(pk=other.pk).update(options_key=key)
        seeded = seed_demo()
        assert seeded is not None
        assert seeded.with_attributes == 0
        assert (Product.objects.get(pk=old.pk).group, values_of(old.slug)) == (None, {})


def test_an_attribute_of_another_unit_is_not_filled() -> None:
    """A shop that measures in millimetres would otherwise have sofas of the width of a hand."""
    Attribute.objects.create(name="Breadth", slug="width", kind=AttributeKind.NUMBER, unit="mm")
    seeded = seed_demo()
    assert seeded is not None
    assert 200 < seeded.with_attributes < seeded.products
    assert values_of("linea-tv-unit-in-walnut") == {}
    assert values_of("harlow-footstool-in-oatmeal") == {}
    assert not ProductAttribute.objects.filter(attribute__slug="width").exists()


def test_pictures_are_drawn_as_before_attributes() -> None:
    """All that a picture depends on. Its colour is that of the name, which has stayed as it was."""
    catalogue = demo_catalogue()
    names = {category.slug: category.name for category in catalogue.categories}
    drawn = [(p.slug, subject_of(names[p.category_slug], p.name), colour_of(p.name)) for p in catalogue.products]
    assert drawn[0] == ("harlow-two-seater-sofa-in-oatmeal", "seat", "#cbb897")
    assert crc32(repr(drawn).encode()) == 452382670


def test_the_documentation_has_the_right_numbers() -> None:
    catalogue = demo_catalogue()
    groups = {product.group for product in catalogue.products}
    text = (settings.BASE_DIR / "docs/import.md").read_text()
    counted = (
        f"adds {len(catalogue.products)} products in {len(groups)} groups with {len(catalogue.attributes)} attributes"
    )
    assert counted in text
