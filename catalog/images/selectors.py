"""Reads images and their URLs. A page of products costs one query for images and one for renditions."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.http import HttpRequest

from catalog.images.files import served
from catalog.images.models import ImageStatus, ProductImage, Rendition
from catalog.images.sizes import ImageFormat, ImageSize
from catalog.models import Product

_SIZES = list(ImageSize)


def attach_images(products: Iterable[Product], *, renditions: bool = True, everything: bool = False) -> None:
    """Sets each product's `shown_images`: READY ones, or `everything`. One query, two with renditions."""
    products = list(products)
    images = ProductImage.objects.filter(product__in=[product.pk for product in products])
    if not everything:
        images = images.filter(status=ImageStatus.READY)
    by_product: dict[int, list[ProductImage]] = defaultdict(list)
    for image in images.order_by("product_id", "position", "id"):
        by_product[image.product_id].append(image)
    if renditions:
        attach_renditions([image for images_of_product in by_product.values() for image in images_of_product])
    for product in products:
        product.shown_images = by_product[product.pk]


def attach_renditions(images: Sequence[ProductImage]) -> None:
    """Sets each image's `shown_renditions`, from the smallest to the largest. One query; none without images."""
    by_image: dict[int, list[Rendition]] = defaultdict(list)
    if images:
        for rendition in Rendition.objects.filter(image__in=[image.pk for image in images]):
            by_image[rendition.image_id].append(rendition)
    for image in images:
        image.shown_renditions = sorted(by_image[image.pk], key=_order)


def _order(rendition: Rendition) -> tuple[int, str]:
    return _SIZES.index(ImageSize(rendition.size)), rendition.format


def images_of(product: Product, *, everything: bool = False) -> list[ProductImage]:
    """The product's attached images. A product that has none attached gets them now."""
    if not hasattr(product, "shown_images"):
        attach_images([product], everything=everything)
    return product.shown_images


def first_image(product: Product, *, everything: bool = False) -> ProductImage | None:
    """The product's first READY image."""
    images = images_of(product, everything=everything)
    return next((image for image in images if image.status == ImageStatus.READY), None)


def renditions_of(image: ProductImage) -> list[Rendition]:
    """The image's renditions, from the smallest to the largest; none unless it is READY."""
    if image.status != ImageStatus.READY:
        return []
    if not hasattr(image, "shown_renditions"):
        attach_renditions([image])
    return image.shown_renditions


def rendition_for(image: ProductImage, size: ImageSize, format: ImageFormat) -> Rendition | None:
    """The rendition to show: the largest when all are smaller than `size`, WebP until AVIF is made."""
    by_format = defaultdict(list)
    for rendition in renditions_of(image):
        by_format[rendition.format].append(rendition)
    candidates = by_format[format] or by_format[ImageFormat.WEBP]
    for rendition in candidates:
        if _SIZES.index(ImageSize(rendition.size)) >= _SIZES.index(size):
            return rendition
    return candidates[-1] if candidates else None


def srcset(request: HttpRequest, image: ProductImage, format: ImageFormat) -> str | None:
    """All widths of one format for <img srcset>; None until the format is made."""
    renditions = [rendition for rendition in renditions_of(image) if rendition.format == format]
    return ", ".join(f"{url_of(request, rendition)} {rendition.width}w" for rendition in renditions) or None


def url_of(request: HttpRequest, rendition: Rendition) -> str:
    return request.build_absolute_uri(served().url(rendition.name))


def image_by_id(image_id: int, *, everything: bool) -> ProductImage | None:
    """One image; unless `everything`, only a READY one of an active product."""
    images = ProductImage.objects.filter(pk=image_id)
    if not everything:
        images = images.filter(status=ImageStatus.READY, product__is_active=True)
    return images.first()
