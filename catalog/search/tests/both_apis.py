"""One search through both APIs, page by page."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from catalog.search.tests.oracle import Search
from catalog.search.tests.oracle_facets import AttributeCounts, Counts, FacetCounts
from core.tests.clients import Api

PRODUCTS = """query Products($search: String, $filter: ProductFilter, $sortBy: ProductSort,
                $groupBy: ProductGrouping = NONE, $first: Int, $after: String, $last: Int, $before: String) {
  products(search: $search, filter: $filter, sortBy: $sortBy, groupBy: $groupBy,
           first: $first, after: $after, last: $last, before: $before) {
    totalCount
    edges { cursor node { slug name price { amount } category { slug } brand { slug } } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""

FACETS = """query Facets($search: String, $filter: ProductFilter, $sortBy: ProductSort,
               $groupBy: ProductGrouping = NONE) {
  products(search: $search, filter: $filter, sortBy: $sortBy, groupBy: $groupBy) {
    facets {
      categories { category { slug } count selected }
      brands { brand { slug } count selected }
      price { min { amount } max { amount } ranges { min { amount } max { amount } count } }
      ratings { atLeast count selected }
      inStock
      onSale
      attributes { attribute { slug } values { value count selected } min max selected }
    }
  }
}"""


def plain(value: Any) -> Any:
    """A value as JSON and query strings carry it."""
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def decimal(value: float | None) -> str | None:
    """A number as query strings carry it: without an exponent."""
    return None if value is None else f"{Decimal(str(value)):f}"


def variables(search: Search) -> dict[str, Any]:
    """The search as GraphQL variables."""

    def bounds(value: tuple[Any, Any], low: str = "min", high: str = "max") -> dict[str, Any]:
        return {name: plain(end) for name, end in zip((low, high), value, strict=True) if end is not None}

    ranges = {
        "price": bounds(search.price),
        "quantity": bounds(search.quantity),
        "rating": bounds(search.rating),
        "createdAt": bounds(search.created, "from", "to"),
    }
    filters: dict[str, Any] = {name: value for name, value in ranges.items() if value}
    if search.categories:
        filters["category"] = search.categories
    if search.brands:
        filters["brand"] = search.brands
    if search.in_stock is not None:
        filters["inStock"] = search.in_stock
    if search.on_sale is not None:
        filters["onSale"] = search.on_sale
    if search.slugs:
        filters["slugs"] = search.slugs
    if search.attributes:
        filters["attributes"] = [
            {"attribute": condition.attribute, **bounds(condition.numbers)}
            | ({"values": [*condition.values]} if condition.values else {})
            | ({} if condition.boolean is None else {"is": condition.boolean})
            for condition in search.attributes
        ]
    sort = {"field": search.sort, "direction": "DESC" if search.descending else "ASC"} if search.sort else None
    if search.sort == "RELEVANCE":
        sort = {"field": "RELEVANCE"}
    grouping = {"groupBy": "GROUP"} if search.grouped else {}
    return {"search": search.text, "filter": filters, "sortBy": sort, **grouping}


def parameters(search: Search) -> dict[str, Any]:
    """The search as REST parameters."""
    named = {
        "q": search.text,
        "category": search.categories or None,
        "brand": search.brands or None,
        "min_price": search.price[0],
        "max_price": search.price[1],
        "min_quantity": search.quantity[0],
        "max_quantity": search.quantity[1],
        "min_rating": search.rating[0],
        "max_rating": search.rating[1],
        "created_at": search.created[0],
        "created_until": search.created[1],
        "in_stock": None if search.in_stock is None else str(search.in_stock).lower(),
        "on_sale": None if search.on_sale is None else str(search.on_sale).lower(),
        "slug": search.slugs or None,
        "group_by": "group" if search.grouped else None,
    }
    for condition in search.attributes:
        name = f"attr.{condition.attribute}"
        values = [*condition.values] if condition.boolean is None else [str(condition.boolean).lower()]
        low, high = map(decimal, condition.numbers)
        named |= {name: values or None, f"{name}.min": low, f"{name}.max": high}
    if search.sort:
        sign = "-" if search.descending and search.sort != "RELEVANCE" else ""
        named["ordering"] = sign + search.sort.lower()
    return {name: plain(value) for name, value in named.items() if value is not None}


def graphql_pages(api: Api, search: Search, size: int, *, backward: bool = False) -> Iterator[dict[str, Any]]:
    """All pages of the search by GraphQL, from the start or from the end."""
    given = variables(search)
    cursor: dict[str, Any] = {}
    while True:
        page = api.graphql(PRODUCTS, **given, **{"last" if backward else "first": size}, **cursor)["products"]
        yield page
        info = page["pageInfo"]
        assert (info["hasNextPage"] if backward else info["hasPreviousPage"]) == bool(cursor)
        if not info["hasPreviousPage" if backward else "hasNextPage"]:
            return
        cursor = {"before": info["startCursor"]} if backward else {"after": info["endCursor"]}


def by_graphql(api: Api, search: Search, size: int, *, backward: bool = False) -> list[str]:
    """The slugs of all pages in the search's order, by GraphQL; the total is checked on each page."""
    pages = list(graphql_pages(api, search, size, backward=backward))
    if backward:
        pages.reverse()
    slugs = [edge["node"]["slug"] for page in pages for edge in page["edges"]]
    assert {page["totalCount"] for page in pages} == {len(slugs)}
    return slugs


def by_rest(api: Api, search: Search, size: int) -> list[str]:
    """The slugs of all pages, by REST, there by `next` and back by `previous`."""
    response = api.get("products/search/", **parameters(search), limit=size)
    there: list[list[str]] = []
    while True:
        assert response.status_code == 200, response.content
        page = response.json()
        there.append([product["slug"] for product in page["results"]])
        if page["next"] is None:
            break
        response = api.client.get(page["next"], headers=api.headers)
    back = [there[-1]]
    while page["previous"] is not None:
        page = api.client.get(page["previous"], headers=api.headers).json()
        back.insert(0, [product["slug"] for product in page["results"]])
    slugs = [slug for page_slugs in there for slug in page_slugs]
    assert [slug for page_slugs in back for slug in page_slugs] == slugs
    assert page["count"] == len(slugs)
    return slugs


def facets_by_graphql(api: Api, search: Search) -> FacetCounts:
    """All facets, by GraphQL."""
    return _facets(api.graphql(FACETS, **variables(search))["products"]["facets"], ("inStock", "onSale", "atLeast"))


def facets_by_rest(api: Api, search: Search) -> FacetCounts:
    """All facets, by REST."""
    response = api.get("products/search/", **parameters(search), facets="true")
    assert response.status_code == 200, response.content
    return _facets(response.json()["facets"], ("in_stock", "on_sale", "at_least"))


def price_ranges_by_graphql(api: Api, search: Search) -> list[tuple[Decimal | None, Decimal | None, int]]:
    """The ranges of prices, each with its count."""
    ranges = api.graphql(FACETS, **variables(search))["products"]["facets"]["price"]["ranges"]
    return [(_amount(each["min"]), _amount(each["max"]), each["count"]) for each in ranges]


def _amount(money: dict[str, str] | None) -> Decimal | None:
    return None if money is None else Decimal(money["amount"])


def _facets(answer: dict[str, Any], names: tuple[str, str, str]) -> FacetCounts:
    in_stock, on_sale, at_least = names

    def named(rows: list[dict[str, Any]], what: str) -> Counts:
        return [(row[what]["slug"], row["count"], row["selected"]) for row in rows]

    def attribute(row: dict[str, Any]) -> AttributeCounts:
        values = [(value["value"], value["count"], value["selected"]) for value in row["values"]]
        return row["attribute"]["slug"], values, row["min"], row["max"], row["selected"]

    return FacetCounts(
        named(answer["categories"], "category"),
        named(answer["brands"], "brand"),
        (_amount(answer["price"]["min"]), _amount(answer["price"]["max"])),
        [(str(row[at_least]), row["count"], row["selected"]) for row in answer["ratings"]],
        answer[in_stock],
        answer[on_sale],
        [attribute(row) for row in answer["attributes"]],
    )
