"""How REST shows images, and what it takes as an upload."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from graphql_relay import to_global_id
from rest_framework import serializers

from catalog.images import selectors
from catalog.images.models import ALT_LENGTH, ImageStatus, ProductImage, Rendition
from catalog.images.sizes import ImageFormat, ImageSize


class RenditionSerializer(serializers.Serializer[Any]):
    """One file of an image."""

    size = serializers.ChoiceField(list(ImageSize), help_text="The name of its longest side.")
    format = serializers.ChoiceField(list(ImageFormat), help_text="Of the file.")
    url = serializers.SerializerMethodField(help_text="Absolute, and good forever.")
    width = serializers.IntegerField(help_text="In pixels.")
    height = serializers.IntegerField(help_text="In pixels.")
    bytes = serializers.IntegerField(help_text="The file's length.")

    @extend_schema_field(OpenApiTypes.URI)
    def get_url(self, rendition: Rendition) -> str:
        return selectors.url_of(self.context["request"], rendition)


class ImageSerializer(serializers.Serializer[Any]):
    """A picture of a product."""

    id = serializers.SerializerMethodField(help_text="GraphQL's global id.")
    alt = serializers.CharField(help_text="What the picture shows.")
    position = serializers.IntegerField(help_text="Its place among the product's images, from 0.")
    status = serializers.ChoiceField(ImageStatus.values, help_text="Shoppers see READY images only.")
    error = serializers.SerializerMethodField(help_text="Why it FAILED, in words for its uploader.")
    width = serializers.SerializerMethodField(help_text="Upright, in pixels; null until READY.")
    height = serializers.SerializerMethodField(help_text="Upright, in pixels; null until READY.")
    placeholder = serializers.SerializerMethodField(help_text="A data: URI of a tiny preview; null until READY.")
    renditions = serializers.SerializerMethodField(help_text="From the smallest to the largest; empty until READY.")

    def get_id(self, image: ProductImage) -> str:
        return to_global_id("ProductImage", image.pk)

    def get_error(self, image: ProductImage) -> str | None:
        return image.error or None

    def get_width(self, image: ProductImage) -> int | None:
        # Before READY only the stored orientation is known.
        return image.width if image.status == ImageStatus.READY else None

    def get_height(self, image: ProductImage) -> int | None:
        return image.height if image.status == ImageStatus.READY else None

    def get_placeholder(self, image: ProductImage) -> str | None:
        return image.placeholder or None

    @extend_schema_field(RenditionSerializer(many=True))
    def get_renditions(self, image: ProductImage) -> Any:
        return RenditionSerializer(selectors.renditions_of(image), many=True, context=self.context).data


# Swagger UI would send "string" for a text without an example.
@extend_schema_field({"type": "string", "maxLength": ALT_LENGTH, "example": ""})
class AltField(serializers.CharField):
    """An alternative text."""


class ImageUploadSerializer(serializers.Serializer[Any]):
    """A picture for a product, as multipart/form-data."""

    image = serializers.FileField(help_text="JPEG, PNG, WebP or AVIF, by content.", allow_empty_file=True)
    alt = AltField(required=False, allow_blank=True, max_length=ALT_LENGTH, help_text="What the picture shows.")
