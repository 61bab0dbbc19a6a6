"""Images in REST: upload, and one image."""

from django.http import Http404
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from catalog.images import services
from catalog.images.models import ProductImage
from catalog.images.selectors import image_by_id
from catalog.images.serializers import ImageSerializer, ImageUploadSerializer
from catalog.models import Product
from catalog.parameters import SLUG
from catalog.policy import MayAddImages, MayReadCatalogue, sees_hidden
from catalog.slugs import normal_form
from core.errors import ErrorCode, InvalidInput
from core.graphql.ids import key_of
from core.http.uploads import oversized
from core.parsing import has_unsafe_characters
from core.rest.errors import api_exception, error_responses
from core.rest.parsers import FormParser

ID = OpenApiParameter(
    "id",
    str,
    OpenApiParameter.PATH,
    description="The image's id.",
    examples=[OpenApiExample("From a product", "UHJvZHVjdEltYWdlOjE=")],
)


class ProductImagesView(APIView):
    """A product's images."""

    permission_classes = [MayAddImages]
    parser_classes = [FormParser]

    @extend_schema(
        operation_id="product_image_upload",
        summary="Add a picture to a product",
        description="JPEG, PNG, WebP or AVIF, as multipart/form-data. It is answered at once, PENDING; `Location` is "
        "the page that tells when it is READY. Bytes that the product has already answer that image (200); those of a "
        "FAILED one are tried again. For staff with the permission catalog.add_productimage.\n\n"
        "`curl -H 'Authorization: Bearer …' -F image=@lamp.jpg -F alt='A lamp' …/api/v1/products/{slug}/images/`",
        parameters=[SLUG],
        request={"multipart/form-data": ImageUploadSerializer},
        responses={
            202: OpenApiResponse(ImageSerializer, "On its way; `Location` tells where to look."),
            200: OpenApiResponse(ImageSerializer, "The product has these bytes already."),
            **error_responses(400, 401, 403, 404, 413, 415),
        },
        examples=[
            OpenApiExample(
                "On its way",
                value={
                    "id": "UHJvZHVjdEltYWdlOjE=",
                    "alt": "A lamp",
                    "position": 0,
                    "status": "PENDING",
                    "error": None,
                    "width": None,
                    "height": None,
                    "placeholder": None,
                    "renditions": [],
                },
                response_only=True,
                status_codes=["200", "202"],
            )
        ],
        tags=["products"],
    )
    def post(self, request: Request, slug: str) -> Response:
        product = _product_id(slug, archived=True)
        form = ImageUploadSerializer(data=request.data)
        # A file that was dropped for its size is missing from the form. The service then says that it is too large.
        is_dropped = "image" in oversized(request._request)
        form.fields["image"].required = not is_dropped
        form.is_valid(raise_exception=True)
        try:
            upload = services.image_upload(
                actor=request.user,
                product_id=product,
                file=None if is_dropped else form.validated_data["image"],
                alt=form.validated_data.get("alt", ""),
            )
        except InvalidInput as error:
            if error.field_errors[0].code == ErrorCode.NOT_FOUND:
                raise Http404 from None
            raise api_exception(error, {}) from None
        data = ImageSerializer(upload.image, context={"request": request}).data
        location = reverse("product-image", kwargs={"slug": slug, "id": data["id"]}, request=request)
        return Response(data, status=202 if upload.is_new else 200, headers={"Location": location})


class ProductImageView(APIView):
    """One image of a product."""

    permission_classes = [MayReadCatalogue]

    @extend_schema(
        operation_id="product_image",
        summary="One image of a product",
        description="Shoppers see READY images of active products, staff all.",
        parameters=[SLUG, ID],
        responses={200: ImageSerializer, **error_responses(401, 404)},
        tags=["products"],
    )
    def get(self, request: Request, slug: str, id: str) -> Response:
        image = _image(slug, id, everything=sees_hidden(request.user))
        return Response(ImageSerializer(image, context={"request": request}).data)


def _product_id(slug: str, *, archived: bool) -> int:
    """The product's primary key. Without `archived`, only an active product is found. Raises Http404."""
    if has_unsafe_characters(slug):
        raise Http404
    products = Product.objects.filter(slug=normal_form(slug))
    if not archived:
        products = products.filter(is_active=True)
    key = products.values_list("id", flat=True).first()
    if key is None:
        raise Http404
    return key


def _image(slug: str, global_id: str, *, everything: bool) -> ProductImage:
    """The product's image of this id. Raises Http404, also for one that only staff may see, unless `everything`."""
    key = key_of(global_id, "ProductImage")
    image = image_by_id(key, everything=everything) if key is not None else None
    if image is None or image.product_id != _product_id(slug, archived=everything):
        raise Http404
    return image
