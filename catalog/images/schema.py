"""Images in GraphQL: their types, and the mutations for staff."""

from collections.abc import Callable
from typing import Any

import graphene
from graphql import GraphQLResolveInfo

from catalog import models, policy
from catalog.images import selectors, services, sizes
from core.errors import InvalidInput
from core.execution import from_source
from core.graphql.connections import list_of
from core.graphql.enums import described
from core.graphql.errors import UserError, refused, unauthenticated
from core.graphql.ids import key_of
from core.graphql.multipart import TooLarge, Upload
from core.graphql.nodes import Node, NodeType

ImageStatus = described(
    models.ImageStatus,
    "How far an image is. Shoppers see READY ones only.",
    PENDING="Uploaded; its renditions are being made.",
    READY="Its renditions can be shown. AVIF ones may follow.",
    FAILED="It cannot be shown; `error` says why.",
)
ImageSize = described(
    sizes.ImageSize,
    "A size of renditions, by its longest side. Small uploads have fewer sizes.",
    **{size.name: f"{pixels} pixels" for size, pixels in sizes.LONGEST_SIDE.items()},
)
ImageFormat = described(sizes.ImageFormat, "A format of renditions.")


class Rendition(graphene.ObjectType):
    """One file of an image."""

    size = graphene.Field(ImageSize, required=True)
    format = graphene.Field(ImageFormat, required=True)
    url = graphene.String(required=True)
    width = graphene.Int(required=True)
    height = graphene.Int(required=True)
    bytes = graphene.Int(required=True)

    @staticmethod
    def resolve_url(rendition: models.Rendition, info: GraphQLResolveInfo) -> str:
        return selectors.url_of(info.context, rendition)


class ProductImage(NodeType):
    """A picture of a product."""

    position = graphene.Int(required=True, description="From 0 on: the place among the images of its product.")
    status = graphene.Field(ImageStatus, required=True)
    error = graphene.String(description="Why the image FAILED, in words for its uploader.")
    width = graphene.Int(description="Of the upload, in pixels. Null until READY.")
    height = graphene.Int(description="Of the upload, in pixels. Null until READY.")
    placeholder = graphene.String(
        description="A data: URI of a tiny blurred preview, to show while the image loads.",
    )
    url = graphene.String(
        size=graphene.Argument(ImageSize, required=True, default_value=sizes.ImageSize.MEDIUM),
        format=graphene.Argument(ImageFormat, required=True, default_value=sizes.ImageFormat.WEBP),
        description="Absolute. Null until READY. A size larger than the upload answers the largest there is; AVIF "
        "answers WebP until it is made.",
    )
    srcset = graphene.String(
        format=graphene.Argument(ImageFormat, required=True, default_value=sizes.ImageFormat.WEBP),
        description="All widths of one format, ready for an <img srcset>; null until all are there.",
    )
    renditions = graphene.Field(list_of(Rendition))

    class Meta:
        model = models.ProductImage
        fields = ("alt",)
        interfaces = (Node,)
        use_connection = False

    @staticmethod
    @from_source
    def resolve_width(image: models.ProductImage, info: GraphQLResolveInfo) -> int | None:
        # Before READY only the stored orientation is known.
        return image.width if image.status == models.ImageStatus.READY else None

    @staticmethod
    @from_source
    def resolve_height(image: models.ProductImage, info: GraphQLResolveInfo) -> int | None:
        return image.height if image.status == models.ImageStatus.READY else None

    @staticmethod
    @from_source
    def resolve_error(image: models.ProductImage, info: GraphQLResolveInfo) -> str | None:
        return image.error or None

    @staticmethod
    @from_source
    def resolve_placeholder(image: models.ProductImage, info: GraphQLResolveInfo) -> str | None:
        return image.placeholder or None

    @staticmethod
    def resolve_url(
        image: models.ProductImage, info: GraphQLResolveInfo, size: sizes.ImageSize, format: sizes.ImageFormat
    ) -> str | None:
        rendition = selectors.rendition_for(image, sizes.ImageSize(size), sizes.ImageFormat(format))
        return selectors.url_of(info.context, rendition) if rendition else None

    @staticmethod
    def resolve_srcset(image: models.ProductImage, info: GraphQLResolveInfo, format: sizes.ImageFormat) -> str | None:
        return selectors.srcset(info.context, image, sizes.ImageFormat(format))

    @staticmethod
    @from_source
    def resolve_renditions(image: models.ProductImage, info: GraphQLResolveInfo) -> list[models.Rendition]:
        return selectors.renditions_of(image)


