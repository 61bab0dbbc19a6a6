"""The GraphQL types of facets."""

from decimal import Decimal
from typing import Any

import graphene
from graphql import GraphQLResolveInfo

from catalog import models
from catalog.schema.attributes import Attribute
from catalog.schema.types import Brand, Category, Money
from catalog.search import attribute_facets, facets, price_ranges
from core.execution import from_source
from core.graphql.connections import list_of


class CategoryCount(graphene.ObjectType):
    """A category, and how many products the result would have with this category as the filter."""

    category = graphene.Field(Category, required=True)
    count = graphene.Int(required=True)
    selected = graphene.Boolean(required=True, description="Whether the filter names it.")


class BrandCount(graphene.ObjectType):
    """A brand, and how many products the result would have with this brand as the filter."""

    brand = graphene.Field(Brand, required=True)
    count = graphene.Int(required=True)
    selected = graphene.Boolean(required=True, description="Whether the filter names it.")


class RatingCount(graphene.ObjectType):
    """A lowest rating, and how many products have at least that rating."""

    at_least = graphene.Int(required=True)
    count = graphene.Int(required=True)
    selected = graphene.Boolean(required=True, description="Whether the filter asks for just this.")


class AttributeValueCount(graphene.ObjectType):
    """A value to send as `filter.attributes`, and how many products the result would have with it as the filter."""

    value = graphene.String(required=True, description='"true" or "false" for a BOOLEAN attribute: send it as `is`.')
    count = graphene.Int(required=True)
    selected = graphene.Boolean(required=True, description="Whether the filter names it.")


class AttributeFacet(graphene.ObjectType):
    """An attribute that products of the result have, with its values (TEXT, BOOLEAN) or its span (NUMBER)."""

    attribute = graphene.Field(Attribute, required=True)
    values = graphene.Field(list_of(AttributeValueCount))
    min = graphene.Float(description="The lowest number that the result would have without this filter.")
    max = graphene.Float(description="The highest number that the result would have without this filter.")
    selected = graphene.Boolean(required=True, description="Whether the filter names the attribute.")

    @staticmethod
    @from_source
    def resolve_min(facet: attribute_facets.AttributeFacet, info: GraphQLResolveInfo) -> float | None:
        return facet.low

    @staticmethod
    @from_source
    def resolve_max(facet: attribute_facets.AttributeFacet, info: GraphQLResolveInfo) -> float | None:
        return facet.high


class PriceRangeCount(graphene.ObjectType):
    """A price range to send as filter.price, such as 20–49.99. Both ends are included. Null means no limit."""

    min = graphene.Field(Money)
    max = graphene.Field(Money)
    count = graphene.Int(required=True)

    @staticmethod
    def resolve_min(prices: price_ranges.PriceRange, info: GraphQLResolveInfo) -> Decimal | None:
        return prices.low

    @staticmethod
    def resolve_max(prices: price_ranges.PriceRange, info: GraphQLResolveInfo) -> Decimal | None:
        return prices.high


class PriceFacet(graphene.ObjectType):
    """The lowest and the highest price, and ranges with round ends between them."""

    min = graphene.Field(Money)
    max = graphene.Field(Money)
    ranges = graphene.Field(list_of(PriceRangeCount))

    @staticmethod
    def resolve_min(price: price_ranges.PriceFacet, info: GraphQLResolveInfo) -> Decimal | None:
        return price.low

    @staticmethod
    def resolve_max(price: price_ranges.PriceFacet, info: GraphQLResolveInfo) -> Decimal | None:
        return price.high


class ProductFacets(graphene.ObjectType):
    """Counts of the products that match. Each facet is counted without its own filter, which can thus be changed.

    Counts of 0 are left out. What the filter names is always there, even at 0, and comes first; then the highest count,
    equal ones by slug. A category counts its whole subtree. With groupBy GROUP, a group counts once. `first` and
    `values` are 1 to 100.
    """

    categories = graphene.Field(list_of(CategoryCount), first=graphene.Int(default_value=facets.DEFAULT_FIRST))
    brands = graphene.Field(list_of(BrandCount), first=graphene.Int(default_value=facets.DEFAULT_FIRST))
    price = graphene.Field(PriceFacet, required=True)
    ratings = graphene.Field(list_of(RatingCount), description="How many products are rated at least 4, 3, 2 and 1.")
    in_stock = graphene.Int(required=True)
    on_sale = graphene.Int(required=True, description="How many products are reduced from their compareAtPrice.")
    attributes = graphene.Field(
        list_of(AttributeFacet),
        first=graphene.Int(default_value=facets.DEFAULT_ATTRIBUTES),
        values=graphene.Int(default_value=facets.DEFAULT_FIRST, description="How many values of each attribute."),
        description="The attributes that the most products have, the most common first; each with its values.",
    )

    @staticmethod
    def resolve_categories(
        root: facets.Facets, info: GraphQLResolveInfo, first: int | None
    ) -> list[dict[str, models.Category | int]]:
        counted = root.categories(facets.DEFAULT_FIRST if first is None else first)
        return [{"category": category, "count": count, "selected": selected} for category, count, selected in counted]

    @staticmethod
    def resolve_brands(
        root: facets.Facets, info: GraphQLResolveInfo, first: int | None
    ) -> list[dict[str, models.Brand | int]]:
        counted = root.brands(facets.DEFAULT_FIRST if first is None else first)
        return [{"brand": brand, "count": count, "selected": selected} for brand, count, selected in counted]

    @staticmethod
    def resolve_price(root: facets.Facets, info: GraphQLResolveInfo) -> price_ranges.PriceFacet:
        return root.price()

    @staticmethod
    def resolve_ratings(root: facets.Facets, info: GraphQLResolveInfo) -> list[dict[str, Any]]:
        return [{"at_least": stars, "count": count, "selected": chosen} for stars, count, chosen in root.ratings()]

    @staticmethod
    def resolve_in_stock(root: facets.Facets, info: GraphQLResolveInfo) -> int:
        return root.in_stock()

    @staticmethod
    def resolve_on_sale(root: facets.Facets, info: GraphQLResolveInfo) -> int:
        return root.on_sale()

    @staticmethod
    def resolve_attributes(
        root: facets.Facets, info: GraphQLResolveInfo, first: int | None, values: int | None
    ) -> list[attribute_facets.AttributeFacet]:
        return root.attributes(
            facets.DEFAULT_ATTRIBUTES if first is None else first, facets.DEFAULT_FIRST if values is None else values
        )
