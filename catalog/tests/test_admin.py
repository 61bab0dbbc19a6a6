"""The admin of products, categories and brands."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.admin.categories import INDENT
from catalog.models import Brand, Category, Product
from catalog.tests.factories import BrandFactory, CategoryFactory, ProductFactory

PRODUCTS = "/admin/catalog/product/"
CATEGORIES = "/admin/catalog/category/"
BRANDS = "/admin/catalog/brand/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def tree():
    """Home > (Lamps > Floor lamps) and Tables, then Art. Neither the ids nor the names are in the tree's order."""
    art = CategoryFactory(name="Art")
    home = CategoryFactory(name="Home")
    tables = CategoryFactory(name="Tables", parent=home)
    lamps = CategoryFactory(name="Lamps", parent=home)
    floor = CategoryFactory(name="Floor lamps", parent=lamps)
    return {"art": art, "home": home, "lamps": lamps, "floor": floor, "tables": tables}


def form_of(**changes):
    """The fields that the product form posts, with changes."""
    return {
        **{"name": "Alva", "slug": "alva", "sku": "", "description": "", "price": "10.00", "quantity": "1"},
        **{"rating": "", "is_active": "on", "created_at_0": "2024-05-01", "created_at_1": "12:00:00"},
        **changes,
    }


def errors_of(response):
    """The errors by field of a form that is shown again."""
    assert response.status_code == 200, response.status_code
    errors = response.context["adminform"].form.errors
    assert errors
    return {name: " ".join(messages) for name, messages in errors.items()}


def names(response):
    """The names of the rows of a list page."""
    assert response.status_code == 200
    return [row.name for row in response.context["cl"].result_list]


class TestProductList:
    def test_shows_price_stock_rating_category_and_brand(self, admin_client):
        """Price, stock, rating, category and brand stand in it."""
        ProductFactory(name="Alva", price=Decimal("349.00"), quantity=7, rating=4.5, sku="LMP-1")
        page = admin_client.get(PRODUCTS)
        assert names(page) == ["Alva"]
        for text in ('value="349.00"', "EUR", 'value="7"', "4.5", "LMP-1"):
            assert text in page.content.decode()

    def test_costs_the_same_queries_at_1_and_at_50_rows(self, admin_client):
        """No query per row, and none per category of the filter."""
        ProductFactory()
        admin_client.get(PRODUCTS)
        with CaptureQueriesContext(connection) as one:
            admin_client.get(PRODUCTS)
        ProductFactory.create_batch(49)
        with CaptureQueriesContext(connection) as fifty:
            admin_client.get(PRODUCTS)
        assert len(fifty) == len(one)

    @pytest.mark.parametrize("term", ["möller", "MOLLER lampe", "moller-lampe", "abc-1", "ABC-1", "AbC"])
    def test_finds_by_name_slug_and_sku_in_any_case(self, admin_client, term):
        """Accents do not count either."""
        ProductFactory(name="Möller Lampe", slug="moller-lampe", sku="ABC-1")
        ProductFactory(name="Other", slug="other", sku="XYZ")
        assert names(admin_client.get(PRODUCTS, {"q": term})) == ["Möller Lampe"]

    def test_filters_by_category_with_its_subtree(self, admin_client, tree):
        """Products of categories below are shown too."""
        for key, category in tree.items():
            ProductFactory(name=key, category=category)
        assert set(names(admin_client.get(PRODUCTS, {"category": tree["lamps"].pk}))) == {"lamps", "floor"}
        assert len(names(admin_client.get(PRODUCTS, {"category": tree["home"].pk}))) == 4

    def test_the_filters_of_categories_and_brands_list_the_chosen_one_alone(self, admin_client, tree):
        """However many there are."""
        BrandFactory.create_batch(30)
        brand = BrandFactory(name="Møllegård")
        page = admin_client.get(PRODUCTS, {"category": tree["floor"].pk, "brand": brand.pk}).content.decode()
        assert "Home › Lamps › Floor lamps</option>" in page
        assert "Møllegård</option>" in page
        assert page.split('id="changelist-filter"')[1].count("<option") == 4

    @pytest.mark.parametrize(
        ("parameters", "expected"),
        [
            ({"stock": "some"}, {"many", "few", "endless"}),
            ({"stock": "unlimited"}, {"endless"}),
            ({"stock": "low"}, {"few"}),
            ({"stock": "none"}, {"gone"}),
            ({"rating": "4"}, {"many"}),
            ({"rating": "none"}, {"gone"}),
            ({"is_active__exact": "0"}, {"gone"}),
            ({"sale": "yes"}, {"few"}),
            ({"pictures": "some"}, set()),
            ({"stock": "low", "brand": "", "category": ""}, {"few"}),
        ],
    )
    def test_filters_by_stock_rating_and_state(self, admin_client, parameters, expected):
        """Each filter alone."""
        ProductFactory(name="many", quantity=100, rating=4.0)
        ProductFactory(name="few", quantity=5, rating=3.9, price=2, compare_at_price=3)
        ProductFactory(name="gone", quantity=0, is_active=False)
        ProductFactory(name="endless", quantity=0, unlimited_stock=True, rating=3.0)
        assert set(names(admin_client.get(PRODUCTS, parameters))) == expected

    @pytest.mark.parametrize(
        "name", ["category", "brand", "stock", "rating", "value", "sale", "is_active__exact", "p", "o"]
    )
    @pytest.mark.parametrize("value", ["x", "-1", "9" * 30, "1e400", "\0", "٣"])
    def test_nonsense_in_a_filter_is_no_server_error(self, admin_client, name, value):
        """It is sent back to the plain list, or finds nothing."""
        ProductFactory()
        assert admin_client.get(PRODUCTS, {name: value}, follow=True).status_code == 200

    @pytest.mark.parametrize("term", ["\0", "'", '"', "%", "_", "\\", "🛋" * 300, "a" * 10_000])
    def test_nonsense_in_the_search_box_is_no_server_error(self, admin_client, term):
        """It finds nothing, or says why not."""
        assert admin_client.get(PRODUCTS, {"q": term}).status_code == 200


