"""The serializers of the catalogue's REST API."""

from dataclasses import asdict
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
from core.rest.parameters import DateTimeParameter


class NamedSerializer(serializers.Serializer[Any]):
    """A name and a slug."""

    name = serializers.CharField(help_text="As people read it.")
    slug = serializers.CharField(help_text="For URLs and parameters.")


class MoneySerializer(serializers.Serializer[Any]):
    """An amount in the shop's currency."""

    amount = serializers.DecimalField(max_digits=12, decimal_places=2, help_text="A string, so that no digit is lost.")
    currency = serializers.CharField(help_text="ISO 4217.")


class AttributeSerializer(serializers.Serializer[Any]):
    """A value that a product has. An attribute with several values is listed once for each."""

    slug = serializers.CharField(help_text="For parameters: `attr.<slug>`.")
    name = serializers.CharField(help_text="As people read it.")
    kind = serializers.ChoiceField(models.AttributeKind.values, help_text="Of the attribute's values.")
    unit = serializers.CharField(allow_null=True, help_text="What numbers are measured in, such as cm, kg or W.")
    text = serializers.CharField(help_text="The value as people read it, without the unit.")
    number = serializers.FloatField(allow_null=True, help_text="The value of a NUMBER attribute.")
    boolean = serializers.BooleanField(allow_null=True, help_text="The value of a BOOLEAN attribute.")


class SiblingSerializer(serializers.Serializer[Any]):
    """A product of a group."""

    slug = serializers.CharField(help_text="For `products/{slug}/`.")
    name = serializers.CharField(help_text="The product's own, not the group's.")
    attributes = AttributeSerializer(many=True, help_text="Where it differs from the others, among them.")
    price = MoneySerializer(help_text="What it costs today.")
    in_stock = serializers.BooleanField(help_text="Whether it can be bought.")


class GroupSerializer(NamedSerializer):
    """A group with its active products, in the order of the values in which they differ."""

    products = SiblingSerializer(many=True, help_text="This product too.")


class ProductSerializer(serializers.Serializer[Any]):
    """A product."""

    id = serializers.SerializerMethodField(help_text="GraphQL's global id.")
    name = serializers.CharField(help_text="As people read it.")
    slug = serializers.CharField(help_text="For `products/{slug}/`.")
    sku = serializers.CharField(allow_null=True, help_text="The shop's own number of it. Null when it has none.")
    description = serializers.CharField(help_text="Plain text; may be empty.")
    category = NamedSerializer(help_text="The one that it lies in.")
    brand = NamedSerializer(help_text="Who makes it.")
    price = serializers.SerializerMethodField(help_text="What it costs today.")
    compare_at_price = serializers.SerializerMethodField(help_text="What it cost before. Above `price`, else null.")
    quantity = serializers.IntegerField(
        help_text="Units in stock. Only information for a product that is sold without limit: `in_stock` is true then, "
        "even at 0."
    )
    in_stock = serializers.BooleanField(
        help_text="Whether it can be bought: there are units, or it is sold without limit."
    )
    rating = serializers.FloatField(allow_null=True, help_text="0 to 5; null when unrated.")
    created_at = DateTimeParameter(help_text="With a UTC offset.")
    updated_at = DateTimeParameter(help_text="With a UTC offset.")
    attributes = serializers.SerializerMethodField(help_text="What it is like.")
    group = serializers.SerializerMethodField(
        help_text="The group of products that differ in attributes only. Null when the product stands alone."
    )
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

    @extend_schema_field(AttributeSerializer(many=True))
    def get_attributes(self, product: models.Product) -> list[dict[str, Any]]:
        return _attributes(product)

    @extend_schema_field(NamedSerializer(allow_null=True))
    def get_group(self, product: models.Product) -> dict[str, Any] | None:
        return _named(product.shown_group) if product.shown_group else None

    @extend_schema_field(ImageSerializer(allow_null=True))
    def get_image(self, product: models.Product) -> Any:
        image = selectors.first_image(product)
        return ImageSerializer(image, context=self.context).data if image else None


class ProductDetailSerializer(ProductSerializer):
    """A product with all its images and with the products of its group."""

    images = serializers.SerializerMethodField(help_text="READY ones, in their order.")

    @extend_schema_field(GroupSerializer(allow_null=True))
    def get_group(self, product: models.Product) -> dict[str, Any] | None:
        group = product.shown_group
        return {**_named(group), "products": [*map(_sibling, group.siblings.products)]} if group else None

    @extend_schema_field(ImageSerializer(many=True))
    def get_images(self, product: models.Product) -> Any:
        return ImageSerializer(selectors.images_of(product), many=True, context=self.context).data


class CategoryCountSerializer(serializers.Serializer[Any]):
    """A category, and how many products its subtree would give."""

    category = NamedSerializer()
    count = serializers.IntegerField(help_text="Products in it and below it.")
    selected = serializers.BooleanField(help_text="Whether `category` names it.")


class BrandCountSerializer(serializers.Serializer[Any]):
    """A brand, and how many products it would give."""

    brand = NamedSerializer()
    count = serializers.IntegerField(help_text="Products of it.")
    selected = serializers.BooleanField(help_text="Whether `brand` names it.")


class RatingCountSerializer(serializers.Serializer[Any]):
    """A lowest rating, and how many products have at least that rating."""

    at_least = serializers.IntegerField(help_text="To send as `min_rating`.")
    count = serializers.IntegerField(help_text="Products rated so or better.")
    selected = serializers.BooleanField(help_text="Whether `min_rating` asks for just this.")


