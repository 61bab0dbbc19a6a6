"""The GraphQL types of attributes and groups."""

from decimal import Decimal

import graphene
from graphql import GraphQLResolveInfo

from catalog import models
from catalog.attributes import shown
from catalog.schema.context import allowances_of
from core.execution import from_source
from core.graphql.connections import list_of
from core.graphql.enums import described
from core.graphql.nodes import Node, NodeType

AttributeKind = described(
    models.AttributeKind,
    "What the values of an attribute are.",
    TEXT="Texts; a product may have several.",
    NUMBER="A number, in the attribute's `unit`.",
    BOOLEAN="Yes or no.",
)
# By name, because catalog.schema.types imports this module.
PRODUCT, MONEY = "catalog.schema.types.Product", "catalog.schema.types.Money"


class Attribute(NodeType):
    """A fact that products are told apart by, such as their colour, size or power."""

    kind = graphene.Field(AttributeKind, required=True)
    unit = graphene.String(description="What numbers are measured in, such as cm, kg or W.")

    class Meta:
        model = models.Attribute
        fields = ("name", "slug")
        interfaces = (Node,)
        use_connection = False

    @staticmethod
    @from_source
    def resolve_unit(attribute: models.Attribute, info: GraphQLResolveInfo) -> str | None:
        return attribute.unit or None


class ProductAttribute(graphene.ObjectType):
    """A value that a product has. An attribute with several values is listed once for each."""

    attribute = graphene.Field(Attribute, required=True)
    text = graphene.String(required=True, description="The value as people read it, without the unit.")
    number = graphene.Float(description="The value of a NUMBER attribute.")
    boolean = graphene.Boolean(description="The value of a BOOLEAN attribute.")


class ProductOption(graphene.ObjectType):
    """An attribute in which the products of a group differ, and the values that occur, as `ProductAttribute.text`."""

    attribute = graphene.Field(Attribute, required=True)
    values = graphene.Field(list_of(graphene.String))


class ProductGroup(NodeType):
    """Products that differ in options only: a shirt in its sizes and colours."""

    options = graphene.Field(
        list_of(ProductOption), description="The attributes in which the active products differ, in order."
    )
    products = graphene.Field(
        list_of(PRODUCT), description="The active products, in the order of the values of their options."
    )
    min_price = graphene.Field(MONEY, required=True, description="The lowest price of the active products.")
    max_price = graphene.Field(MONEY, required=True, description="The highest price of the active products.")

    class Meta:
        model = models.ProductGroup
        fields = ("name", "slug")
        interfaces = (Node,)
        use_connection = False

    # Who reads a group attaches its siblings when one of these fields is selected (catalog.schema.lookahead).
    @staticmethod
    def resolve_options(group: models.ProductGroup, info: GraphQLResolveInfo) -> list[shown.ProductOption]:
        options: list[shown.ProductOption] = group.siblings.options
        allowances_of(info.context).values.take(sum(len(option.values) for option in options))
        return options

    @staticmethod
    def resolve_products(group: models.ProductGroup, info: GraphQLResolveInfo) -> list[models.Product]:
        products: list[models.Product] = group.siblings.products
        allowances_of(info.context).siblings.take(len(products))
        return products

    @staticmethod
    @from_source
    def resolve_min_price(group: models.ProductGroup, info: GraphQLResolveInfo) -> Decimal:
        low: Decimal = group.siblings.low
        return low

    @staticmethod
    @from_source
    def resolve_max_price(group: models.ProductGroup, info: GraphQLResolveInfo) -> Decimal:
        high: Decimal = group.siblings.high
        return high


class ProductAttributeInput(graphene.InputObjectType):
    """A value of an attribute: one of `text`, `number` and `boolean`."""

    attribute = graphene.String(
        required=True, description="A slug or a name. An unknown name makes the attribute, with the kind of the value."
    )
    text = graphene.String()
    number = graphene.Float()
    unit = graphene.String(description="Of a number. Must be the unit of the attribute, if that exists.")
    boolean = graphene.Boolean()
