"""Variants of each system become one group, with their options as attributes."""

import pytest

from catalog.attributes.models import Attribute, ProductGroup, options_key
from catalog.importing import run as import_run
from catalog.importing.tests.test_attributes import values_of
from catalog.importing.tests.test_cases import FOLDER
from catalog.importing.tests.test_command import run, write
from catalog.models import Product

pytestmark = pytest.mark.django_db

SHOPIFY = "Handle,Title,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Variant SKU,Variant Price"
WOO = (
    "ID,Type,SKU,Name,Published,In stock?,Stock,Regular price,Parent,Attribute 1 name,Attribute 1 value(s),"
    "Attribute 1 visible,Attribute 1 global,Attribute 2 name,Attribute 2 value(s)"
)
MAGENTO = (
    "sku,product_type,attribute_set_code,name,price,url_key,additional_attributes,configurable_variations,"
    "configurable_variation_labels"
)
GOOGLE = "id\ttitle\tavailability\tprice\titem_group_id\tcolor\tsize\tmaterial\tage group"


def groups() -> dict[str, tuple[str, list[str]]]:
    """The name and the products of each group."""
    found = {
        group.slug: (group.name, [*group.products.order_by("pk").values_list("slug", flat=True)])
        for group in ProductGroup.objects.all()
    }
    for product in Product.objects.filter(group__isnull=False):
        assert product.options_key == options_key(product.attribute_rows.all())
    return found


@pytest.mark.parametrize(
    ("file", "group", "options"),
    [
        ("shopify_new_columns.csv", "tarn-rain-cap", {"Size": ["S", "M", "L"]}),
        ("woocommerce.csv", "fs-sock", {"Colour": ["Grey", "Moss"]}),
        ("magento.csv", "pruning-gloves", {"Size": ["S", "M"]}),
        ("medusa.csv", "loom-band", {"Size": ["Small", "Large"]}),
        ("vendure.csv", "chalk-bag", {"Colour": ["Red", "Blue", "Sand"]}),
        ("bigcommerce.csv", "la", {"Size": ["S", "M"]}),
        ("bigcommerce_v3.csv", "cork-board", {"Size": ["Small", "Large"]}),
    ],
)
def test_variants_are_one_group(file, group, options):
    run(FOLDER / file)
    products = Product.objects.filter(group__slug=group).order_by("pk")
    assert [values_of(product.slug) for product in products] == [
        {name: [text]} for name, texts in options.items() for text in texts
    ]
    assert all(product.name.startswith(products[0].group.name) for product in products)
    assert [*groups()] == [group]
    assert not Product.objects.exclude(group__slug=group).filter(attribute_rows__isnull=False).exists()


