"""Reads images and their URLs. A page of products costs one query for images and one for renditions."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.core.files.storage import FileSystemStorage
from django.http import HttpRequest

from catalog.images.files import served
from catalog.images.models import ImageJob, ImageStatus, ProductImage, Rendition
from catalog.images.sizes import ImageFormat, ImageSize
from catalog.models import Product
from core.db.prepared import Prepared, instances
from core.http.request_values import RequestValue
from core.jobs.job import FAILED

# The place of each size, from the smallest on.
_PLACES = {size.value: place for place, size in enumerate(ImageSize)}
# Everything that APIs show of images and renditions.
_IMAGE = ("id", "product_id", "alt", "position", "status", "error", "width", "height", "placeholder")
_RENDITION = ("id", "image_id", "size", "format", "name", "width", "height", "bytes")
_images = Prepared(
    lambda keys: (
        ProductImage.objects.filter(product__in=keys).order_by("product_id", "position", "id").values_list(*_IMAGE)
    )
)
# A name that stands in a URL as it is.
_is_plain = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)*[A-Za-z0-9_-][A-Za-z0-9._-]*", re.ASCII).fullmatch
# The URL that all names follow, absolute for this request; "" when each name has a URL of its own.
_base: RequestValue[str | None] = RequestValue("media_base", None)
_renditions = Prepared(lambda keys: Rendition.objects.filter(image__in=keys).order_by().values_list(*_RENDITION))


def attach_images(
    products: Iterable[Product], *, renditions: bool = True, first_only: bool = False, everything: bool = False
) -> None:
    """Sets each product's `shown_images`: READY ones, or `everything`. One query, two with renditions.

    With `first_only` the first image of each product gets renditions. Another one that is shown reads its own.
    """
    products = list(products)
    by_product: dict[int, list[ProductImage]] = defaultdict(list)
    rows = _images([product.id for product in products])
    for (_, product_id, *_), image in zip(rows, instances(ProductImage, _IMAGE, rows).values(), strict=True):
        if everything or image.status == ImageStatus.READY:
            by_product[product_id].append(image)
    if renditions:
        shown = [images[:1] if first_only else images for images in by_product.values()]
        attach_renditions([image for images in shown for image in images])
    for product in products:
        product.shown_images = by_product[product.id]


def attach_renditions(images: Sequence[ProductImage]) -> None:
    """Sets each image's `shown_renditions`, from the smallest to the largest. One query; none without images."""
    by_image: dict[int, list[Rendition]] = defaultdict(list)
    rows = _renditions([image.id for image in images])
    for (_, image_id, *_), rendition in zip(rows, instances(Rendition, _RENDITION, rows).values(), strict=True):
        by_image[image_id].append(rendition)
    for image in images:
        image.shown_renditions = sorted(by_image[image.id], key=_order)


def _order(rendition: Rendition) -> tuple[int, str]:
    return _PLACES[rendition.size], rendition.format


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
    renditions = renditions_of(image)
    candidates = [rendition for rendition in renditions if rendition.format == format] or [
        rendition for rendition in renditions if rendition.format == ImageFormat.WEBP
    ]
    for rendition in candidates:
        if _PLACES[rendition.size] >= _PLACES[size]:
            return rendition
    return candidates[-1] if candidates else None


def srcset(request: HttpRequest, image: ProductImage, format: ImageFormat) -> str | None:
    """All widths of one format for <img srcset>; None until the format is made."""
    renditions = [rendition for rendition in renditions_of(image) if rendition.format == format]
    return ", ".join(f"{url_of(request, rendition)} {rendition.width}w" for rendition in renditions) or None


def url_of(request: HttpRequest, rendition: Rendition) -> str:
    """The absolute URL of the file. An answer has hundreds, and Django takes 20 µs for each."""
    base = _base.get(request)
    if base is None:
        storage = served()
        # Others may sign each URL. S3's says so.
        is_public = isinstance(storage, FileSystemStorage) or not getattr(storage, "querystring_auth", True)
        one = request.build_absolute_uri(storage.url("0")) if is_public else ""
        base = one.removesuffix("0")
        _base.set(request, base)
    if base and _is_plain(rendition.name):
        return base + rendition.name
    return request.build_absolute_uri(served().url(rendition.name))


def image_by_id(image_id: int, *, everything: bool) -> ProductImage | None:
    """One image; unless `everything`, only a READY one of an active product."""
    images = ProductImage.objects.filter(pk=image_id)
    if not everything:
        images = images.filter(status=ImageStatus.READY, product__is_active=True)
    return images.first()


def attach_jobs(images: Sequence[ProductImage]) -> None:
    """Sets each image's `replacement` and `lacks_formats`. One query; none without images."""
    jobs = ImageJob.objects.filter(kind__in=(ImageJob.Kind.REPLACE, ImageJob.Kind.LATER))
    by_image: dict[int | None, dict[int, ImageJob]] = defaultdict(dict)
    for job in jobs.filter(image__in=[image.pk for image in images]) if images else ():
        by_image[job.image_id][job.kind] = job
    for image in images:
        of_image = by_image[image.pk]
        image.replacement = of_image.get(ImageJob.Kind.REPLACE)
        later = of_image.get(ImageJob.Kind.LATER)
        image.lacks_formats = later is not None and later.status == FAILED