class PriceRangeSerializer(serializers.Serializer[Any]):
    """A range to send as `min_price` and `max_price`. Both ends are included. Null means no limit."""

    min = MoneySerializer(allow_null=True, help_text="To send as `min_price`.")
    max = MoneySerializer(allow_null=True, help_text="To send as `max_price`.")
    count = serializers.IntegerField(help_text="Products in the range.")


class PriceFacetSerializer(serializers.Serializer[Any]):
    """The lowest and the highest price, and ranges with round ends between them."""

    min = MoneySerializer(allow_null=True, help_text="Null without products.")
    max = MoneySerializer(allow_null=True, help_text="Null without products.")
    ranges = PriceRangeSerializer(many=True, help_text="From the lowest on.")


class AttributeOfFacetSerializer(NamedSerializer):
    """An attribute."""

    kind = serializers.ChoiceField(models.AttributeKind.values, help_text="Of its values.")
    unit = serializers.CharField(allow_null=True, help_text="What numbers are measured in, such as cm, kg or W.")


class AttributeValueCountSerializer(serializers.Serializer[Any]):
    """A value to send as `attr.<slug>`, and how many products it would give."""

    value = serializers.CharField(help_text="`true` or `false` for a BOOLEAN attribute.")
    count = serializers.IntegerField(help_text="Products that have it.")
    selected = serializers.BooleanField(help_text="Whether `attr.<slug>` names it.")


class AttributeFacetSerializer(serializers.Serializer[Any]):
    """An attribute with its values (TEXT, BOOLEAN) or its lowest and highest number (NUMBER)."""

    attribute = AttributeOfFacetSerializer()
    values = AttributeValueCountSerializer(many=True, help_text="Empty for a NUMBER attribute.")
    min = serializers.FloatField(allow_null=True, help_text="The lowest number; null for other kinds.")
    max = serializers.FloatField(allow_null=True, help_text="The highest number; null for other kinds.")
    selected = serializers.BooleanField(help_text="Whether a parameter names the attribute.")


class FacetsSerializer(serializers.Serializer[Any]):
    """Counts of the products that match. Each facet is counted without its own filter.

    What a parameter names comes first, then the highest count. With `group_by=group`, a group counts once.
    """

    categories = CategoryCountSerializer(many=True, help_text="For `category`.")
    brands = BrandCountSerializer(many=True, help_text="For `brand`.")
    price = PriceFacetSerializer(help_text="For `min_price` and `max_price`.")
    ratings = RatingCountSerializer(many=True, help_text="For `min_rating`: 4, 3, 2 and 1.")
    in_stock = serializers.IntegerField(help_text="Products that `in_stock=true` would give.")
    on_sale = serializers.IntegerField(help_text="Products that `on_sale=true` would give.")
    attributes = AttributeFacetSerializer(many=True, help_text="For `attr.<slug>`, the most common attribute first.")


def facets_shown(facets: Facets) -> dict[str, Any]:
    """The facets as FacetsSerializer describes them."""
    price = facets.price()
    return {
        "categories": [
            {"category": _named(row), "count": count, "selected": selected}
            for row, count, selected in facets.categories()
        ],
        "brands": [
            {"brand": _named(row), "count": count, "selected": selected} for row, count, selected in facets.brands()
        ],
        "price": {
            "min": _money(price.low),
            "max": _money(price.high),
            "ranges": [
                {"min": _money(prices.low), "max": _money(prices.high), "count": prices.count}
                for prices in price.ranges
            ],
        },
        "ratings": [
            {"at_least": stars, "count": count, "selected": selected} for stars, count, selected in facets.ratings()
        ],
        "in_stock": facets.in_stock(),
        "on_sale": facets.on_sale(),
        "attributes": [
            {
                "attribute": _attribute(facet.attribute),
                "values": [asdict(value) for value in facet.values],
                "min": facet.low,
                "max": facet.high,
                "selected": facet.selected,
            }
            for facet in facets.attributes()
        ],
    }


def _named(row: models.Category | models.Brand | models.ProductGroup) -> dict[str, str]:
    return {"name": row.name, "slug": row.slug}


def _sibling(product: models.Product) -> dict[str, Any]:
    return {
        "slug": product.slug,
        "name": product.name,
        "attributes": _attributes(product),
        "price": _money(product.price),
        "in_stock": product.in_stock,
    }


def _attributes(product: models.Product) -> list[dict[str, Any]]:
    """The attached attributes as AttributeSerializer describes them."""
    return [
        {**_attribute(row.attribute), "text": row.text, "number": row.number, "boolean": row.boolean}
        for row in product.shown_attributes
    ]


def _attribute(row: models.Attribute) -> dict[str, Any]:
    return {"slug": row.slug, "name": row.name, "kind": row.kind, "unit": row.unit or None}


def _money(amount: Decimal | None) -> dict[str, str] | None:
    return None if amount is None else {"amount": f"{amount:.2f}", "currency": settings.CURRENCY}


class ProductPageSerializer(serializers.Serializer[Any]):
    """One page of a search."""

    count = serializers.IntegerField(help_text="The exact number of products on all pages.")
    next = serializers.URLField(allow_null=True, help_text="The next page; null on the last.")
    previous = serializers.URLField(allow_null=True, help_text="The page before; null on the first.")
    results = ProductSerializer(many=True, help_text="The page's products, in order.")
    redirect = NamedSerializer(
        allow_null=True,
        help_text="The category that the shop's staff would open for this `q` instead of the products. Null without "
        "such a rule.",
    )
    facets = FacetsSerializer(required=False, help_text="With `facets=true`. Counted over all pages.")
