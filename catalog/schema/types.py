"""The catalogue's GraphQL types."""

import graphene
from django.conf import settings
from graphene.relay import PageInfo
from graphql import GraphQLResolveInfo

from catalog import models, policy
from catalog.attributes.selectors import attach_attributes
from catalog.attributes.shown import ShownAttribute
from catalog.images import selectors
from catalog.images.schema import ProductImage
from catalog.schema.attributes import ProductAttribute, ProductGroup
from catalog.schema.context import allowances_of, shown, tree_of
from catalog.schema.lookahead import columns, relations
from catalog.search.engine import engine
from catalog.search.facets import check_first
from catalog.selectors import COLUMNS, Relations, SiblingRelations, attach_relations, read_products
from core.execution import Expression
from core.graphql.connections import edge_type, list_of
from core.graphql.nodes import Node, NodeType
from core.graphql.scalars import Decimal
from core.graphql.selection import selection

DEFAULT_RELATED = 8


class Money(graphene.ObjectType):
    """An amount in the shop's currency."""

    amount = graphene.Field(Decimal, required=True)
    currency = graphene.String(required=True)

    # The source is the amount itself.
    resolve_amount = Expression("source.quantize(CENT)", CENT=models.CENT)
    resolve_currency = Expression("settings.CURRENCY", settings=settings)


class Category(NodeType):
    """A category of the tree."""

    parent = graphene.Field(lambda: Category)
    children = graphene.Field(lambda: list_of(Category))
    path = graphene.Field(
        lambda: list_of(Category), description="The categories from the root to this one, both included."
    )

    class Meta:
        model = models.Category
        fields = ("name", "slug")
        interfaces = (Node,)
        use_connection = False

    @staticmethod
    def resolve_parent(category: models.Category, info: GraphQLResolveInfo) -> models.Category | None:
        return tree_of(info.context).parent(category) if category.parent_id else None

    @staticmethod
    def resolve_children(category: models.Category, info: GraphQLResolveInfo) -> list[models.Category]:
        return shown(info, tree_of(info.context).children(category.pk))

    @staticmethod
    def resolve_path(category: models.Category, info: GraphQLResolveInfo) -> list[models.Category]:
        return shown(info, tree_of(info.context).path(category))


class Brand(NodeType):
    """The maker of a product."""

    class Meta:
        model = models.Brand
        fields = ("name", "slug")
        interfaces = (Node,)
        use_connection = False


class Product(NodeType):
    """Something to buy."""

    category = graphene.Field(Category, required=True)
    brand = graphene.Field(Brand, required=True)
    price = graphene.Field(Money, required=True)
    compare_at_price = graphene.Field(Money, description="What it cost before. Above `price`, else null.")
    quantity = graphene.Int(
        required=True,
        description="Units in stock. Only information for a product that is sold without limit: `inStock` is then true "
        "even at 0.",
    )
    in_stock = graphene.Boolean(
        required=True, description="Whether it can be bought: there are units, or it is sold without limit."
    )
    is_active = graphene.Boolean(required=True, description="False: archived. Only staff and carts still show it.")
    rating = graphene.Float(description="0 to 5; null when unrated.")
    attributes = graphene.Field(list_of(ProductAttribute), description="In the shop's order.")
    group = graphene.Field(ProductGroup, description="Null when the product stands alone.")
    related = graphene.Field(
        lambda: list_of(Product),
        first=graphene.Int(default_value=DEFAULT_RELATED),
        description="Active products like this one, the best first: of its category, and with words or values that it "
        "has. None of its own group, and one of each other. `first` is 1 to 100.",
    )
    image = graphene.Field(ProductImage, description="The first READY image.")
    images = graphene.Field(
        list_of(ProductImage),
        description="READY ones, in their order. Staff see all, except in lists and by slug.",
    )

    class Meta:
        model = models.Product
        fields = ("name", "slug", "sku", "description", "created_at", "updated_at")
        interfaces = (Node,)
        use_connection = False

    # The look-ahead attaches them. A product that was read otherwise takes a query here.
    resolve_category = Expression("source._state.fields_cache.get('category') or source.category")
    resolve_brand = Expression("source._state.fields_cache.get('brand') or source.brand")
    resolve_in_stock = Expression("source.in_stock")

    @staticmethod
    def resolve_attributes(product: models.Product, info: GraphQLResolveInfo) -> list[ShownAttribute]:
        values = allowances_of(info.context).values
        if not hasattr(product, "shown_attributes"):
            attach_attributes([product], values)
        values.take(len(product.shown_attributes))
        return product.shown_attributes

    @staticmethod
    def resolve_group(product: models.Product, info: GraphQLResolveInfo) -> models.ProductGroup | None:
        if not hasattr(product, "shown_group"):
            siblings = SiblingRelations(columns=COLUMNS, relations=Relations())
            attach_relations(
                [product], Relations(group=True, siblings=siblings, allowances=allowances_of(info.context))
            )
        return product.shown_group

    @staticmethod
    def resolve_related(product: models.Product, info: GraphQLResolveInfo, first: int | None) -> list[models.Product]:
        ids = engine().related(product, check_first(DEFAULT_RELATED if first is None else first))
        wanted = [selection(info)]
        return read_products(ids, columns=columns(wanted), relations=relations(info, wanted))

    @staticmethod
    def resolve_image(product: models.Product, info: GraphQLResolveInfo) -> models.ProductImage | None:
        return selectors.first_image(product, everything=_sees_everything(info))

    @staticmethod
    def resolve_images(product: models.Product, info: GraphQLResolveInfo) -> list[models.ProductImage]:
        # Staff see all images of a product, READY or not, except in lists and by slug, where READY ones are attached.
        return selectors.images_of(product, everything=_sees_everything(info))


def _sees_everything(info: GraphQLResolveInfo) -> bool:
    return policy.sees_hidden(info.context.user)


ProductEdge = edge_type(
    Product,
    "ProductEdge",
    highlight=graphene.String(
        description="The name as escaped HTML, with <mark> around the matching parts. Null without `search`."
    ),
)
BrandEdge = edge_type(Brand, "BrandEdge")


class ProductConnection(graphene.ObjectType):
    """One page of the products that match."""

    edges = graphene.Field(list_of(ProductEdge))
    nodes = graphene.Field(list_of(Product))
    page_info = graphene.Field(PageInfo, required=True)
    total_count = graphene.Int(
        required=True, description="The exact number of products on all pages. Counted only if this field is selected."
    )
    facets = graphene.Field(
        "catalog.schema.facets.ProductFacets",
        required=True,
        description="Counted over all pages. Computed only if this field is selected.",
    )
    redirect = graphene.Field(
        Category,
        description="The category that the shop's staff would open for this `search` instead of the products. Null "
        "without such a rule.",
    )


class BrandConnection(graphene.ObjectType):
    """One page of the brands, sorted by name."""

    edges = graphene.Field(list_of(BrandEdge))
    nodes = graphene.Field(list_of(Brand))
    page_info = graphene.Field(PageInfo, required=True)
    total_count = graphene.Int(required=True)
