"""The mutations productCreate, productUpdate and productDelete."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier

import pytest
from django.db import connection, connections
from graphql_relay import to_global_id

from catalog import services
from catalog.models import Product
from catalog.tests.factories import BrandFactory, CategoryFactory, ProductFactory
from core.errors import ErrorCode, InvalidInput
from core.models import Change
from users.tests.factories import employee

FIELDS = """{ product { id name slug sku description category { slug } brand { slug } price { amount } quantity
              isActive rating } errors { field message code } }"""
CREATE = f"mutation($input: ProductCreateInput!) {{ payload: productCreate(input: $input) {FIELDS} }}"
UPDATE = f"mutation($input: ProductUpdateInput!) {{ payload: productUpdate(input: $input) {FIELDS} }}"
DELETE = f"mutation($input: ProductDeleteInput!) {{ payload: productDelete(input: $input) {FIELDS} }}"
WANTED = {"name": "Oak lamp", "category": "lamps", "brand": "møllegård", "price": "19.90"}


@pytest.fixture(autouse=True)
def _place(db):
    CategoryFactory(name="Lamps", slug="lamps")
    BrandFactory(name="Møllegård", slug="møllegård")


def change(api, document, **values):
    return api.graphql(document, input=values)["payload"]


def codes(payload):
    """The errors as (path, code). With errors there is no product."""
    assert (payload["product"] is None) == bool(payload["errors"])
    return {(".".join(error["field"] or []), error["code"]) for error in payload["errors"]}


def id_of(product):
    return to_global_id("Product", product.pk)


class TestCreate:
    def test_creates_a_product(self, staff, shopper):
        payload = change(staff, CREATE, **WANTED)
        product = payload["product"]
        assert codes(payload) == set()
        assert product == {
            **{"id": id_of(Product.objects.get()), "name": "Oak lamp", "slug": "oak-lamp", "sku": None},
            **{"description": "", "category": {"slug": "lamps"}, "brand": {"slug": "møllegård"}},
            **{"price": {"amount": "19.90"}, "quantity": 0, "isActive": True, "rating": None},
        }
        found = shopper.graphql('{ products(search: "oak") { nodes { slug } } }')["products"]["nodes"]
        assert found == [{"slug": "oak-lamp"}]

    def test_all_fields(self, staff):
        given = {"slug": "Öl", "sku": " A-1 ", "description": "Zwei\nZeilen", "quantity": 7, "rating": 4.5}
        product = change(staff, CREATE, **{**WANTED, "name": "  Oak \t lamp "}, **given)["product"]
        assert product.items() >= {**given, "name": "Oak lamp", "sku": "A-1"}.items()

    def test_null_means_the_default(self, staff):
        nothing = dict.fromkeys(("slug", "sku", "description", "quantity", "rating"))
        product = change(staff, CREATE, **WANTED, **nothing)["product"]
        assert (product["slug"], product["sku"], product["quantity"]) == ("oak-lamp", None, 0)

    def test_a_slug_of_the_name_is_made_unique(self, staff):
        slugs = [change(staff, CREATE, **WANTED)["product"]["slug"] for _ in range(3)]
        assert slugs == ["oak-lamp", "oak-lamp-2", "oak-lamp-3"]
        made = [
            change(staff, CREATE, **{**WANTED, "name": name})["product"]["slug"] for name in ("!?", "灯", "x" * 255)
        ]
        assert made == ["product", "灯", "x" * 245]

    @pytest.mark.parametrize(
        ("field", "value", "code"),
        [
            *(("name", value, "REQUIRED") for value in ("", " ", "\t\n")),
            ("name", "x" * 256, "INVALID"),
            ("slug", "", "REQUIRED"),
            *(("slug", value, "INVALID") for value in ("a b", "a/b", "x" * 256, "a\n", "🎉")),
            ("sku", "x" * 101, "INVALID"),
            *(("category", value, "NOT_FOUND") for value in ("", "Lamps", "nothing", "x" * 10_000)),
            ("brand", "mollegard", "NOT_FOUND"),
            *(("price", value, "INVALID") for value in ("-0.01", "0.001", "10000000000", "9" * 40, "1.100")),
            *(("compareAtPrice", value, "INVALID") for value in ("0", "-0.01", "0.001", "10000000000")),
            ("quantity", -1, "INVALID"),
            *(("rating", value, "INVALID") for value in (-0.1, 5.1, 1e300)),
        ],
    )
    def test_refuses(self, staff, field, value, code):
        assert codes(change(staff, CREATE, **{**WANTED, field: value})) == {(field, code)}
        assert not Product.objects.exists()

    @pytest.mark.parametrize("value", ["1e3", "NaN", "", 1.5, True, "1,5"])
    def test_a_price_that_is_no_decimal_is_named(self, staff, value):
        error = staff.error(CREATE, input={**WANTED, "price": value})
        assert (error["code"], error["field"]) == ("BAD_USER_INPUT", "input.price")

    def test_accepts_the_limits(self, staff):
        ends = {"price": "9999999999.99", "quantity": 2**31 - 1, "rating": 5.0, "name": "ü" * 255, "sku": "x" * 100}
        assert codes(change(staff, CREATE, **{**WANTED, **ends})) == set()
        product = change(staff, CREATE, **{**WANTED, "price": "-0", "quantity": 0, "rating": 0.0})["product"]
        assert product["price"] == {"amount": "0.00"}

    def test_all_mistakes_at_once(self, staff):
        ProductFactory(slug="taken", sku="A-1")
        wrong = {"name": " ", "slug": "taken", "sku": "A-1", "category": "x", "brand": "y", "price": "-1"}
        assert codes(change(staff, CREATE, **wrong, quantity=-1, rating=9.0)) == {
            *{("name", "REQUIRED"), ("slug", "ALREADY_EXISTS"), ("sku", "ALREADY_EXISTS"), ("category", "NOT_FOUND")},
            *{("brand", "NOT_FOUND"), ("price", "INVALID"), ("quantity", "INVALID"), ("rating", "INVALID")},
        }


class TestUpdate:
    @pytest.fixture
    def product(self):
        return ProductFactory(name="Rug", slug="rug", sku="R-1", rating=3.0, price="5.00", description="Warm.")

    def test_changes_the_given_fields_only(self, staff, product):
        for field, value in (
            ("name", "Big rug"),
            ("slug", "big-rug"),
            ("sku", "R-2"),
            ("description", ""),
            ("quantity", 0),
            ("rating", 0.0),
            ("isActive", False),
        ):
            before = change(staff, UPDATE, id=id_of(product))["product"]
            after = change(staff, UPDATE, id=id_of(product), **{field: value})["product"]
            assert after == {**before, field: value}

    def test_changes_category_brand_and_price(self, staff, product):
        given = {"category": "lamps", "brand": "møllegård", "price": "7"}
        after = change(staff, UPDATE, id=id_of(product), **given)["product"]
        assert (after["category"], after["brand"]) == ({"slug": "lamps"}, {"slug": "møllegård"})
        assert after["price"] == {"amount": "7.00"}
        product.refresh_from_db()
        assert (product.price, product.sku, product.category.slug) == (Decimal("7.00"), "R-1", "lamps")

    def test_the_search_finds_the_new_values(self, staff, shopper, product):
        change(staff, UPDATE, id=id_of(product), name="Kelim")
        query = "query($q: String!) { products(search: $q) { nodes { name } } }"
        assert shopper.graphql(query, q="rug")["products"]["nodes"] == []
        assert shopper.graphql(query, q="kelim")["products"]["nodes"] == [{"name": "Kelim"}]

    def test_a_price_before(self, staff, product):
        def update(**fields):
            payload = change(staff, UPDATE, id=id_of(product), **fields)
            product.refresh_from_db()
            return codes(payload), product.compare_at_price

        refused = {("compareAtPrice", "INVALID")}
        assert update(compareAtPrice="8.50") == (set(), Decimal("8.50"))
        for wrong in ("5.00", "4.99", "-1", "8.505"):
            assert update(compareAtPrice=wrong) == (refused, Decimal("8.50"))
        assert update(price="8.50", compareAtPrice="8.50") == (refused, Decimal("8.50"))
        assert update(price="8.49") == (set(), Decimal("8.50"))
        assert update(price="9.00", compareAtPrice="12.00") == (set(), Decimal("12.00"))
        # A price that rises to it is not reduced any more.
        assert update(price="12.00") == (set(), None)
        assert update(compareAtPrice="13.00") == (set(), Decimal("13.00"))
        assert update(compareAtPrice=None) == (set(), None)

    def test_null_clears_sku_and_rating(self, staff, product):
        after = change(staff, UPDATE, id=id_of(product), sku=None, rating=None)["product"]
        assert (after["sku"], after["rating"]) == (None, None)
        assert change(staff, UPDATE, id=id_of(product), sku=" ")["product"]["sku"] is None

    def test_null_is_refused_elsewhere(self, staff, product):
        names = ("name", "slug", "description", "category", "brand", "price", "quantity", "isActive")
        assert codes(change(staff, UPDATE, id=id_of(product), **dict.fromkeys(names))) == {
            (name, "REQUIRED") for name in names
        }

    def test_a_slug_and_a_sku_that_others_have(self, staff, product):
        ProductFactory(slug="taken", sku="A-1")
        payload = change(staff, UPDATE, id=id_of(product), slug="taken", sku="A-1", price="-1")
        assert codes(payload) == {("slug", "ALREADY_EXISTS"), ("sku", "ALREADY_EXISTS"), ("price", "INVALID")}
        assert codes(change(staff, UPDATE, id=id_of(product), slug="rug", sku="R-1")) == set()

    def test_an_unknown_product(self, staff, product):
        for global_id in ("", "x", to_global_id("Product", 10**9), to_global_id("Brand", product.pk)):
            assert codes(change(staff, UPDATE, id=global_id, name="x")) == {("id", "NOT_FOUND")}
            assert codes(change(staff, DELETE, id=global_id)) == {("id", "NOT_FOUND")}


class TestDelete:
    def test_archives_and_update_restores(self, staff, shopper):
        product = ProductFactory(name="Rug")
        for _ in range(2):
            payload = change(staff, DELETE, id=id_of(product))
            assert (codes(payload), payload["product"]["isActive"]) == (set(), False)
        assert shopper.graphql("{ products { totalCount } }")["products"]["totalCount"] == 0
        assert change(staff, UPDATE, id=id_of(product), isActive=True)["product"]["isActive"] is True
        assert shopper.graphql("{ products { totalCount } }")["products"]["totalCount"] == 1


@pytest.mark.parametrize("document", [CREATE, UPDATE, DELETE])
def test_staff_only(shopper, nobody, document):
    product = ProductFactory(name="Rug")
    values = {CREATE: {**WANTED, "price": "-1"}, UPDATE: {"id": id_of(product), "name": "x"}}
    values = values.get(document, {"id": id_of(product)})
    assert codes(change(shopper, document, **values)) == {("", "FORBIDDEN")}
    assert nobody.error(document, input=values)["code"] == "UNAUTHENTICATED"
    product.refresh_from_db()
    assert (product.name, product.is_active, Product.objects.count()) == ("Rug", True, 1)


@pytest.mark.mysql
@pytest.mark.django_db(transaction=True)
def test_concurrent_creates_with_the_same_slug_and_sku():
    actor = employee()
    gate = Barrier(8, timeout=30)

    def make(fields):
        try:
            connection.ensure_connection()
            gate.wait()
            return services.create_product(actor=actor, fields={**WANTED, "price": Decimal(1), **fields}).slug
        except InvalidInput as error:
            return tuple((*field_error.path, field_error.code) for field_error in error.field_errors)
        finally:
            connections.close_all()

    for fields, lost in (
        ({}, None),
        ({"slug": "own"}, (("slug", ErrorCode.ALREADY_EXISTS),)),
        ({"sku": "S-1"}, (("sku", ErrorCode.ALREADY_EXISTS),)),
    ):
        with ThreadPoolExecutor(8) as pool:
            made = list(pool.map(make, [fields] * 8))
        if lost is None:
            assert len(set(made)) == 8
        else:
            assert made.count(lost) == 7


class TestExpectedUpdatedAt:
    DOCUMENT = """mutation($input: ProductUpdateInput!) {
        payload: productUpdate(input: $input) { product { updatedAt quantity } errors { field message code } } }"""

    def test_of_two_who_read_the_same_the_second_is_refused(self, staff):
        rug = ProductFactory(quantity=1)
        read_at = rug.updated_at.isoformat()
        one = change(staff, self.DOCUMENT, id=id_of(rug), quantity=2, expectedUpdatedAt=read_at)
        assert codes(one) == set()
        other = change(staff, self.DOCUMENT, id=id_of(rug), quantity=9, expectedUpdatedAt=read_at)
        assert codes(other) == {("expectedUpdatedAt", "VERSION_CONFLICT")}
        rug.refresh_from_db()
        assert rug.quantity == 2

    @pytest.mark.parametrize(
        "given", [{"quantity": 2}, {"attributes": [{"attribute": "Colour", "text": "red"}]}, {"group": "rugs"}]
    )
    def test_the_answer_s_time_holds_for_the_next_change(self, staff, given):
        rug = ProductFactory()
        payload = change(staff, self.DOCUMENT, id=id_of(rug), **given)
        read_at = payload["product"]["updatedAt"]
        assert codes(change(staff, self.DOCUMENT, id=id_of(rug), quantity=3, expectedUpdatedAt=read_at)) == set()

    def test_a_change_to_the_same_values_leaves_the_time(self, staff):
        rug = ProductFactory(quantity=3)
        change(staff, self.DOCUMENT, id=id_of(rug), quantity=3, price=str(rug.price), name=rug.name)
        assert Product.objects.get(pk=rug.pk).updated_at == rug.updated_at

    def test_a_time_that_javascript_cut_to_milliseconds_is_the_same(self, staff):
        rug = ProductFactory()
        Product._base_manager.filter(pk=rug.pk).update(updated_at="2026-05-01T12:00:00.811369Z")
        for read_at, expected in (
            ("2026-05-01T12:00:00.810Z", {("expectedUpdatedAt", "VERSION_CONFLICT")}),
            ("2026-05-01T12:00:00.811368Z", {("expectedUpdatedAt", "VERSION_CONFLICT")}),
            ("2026-05-01T12:00:00.811Z", set()),
        ):
            payload = change(staff, self.DOCUMENT, id=id_of(rug), quantity=9, expectedUpdatedAt=read_at)
            assert codes(payload) == expected

    def test_null_expects_nothing_and_a_text_is_refused(self, staff):
        rug = ProductFactory()
        assert codes(change(staff, self.DOCUMENT, id=id_of(rug), quantity=3, expectedUpdatedAt=None)) == set()
        assert (
            staff.error(self.DOCUMENT, input={"id": id_of(rug), "expectedUpdatedAt": "now"})["code"] == "BAD_USER_INPUT"
        )


@pytest.mark.mysql
@pytest.mark.django_db(transaction=True)
def test_of_many_who_read_the_same_at_once_exactly_one_changes_it():
    actor, rug = employee(), ProductFactory(quantity=0)
    gate = Barrier(8, timeout=30)

    def add(number):
        try:
            connection.ensure_connection()
            gate.wait()
            services.update_product(
                actor=actor, product_id=rug.pk, fields={"quantity": number}, expected_updated_at=rug.updated_at
            )
        except InvalidInput as error:
            return error.field_errors[0].code
        finally:
            connections.close_all()
        return number

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(add, range(1, 9)))
    assert done.count(ErrorCode.VERSION_CONFLICT) == 7
    rug.refresh_from_db()
    assert rug.quantity in done
    assert [row.changes for row in Change.objects.filter(model="catalog.product", kind="CHANGE")] == [
        {"quantity": [0, rug.quantity]}
    ]