# The fields that need an image's renditions; without them no query is made for those.
FROM_RENDITIONS = {"url", "srcset", "renditions"}


class ProductImageUploadInput(graphene.InputObjectType):
    """A picture for a product: JPEG, PNG, WebP or AVIF."""

    product_id = graphene.ID(required=True)
    image = graphene.InputField(Upload, required=True)
    alt = graphene.String()


class ProductImageUpdateInput(graphene.InputObjectType):
    """position counts from 0 and is clamped; the others move."""

    id = graphene.ID(required=True)
    alt = graphene.String()
    position = graphene.Int()


class ProductImageDeleteInput(graphene.InputObjectType):
    """Which image goes."""

    id = graphene.ID(required=True)


class ProductImagePayload(graphene.ObjectType):
    """The image, or why nothing was changed."""

    image = graphene.Field(ProductImage)
    errors = graphene.Field(list_of(UserError))


class ImagesMutation(graphene.ObjectType):
    """What staff can do with images."""

    product_image_upload = graphene.Field(
        ProductImagePayload,
        input=ProductImageUploadInput(required=True),
        description="Adds a picture to a product, PENDING until its renditions are made. A picture that the product "
        "has already is answered as it is. For staff with the permission to add images.",
    )
    product_image_update = graphene.Field(
        ProductImagePayload,
        input=ProductImageUpdateInput(required=True),
        description="Describes a picture, or moves it to another place. For staff with the permission to change "
        "images.",
    )
    product_image_delete = graphene.Field(
        ProductImagePayload,
        input=ProductImageDeleteInput(required=True),
        description="Deletes a picture with its files. For staff with the permission to delete images.",
    )

    @staticmethod
    def resolve_product_image_upload(
        root: None, info: GraphQLResolveInfo, input: dict[str, Any]
    ) -> ProductImagePayload:

        def upload() -> models.ProductImage:
            file = input["image"]
            return services.image_upload(
                actor=info.context.user,
                product_id=key_of(input["product_id"], "Product"),
                file=None if isinstance(file, TooLarge) else file,
                alt=input.get("alt") or "",
            ).image

        return _answer(info, upload)

    @staticmethod
    def resolve_product_image_update(
        root: None, info: GraphQLResolveInfo, input: dict[str, Any]
    ) -> ProductImagePayload:
        key = key_of(input["id"], "ProductImage")
        return _answer(
            info,
            lambda: services.image_update(
                actor=info.context.user, image_id=key, alt=input.get("alt"), position=input.get("position")
            ),
        )

    @staticmethod
    def resolve_product_image_delete(
        root: None, info: GraphQLResolveInfo, input: dict[str, Any]
    ) -> ProductImagePayload:
        key = key_of(input["id"], "ProductImage")
        return _answer(info, lambda: services.image_delete(actor=info.context.user, image_id=key))


def _answer(info: GraphQLResolveInfo, change: Callable[[], models.ProductImage]) -> ProductImagePayload:
    """The changed image, or why the change was refused. Raises UNAUTHENTICATED."""
    if not info.context.user.is_authenticated:
        raise unauthenticated()
    try:
        return ProductImagePayload(image=change(), errors=[])
    except InvalidInput as error:
        return ProductImagePayload(errors=refused(info.context, error))


def image_node(info: GraphQLResolveInfo, key: int) -> models.ProductImage | None:
    """The image of a primary key. Shoppers get READY images of active products only, staff all."""
    return selectors.image_by_id(key, everything=policy.sees_hidden(info.context.user))
