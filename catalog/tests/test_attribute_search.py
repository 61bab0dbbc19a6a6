"""Searching by attributes, and groups as one, through both APIs."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from graphql_relay import to_global_id

from catalog.attributes.tests.builders import product
from catalog.models import Attribute, Product
from catalog.tests.factories import BrandFactory, CategoryFactory
from core.tests.clients import Api

pytestmark = pytest.mark.usefixtures("each_engine")
SEARCH = """query($search: String, $filter: ProductFilter, $groupBy: ProductGrouping, $first: Int, $after: String,
                  $last: Int, $before: String) {
  products(search: $search, filter: $filter, groupBy: $groupBy, sortBy: {field: PRICE}, first: $first, after: $after,
           last: $last, before: $before) {
    totalCount edges { cursor node { slug } }
    facets { onSale inStock categories { selected category { slug } } brands { count selected brand { slug } }
             ratings { atLeast count selected }
             attributes { attribute { slug } values { value count selected } min max selected } } } }"""
Find = Callable[..., tuple[list[str], dict[str, Any]]]


@pytest.fixture
def shirts(db: None, each_engine: str) -> list[Product]:
    """A shirt of each colour and size but two; the lengths are those of the sizes. And a lamp."""
    Attribute.objects.create(name="Size", slug="size", position=1)
    category, brand = CategoryFactory(slug="shirts"), BrandFactory(slug="linum")
    made = []
    for colour in ("Red", "Blue"):
        for place, size in enumerate(("S", "M", "L")):
            if (colour, size) not in (("Red", "S"), ("Blue", "L")):
                made.append(
                    product(
                        f"Linen shirt {len(made)}",
                        {
                            "Colour": colour,
                            "Size": size,
                            "Length": (70 + place * 2.5, "cm"),
                            "Organic": colour == "Red",
                        },
                        of="Linen shirt",
                        slug=f"{colour}-{size}".lower(),
                        price=Decimal(20 + len(made)),
                        compare_at_price=Decimal(40) if size == "M" else None,
                        **{"category": category, "brand": brand, "rating": 4.0},
                    )
                )
    made.append(product("Lamp", {"Colour": "Red"}, slug="lamp", price=Decimal(90)))
    return made


@pytest.fixture(params=["graphql", "rest"])
def find(request: pytest.FixtureRequest, shopper: Api) -> Find:
    """Searches by one API. Returns the slugs, cheapest first, and the facets in GraphQL's names."""

    def by_graphql(*, text: str | None = None, group: bool = False, **filters: Any) -> tuple[list[str], dict[str, Any]]:
        grouping = "GROUP" if group else None
        answer = shopper.graphql(SEARCH, search=text, filter=filters, groupBy=grouping)["products"]
        assert answer["totalCount"] == len(answer["edges"])
        return [edge["node"]["slug"] for edge in answer["edges"]], answer["facets"]

    def by_rest(*, text: str | None = None, group: bool = False, **filters: Any) -> tuple[list[str], dict[str, Any]]:
        parameters: dict[str, Any] = {"facets": "true", "ordering": "price", "q": text or ""}
        parameters |= {"group_by": "group"} if group else {}
        parameters |= {"on_sale": str(filters["onSale"]).lower()} if "onSale" in filters else {}
        parameters |= {rest: filters[name] for name, rest in (("slugs", "slug"), ("brand", "brand")) if name in filters}
        for given in filters.get("attributes", ()):
            name = f"attr.{given['attribute']}"
            parameters |= {name: given["values"]} if "values" in given else {}
            parameters |= {name: str(given["is"]).lower()} if "is" in given else {}
            parameters |= {f"{name}.{end}": given[end] for end in ("min", "max") if end in given}
        response = shopper.get("products/search/", **parameters)
        assert response.status_code == 200, response.content
        answer = response.json()
        assert answer["count"] == len(answer["results"])
        facets = answer["facets"]
        for facet in facets["attributes"]:
            facet["attribute"] = {"slug": facet["attribute"]["slug"]}
        facets["brands"] = [{**row, "brand": {"slug": row["brand"]["slug"]}} for row in facets["brands"]]
        facets["ratings"] = [{"atLeast": row.pop("at_least"), **row} for row in facets["ratings"]]
        facets["onSale"] = facets["on_sale"]
        return [row["slug"] for row in answer["results"]], facets

    return by_graphql if request.param == "graphql" else by_rest


