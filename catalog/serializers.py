"""The serializers of the catalogue's REST API."""

from decimal import Decimal
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from graphql_relay import to_global_id
from rest_framework import serializers

from catalog import models
from catalog.images import selectors
from catalog.images.serializers import ImageSerializer
from catalog.search.facets import Facets
from core.parsing import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from core.rest.parameters import (
    DateTimeParameter,
    DecimalParameter,
    FloatParameter,
    IntegerParameter,
    ParametersSerializer,
)

ORDERINGS = [
    *("name", "-name", "price", "-price", "rating", "-rating", "quantity", "-quantity"),
    *("created_at", "-created_at", "relevance"),
]


class ProductSearchSerializer(ParametersSerializer):
    """The parameters of `products/search/`."""

    q = serializers.CharField(
        required=False,
        allow_blank=True,
        help_text="Words to look for in name, brand, category, SKU and description; at most 200 characters.",
    )
    category = serializers.ListField(
        child=serializers.CharField(allow_blank=True),
        required=False,
        help_text="A category's slug or exact name. It includes its whole subtree. Repeat it for any of several.",
    )
    brand = serializers.ListField(
        child=serializers.CharField(allow_blank=True),
        required=False,
        help_text="A brand's slug or exact name. Repeat it for any of several.",
    )
    min_price = DecimalParameter(required=False, help_text="The lowest price.")
    max_price = DecimalParameter(required=False, help_text="The highest price.")
    min_quantity = IntegerParameter(required=False, help_text="The lowest number of units in stock.")
    max_quantity = IntegerParameter(required=False, help_text="The highest number of units in stock.")
    min_rating = FloatParameter(required=False, help_text="The lowest rating, 0 to 5.")
    max_rating = FloatParameter(required=False, help_text="The highest rating, 0 to 5.")
    created_at = DateTimeParameter(required=False, help_text="Created at this time or later.")
    created_until = DateTimeParameter(required=False, help_text="Created at this time or earlier.")
    in_stock = serializers.BooleanField(
        required=False, help_text="true: products in stock or sold without limit. false: all others."
    )
    ordering = serializers.ChoiceField(
        ORDERINGS,
        required=False,
        help_text="`-` in front means descending. `relevance` (best first) needs `q`. Default: `relevance` with `q`, "
        "else `-created_at`. The id breaks ties. Unrated products come last.",
    )
    limit = IntegerParameter(
        required=False, help_text=f"Products on a page: 1 to {MAX_PAGE_SIZE}, default {DEFAULT_PAGE_SIZE}."
    )
    cursor = serializers.CharField(required=False, help_text="Taken from the URLs in `next` and `previous`.")
    facets = serializers.BooleanField(required=False, help_text="true: adds `facets` to the answer.")


class NamedSerializer(serializers.Serializer[Any]):
    """A category or a brand."""

    name = serializers.CharField()
    slug = serializers.CharField()


class MoneySerializer(serializers.Serializer[Any]):
    """An amount in the shop's currency."""

    amount = serializers.DecimalField(max_digits=12, decimal_places=2)
    currency = serializers.CharField()


class ProductSerializer(serializers.Serializer[Any]):
    """A product."""

    id = serializers.SerializerMethodField(help_text="GraphQL's global id.")
    name = serializers.CharField()
    slug = serializers.CharField()
    sku = serializers.CharField(allow_null=True)
    description = serializers.CharField()
    category = NamedSerializer()
    brand = NamedSerializer()
    price = serializers.SerializerMethodField()
    compare_at_price = serializers.SerializerMethodField(help_text="What it cost before. Above `price`, else null.")
    quantity = serializers.IntegerField(
        help_text="Units in stock. Only information for a product that is sold without limit: `in_stock` is true then, "
        "even at 0."
    )
    in_stock = serializers.BooleanField(
        help_text="Whether it can be bought: there are units, or it is sold without limit."
    )
    rating = serializers.FloatField(allow_null=True, help_text="0 to 5; null when unrated.")
    created_at = DateTimeParameter()
    updated_at = DateTimeParameter()
    image = serializers.SerializerMethodField(help_text="The first READY image.")

    def get_id(self, product: models.Product) -> str:
        """The id that GraphQL uses too."""
        return to_global_id("Product", product.pk)

    @extend_schema_field(MoneySerializer)
    def get_price(self, product: models.Product) -> dict[str, Any]:
        """The amount as a string, so that no digit is lost."""
        return _money(product.price) or {}

    @extend_schema_field(MoneySerializer(allow_null=True))
    def get_compare_at_price(self, product: models.Product) -> dict[str, Any] | None:
        return _money(product.compare_at_price)

    @extend_schema_field(ImageSerializer(allow_null=True))
    def get_image(self, product: models.Product) -> Any:
        image = selectors.first_image(product)
        return ImageSerializer(image, context=self.context).data if image else None


