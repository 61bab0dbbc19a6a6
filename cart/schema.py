"""The GraphQL API of the cart. Signed-in users have one each, and reach only their own."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import graphene
from django.contrib.auth.base_user import AbstractBaseUser
from graphql import GraphQLResolveInfo

from cart import models, services
from cart.planning import LineChange
from cart.selectors import read_cart, read_line
from catalog.schema.lookahead import relations
from catalog.schema.types import Money, Product
from catalog.selectors import attach_relations
from core.errors import FieldError, InvalidInput
from core.graphql.connections import list_of
from core.graphql.errors import UserError, unauthenticated, user_errors
from core.graphql.ids import key_of
from core.graphql.nodes import Node, NodeType
from core.graphql.scalars import DateTime
from core.graphql.selection import Selection, at, selection

IDEMPOTENCY_KEY = "Up to 64 characters. A mutation is applied once within 24 hours for the same key and the same lines."
EXPECTED_VERSION = "Refuses the mutation if the cart is at another version."
Availability = graphene.Enum.from_enum(
    models.Availability,
    description=lambda value: (
        "INSUFFICIENT_STOCK: the stock is lower than the quantity. UNAVAILABLE: the product is archived."
        if value is None
        else None
    ),
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
    """The signed-in user's cart."""

    version = graphene.Int(
        required=True,
        description="Grows by one with every mutation that changes the cart. Send it as expectedVersion to have a "
        "mutation refused if the cart has changed since. 0: the cart was never used.",
    )
    lines = graphene.Field(list_of(CartLine), description="In the order in which the products were first added.")
    total_quantity = graphene.Int(required=True)
    subtotal = graphene.Field(Money, required=True, description="The sum of the AVAILABLE lines.")
    updated_at = graphene.Field(
        DateTime,
        required=True,
        description="When the cart last changed. For a cart that was never used: when the user joined.",
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
        return cart.updated_at or info.context.user.date_joined


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
        description="The signed-in user's cart. Before its first mutation it is empty, at version 0, with the id "
        "that it keeps.",
    )

    @staticmethod
    def resolve_cart(root: None, info: GraphQLResolveInfo) -> models.Cart:
        cart = read_cart(_user(info).pk)
        _attach(info, cart, selection(info))
        return cart


class CartMutation(graphene.ObjectType):
    """The mutations of the cart."""

    cart_lines_add = graphene.Field(CartPayload, input=CartLinesAddInput(required=True), description="Adds products.")
    cart_lines_update = graphene.Field(
        CartPayload,
        input=CartLinesUpdateInput(required=True),
        description="Sets the quantities of lines; 0 removes a line.",
    )
    cart_lines_remove = graphene.Field(
        CartPayload, input=CartLinesRemoveInput(required=True), description="Removes lines."
    )
    cart_clear = graphene.Field(CartPayload, input=CartClearInput(), description="Removes every line.")

    @staticmethod
    def resolve_cart_lines_add(root: None, info: GraphQLResolveInfo, input: dict[str, Any]) -> CartPayload:
        lines = [LineChange(key_of(line["product_id"], "Product"), line["quantity"]) for line in input["lines"]]
        return _mutation(info, services.add_cart_lines, **{**input, "lines": lines})

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
    user = _user(info)
    field_errors: tuple[FieldError, ...] = ()
    try:
        cart = change(actor=user, **arguments)
    except InvalidInput as error:
        field_errors = error.field_errors
        cart = read_cart(user.pk)
    _attach(info, cart, at(selection(info), "cart") or {})
    return CartPayload(cart=cart, errors=user_errors(field_errors))


def _user(info: GraphQLResolveInfo) -> AbstractBaseUser:
    """The signed-in user. Raises UNAUTHENTICATED."""
    user: AbstractBaseUser = info.context.user
    if not user.is_authenticated:
        raise unauthenticated()
    return user


def _attach(info: GraphQLResolveInfo, cart: models.Cart, selected: Selection) -> None:
    """Reads the selected relations of the lines' products: one query for each relation."""
    product = at(selected, "lines", "product")
    if product:
        attach_relations([line.product for line in cart.contents], relations(info, [product]))


def cart_node(info: GraphQLResolveInfo, key: int) -> models.Cart | None:
    """The cart with this primary key, if it is the viewer's own."""
    if info.context.user.pk != key:
        return None
    cart = read_cart(key)
    _attach(info, cart, selection(info))
    return cart


def line_node(info: GraphQLResolveInfo, key: int) -> models.CartLine | None:
    """The line with this primary key, if it is in the viewer's cart."""
    if not info.context.user.is_authenticated:
        return None
    return read_line(key, user_id=info.context.user.pk)


NODES = {"Cart": cart_node, "CartLine": line_node}