class TestProductForm:
    @pytest.fixture(autouse=True)
    def _place(self, tree):
        self.place = {"category": tree["floor"].pk, "brand": BrandFactory(name="Møllegård").pk}

    def test_adds_and_changes_a_product(self, admin_client):
        """The stored keys follow; an empty SKU is none."""
        response = admin_client.post(f"{PRODUCTS}add/", form_of(**self.place))
        assert response.status_code == 302
        product = Product.objects.get()
        assert (product.slug, product.sku, product.price, product.name_key) == ("alva", None, Decimal("10.00"), "alva")

    def test_saving_an_opened_product_changes_nothing(self, admin_client):
        """What the form shows is what it takes."""
        product = ProductFactory(name="Alva", sku="A", rating=4.5, description="Ökologisch.\nZwei Zeilen.")
        page = admin_client.get(f"{PRODUCTS}{product.pk}/change/")
        form = page.context["adminform"].form
        values = {name: form[name].value() for name in form.fields if name != "created_at"}
        data = {name: value for name, value in values.items() if value is not None}
        data |= {"created_at_0": f"{product.created_at:%Y-%m-%d}", "created_at_1": f"{product.created_at:%H:%M:%S}"}
        assert admin_client.post(f"{PRODUCTS}{product.pk}/change/", data).status_code == 302

    def test_the_box_of_categories_suggests_paths(self, admin_client, tree):
        """Those with the words in their own name first; in tree order without words."""

        def suggested(**parameters):
            return [row["text"] for row in admin_client.get(f"{CATEGORIES}choices/", parameters).json()["results"]]

        assert suggested(term="LÁMPS") == ["Home › Lamps", "Home › Lamps › Floor lamps"]
        assert suggested(term="home fl") == ["Home › Lamps › Floor lamps"]
        assert suggested() == ["Art", "Home", "Home › Lamps", "Home › Lamps › Floor lamps", "Home › Tables"]
        assert suggested(page="2") == suggested(term="\0") == []
        page = admin_client.get(f"{PRODUCTS}add/").content.decode()
        assert 'data-ajax--url="/admin/catalog/category/choices/"' in page
        assert "Floor lamps" not in page

    def test_costs_the_same_queries_at_6_and_at_60_categories(self, admin_client, tree):
        """The tree is read by one query."""
        admin_client.get(f"{PRODUCTS}add/")
        with CaptureQueriesContext(connection) as few:
            admin_client.get(f"{PRODUCTS}add/")
        for parent in (tree["art"], tree["floor"]):
            CategoryFactory.create_batch(27, parent=parent)
        with CaptureQueriesContext(connection) as many:
            admin_client.get(f"{PRODUCTS}add/")
        assert len(few) == len(many)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            *(("price", value) for value in ("-0.01", "NaN", "Infinity", "1e400", "9" * 30, "1.001", "")),
            *(("quantity", value) for value in ("-1", "2147483648", "1.5", "9" * 30, "")),
            *(("rating", value) for value in ("5.1", "-0.1", "nan", "inf", "1e400")),
            *(("slug", value) for value in ("", "a b", "a/b", "a" * 256, "a\0")),
            *(("name", value) for value in ("", "   ", "a" * 256, "a\0b")),
            *(("sku", value) for value in ("a" * 101, "a\0")),
            *(("category", value) for value in ("", "0", "x", "9" * 30)),
            *(("brand", value) for value in ("", "0", "x", "9" * 30)),
            ("description", "a\0b"),
            ("created_at_0", "2024-13-01"),
        ],
    )
    def test_refuses(self, admin_client, field, value):
        """The form says so at the field; nothing is saved."""
        response = admin_client.post(f"{PRODUCTS}add/", form_of(**{**self.place, field: value}))
        assert list(errors_of(response)) == [field.removesuffix("_0")]
        assert not Product.objects.exists()

    def test_refuses_a_known_slug_and_sku(self, admin_client):
        """Both at once, each at its field."""
        ProductFactory(slug="alva", sku="A-1")
        errors = errors_of(admin_client.post(f"{PRODUCTS}add/", form_of(sku="A-1", **self.place)))
        assert errors.keys() == {"slug", "sku"}

    def test_accepts_a_slug_with_marks(self, admin_client):
        assert b"catalog/slugs.js" in admin_client.get(f"{PRODUCTS}add/").content
        response = admin_client.post(f"{PRODUCTS}add/", form_of(slug="e\u0301te\u0301-हिन्दी", **self.place))
        assert response.status_code == 302
        assert Product.objects.get().slug == "été-हिन्दी"
        errors = errors_of(admin_client.post(f"{PRODUCTS}add/", form_of(slug="e\u0301té-हिन्दी", **self.place)))
        assert errors.keys() == {"slug"}

    def test_accepts_a_slug_and_sku_that_differ_in_case(self, admin_client):
        """They are compared byte by byte."""
        ProductFactory(slug="alva", sku="A-1")
        response = admin_client.post(f"{PRODUCTS}add/", form_of(slug="Alva", sku="a-1", **self.place))
        assert response.status_code == 302
        assert set(Product.objects.values_list("sku", flat=True)) == {"A-1", "a-1"}

    def test_accepts_two_products_without_sku(self, admin_client):
        """None is not a value that repeats."""
        for slug in ("one", "two"):
            assert admin_client.post(f"{PRODUCTS}add/", form_of(slug=slug, **self.place)).status_code == 302

    def test_the_brand_box_suggests_brands(self, admin_client):
        """Without regard to case and accents."""
        parameters = {"app_label": "catalog", "model_name": "product", "field_name": "brand", "term": "MøLLEGARD"}
        found = admin_client.get("/admin/autocomplete/", parameters).json()["results"]
        assert [each["text"] for each in found] == ["Møllegård"]