class ProductWithImagesSerializer(ProductSerializer):
    """A product with all its images."""

    images = serializers.SerializerMethodField(help_text="READY ones, in their order.")

    @extend_schema_field(ImageSerializer(many=True))
    def get_images(self, product: models.Product) -> Any:
        return ImageSerializer(selectors.images_of(product), many=True, context=self.context).data


class CategoryCountSerializer(serializers.Serializer[Any]):
    """A category, and how many products its subtree would give."""

    category = NamedSerializer()
    count = serializers.IntegerField()


class BrandCountSerializer(serializers.Serializer[Any]):
    """A brand, and how many products it would give."""

    brand = NamedSerializer()
    count = serializers.IntegerField()


class RatingCountSerializer(serializers.Serializer[Any]):
    """A lowest rating, and how many products have at least that rating."""

    at_least = serializers.IntegerField()
    count = serializers.IntegerField()


class PriceRangeSerializer(serializers.Serializer[Any]):
    """A range to send as `min_price` and `max_price`. Both ends are included. Null means no limit."""

    min = MoneySerializer(allow_null=True)
    max = MoneySerializer(allow_null=True)
    count = serializers.IntegerField()


class PriceFacetSerializer(serializers.Serializer[Any]):
    """The lowest and the highest price, and ranges with round ends between them."""

    min = MoneySerializer(allow_null=True)
    max = MoneySerializer(allow_null=True)
    ranges = PriceRangeSerializer(many=True)


class FacetsSerializer(serializers.Serializer[Any]):
    """Counts of the products that match, the highest first. Each facet is counted without its own filter."""

    categories = CategoryCountSerializer(many=True)
    brands = BrandCountSerializer(many=True)
    price = PriceFacetSerializer()
    ratings = RatingCountSerializer(many=True)
    in_stock = serializers.IntegerField()


def facets_shown(facets: Facets) -> dict[str, Any]:
    """The facets as FacetsSerializer describes them."""
    price = facets.price()
    return {
        "categories": [{"category": _named(row), "count": count} for row, count, _ in facets.categories()],
        "brands": [{"brand": _named(row), "count": count} for row, count, _ in facets.brands()],
        "price": {
            "min": _money(price.low),
            "max": _money(price.high),
            "ranges": [
                {"min": _money(prices.low), "max": _money(prices.high), "count": prices.count}
                for prices in price.ranges
            ],
        },
        "ratings": [{"at_least": stars, "count": count} for stars, count, _ in facets.ratings()],
        "in_stock": facets.in_stock(),
    }


def _named(row: models.Category | models.Brand) -> dict[str, str]:
    return {"name": row.name, "slug": row.slug}


def _money(amount: Decimal | None) -> dict[str, str] | None:
    return None if amount is None else {"amount": f"{amount:.2f}", "currency": settings.CURRENCY}


class ProductPageSerializer(serializers.Serializer[Any]):
    """One page of a search."""

    count = serializers.IntegerField(help_text="The exact number of products on all pages.")
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = ProductSerializer(many=True)
    redirect = NamedSerializer(
        allow_null=True,
        help_text="The category that the shop's staff would open for this `q` instead of the products. Null without "
        "such a rule.",
    )
    facets = FacetsSerializer(required=False, help_text="With `facets=true`. Counted over all pages.")