class TestShopify:
    SHIRT = (
        "shirt,Linen shirt,Size,S,Color,Red,LS-S-R,40",
        "shirt,,,M,,Red,LS-M-R,40",
        "shirt,,,M,,Blue,LS-M-B,42",
        "bag,Bag,Title,Default Title,,,BAG,9",
    )

    def test_each_option_is_an_attribute(self, tmp_path):
        assert run(write(tmp_path, SHOPIFY, *self.SHIRT)).summary == (4, 0, 0, 0)
        assert groups() == {"shirt": ("Linen shirt", ["shirt-s-red", "shirt-m-red", "shirt-m-blue"])}
        assert values_of("shirt-m-red") == {"Size": ["M"], "Color": ["Red"]}
        assert values_of("bag") == {}

    def test_what_was_imported_before_is_grouped_by_the_same_file(self, tmp_path):
        path = write(tmp_path, SHOPIFY, *self.SHIRT)
        run(path)
        # As the versions before this one left it.
        Product.objects.update(group=None, options_key=None)
        for product in Product.objects.all():
            product.attribute_rows.all().delete()
        ProductGroup.objects.all().delete()
        before = [*Product.objects.order_by("pk").values_list("pk", "slug", "sku", "name", "price")]
        assert run(path, dry_run=True).summary == run(path).summary == (0, 3, 1, 0)
        assert [*Product.objects.order_by("pk").values_list("pk", "slug", "sku", "name", "price")] == before
        assert values_of("shirt-m-red") == {"Size": ["M"], "Color": ["Red"]}
        assert [*groups()] == ["shirt"]
        assert run(path).summary == (0, 0, 4, 0)

    @pytest.mark.parametrize("batch_rows", [1, 2_000])
    def test_an_option_of_another_spelling_changes_its_product(self, tmp_path, monkeypatch, batch_rows):
        monkeypatch.setattr(import_run, "MAX_BATCH_ROWS", batch_rows)
        run(write(tmp_path, SHOPIFY, *self.SHIRT))
        keys = dict(Product.objects.values_list("sku", "pk"))
        # The new name of one is that of another before.
        respelled = [row.replace("Red", "Crimson").replace("Blue", "Red") for row in self.SHIRT]
        path = write(tmp_path, SHOPIFY, *respelled)
        assert run(path, dry_run=True).summary == run(path).summary == (0, 3, 1, 0)
        assert dict(Product.objects.values_list("sku", "pk")) == keys
        assert [values_of(slug)["Color"] for slug in groups()["shirt"][1]] == [["Crimson"], ["Crimson"], ["Red"]]
        assert Product.objects.get(sku="LS-M-B").name == "Linen shirt – M / Red"
        assert run(path).summary == (0, 0, 4, 0)

    def test_a_sku_of_another_handle_stays_there(self, tmp_path):
        run(write(tmp_path, SHOPIFY, *self.SHIRT))
        summary = run(write(tmp_path, SHOPIFY, "cap,Cap,Size,S,Color,Red,LS-S-R,40")).summary
        assert summary == (0, 0, 0, 1)
        assert values_of("shirt-s-red") == {"Size": ["S"], "Color": ["Red"]}

    def test_a_new_title_is_the_new_name_of_the_group(self, tmp_path):
        run(write(tmp_path, SHOPIFY, *self.SHIRT))
        run(write(tmp_path, SHOPIFY, self.SHIRT[0].replace("Linen shirt", "Summer shirt"), *self.SHIRT[1:]))
        assert groups()["shirt"][0] == "Summer shirt"

    def test_what_staff_added_stays(self, tmp_path):
        path = write(tmp_path, SHOPIFY, *self.SHIRT)
        run(path)
        run(
            write(
                tmp_path, "slug,attribute: Fabric,group", "shirt-s-red,Linen,shirt", "bag,Canvas,Bags", file="mine.csv"
            )
        )
        assert run(path).summary == (0, 0, 4, 0)
        assert values_of("shirt-s-red") == {"Size": ["S"], "Color": ["Red"], "Fabric": ["Linen"]}
        assert groups()["bags"] == ("Bags", ["bag"])

    def test_options_without_names_are_told_and_not_lost(self, tmp_path):
        path = write(tmp_path, "Handle,Title,Option1 Value,Variant Price", "cap,Cap,S,1", "cap,,M,1")
        assert run(path).summary == (2, 0, 0, 0)
        assert groups() == {}
        path = write(tmp_path, SHOPIFY, "cap,Cap,,S,,,,1", "cap,,,M,,,,1")
        result = run(path)
        assert result.summary == (0, 0, 2, 0)
        assert "2 variants have options without a name" in result.stdout

    def test_sizes_in_digits_are_text_unless_the_attribute_is_a_number(self, tmp_path):
        run(write(tmp_path, SHOPIFY, "shoe,Shoe,Size,38,Length,24.5 cm,,1", "shoe,,,39,,25 cm,,1"))
        assert {*Attribute.objects.values_list("name", "kind")} == {("Size", "TEXT"), ("Length", "TEXT")}
        Attribute.objects.create(name="Depth", slug="depth", kind="NUMBER", unit="cm")
        result = run(write(tmp_path, SHOPIFY, "box,Box,Depth,10 cm,,,,1", "box,,,12.5,,,,1", "box,,,deep,,,,1"))
        assert values_of("box-10-cm") == {"Depth (cm)": ["10"]}
        assert "line 4: the attribute 'Depth' 'deep' is not a number" in result.stderr

    def test_the_report_of_refused_rows_has_the_names_of_the_options(self, tmp_path):
        refused = tmp_path / "refused.csv"
        run(write(tmp_path, SHOPIFY, *self.SHIRT[:1], "shirt,,,M,,Red,LS-M-R,much"), errors=refused)
        text = refused.read_text("utf-8-sig")
        refused.write_text(text.replace("much", "40"), "utf-8")
        assert run(refused).summary == (1, 0, 0, 0)
        assert groups() == {"shirt": ("Linen shirt", ["shirt-s-red", "shirt-m-red"])}


class TestWooCommerce:
    def test_a_variant_has_its_own_values_and_those_of_its_parent(self, tmp_path):
        path = write(
            tmp_path,
            WOO,
            '7,variable,SHIRT,Shirt,1,1,,,,Size,"S, M",1,1,Fabric,"Linen, Cotton\\, organic"',
            "8,variation,SHIRT-S,Shirt - S,1,1,3,40,SHIRT,Size,S,,1,,",
            "9,variation,SHIRT-M,Shirt - M,1,1,3,40,id:7,Size,M,,1,,",
            '10,simple,CAP,Cap,1,1,3,9,,Colour,"Red, Blue",1,1,,',
        )
        assert run(path).summary == (3, 0, 0, 0)
        assert values_of("shirt-s") == {"Size": ["S"], "Fabric": ["Cotton, organic", "Linen"]}
        assert values_of("cap") == {"Colour": ["Blue", "Red"]}
        assert run(path).summary == (0, 0, 3, 0)

    def test_the_parent_s_sku_or_its_number_tells_the_group(self, tmp_path):
        run(
            write(
                tmp_path,
                WOO,
                "7,variable,SHIRT,Shirt,1,1,,,,Size,,1,1,,",
                "8,variation,S1,Shirt - S,1,1,3,40,SHIRT,Size,S,,1,,",
                "9,variable,,Cap,1,1,,,,Size,,1,1,,",
                "10,variation,C1,Cap - S,1,1,3,40,id:9,Size,S,,1,,",
                "11,variation,H1,Hat - S,1,1,3,40,HAT,Size,S,,1,,",
            )
        )
        assert groups() == {
            "shirt": ("Shirt", ["shirt-s"]),
            "cap-9": ("Cap", ["cap-s"]),
            "hat": ("Hat - S", ["hat-s"]),
        }

    def test_numbers_of_simple_products_are_numbers_and_choices_are_text(self, tmp_path):
        run(
            write(
                tmp_path,
                WOO,
                "7,variable,SHOE,Shoe,1,1,,,,Size,38,1,1,Width,40 cm",
                "8,variation,S1,Shoe - 38,1,1,3,40,SHOE,Size,38,,1,,",
                "9,simple,RUG,Rug,1,1,3,40,,Width,60 cm,1,1,Pieces,2",
            )
        )
        assert {*Attribute.objects.values_list("name", "kind", "unit")} == {
            ("Size", "TEXT", ""),
            ("Width", "NUMBER", "cm"),
            ("Pieces", "NUMBER", ""),
        }


