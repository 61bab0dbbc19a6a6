"""Reading images: for a page of products one query for the images and one for their renditions; and their URLs."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.http import HttpRequest

from catalog.images.files import served
from catalog.images.models import ImageStatus, ProductImage, Rendition
from catalog.images.sizes import ImageFormat, ImageSize
from catalog.models import Product

_SIZES = list(ImageSize)


def attach_images(products: Iterable[Product], *, renditions: bool = True, everything: bool = False) -> None:
    """Sets each product's `shown_images`: the READY ones in their order, or `everything`. One query, or two."""
    products = list(products)
    images = ProductImage.objects.filter(product__in=[product.pk for product in products])
    if not everything:
        images = images.filter(status=ImageStatus.READY)
    by_product: dict[int, list[ProductImage]] = defaultdict(list)
    for image in images.order_by("product_id", "position", "id"):
        by_product[image.product_id].append(image)
    if renditions:
        attach_renditions([image for found in by_product.values() for image in found])
    for product in products:
        product.shown_images = by_product[product.pk]  # type: ignore[attr-defined]


def attach_renditions(images: Sequence[ProductImage]) -> None:
    """Sets each image's `shown_renditions`, from the smallest to the largest: one query, none for no images."""
    by_image: dict[int, list[Rendition]] = defaultdict(list)
    if images:
        for rendition in Rendition.objects.filter(image__in=[image.pk for image in images]):
            by_image[rendition.image_id].append(rendition)
    for image in images:
        found = by_image[image.pk]
        image.shown_renditions = sorted(found, key=_order)  # type: ignore[attr-defined]


def _order(rendition: Rendition) -> tuple[int, str]:
    return _SIZES.index(ImageSize(rendition.size)), rendition.format


def images_of(product: Product, *, everything: bool = False) -> list[ProductImage]:
    """The product's images as attached; a product read on its own asks for them here."""
    if not hasattr(product, "shown_images"):
        attach_images([product], everything=everything)
    return product.shown_images  # type: ignore[attr-defined]


def first_image(product: Product, *, everything: bool = False) -> ProductImage | None:
    """The product's first READY image."""
    found = images_of(product, everything=everything)
    return next((image for image in found if image.status == ImageStatus.READY), None)


def renditions_of(image: ProductImage) -> list[Rendition]:
    """The image's renditions as attached, from the smallest to the largest; none unless it is READY."""
    if image.status != ImageStatus.READY:
        return []
    if not hasattr(image, "shown_renditions"):
        attach_renditions([image])
    return image.shown_renditions  # type: ignore[attr-defined]


def rendition_for(image: ProductImage, size: ImageSize, format: ImageFormat) -> Rendition | None:
    """What answers for this size and format: the largest there is for a larger size, WebP until AVIF is made."""
    by_format = defaultdict(list)
    for rendition in renditions_of(image):
        by_format[rendition.format].append(rendition)
    found = by_format[format] or by_format[ImageFormat.WEBP]
    enough = [each for each in found if _SIZES.index(ImageSize(each.size)) >= _SIZES.index(size)]
    return enough[0] if enough else found[-1] if found else None


def srcset(request: HttpRequest, image: ProductImage, format: ImageFormat) -> str | None:
    """All widths of one format for <img srcset>; None while any is missing."""
    found = [each for each in renditions_of(image) if each.format == format]
    return ", ".join(f"{url_of(request, each)} {each.width}w" for each in found) or None


def url_of(request: HttpRequest, rendition: Rendition) -> str:
    """The rendition's absolute URL."""
    return request.build_absolute_uri(served().url(rendition.name))


def image_by_id(image_id: int, *, everything: bool) -> ProductImage | None:
    """One image; without `everything` only a READY one of an active product."""
    found = ProductImage.objects.filter(pk=image_id)
    if not everything:
        found = found.filter(status=ImageStatus.READY, product__is_active=True)
    return found.first()
