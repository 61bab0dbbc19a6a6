"""Pages of rows in a total order, by one request each."""

from typing import Any

from catalog.search.cursors import Position
from catalog.search.matching.filters import PRODUCTS, from_index, to_index
from catalog.search.opensearch.lowering import Body, filtered
from catalog.search.opensearch.reading import Reading
from catalog.search.pages import Page
from catalog.search.queries import Query


def positions_in_order(
    index: Reading, queries: list[Query], field: str, *, descending: bool, page: Page
) -> list[Position]:
    """Up to `page.size + 1` positions of the rows that match all queries, by (field, id), in the page's direction."""
    (response,) = index.search(page_body(queries, field, descending=descending, page=page))
    return positions_of(response, field)


def page_body(queries: list[Query], field: str, *, descending: bool, page: Page) -> Body:
    """The search for a page and one row more."""
    order = "desc" if descending != page.backward else "asc"
    body: Body = {
        "size": page.size + 1,
        "track_total_hits": False,
        "_source": False,
        "sort": [{field: order}, {"id": order}],
        "query": filtered([], queries or [PRODUCTS]),
    }
    if page.position is not None:
        body["search_after"] = [to_index(page.position.value), page.position.id]
    return body


def positions_of(response: dict[str, Any], field: str) -> list[Position]:
    return [Position(from_index(field, hit["sort"][0]), int(hit["sort"][1])) for hit in response["hits"]["hits"]]
