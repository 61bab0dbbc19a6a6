"""The GraphQL door of the cart: only one's own, for whoever is signed in."""

from collections.abc import Callable
from typing import Any

import graphene
from graphql import GraphQLResolveInfo

from cart import models, services
from cart.planning import Wanted
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

Availability = graphene.Enum.from_enum(
    models.Availability,
    description=lambda value: (
        "INSUFFICIENT_STOCK: fewer left than wanted, none included. UNAVAILABLE: archived." if value is None else None
    ),
)


class CartLine(NodeType):
    """So many of one product."""

    product = graphene.Field(Product, required=True)
    quantity = graphene.Int(required=True)
    unit_price = graphene.Field(Money, required=True, description="Today's price.")
    unit_price_when_added = graphene.Field(
        Money,
        required=True,
        description="The price when the product was last added; differs from unitPrice when it has moved since.",
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
        description="Grows by one with every mutation that changes something; pass it back as expectedVersion to "
        "refuse a lost update. 0: never used.",
    )
    lines = graphene.Field(list_of(CartLine), description="In the order in which the products were first added.")
    total_quantity = graphene.Int(required=True)
    subtotal = graphene.Field(Money, required=True, description="The sum of the AVAILABLE lines.")
    updated_at = graphene.Field(
        DateTime, required=True, description="The last change; of a cart that was never used, when its user joined."
    )

    class Meta:
        model = models.Cart
        fields = ()
        interfaces = (Node,)
        use_connection = False

    @staticmethod
    def resolve_lines(cart: models.Cart, info: GraphQLResolveInfo) -> list[models.CartLine]:
        """Read with the cart."""
        return cart.contents

    @staticmethod
    def resolve_updated_at(cart: models.Cart, info: GraphQLResolveInfo) -> Any:
        """A cart without a row changed last when it became possible; it is the viewer's own."""
        return cart.updated_at or info.context.user.date_joined


class CartPayload(graphene.ObjectType):
    """With errors, nothing of the mutation was applied and `cart` is the cart as it stands."""

    cart = graphene.Field(Cart, required=True)
    errors = graphene.Field(list_of(UserError))


class CartLineAddInput(graphene.InputObjectType):
    """So many more of a product."""

    product_id = graphene.ID(required=True)
    quantity = graphene.Int(required=True, default_value=1)


class CartLinesAddInput(graphene.InputObjectType):
    """Products to add; the same one twice is summed."""

    lines = graphene.InputField(list_of(CartLineAddInput))
    idempotency_key = graphene.String(
        description="Up to 64 characters: the same key with the same lines within 24 hours is applied once."
    )
    expected_version = graphene.Int(description="Refuses the mutation when the cart is at another version by then.")


class CartLineUpdateInput(graphene.InputObjectType):
    """A line's new quantity; 0 removes it."""

    line_id = graphene.ID(required=True)
    quantity = graphene.Int(required=True)


class CartLinesUpdateInput(graphene.InputObjectType):
    """Lines to change, none twice."""

    lines = graphene.InputField(list_of(CartLineUpdateInput))
    idempotency_key = graphene.String(
        description="Up to 64 characters: the same key with the same lines within 24 hours is applied once."
    )
    expected_version = graphene.Int(description="Refuses the mutation when the cart is at another version by then.")


class CartLinesRemoveInput(graphene.InputObjectType):
    """Lines to remove."""

    line_ids = graphene.InputField(list_of(graphene.ID))
    expected_version = graphene.Int(description="Refuses the mutation when the cart is at another version by then.")


class CartClearInput(graphene.InputObjectType):
    """What the cart must be to be cleared."""

    expected_version = graphene.Int(description="Refuses the mutation when the cart is at another version by then.")


