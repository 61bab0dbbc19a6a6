"""The GraphQL API of the cart. Signed-in users and guests have one each, and reach only their own."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import graphene
from graphql import GraphQLResolveInfo

from cart import models, services
from cart.planning import LineChange
from cart.selectors import Owner, cart_key, read_cart, read_line
from catalog.schema.lookahead import relations
from catalog.schema.types import Money, Product
from catalog.selectors import attach_relations
from core.auth.guests import Guest
from core.errors import InvalidInput
from core.graphql.connections import list_of
from core.graphql.enums import described
from core.graphql.errors import UserError, refused, unauthenticated
from core.graphql.ids import key_of
from core.graphql.nodes import Node, NodeType
from core.graphql.scalars import DateTime
from core.graphql.selection import Selection, at, selection
from core.http.proxies import client_address

IDEMPOTENCY_KEY = "Up to 64 characters. A mutation is applied once within 24 hours for the same key and the same lines."
WHO_MAY = "For whoever is signed in, and for guests (`guestTokenCreate`)."
EXPECTED_VERSION = "Refuses the mutation if the cart is at another version."
Availability = described(
    models.Availability,
    "Whether a line can be bought. Only AVAILABLE ones count in `subtotal`.",
    INSUFFICIENT_STOCK="The stock is lower than the quantity.",
    UNAVAILABLE="The product is archived.",
)


class CartLine(NodeType):
    """A quantity of one product."""

    product = graphene.Field(Product, required=True)
    quantity = graphene.Int(required=True)
    unit_price = graphene.Field(Money, required=True, description="Today's price.")
    unit_price_when_added = graphene.Field(
        Money,
        required=True,
        description="The price when the product was last added. unitPrice differs if it has changed since.",
    )
    line_total = graphene.Field(Money, required=True)
    availability = graphene.Field(Availability, required=True)

    class Meta:
        model = models.CartLine
        fields = ()
        interfaces = (Node,)
        use_connection = False


class Cart(NodeType):
    """The cart of the signed-in user, or of the guest."""

    version = graphene.Int(
        required=True,
        description="Grows by one with every mutation that changes the cart. Send it as expectedVersion to have a "
        "mutation refused if the cart has changed since. 0: the cart was never used.",
    )
    lines = graphene.Field(list_of(CartLine), description="In the order in which the products were first added.")
    total_quantity = graphene.Int(required=True, description="Units of all lines, those that are not AVAILABLE too.")
    subtotal = graphene.Field(Money, required=True, description="The sum of the AVAILABLE lines.")
    updated_at = graphene.Field(
        DateTime,
        required=True,
        description="When the cart last changed. For a cart that was never used: when the user joined, or "
        "the guest token was made.",
    )

    class Meta:
        model = models.Cart
        fields = ()
        interfaces = (Node,)
        use_connection = False

    @staticmethod
    def resolve_lines(cart: models.Cart, info: GraphQLResolveInfo) -> list[models.CartLine]:
        return cart.contents

    @staticmethod
    def resolve_updated_at(cart: models.Cart, info: GraphQLResolveInfo) -> datetime | None:
        owner = info.context.user
        return cart.updated_at or (owner.since if isinstance(owner, Guest) else owner.date_joined)


class CartPayload(graphene.ObjectType):
    """The cart after the mutation. If there are errors, nothing was changed."""

    cart = graphene.Field(Cart, required=True)
    errors = graphene.Field(list_of(UserError))


class CartLineAddInput(graphene.InputObjectType):
    """A product, and how many to add."""

    product_id = graphene.ID(required=True)
    quantity = graphene.Int(required=True, default_value=1)


class CartLinesAddInput(graphene.InputObjectType):
    """Products to add. The quantities of a product that is listed twice are summed."""

    lines = graphene.InputField(list_of(CartLineAddInput))
    idempotency_key = graphene.String(description=IDEMPOTENCY_KEY)
    expected_version = graphene.Int(description=EXPECTED_VERSION)


class CartLineUpdateInput(graphene.InputObjectType):
    """A line's new quantity. 0 removes the line."""

    line_id = graphene.ID(required=True)
    quantity = graphene.Int(required=True)


class CartLinesUpdateInput(graphene.InputObjectType):
    """Lines to change. Each may be listed once."""

    lines = graphene.InputField(list_of(CartLineUpdateInput))
    idempotency_key = graphene.String(description=IDEMPOTENCY_KEY)
    expected_version = graphene.Int(description=EXPECTED_VERSION)


class CartLinesRemoveInput(graphene.InputObjectType):
    """Lines to remove."""

    line_ids = graphene.InputField(list_of(graphene.ID))
    expected_version = graphene.Int(description=EXPECTED_VERSION)


