"""A page costs the same number of queries at 1 and at 100 rows, and reads only what is selected.

Nothing is kept between requests here, except where a test says so.
"""

from itertools import product as product_of
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from catalog.attributes.tests.builders import product
from catalog.search.criteria import SearchCriteria
from catalog.search.engine import engine
from catalog.tests.factories import BrandFactory, CategoryFactory
from core.tests.clients import Api

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("each_engine")]
PRODUCTS = 12
PAGE = "{ products(first: 100%s) { %s } }"
RELATIONS = "nodes { id name price { amount } category { name } brand { name } }"


@pytest.fixture(autouse=True)
def _catalogue(db: None, each_engine: str, settings: Settings) -> None:
    settings.CATALOG_KEPT_BYTES = settings.GRAPHQL_ANSWERS_BYTES = 0
    root = CategoryFactory(name="Root")
    middle = CategoryFactory(name="Middle", parent=root)
    for n in range(PRODUCTS):
        # Each in a group with another one.
        fields = {"category": CategoryFactory(parent=middle), "brand": BrandFactory(), "of": f"Group {n // 2}"}
        product(f"Lamp {n}", {"Colour": f"Shade {n}", "Length": n}, **fields)
    up_to_date()


def up_to_date() -> None:
    """Brings the index up to date, so that the queries for that are not counted."""
    engine().resolve(SearchCriteria()).total()


def queries(call: Any) -> list[str]:
    """The SQL of a call."""
    with CaptureQueriesContext(
        connection,
    ) as captured:
        call()
    return [query["sql"] for query in captured if not query["sql"].startswith(("BEGIN", "COMMIT", "SAVEPOINT"))]


@pytest.mark.parametrize(
    ("arguments", "fields", "most"),
    [
        ("", RELATIONS, 5),
        (', filter: {price: {min: "1"}}, sortBy: {field: RATING}', RELATIONS, 5),
        (', search: "lamp"', RELATIONS, 5),
        (', filter: {category: ["root"]}', RELATIONS, 6),
        (', filter: {brand: ["%s"]}', RELATIONS, 6),
        ("", RELATIONS + " totalCount", 6),
        ("", "nodes { category { path { name } } brand { name } }", 6),
        ("", "nodes { attributes { text attribute { name } } }", 4),
        ("", "nodes { group { name } }", 4),
        ("", "nodes { group { minPrice { amount } maxPrice { amount } } }", 5),
        ("", "nodes { group { options { values } } }", 6),
        ("", "nodes { attributes { text } group { products { name attributes { text } group { slug } } } }", 6),
        ("", "nodes { brand { name } group { products { brand { name } category { name } image { alt } } } }", 10),
        ("", "nodes { name }", 3),
        ("", "nodes { brand { name } }", 4),
        ("", "totalCount", 2),
    ],
)
def test_graphql(shopper: Api, arguments: str, fields: str, most: int) -> None:
    if "%s" in arguments:
        arguments %= BrandFactory().slug
        up_to_date()
    many = queries(lambda: shopper.graphql(PAGE % (arguments, fields)))
    one = queries(lambda: shopper.graphql((PAGE % (arguments, fields)).replace("100", "1")))
    assert len(many) <= most
    assert len(one) == len(many) or "brand" in arguments
    # But the rows of attributes have their attributes and values.
    assert not [sql for sql in many if "JOIN" in sql and "catalog_productattribute" not in sql]


def test_kept_categories_and_brands_cost_no_queries(shopper: Api, settings: Settings) -> None:
    settings.CATALOG_KEPT_BYTES = 10**6
    first, again = (
        queries(lambda page=page: shopper.graphql(PAGE.replace("100", page) % ("", RELATIONS)))
        for page in ("99", "100")
    )
    assert len(again) == len(first) - 2
    assert [sql for sql in again if "catalog_product" in sql]
    assert not [sql for sql in again if 'FROM "catalog_brand"' in sql or 'FROM "catalog_category"' in sql]