class CartQuery(graphene.ObjectType):
    """What can be read of the cart."""

    cart = graphene.Field(
        Cart,
        required=True,
        description="The signed-in user's cart. Reading writes nothing: without a row it is empty, at version 0, under "
        "the id that it will have.",
    )

    @staticmethod
    def resolve_cart(root: None, info: GraphQLResolveInfo) -> models.Cart:
        """Read with everything that is selected."""
        cart = read_cart(_user_id(info))
        _attach(info, cart, selection(info))
        return cart


class CartMutation(graphene.ObjectType):
    """What can be done with the cart."""

    cart_lines_add = graphene.Field(CartPayload, input=CartLinesAddInput(required=True), description="Add products.")
    cart_lines_update = graphene.Field(
        CartPayload, input=CartLinesUpdateInput(required=True), description="Set quantities; 0 removes the line."
    )
    cart_lines_remove = graphene.Field(
        CartPayload, input=CartLinesRemoveInput(required=True), description="Take lines out."
    )
    cart_clear = graphene.Field(CartPayload, input=CartClearInput(), description="Take every line out.")

    @staticmethod
    def resolve_cart_lines_add(root: None, info: GraphQLResolveInfo, input: dict[str, Any]) -> CartPayload:
        """Products by their ids."""
        lines = [Wanted(key_of(line["product_id"], "Product"), line["quantity"]) for line in input["lines"]]
        return _mutation(info, services.cart_lines_add, **{**input, "lines": lines})

    @staticmethod
    def resolve_cart_lines_update(root: None, info: GraphQLResolveInfo, input: dict[str, Any]) -> CartPayload:
        """Lines by their ids."""
        lines = [Wanted(key_of(line["line_id"], "CartLine"), line["quantity"]) for line in input["lines"]]
        return _mutation(info, services.cart_lines_update, **{**input, "lines": lines})

    @staticmethod
    def resolve_cart_lines_remove(root: None, info: GraphQLResolveInfo, input: dict[str, Any]) -> CartPayload:
        """Lines by their ids."""
        lines = [key_of(line_id, "CartLine") for line_id in input["line_ids"]]
        expected = input.get("expected_version")
        return _mutation(info, services.cart_lines_remove, lines=lines, expected_version=expected)

    @staticmethod
    def resolve_cart_clear(root: None, info: GraphQLResolveInfo, input: dict[str, Any] | None = None) -> CartPayload:
        """All lines."""
        return _mutation(info, services.cart_clear, **(input or {}))


def _mutation(info: GraphQLResolveInfo, change: Callable[..., models.Cart], **arguments: Any) -> CartPayload:
    """The changed cart; or the one as it stands, with every mistake of the input."""
    user_id = _user_id(info)
    field_errors: tuple[FieldError, ...] = ()
    try:
        cart = change(user_id=user_id, **arguments)
    except InvalidInput as error:
        field_errors = error.field_errors
        cart = read_cart(user_id)
    _attach(info, cart, at(selection(info), "cart") or {})
    return CartPayload(cart=cart, errors=user_errors(field_errors))


def _user_id(info: GraphQLResolveInfo) -> int:
    """Whose cart it is. Raises UNAUTHENTICATED."""
    if not info.context.user.is_authenticated:
        raise unauthenticated()
    return info.context.user.pk


def _attach(info: GraphQLResolveInfo, cart: models.Cart, wanted: Selection) -> None:
    """The relations of the lines' products that are selected: one query for each."""
    product = at(wanted, "lines", "product")
    if product:
        attach_relations([line.product for line in cart.contents], relations(info, [product]))


def cart_node(info: GraphQLResolveInfo, key: int) -> models.Cart | None:
    """The viewer's cart, when the key is theirs."""
    if info.context.user.pk != key:
        return None
    cart = read_cart(key)
    _attach(info, cart, selection(info))
    return cart


def line_node(info: GraphQLResolveInfo, key: int) -> models.CartLine | None:
    """The line of a primary key, when it is in the viewer's cart."""
    if not info.context.user.is_authenticated:
        return None
    return read_line(key, user_id=info.context.user.pk)


NODES = {"Cart": cart_node, "CartLine": line_node}
