"""What bench.graphql asks: documents with variables, and requests of one query that differ or repeat."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

PAGE = """query Page($first: Int!, $min: Decimal!, $max: Decimal!) { products(first: $first FILTER ORDER) { edges { cursor
 node { id name slug sku description price { amount currency } quantity inStock rating createdAt
 category { id name slug } brand { id name slug } } } pageInfo { hasNextPage endCursor } } }"""
DEEP = """query Deep($min: Decimal!, $max: Decimal!) { products(first: 20 FILTER ORDER) { edges { node { name
 category { name parent { name parent { name } } } } } } }"""
CART = """query Cart { cart { lines { id quantity product { name slug price { amount } } lineTotal { amount } }
 totalQuantity subtotal { amount } } }"""
UPDATE = """mutation Update($line: ID!, $quantity: Int!) { cartLinesUpdate(input: {lines: [{lineId: $line,
 quantity: $quantity}]}) { cart { totalQuantity subtotal { amount } } errors { message } } }"""
FILTER, SORTED = ", filter: {price: {min: $min, max: $max}}", ", sortBy: {field: PRICE}"


@dataclass(frozen=True)
class Query:
    """A document, and the variables of two requests that take turns. `fresh`: no two requests have the same bounds."""

    document: str
    variables: tuple[dict[str, Any], ...]
    fresh: bool = False


_20, _100 = ({"first": 20},), ({"first": 100},)
QUERIES = {
    "20 products, repeated": Query(PAGE, _20),
    "20 products, fresh": Query(PAGE, _20, fresh=True),
    "100 products, repeated": Query(PAGE, _100),
    "100 products, fresh": Query(PAGE, _100, fresh=True),
    "three levels, repeated": Query(DEEP, ({},)),
    "three levels, fresh": Query(DEEP, ({},), fresh=True),
    "cart read": Query(CART, ({},)),
    # The quantity alternates, so that the mutation changes something.
    "cart mutation": Query(UPDATE, ({"quantity": 1}, {"quantity": 2})),
}
# So many lowest prices, from 0.01 on; no two requests have the same highest price.
_LOWEST_PRICES, _HIGHEST = 2_000, 1_000_000
_numbers = count()


def http_request(content: bytes, token: str) -> bytes:
    """A whole POST request."""
    return (
        f"POST /graphql/ HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nAccept: */*\r\nContent-Length: {len(content)}\r\n\r\n"
    ).encode() + content


def body_of(document: str, variables: dict[str, Any]) -> bytes:
    """The body of a request for a document's one operation."""
    name = document.split()[1].partition("(")[0]
    return json.dumps({"query": document, "operationName": name, "variables": variables}).encode()


def requests(query: Query, order: str, token: str, line: str, start: int | None = None) -> Iterator[bytes]:
    """Endless requests of a query. `order` is the sorting for a server that does not sort by price anyway.

    Bounds are those that nobody was asked for yet, or are counted from `start`.
    """
    document = query.document.replace(" FILTER", FILTER).replace(" ORDER", order)
    bounds: dict[str, Any] = {"min": "0.01", "max": "1000000.00"} if "$min" in document else {}
    if query.fresh:
        # All bounds have as many digits, so that only they are replaced in a request that is made once.
        ready = http_request(
            body_of(document, {**query.variables[0], **bounds, "min": "00.00", "max": "0000000.00"}), token
        )
        for number in _numbers if start is None else count(start):
            low, high = divmod(number % _LOWEST_PRICES + 1, 100), divmod(number + _HIGHEST * 100, 100)
            made = ready.replace(b'"00.00"', b'"%02d.%02d"' % low)
            yield made.replace(b'"0000000.00"', b'"%07d.%02d"' % high)
    keys = {"line": line} if "$line" in document else {}
    ready_ones = [http_request(body_of(document, {**given, **bounds, **keys}), token) for given in query.variables]
    while True:
        yield from ready_ones
