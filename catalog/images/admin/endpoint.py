"""What the script of a product's page calls: uploads, texts, order, deletion and replacement of images, as JSON.

Every answer of these paths is JSON. A refusal has `errors`, each with a `code` (core.errors.ErrorCode, or one of the
session's: SIGNED_OUT, CSRF), a `message` for the person in front of the page, and the `field` where that is known.
"""

import logging
import re
from collections.abc import Callable
from typing import Any, BinaryIO, cast

from django.contrib.admin import AdminSite
from django.core.exceptions import BadRequest, RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.middleware.csrf import CsrfViewMiddleware
from django.urls import URLPattern, re_path
from django.views.decorators.csrf import csrf_exempt

from catalog import policy
from catalog.images import services
from catalog.images.admin.shown import shown
from catalog.images.models import ProductImage
from catalog.models import Product
from core.auth.policy import Permission
from core.errors import ErrorCode, InvalidInput
from core.http.uploads import oversized

logger = logging.getLogger(__name__)

Work = Callable[[HttpRequest, int], dict[str, Any]]
VIEW_IMAGES = Permission("view", ProductImage)
STATUSES = {ErrorCode.FORBIDDEN: 403, ErrorCode.NOT_FOUND: 404, ErrorCode.VERSION_CONFLICT: 409}
SIGNED_OUT = "You are signed out. Sign in again in another tab, then try again here."
STALE_FORM = "The page is from another session. Try again, or load the page anew."
# What a body that cannot be read raises.
UNREADABLE = (MultiPartParserError, TooManyFieldsSent, TooManyFilesSent, BadRequest)


def urls(site: AdminSite) -> list[URLPattern]:
    """The paths, relative to those of the model's pages."""
    paths: list[tuple[str, str, Permission, Work]] = [
        ("GET", "of/KEY", VIEW_IMAGES, _images),
        ("POST", "of/KEY/upload", policy.ADD_IMAGES, _upload),
        ("POST", "of/KEY/order", policy.CHANGE_IMAGES, _order),
        ("POST", "KEY/text", policy.CHANGE_IMAGES, _text),
        ("POST", "KEY/replace", policy.CHANGE_IMAGES, _replace),
        ("POST", "KEY/keep", policy.CHANGE_IMAGES, _keep),
        ("POST", "KEY/retry", policy.CHANGE_IMAGES, _retry),
        ("POST", "KEY/remove", policy.DELETE_IMAGES, _remove),
    ]
    return [
        re_path(
            # A key that no row can have is no path.
            rf"^{path.replace('KEY', '(?P<key>[0-9]{1,18})')}/$",
            _view(site, method, permission, work),
            name=f"catalog_productimage_{path.rpartition('/')[2].replace('KEY', 'of')}",
        )
        for method, path, permission, work in paths
    ]


def _view(site: AdminSite, method: str, permission: Permission, work: Work) -> Callable[..., HttpResponse]:
    # CSRF is checked inside: Django would read the body of a stranger before it is known who sends it.
    @csrf_exempt
    def view(request: HttpRequest, key: str) -> HttpResponse:
        if request.method != method:
            return _refusal(405, "METHOD_NOT_ALLOWED", f"This path takes {method}.", headers={"Allow": method})
        if not site.has_permission(request):
            return _refusal(403, "SIGNED_OUT", SIGNED_OUT)
        try:
            permission.check(request.user)
            if not _has_csrf_token(request):
                return _refusal(403, "CSRF", STALE_FORM)
            response: HttpResponse = JsonResponse(work(request, int(key)))
        except InvalidInput as error:
            response = _refused(error)
        except RequestDataTooBig:
            response = _refusal(413, ErrorCode.IMAGE_TOO_LARGE, "The file is too large.")
        except UNREADABLE:
            response = _refusal(400, ErrorCode.INVALID, "The form cannot be read.")
        except UnreadablePostError:
            raise
        except OSError:
            logger.exception("An image could not be stored")
            response = _refusal(503, "NOT_STORED", "The file could not be stored. Nothing was changed: try again.")
        response["Cache-Control"] = "private, no-store"
        return response

    return view


def _has_csrf_token(request: HttpRequest) -> bool:
    """Django's own check. Its answer would be a page."""

    def nothing(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    csrf = CsrfViewMiddleware(nothing)
    csrf.process_request(request)
    return csrf.process_view(request, nothing, (), {}) is None


def _refused(error: InvalidInput) -> JsonResponse:
    errors = [
        {"field": ".".join(each.path) or None, "code": each.code, "message": each.message}
        for each in error.field_errors
    ]
    return JsonResponse({"errors": errors}, status=STATUSES.get(error.field_errors[0].code, 400))


def _refusal(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> JsonResponse:
    errors = [{"field": None, "code": code, "message": message}]
    return JsonResponse({"errors": errors}, status=status, headers=headers)


def _file(request: HttpRequest) -> BinaryIO | None:
    """The upload; None for one that was dropped for its size. Raises InvalidInput."""
    file = cast("BinaryIO | None", request.FILES.get("image"))
    if file is None and "image" not in oversized(request):
        raise InvalidInput.at("image", message="Choose a file.", code=ErrorCode.REQUIRED)
    return file


def _images(request: HttpRequest, product: int) -> dict[str, Any]:
    if not Product.objects.filter(pk=product).exists():
        raise InvalidInput.at(message="There is no such product.", code=ErrorCode.NOT_FOUND)
    return {"images": shown(list(ProductImage.objects.filter(product=product)))}


def _one(image: ProductImage) -> dict[str, Any]:
    return {"image": shown([image])[0]}


def _upload(request: HttpRequest, product: int) -> dict[str, Any]:
    file, alt = _file(request), request.POST.get("alt", "")
    upload = services.image_upload(actor=request.user, product_id=product, file=file, alt=alt)
    return {**_one(upload.image), "is_new": upload.is_new}


def _order(request: HttpRequest, product: int) -> dict[str, Any]:
    ids = request.POST.get("ids", "")
    if not re.fullmatch("[0-9]{1,18}(,[0-9]{1,18}){0,9999}", ids):
        raise InvalidInput.at("ids", message="Give the ids of images, separated by commas.")
    order = services.image_order(actor=request.user, product_id=product, ids=[int(key) for key in ids.split(",")])
    return {"images": shown(order.images), "missing": order.missing}


def _text(request: HttpRequest, key: int) -> dict[str, Any]:
    if "alt" not in request.POST:
        raise InvalidInput.at("alt", message="Give the text.", code=ErrorCode.REQUIRED)
    alt, was = request.POST["alt"], request.POST.get("was")
    return _one(services.image_update(actor=request.user, image_id=key, alt=alt, alt_was=was))


def _replace(request: HttpRequest, key: int) -> dict[str, Any]:
    upload = services.image_replace(actor=request.user, image_id=key, file=_file(request))
    return {**_one(upload.image), "is_new": upload.is_new}


def _keep(request: HttpRequest, key: int) -> dict[str, Any]:
    return _one(services.replacement_discard(actor=request.user, image_id=key))


def _retry(request: HttpRequest, key: int) -> dict[str, Any]:
    services.retry(actor=request.user, images=ProductImage.objects.filter(pk=key))
    image = ProductImage.objects.filter(pk=key).first()
    if image is None:
        raise services.no_such_image()
    return _one(image)


def _remove(request: HttpRequest, key: int) -> dict[str, Any]:
    return {"removed": services.image_delete(actor=request.user, image_id=key).pk}