def values(facets: dict[str, Any], slug: str) -> dict[str, int]:
    (facet,) = (facet for facet in facets["attributes"] if facet["attribute"]["slug"] == slug)
    return {row["value"]: row["count"] for row in facet["values"]}


def test_values_are_or_and_attributes_are_and(shirts: list[Product], find: Find) -> None:
    red, medium = {"attribute": "colour", "values": ["Red"]}, {"attribute": "size", "values": ["M"]}
    assert find(attributes=[red])[0] == ["red-m", "red-l", "lamp"]
    assert find(attributes=[red, medium])[0] == ["red-m"]
    assert find(attributes=[{"attribute": "size", "values": ["S", "l"]}])[0] == ["red-l", "blue-s"]
    assert find(attributes=[{"attribute": "size", "values": ["no such"]}])[0] == []
    assert find(attributes=[])[0] == ["red-m", "red-l", "blue-s", "blue-m", "lamp"]


def test_numbers_and_booleans(shirts: list[Product], find: Find) -> None:
    assert find(attributes=[{"attribute": "length", "min": 72.5}])[0] == ["red-m", "red-l", "blue-m"]
    assert find(attributes=[{"attribute": "length", "min": 70, "max": 72.4}])[0] == ["blue-s"]
    assert find(attributes=[{"attribute": "length", "max": -1}])[0] == []
    assert find(attributes=[{"attribute": "organic", "is": False}])[0] == ["blue-s", "blue-m"]
    assert find(attributes=[{"attribute": "organic", "is": True}])[0] == ["red-m", "red-l"]


def test_values_are_words_to_search_by(shirts: list[Product], find: Find) -> None:
    assert find(text="red linen shirt")[0] == ["red-m", "red-l"]
    assert find(text="linen shirt red M")[0] == ["red-m"]


def test_on_sale_and_slugs(shirts: list[Product], find: Find) -> None:
    slugs, facets = find(onSale=True)
    assert (slugs, facets["onSale"]) == (["red-m", "blue-m"], 2)
    assert find(onSale=False)[0] == ["red-l", "blue-s", "lamp"]
    assert find(slugs=["lamp", "red-m", "nothing"])[0] == ["red-m", "lamp"]
    assert find(slugs=["nothing"])[0] == []


def test_facets_are_counted_without_their_own_filter(shirts: list[Product], find: Find) -> None:
    _, facets = find(attributes=[{"attribute": "colour", "values": ["Red"]}], brand=["linum"])
    assert values(facets, "colour") == {"Red": 2, "Blue": 2}
    assert values(facets, "size") == {"M": 1, "L": 1}
    assert values(facets, "organic") == {"true": 2}
    first, *others = facets["attributes"]
    assert (first["attribute"]["slug"], first["selected"]) == ("colour", True)
    assert [row["selected"] for row in first["values"]] == [True, False]
    assert not any(facet["selected"] for facet in others)
    (length,) = (facet for facet in facets["attributes"] if facet["attribute"]["slug"] == "length")
    assert (length["min"], length["max"], length["values"]) == (72.5, 75.0, [])
    assert facets["brands"][0] == {"brand": {"slug": "linum"}, "count": 2, "selected": True}
    assert [row["selected"] for row in facets["ratings"]] == [False] * 4


