"""GraphQL documents of the cart, and helpers to send them."""

from typing import Any

from graphql_relay import to_global_id

from core.tests.clients import Api

CART = """{ id version totalQuantity subtotal { amount currency } updatedAt
  lines { id quantity availability unitPrice { amount } unitPriceWhenAdded { amount } lineTotal { amount }
          product { id name } } }"""
PAYLOAD = f"{{ cart {CART} errors {{ field code message }} }}"
READ = f"{{ cart {CART} }}"
ADD = f"mutation($input: CartLinesAddInput!) {{ payload: cartLinesAdd(input: $input) {PAYLOAD} }}"
UPDATE = f"mutation($input: CartLinesUpdateInput!) {{ payload: cartLinesUpdate(input: $input) {PAYLOAD} }}"
REMOVE = f"mutation($input: CartLinesRemoveInput!) {{ payload: cartLinesRemove(input: $input) {PAYLOAD} }}"
CLEAR = f"mutation($input: CartClearInput) {{ payload: cartClear(input: $input) {PAYLOAD} }}"


def product_id(product: Any) -> str:
    """The global id of a product."""
    return to_global_id("Product", product.pk)


def wish(product: Any, quantity: int = 1) -> dict[str, Any]:
    """A line of an add."""
    return {"productId": product_id(product), "quantity": quantity}


def change(api: Api, document: str, **values: Any) -> dict[str, Any]:
    """The payload of a mutation."""
    return api.graphql(document, input=values)["payload"]


def add(api: Api, *wishes: tuple[Any, int], **values: Any) -> dict[str, Any]:
    """The cart after an add without errors."""
    payload = change(api, ADD, lines=[wish(*each) for each in wishes], **values)
    assert payload["errors"] == []
    return payload["cart"]


def read(api: Api) -> dict[str, Any]:
    """The cart."""
    return api.graphql(READ)["cart"]


def codes(payload: dict[str, Any]) -> list[tuple[str, str]]:
    """The payload's errors as (dotted path, code)."""
    return [(".".join(error["field"] or []), error["code"]) for error in payload["errors"]]


def held(cart: dict[str, Any]) -> dict[str, int]:
    """The quantities by product name."""
    return {line["product"]["name"]: line["quantity"] for line in cart["lines"]}
