"""The catalogue's REST shapes: the parameters of a search and the product."""

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
from catalog.search.pages import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
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
        help_text="A category's slug, else its exact name; with its whole subtree. Several: any of them.",
    )
    brand = serializers.ListField(
        child=serializers.CharField(allow_blank=True),
        required=False,
        help_text="A brand's slug, else its exact name. Several: any of them.",
    )
    min_price = DecimalParameter(required=False, help_text="At least this price.")
    max_price = DecimalParameter(required=False, help_text="At most this price.")
    min_quantity = IntegerParameter(required=False, help_text="At least this many units in stock.")
    max_quantity = IntegerParameter(required=False, help_text="At most this many units in stock.")
    min_rating = FloatParameter(required=False, help_text="Rated at least this, 0 to 5.")
    max_rating = FloatParameter(required=False, help_text="Rated at most this, 0 to 5.")
    created_at = DateTimeParameter(required=False, help_text="Created at this moment or later.")
    created_until = DateTimeParameter(required=False, help_text="Created at this moment or earlier.")
    in_stock = serializers.BooleanField(required=False, help_text="true: with units in stock; false: without.")
    ordering = serializers.ChoiceField(
        ORDERINGS,
        required=False,
        help_text="`-` in front: descending. `relevance` (best first) needs `q`. Default: `relevance` with `q`, else "
        "`-created_at`. The id breaks ties; unrated products come last.",
    )
    limit = IntegerParameter(
        required=False, help_text=f"Products on a page: 1 to {MAX_PAGE_SIZE}, default {DEFAULT_PAGE_SIZE}."
    )
    cursor = serializers.CharField(required=False, help_text="As given in `next` and `previous`.")
    facets = serializers.BooleanField(required=False, help_text="true: adds `facets` to the answer.")


class NamedSerializer(serializers.Serializer):
    """A category or a brand."""

    name = serializers.CharField()
    slug = serializers.CharField()


class MoneySerializer(serializers.Serializer):
    """An amount in the shop's currency."""

    amount = serializers.DecimalField(max_digits=12, decimal_places=2)
    currency = serializers.CharField()


class ProductSerializer(serializers.Serializer):
    """A product."""

    id = serializers.SerializerMethodField(help_text="GraphQL's global id.")
    name = serializers.CharField()
    slug = serializers.CharField()
    sku = serializers.CharField(allow_null=True)
    description = serializers.CharField()
    category = NamedSerializer()
    brand = NamedSerializer()
    price = serializers.SerializerMethodField()
    quantity = serializers.IntegerField(help_text="Units in stock.")
    in_stock = serializers.SerializerMethodField()
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

    def get_in_stock(self, product: models.Product) -> bool:
        """Whether there is at least one unit."""
        return product.quantity > 0

    @extend_schema_field(ImageSerializer(allow_null=True))
    def get_image(self, product: models.Product) -> Any:
        """As attached."""
        image = selectors.first_image(product)
        return ImageSerializer(image, context=self.context).data if image else None


class ProductWithImagesSerializer(ProductSerializer):
    """A product with all its images."""

    images = serializers.SerializerMethodField(help_text="READY ones, in their order.")

    @extend_schema_field(ImageSerializer(many=True))
    def get_images(self, product: models.Product) -> Any:
        """As attached."""
        return ImageSerializer(selectors.images_of(product), many=True, context=self.context).data


class CategoryCountSerializer(serializers.Serializer):
    """A category and how many products its subtree would give."""

    category = NamedSerializer()
    count = serializers.IntegerField()


class BrandCountSerializer(serializers.Serializer):
    """A brand and how many products it would give."""

    brand = NamedSerializer()
    count = serializers.IntegerField()


class RatingCountSerializer(serializers.Serializer):
    """How many products are rated at least so well."""

    at_least = serializers.IntegerField()
    count = serializers.IntegerField()


class PriceRangeSerializer(serializers.Serializer):
    """Both ends inclusive: to be sent back as `min_price` and `max_price`; null is open."""

    min = MoneySerializer(allow_null=True)
    max = MoneySerializer(allow_null=True)
    count = serializers.IntegerField()


class PriceFacetSerializer(serializers.Serializer):
    """The lowest and the highest price, and round ranges between them."""

    min = MoneySerializer(allow_null=True)
    max = MoneySerializer(allow_null=True)
    ranges = PriceRangeSerializer(many=True)


class FacetsSerializer(serializers.Serializer):
    """What could be chosen next; each facet is counted with its own filter lifted, highest count first."""

    categories = CategoryCountSerializer(many=True)
    brands = BrandCountSerializer(many=True)
    price = PriceFacetSerializer()
    ratings = RatingCountSerializer(many=True)
    in_stock = serializers.IntegerField()


def facets_shown(facets: Facets) -> dict[str, Any]:
    """The facets as FacetsSerializer describes them."""
    price = facets.price()
    return {
        "categories": [{"category": _named(row), "count": count} for row, count in facets.categories()],
        "brands": [{"brand": _named(row), "count": count} for row, count in facets.brands()],
        "price": {
            "min": _money(price.low),
            "max": _money(price.high),
            "ranges": [
                {"min": _money(each.low), "max": _money(each.high), "count": each.count} for each in price.ranges
            ],
        },
        "ratings": [{"at_least": stars, "count": count} for stars, count in facets.ratings()],
        "in_stock": facets.in_stock(),
    }


def _named(row: models.Category | models.Brand) -> dict[str, str]:
    return {"name": row.name, "slug": row.slug}


def _money(amount: Decimal | None) -> dict[str, str] | None:
    return None if amount is None else {"amount": f"{amount:.2f}", "currency": settings.CURRENCY}


class ProductPageSerializer(serializers.Serializer):
    """One page of a search."""

    count = serializers.IntegerField(help_text="Products on all pages, exactly.")
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = ProductSerializer(many=True)
    facets = FacetsSerializer(required=False, help_text="With `facets=true`: over all pages, not this one.")