def test_a_group_is_one(shirts: list[Product], find: Find) -> None:
    slugs, facets = find(group=True)
    assert slugs == ["red-m", "lamp"]
    assert values(facets, "colour") == {"Red": 2, "Blue": 1}
    assert (facets["onSale"], sum(row["count"] for row in facets["brands"])) == (1, 2)
    slugs, facets = find(group=True, attributes=[{"attribute": "size", "values": ["S", "M"]}])
    assert (slugs, values(facets, "size")) == (["red-m"], {"M": 1, "S": 1, "L": 1})
    assert find(group=True, attributes=[{"attribute": "colour", "values": ["blue"]}])[0] == ["blue-s"]


def test_pages_of_groups_both_ways(shirts: list[Product], shopper: Api) -> None:
    for n in range(5):
        for size in ("1", "2"):
            product(f"Ring {n}", {"Size": size}, of=f"Ring {n}", slug=f"ring-{n}-{size}", price=Decimal(50 + n))
    expected = ["red-m", *(f"ring-{n}-1" for n in range(5)), "lamp"]
    pages: list[list[str]] = []
    cursor: dict[str, Any] = {}
    while not pages or pages[-1]:
        answer = shopper.graphql(SEARCH, groupBy="GROUP", first=2, **cursor)["products"]
        assert answer["totalCount"] == 7
        pages.append([edge["node"]["slug"] for edge in answer["edges"]])
        cursor = {"after": answer["edges"][-1]["cursor"]} if answer["edges"] else {}
    assert [slug for page in pages for slug in page] == expected
    last = shopper.graphql(SEARCH, groupBy="GROUP", last=3)["products"]["edges"]
    before = shopper.graphql(SEARCH, groupBy="GROUP", last=3, before=last[0]["cursor"])["products"]["edges"]
    assert [edge["node"]["slug"] for edge in [*before, *last]] == expected[1:]
    rest = shopper.get("products/search/", group_by="group", ordering="price", limit=3).json()
    second = shopper.client.get(rest["next"], headers=shopper.headers).json()
    assert [row["slug"] for row in rest["results"] + second["results"]] == expected[:6]
    assert shopper.error(SEARCH, first=2, after=last[0]["cursor"])["field"] == "after"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"attribute": "nothing", "values": ["x"]}, "attribute"),
        ({"attribute": "colour", "min": 1}, "min"),
        ({"attribute": "colour", "is": True}, "is"),
        ({"attribute": "length", "values": ["70"]}, "values"),
        ({"attribute": "length", "min": 2, "max": 1}, ""),
        ({"attribute": "organic", "min": 1}, "min"),
        ({"attribute": "length", "min": 1e300}, "min"),
        ({"attribute": "colour"}, ""),
    ],
)
def test_a_wrong_condition_is_named(shirts: list[Product], shopper: Api, given: dict[str, Any], field: str) -> None:
    error = shopper.error(SEARCH, filter={"attributes": [{"attribute": "size", "values": ["M"]}, given]})
    assert (error["code"], error["field"]) == ("BAD_USER_INPUT", f"filter.attributes.1.{field}".rstrip("."))


@pytest.mark.parametrize(
    ("query", "attr"),
    [
        ("attr.nothing=x", "attr.nothing"),
        ("attr.nothing.min=1", "attr.nothing"),
        ("attr.colour.min=1", "attr.colour.min"),
        ("attr.length=70", "attr.length"),
        ("attr.length.min=x", "attr.length.min"),
        ("attr.length.min=1e3", "attr.length.min"),
        ("attr.length.min=1&attr.length.min=2", "attr.length.min"),
        ("attr.length.min=2&attr.length.max=1", "attr.length.min"),
        ("attr.length.most=2", "attr.length.most"),
        ("attr.length.min.x=2", "attr.length.min.x"),
        ("attr.colour.=Red", "attr.colour."),
        ("attr.=Red", "attr."),
        ("attr=Red", "attr"),
        ("attrcolour=Red", "attrcolour"),
        ("attr.organic=yes", "attr.organic"),
        ("&".join(f"attr.x{n}=1" for n in range(30)), "attr"),
        ("attr.colour=" + "&attr.colour=".join(f"{n}" for n in range(101)), "attr.colour"),
        ("group_by=GROUP", "group_by"),
        ("group_by=", "group_by"),
        ("on_sale=maybe", "on_sale"),
        ("attr.colour=%00", "attr.colour"),
    ],
)
def test_rest_names_the_parameter(shirts: list[Product], shopper: Api, query: str, attr: str) -> None:
    response = shopper.client.get(f"/api/v1/products/search/?{query}", headers=shopper.headers)
    assert (response.status_code, {error["attr"] for error in response.json()["errors"]}) == (400, {attr})


