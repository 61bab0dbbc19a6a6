"""The number of queries of the cart does not grow with its lines."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cart.models import Cart
from cart.tests.documents import add, product_id
from catalog.attributes.writing import AttributeInput, resolve, write_options_keys, write_rows
from catalog.models import Product, ProductGroup
from catalog.tests.factories import BrandFactory, CategoryFactory, ProductFactory, created

MAX_QUERIES = 10
LINES = "lines { quantity product { name %s } }"


@pytest.fixture
def shop(db):
    """A hundred products in twenty groups, each in a category and of a brand of its own."""
    parents = created(CategoryFactory.build() for _ in range(100))
    categories = created(CategoryFactory.build(parent=parent) for parent in parents)
    brands = created(BrandFactory.build() for _ in range(100))
    pairs = zip(categories, brands, strict=True)
    products = created(ProductFactory.build(category=category, brand=brand) for category, brand in pairs)
    resolved = resolve({row.pk: [AttributeInput("Serial", number=Decimal(row.pk))] for row in products})
    write_rows(resolved.rows)
    groups = [ProductGroup.objects.create(name=f"Group {n}", slug=f"group-{n}") for n in range(20)]
    for place, row in enumerate(products):
        row.group = groups[place % 20]
    Product.objects.update_each(products, ["group"])
    write_options_keys(resolved.rows)
    return products


def cost(api, document, **variables):
    """The number of queries of a document, without the statements of transactions."""
    with CaptureQueriesContext(connection) as captured:
        data = api.graphql(document, **variables)
    assert not data or not (data.get("payload") or {}).get("errors")
    made = [query["sql"] for query in captured]
    return len([sql for sql in made if not sql.startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "ROLLBACK"))])


def mutation(name, more=""):
    kind = f"{name[0].upper()}{name[1:]}Input"
    fields = f"cart {{ version {LINES % more} }} errors {{ code }}"
    return f"mutation($input: {kind}!) {{ payload: {name}(input: $input) {{ {fields} }} }}"


@pytest.mark.parametrize(
    ("more", "most"),
    [
        ("", 2),
        ("brand { name }", 3),
        ("brand { name } category { name }", 4),
        ("attributes { text attribute { name } } group { name }", 4),
        ("group { options { values } products { name attributes { text } brand { name } } }", 6),
    ],
)
def test_reading(shopper, shop, more, most):
    document = f"{{ cart {{ subtotal {{ amount }} {LINES % more} }} }}"
    add(shopper, (shop[0], 1))
    one = cost(shopper, document)
    add(shopper, *((product, 1) for product in shop[1:]))
    assert one == cost(shopper, document) == most


def test_reading_with_the_categories_paths(shopper, shop):
    add(shopper, *((product, 1) for product in shop))
    assert cost(shopper, f"{{ cart {{ {LINES % 'category { path { name } } brand { name }'} }} }}") == 4


def test_reading_an_empty_cart(shopper):
    assert cost(shopper, "{ cart { version totalQuantity lines { id } } }") == 2


@pytest.mark.parametrize("count", [1, 50])
class TestMutations:
    def test_the_first_add(self, shopper, shop, count):
        lines = [{"productId": product_id(product)} for product in shop[:count]]
        values = {"lines": lines, "idempotencyKey": "k", "expectedVersion": 0}
        assert cost(shopper, mutation("cartLinesAdd"), input=values) == MAX_QUERIES

    def test_an_add_of_new_and_known_products(self, shopper, shop, count):
        add(shopper, *((product, 1) for product in shop[:50]))
        lines = [{"productId": product_id(product)} for product in (*shop[:count], *shop[50 : 50 + count])]
        values = {"lines": lines, "idempotencyKey": "k", "expectedVersion": 1}
        assert cost(shopper, mutation("cartLinesAdd"), input=values) == 7

    def test_a_retry(self, shopper, shop, count):
        lines = [{"productId": product_id(product)} for product in shop[:count]]
        values = {"lines": lines, "idempotencyKey": "k"}
        cost(shopper, mutation("cartLinesAdd"), input=values)
        assert cost(shopper, mutation("cartLinesAdd"), input=values) == 4

    def test_an_update_that_also_takes_out(self, shopper, shop, count):
        cart = add(shopper, *((product, 1) for product in shop))
        ids = [line["id"] for line in cart["lines"]]
        lines = [{"lineId": each, "quantity": 2} for each in ids[:count]]
        lines += [{"lineId": each, "quantity": 0} for each in ids[50 : 50 + count]]
        values = {"lines": lines, "idempotencyKey": "k", "expectedVersion": 1}
        assert cost(shopper, mutation("cartLinesUpdate"), input=values) == 8

    def test_a_removal(self, shopper, shop, count):
        cart = add(shopper, *((product, 1) for product in shop))
        values = {"lineIds": [line["id"] for line in cart["lines"][:count]], "expectedVersion": 1}
        assert cost(shopper, mutation("cartLinesRemove"), input=values) == 5

    def test_a_clear(self, shopper, shop, count):
        add(shopper, *((product, 1) for product in shop[:count]))
        assert cost(shopper, mutation("cartClear"), input={"expectedVersion": 1}) == 5

    def test_a_refusal(self, shopper, shop, count):
        add(shopper, *((product, 1) for product in shop[:count]))
        document = mutation("cartLinesAdd").replace("errors { code }", "")
        lines = [{"productId": product_id(product), "quantity": 999} for product in shop[:count]]
        assert cost(shopper, document, input={"lines": lines, "idempotencyKey": "k"}) == 5

    def test_each_further_relation_is_one_more(self, shopper, shop, count):
        add(shopper, (shop[-1], 1))
        lines = [{"productId": product_id(product)} for product in shop[:count]]
        for more, queries in (("", 6), ("brand { name }", 7), ("brand { name } category { name }", 8)):
            assert cost(shopper, mutation("cartLinesAdd", more), input={"lines": lines}) == queries


def test_reading_makes_no_row(shopper, shop):
    cost(shopper, "{ cart { version } }")
    assert not Cart.objects.exists()