class CartClearInput(graphene.InputObjectType):
    """A condition for clearing the cart."""

    expected_version = graphene.Int(description=EXPECTED_VERSION)


class CartQuery(graphene.ObjectType):
    """The queries of the cart."""

    cart = graphene.Field(
        Cart,
        required=True,
        description="The cart of the signed-in user or the guest. Before its first mutation it is empty, at version 0, "
        f"with the id that it keeps. {WHO_MAY}",
    )

    @staticmethod
    def resolve_cart(root: None, info: GraphQLResolveInfo) -> models.Cart:
        cart = read_cart(cart_key(_owner(info)))
        _attach(info, cart, selection(info))
        return cart


class CartMutation(graphene.ObjectType):
    """The mutations of the cart."""

    cart_lines_add = graphene.Field(
        CartPayload, input=CartLinesAddInput(required=True), description=f"Adds products. {WHO_MAY}"
    )
    cart_lines_update = graphene.Field(
        CartPayload,
        input=CartLinesUpdateInput(required=True),
        description=f"Sets the quantities of lines; 0 removes a line. {WHO_MAY}",
    )
    cart_lines_remove = graphene.Field(
        CartPayload, input=CartLinesRemoveInput(required=True), description=f"Removes lines. {WHO_MAY}"
    )
    cart_clear = graphene.Field(CartPayload, input=CartClearInput(), description=f"Removes every line. {WHO_MAY}")

    @staticmethod
    def resolve_cart_lines_add(root: None, info: GraphQLResolveInfo, input: dict[str, Any]) -> CartPayload:
        lines = [LineChange(key_of(line["product_id"], "Product"), line["quantity"]) for line in input["lines"]]
        address = client_address(info.context)
        return _mutation(info, services.add_cart_lines, **{**input, "lines": lines, "address": address})

    @staticmethod
    def resolve_cart_lines_update(root: None, info: GraphQLResolveInfo, input: dict[str, Any]) -> CartPayload:
        lines = [LineChange(key_of(line["line_id"], "CartLine"), line["quantity"]) for line in input["lines"]]
        return _mutation(info, services.update_cart_lines, **{**input, "lines": lines})

    @staticmethod
    def resolve_cart_lines_remove(root: None, info: GraphQLResolveInfo, input: dict[str, Any]) -> CartPayload:
        line_ids = [key_of(line_id, "CartLine") for line_id in input["line_ids"]]
        return _mutation(info, services.remove_cart_lines, **{**input, "line_ids": line_ids})

    @staticmethod
    def resolve_cart_clear(root: None, info: GraphQLResolveInfo, input: dict[str, Any] | None = None) -> CartPayload:
        return _mutation(info, services.clear_cart, **(input or {}))


def _mutation(info: GraphQLResolveInfo, change: Callable[..., models.Cart], **arguments: Any) -> CartPayload:
    """Runs the service. Answers the changed cart, or the unchanged one with every error of the input."""
    owner = _owner(info)
    errors: list[UserError] = []
    try:
        cart = change(actor=owner, **arguments)
    except InvalidInput as error:
        errors = refused(info.context, error)
        cart = read_cart(cart_key(owner))
    _attach(info, cart, at(selection(info), "cart") or {})
    return CartPayload(cart=cart, errors=errors)


def _owner(info: GraphQLResolveInfo) -> Owner:
    """The signed-in user or the guest. Raises UNAUTHENTICATED."""
    owner = info.context.user
    if not owner.is_authenticated and not isinstance(owner, Guest):
        raise unauthenticated()
    return owner  # type: ignore[no-any-return]


def _attach(info: GraphQLResolveInfo, cart: models.Cart, selected: Selection) -> None:
    """Reads the selected relations of the lines' products: one query for each relation."""
    product = at(selected, "lines", "product")
    if product:
        attach_relations([line.product for line in cart.contents], relations(info, [product]))


def cart_node(info: GraphQLResolveInfo, key: int) -> models.Cart | None:
    """The cart with this primary key, if it is the viewer's own."""
    if _viewers_cart(info) != key:
        return None
    cart = read_cart(key)
    _attach(info, cart, selection(info))
    return cart


def line_node(info: GraphQLResolveInfo, key: int) -> models.CartLine | None:
    """The line with this primary key, if it is in the viewer's cart."""
    owned = _viewers_cart(info)
    return read_line(key, cart_key=owned) if owned else None


def _viewers_cart(info: GraphQLResolveInfo) -> int | None:
    viewer = info.context.user
    return cart_key(viewer) if viewer.is_authenticated or isinstance(viewer, Guest) else None


NODES = {"Cart": cart_node, "CartLine": line_node}
