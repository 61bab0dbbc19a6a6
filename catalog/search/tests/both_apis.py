"""One search through both APIs, page by page."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from catalog.search.tests.oracle import Search
from core.tests.clients import Api

PRODUCTS = """query Products($search: String, $filter: ProductFilter, $sortBy: ProductSort,
                $first: Int, $after: String, $last: Int, $before: String) {
  products(search: $search, filter: $filter, sortBy: $sortBy,
           first: $first, after: $after, last: $last, before: $before) {
    totalCount
    edges { cursor node { slug name price { amount } category { slug } brand { slug } } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""


def plain(value: Any) -> Any:
    """A value as JSON and query strings carry it."""
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


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
    sort = {"field": search.sort, "direction": "DESC" if search.descending else "ASC"} if search.sort else None
    if search.sort == "RELEVANCE":
        sort = {"field": "RELEVANCE"}
    return {"search": search.text, "filter": filters, "sortBy": sort}


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
    }
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