class TestCategories:
    def test_the_list_is_the_tree(self, admin_client, tree):
        """Each category right above its children, indented."""
        page = admin_client.get(CATEGORIES)
        assert names(page) == ["Art", "Home", "Lamps", "Floor lamps", "Tables"]
        assert f"{INDENT * 4}Floor lamps" in page.content.decode()

    def test_a_search_keeps_the_trees_order(self, admin_client, tree):
        """What is found stays where it is in the tree."""
        assert names(admin_client.get(CATEGORIES, {"q": "lamps"})) == ["Lamps", "Floor lamps"]

    def test_pages_continue_in_tree_order(self, admin_client, tree, monkeypatch):
        """Whichever way the rows lie in the database."""
        monkeypatch.setattr("catalog.admin.categories.CategoryAdmin.list_per_page", 2)
        pages = [names(admin_client.get(CATEGORIES, {"p": page})) for page in (1, 2, 3)]
        assert pages == [["Art", "Home"], ["Lamps", "Floor lamps"], ["Tables"]]
        assert len(names(admin_client.get(CATEGORIES, {"all": ""}))) == 5

    def test_a_category_cannot_go_below_itself(self, admin_client, tree):
        """Its subtree is refused."""
        home = tree["home"]
        for below in ("home", "lamps", "floor"):
            data = {"name": "Home", "slug": "home", "parent": tree[below].pk}
            assert "parent" in errors_of(admin_client.post(f"{CATEGORIES}{home.pk}/change/", data))
        home.refresh_from_db()
        assert home.parent is None

    def test_a_category_can_get_another_parent(self, admin_client, tree):
        """With everything below it."""
        data = {"name": "Lamps", "slug": "lamps", "parent": tree["art"].pk}
        assert admin_client.post(f"{CATEGORIES}{tree['lamps'].pk}/change/", data).status_code == 302
        assert names(admin_client.get(CATEGORIES)) == ["Art", "Lamps", "Floor lamps", "Home", "Tables"]

    def test_refuses_a_known_slug(self, admin_client, tree):
        """At its field."""
        errors = errors_of(admin_client.post(f"{CATEGORIES}add/", {"name": "Art", "slug": "art", "parent": ""}))
        assert errors.keys() == {"slug"}

    def test_categories_in_a_cycle_are_listed_too(self, admin_client, tree):
        """The list and the choice still show every category."""
        Category.objects.filter(pk=tree["home"].pk).update(parent=tree["floor"])
        assert set(names(admin_client.get(CATEGORIES))) == {"Art", "Home", "Lamps", "Floor lamps", "Tables"}
        assert admin_client.get(f"{CATEGORIES}{tree['home'].pk}/change/").status_code == 200

    def test_a_category_with_products_or_children_cannot_be_deleted(self, admin_client, tree):
        """The page says what stands in the way, however it is asked."""
        ProductFactory.create_batch(3, category=tree["floor"])
        page = admin_client.post(f"{CATEGORIES}{tree['floor'].pk}/delete/", {"post": "yes"})
        assert page.status_code == 200
        assert "3 products" in page.content.decode()
        page = admin_client.post(f"{CATEGORIES}{tree['home'].pk}/delete/", {"post": "yes"})
        assert "Lamps" in page.content.decode()
        action = {"action": "delete_selected", "_selected_action": [tree["floor"].pk], "post": "yes"}
        assert "3 products" in admin_client.post(CATEGORIES, action).content.decode()
        assert Category.objects.count() == 5

    def test_an_unused_category_can_be_deleted(self, admin_client, tree):
        """One leaf, nothing else."""
        assert admin_client.post(f"{CATEGORIES}{tree['floor'].pk}/delete/", {"post": "yes"}).status_code == 302
        assert Category.objects.count() == 4


class TestBrands:
    def test_a_brand_is_added_and_found(self, admin_client):
        assert admin_client.post(f"{BRANDS}add/", {"name": "Ōkubo", "slug": "okubo"}).status_code == 302
        BrandFactory()
        assert names(admin_client.get(BRANDS, {"q": "OKUBO"})) == ["Ōkubo"]

    def test_a_brand_in_use_cannot_be_deleted(self, admin_client):
        """With the number of its products."""
        brand = ProductFactory().brand
        page = admin_client.post(f"{BRANDS}{brand.pk}/delete/", {"post": "yes"})
        assert page.status_code == 200
        assert "1 product<" in page.content.decode()
        assert Brand.objects.exists()