class TestMagento:
    def test_a_configurable_product_names_its_variants_before_or_below_them(self, tmp_path):
        configurable = (
            'SH,configurable,Default,Linen shirt,,linen-shirt,,"sku=SH-S,size=S,main_colour=Red|sku=SH-M,size=M,'
            'main_colour=Red","size=Size,main_colour=Colour"'
        )
        for lines in ([configurable], []), ([], [configurable]):
            path = write(
                tmp_path,
                MAGENTO,
                *lines[0],
                'SH-S,simple,Default,Shirt S,40,shirt-s,"size=S,main_colour=Red,care=Cold|Gentle,cost=1",,',
                'SH-M,simple,Default,Shirt M,40,shirt-m,"main_colour=Red,note=""by hand, in Ghent""",,',
                "CAP,simple,Default,Cap,9,cap,organic=Yes,,",
                *lines[1],
            )
            run(path)
            assert groups() == {"linen-shirt": ("Linen shirt", ["shirt-s", "shirt-m"])}
            assert values_of("shirt-s") == {"Size": ["S"], "Colour": ["Red"], "Care": ["Cold", "Gentle"]}
            assert values_of("shirt-m") == {"Size": ["M"], "Colour": ["Red"], "Note": ["by hand, in Ghent"]}
            assert values_of("cap") == {"Organic": ["Yes"]}
            assert Attribute.objects.get(name="Organic").kind == "BOOLEAN"
        assert run(path).summary == (0, 0, 3, 0)


class TestGoogle:
    def test_the_group_is_named_without_the_options(self, tmp_path):
        path = write(
            tmp_path,
            GOOGLE,
            "1\tLinen shirt - Red / M\tin_stock\t40 EUR\tLS 1\tRed\tM\tlinen\tadult",
            "2\tLinen shirt - Blue / M\tin_stock\t40 EUR\tLS 1\tBlue\tM\tlinen\tadult",
            "3\tDeck brush\tin_stock\t9 EUR\tDB\t\t\t\t",
            "4\tBroom\tin_stock\t9 EUR\tDB\t\t\t\t",
            file="feed.tsv",
        )
        assert run(path).summary == (4, 0, 0, 0)
        assert groups() == {"ls-1": ("Linen shirt", ["linen-shirt-red-m", "linen-shirt-blue-m"])}
        assert values_of("linen-shirt-red-m") == {
            **{"Color": ["Red"], "Size": ["M"]},
            **{"Material": ["linen"], "Age group": ["adult"]},
        }
        assert run(path).summary == (0, 0, 4, 0)


def test_the_features_of_prestashop(tmp_path):
    header = "Product ID;Active (0/1);Name *;Price tax included;Reference #;Quantity;Feature(Name:Value:Position)"
    path = write(
        tmp_path,
        header,
        "1;1;Rug;40;R;3;Width:60 cm:1,Colour:Red:2:0,Pages:300:3",
        "2;1;Mat;40;M;3;Width:45.5 cm:1,Care:cold:2",
        "3;1;Pad;40;P;3;",
    )
    assert run(path).summary == (3, 0, 0, 0)
    assert values_of("rug") == {"Width (cm)": ["60"], "Colour": ["Red"], "Pages": ["300"]}
    assert values_of("mat") == {"Width (cm)": ["45.5"], "Care": ["cold"]}
    assert values_of("pad") == {}


def test_two_options_and_the_facets_of_vendure(tmp_path):
    path = write(
        tmp_path,
        "name,slug,facets,optionGroups,optionValues,sku,price,stockOnHand",
        "Bag,bag,category:Bags|brand:Kerf|fabric:canvas,size|main colour,S|Red,B1,9,1",
        ",,,,M|Red,B2,9,1",
        "Brush,brush,fabric:hair,,,BR,9,1",
    )
    assert run(path).summary == (3, 0, 0, 0)
    assert groups() == {"bag": ("Bag", ["bag-s-red", "bag-m-red"])}
    assert values_of("bag-m-red") == {"Size": ["M"], "Main colour": ["Red"], "Fabric": ["canvas"]}
    assert values_of("brush") == {"Fabric": ["hair"]}