def test_rest_tells_all_mistakes_at_once(shirts: list[Product], shopper: Api) -> None:
    answer = shopper.get("products/search/", **{"attr.length.min": "x", "limit": "x", "attr.y.z": "1"}).json()
    assert {error["attr"] for error in answer["errors"]} == {"attr.length.min", "limit", "attr.y.z"}


@pytest.mark.parametrize("argument", ["first: 0", "first: 101", "values: 0", "values: 101"])
def test_sizes_of_facets_are_bounded(shopper: Api, argument: str) -> None:
    error = shopper.error(f"{{ products {{ facets {{ attributes({argument}) {{ min }} }} }} }}")
    assert (error["code"], error["field"]) == ("BAD_USER_INPUT", argument.partition(":")[0])


class TestRelated:
    RELATED = (
        "query($id: ID!, $n: Int) { product(id: $id) { related(first: $n) { slug brand { name } group { slug } } } }"
    )

    def related(self, api: Api, row: Product, n: int | None = 8) -> list[str]:
        products = api.graphql(self.RELATED, id=to_global_id("Product", row.pk), n=n)["product"]["related"]
        return [row["slug"] for row in products]

    def test_like_this_one_without_its_group(self, shirts: list[Product], shopper: Api) -> None:
        category = shirts[0].category
        for n, colour in enumerate(("Red", "Red", "Green")):
            attributes = {"Colour": colour, "Size": f"{n}"}
            product("Linen shirt with dots", attributes, of=f"Dots {n // 2}", slug=f"dots-{n}", category=category)
        product("Linen shirt, archived", {"Colour": "Red"}, slug="old", category=category, is_active=False)
        product("Red linen shirt elsewhere", {"Colour": "Red"}, slug="elsewhere")
        slugs = self.related(shopper, shirts[0])
        assert len(slugs) == 2
        assert slugs[0] in ("dots-0", "dots-1")
        assert slugs[1] == "dots-2"
        assert len(self.related(shopper, shirts[0], n=1)) == 1
        assert self.related(shopper, shirts[0], n=None) == slugs

    def test_first_is_bounded(self, shirts: list[Product], shopper: Api) -> None:
        for n in (0, -1, 101):
            error = shopper.error(self.RELATED, id=to_global_id("Product", shirts[0].pk), n=n)
            assert (error["code"], error["field"]) == ("BAD_USER_INPUT", "first")

    def test_costs(self, shopper: Api) -> None:
        def cost(document: str, **variables: Any) -> int:
            requested: int = shopper.post(document, **variables).json()["extensions"]["cost"]["requested"]
            return requested

        assert cost('{ product(slug: "x") { related { slug } } }') == 1 + 10 + 8
        assert cost("{ products(first: 20) { nodes { related(first: 3) { slug } } } }") == 2 + 20 * (1 + 10 + 3)
        assert cost("{ products(groupBy: GROUP) { nodes { slug } } }") == 300 + 2 + 20
        assert cost("{ products(groupBy: NONE) { nodes { slug } } }") == 2 + 20
        by_variable = "query($g: ProductGrouping) { products(groupBy: $g) { nodes { slug } } }"
        assert cost(by_variable, g="GROUP") == 300 + 2 + 20
        assert cost(by_variable, g="NONE") == cost(by_variable, g=None) == cost(by_variable) == 2 + 20
        facets = "{ products { facets { attributes(first: 5) { values { value } attribute { slug } } } } }"
        assert cost(facets) == 1 + 100 + 300 + 5
