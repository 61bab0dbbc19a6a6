"""The GraphQL types of facets and suggestions."""

from decimal import Decimal
from typing import Any

import graphene
from graphql import GraphQLResolveInfo

from catalog import models
from catalog.schema.types import Brand, Category, Money
from catalog.search import engine, facets, price_ranges
from core.graphql.connections import list_of


class CategoryCount(graphene.ObjectType):
    """A category, and how many products the result would have with this category as the filter."""

    category = graphene.Field(Category, required=True)
    count = graphene.Int(required=True)


class BrandCount(graphene.ObjectType):
    """A brand, and how many products the result would have with this brand as the filter."""

    brand = graphene.Field(Brand, required=True)
    count = graphene.Int(required=True)


class RatingCount(graphene.ObjectType):
    """A lowest rating, and how many products have at least that rating."""

    at_least = graphene.Int(required=True)
    count = graphene.Int(required=True)


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

    Counts of 0 are left out. The highest count comes first, equal counts by slug. A category counts its whole subtree.
    `first` is 1 to 100.
    """

    categories = graphene.Field(list_of(CategoryCount), first=graphene.Int(default_value=facets.DEFAULT_FIRST))
    brands = graphene.Field(list_of(BrandCount), first=graphene.Int(default_value=facets.DEFAULT_FIRST))
    price = graphene.Field(PriceFacet, required=True)
    ratings = graphene.Field(list_of(RatingCount), description="How many products are rated at least 4, 3, 2 and 1.")
    in_stock = graphene.Int(required=True)

    @staticmethod
    def resolve_categories(
        root: facets.Facets, info: GraphQLResolveInfo, first: int | None
    ) -> list[dict[str, models.Category | int]]:
        counted = root.categories(facets.DEFAULT_FIRST if first is None else first)
        return [{"category": category, "count": count} for category, count, _ in counted]

    @staticmethod
    def resolve_brands(
        root: facets.Facets, info: GraphQLResolveInfo, first: int | None
    ) -> list[dict[str, models.Brand | int]]:
        counted = root.brands(facets.DEFAULT_FIRST if first is None else first)
        return [{"brand": brand, "count": count} for brand, count, _ in counted]

    @staticmethod
    def resolve_price(root: facets.Facets, info: GraphQLResolveInfo) -> price_ranges.PriceFacet:
        return root.price()

    @staticmethod
    def resolve_ratings(root: facets.Facets, info: GraphQLResolveInfo) -> list[dict[str, Any]]:
        return [{"at_least": stars, "count": count} for stars, count, _ in root.ratings()]

    @staticmethod
    def resolve_in_stock(root: facets.Facets, info: GraphQLResolveInfo) -> int:
        return root.in_stock()


SuggestionKind = graphene.Enum.from_enum(engine.SuggestionKind, description=lambda value: None)


class Suggestion(graphene.ObjectType):
    """A completion for a search box: the text to show, and the slug of what it stands for."""

    text = graphene.String(required=True)
    kind = graphene.Field(SuggestionKind, required=True)
    slug = graphene.String(required=True)