def test_suggestions(shopper: Api) -> None:
    query = '{ suggestions(query: "%s", first: 20) { text %s } }'
    objects = "product { name brand { name } } category { path { name } } brand { name }"
    BrandFactory(name="Lamp & Co")
    CategoryFactory(name="Lamps")
    up_to_date()
    bare = queries(lambda: shopper.graphql(query % ("lamp", "slug")))
    many = queries(lambda: shopper.graphql(query % ("lamp", objects)))
    # The products with their brands, the category tree, and the brands.
    assert len(many) == len(bare) + 4
    assert len(queries(lambda: shopper.graphql(query % ("lamp 3", objects)))) <= len(many)


def test_fragments_and_directives_are_resolved(shopper: Api, each_engine: str) -> None:
    query = """query($no: Boolean = false) { products { edges { node { ...P brand @include(if: $no) { name } } } } }
               fragment P on Product { ... on Node { id } category @skip(if: false) { name } }"""
    made = queries(lambda: shopper.graphql(query))
    assert len(made) == (4 if each_engine == "database" else 3)
    assert not [sql for sql in made if "catalog_brand" in sql.split("WHERE")[0]]


def test_a_kept_document_obeys_the_variables_of_each_request(shopper: Api) -> None:
    """What a document selects is kept with it, for each value of the variables of its directives."""
    document = """query($brand: Boolean!, $cursor: Boolean = false, $path: Boolean! = true) {
                    products(first: 2) { ...P edges { cursor @include(if: $cursor) }
                                         pageInfo { endCursor @include(if: $cursor) } } }
                  fragment P on ProductConnection { edges { node { ...N brand @include(if: $brand) { name } } } }
                  fragment N on Product { name category { name path @skip(if: $path) { name } } }"""
    for brand, cursor, path in [*product_of((True, False), repeat=3)] * 2:
        made: list[Any] = []
        variables = {"brand": brand, "cursor": cursor, "path": not path}
        sql = queries(lambda variables=variables, made=made: made.append(shopper.graphql(document, **variables)))  # type: ignore[misc]
        connection = made[0]["products"]
        for edge in connection["edges"]:
            assert ("brand" in edge["node"], "cursor" in edge, "path" in edge["node"]["category"]) == (
                brand,
                cursor,
                path,
            )
            assert edge.get("cursor") != ""
        assert connection["pageInfo"].get("endCursor") == (connection["edges"][-1]["cursor"] if cursor else None)
        assert brand or not [statement for statement in sql if "catalog_brand" in statement.split("WHERE")[0]]


def test_nested_fragments_are_resolved_once(shopper: Api) -> None:
    def doubled(times: int) -> str:
        fragments = (f"fragment f{n} on ProductConnection {{ ...f{n + 1} ...f{n + 1} }}" for n in range(times))
        return (
            f"{{ products {{ ...f0 }} }} {' '.join(fragments)} fragment f{times} on ProductConnection {{ totalCount }}"
        )

    assert shopper.graphql(doubled(7)) == {"products": {"totalCount": PRODUCTS}}
    assert shopper.error(doubled(40))["limit"] == "cost"


def test_rest(shopper: Api, each_engine: str) -> None:
    many = queries(lambda: shopper.get("products/search/", limit=100))
    assert (
        len(queries(lambda: shopper.get("products/search/", limit=1)))
        == len(many)
        == (9 if each_engine == "database" else 7)
    )


def test_the_category_tree_is_one_query(shopper: Api) -> None:
    query = "{ categories { name children { name parent { name } path { slug } children { name } } } }"
    assert len(queries(lambda: shopper.graphql(query))) == 2


def test_stored_keys_are_not_read_with_the_rows(shopper: Api) -> None:
    made = queries(lambda: shopper.graphql("{ products { nodes { name description } } }"))
    assert "search_text" not in made[-1]
    assert "name_key" not in made[-1]


def test_a_product_and_its_group(shopper: Api) -> None:
    document = """query($slug: String) { product(slug: $slug) { brand { name } attributes { text }
                  group { options { values } products { name attributes { text } } } } }"""
    first = shopper.graphql("{ products(first: 1) { nodes { slug } } }")["products"]["nodes"][0]
    few = queries(lambda: shopper.graphql(document, **first))
    for n in range(50):
        product(f"More {n}", {"Colour": f"Tint {n}"}, of="Group 5")
    many = queries(lambda: shopper.graphql(document, **first))
    assert len(many) == len(few) == 7
    assert len(queries(lambda: shopper.get(f"products/{first['slug']}/"))) == 9
