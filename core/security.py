"""What every answer says about itself to browsers, and what no request may be."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

from core.errors import ErrorCode

# Pages: scripts are files of this service; editors (GraphiQL, Swagger, admin) set styles and carry fonts as data: URIs.
PAGES = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src data:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# Everything else is data: opened as a page, it may do nothing at all.
DATA = "default-src 'none'; frame-ancestors 'none'"

Middleware = Callable[[HttpRequest], HttpResponse]


def content_security_policy(get_response: Middleware) -> Middleware:
    """Middleware: every answer has a Content-Security-Policy; Django's error pages with DEBUG bring inline scripts."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        is_page = response.get("Content-Type", "").startswith("text/html")
        if not (settings.DEBUG and is_page and response.status_code >= 400):
            response.headers.setdefault("Content-Security-Policy", PAGES if is_page else DATA)
        return response

    return middleware


def unknotted(get_response: Middleware) -> Middleware:
    """Middleware: an answered request is freed at once, and with it its body and the passwords in that.

    Django and REST framework make cycles of requests, views and responses. They would wait for the garbage collector,
    which here looks for them every 20,000 objects (core.wsgi): megabytes of other people's bodies in the meantime.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        for name in ("auser", "user", "_messages"):
            request.__dict__.pop(name, None)
        context = getattr(response, "renderer_context", None)
        if context:
            rest_request, view = context["request"], context["view"]
            response.renderer_context = {}  # type: ignore[attr-defined]
            rest_request.parser_context = {}
            for name in ("request", "response"):
                view.__dict__.pop(name, None)
        return response

    return middleware


def limited_body(get_response: Middleware) -> Middleware:
    """Middleware: a body that says it is too long is refused before a byte of it is read or parsed.

    MAX_BODY_BYTES counts for every body but a form with files (multipart), for which MAX_UPLOAD_BODY_BYTES does. A body
    without Content-Length is read as empty.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        try:
            length = int(request.META.get("CONTENT_LENGTH") or 0)
        except ValueError:
            length = 0
        is_upload = request.content_type == "multipart/form-data"
        limit = settings.MAX_UPLOAD_BODY_BYTES if is_upload else settings.MAX_BODY_BYTES
        return too_large(request, limit) if length > limit else get_response(request)

    return middleware


def too_large(request: HttpRequest, limit: int) -> HttpResponse:
    """413 in the form of the door that was knocked at."""
    detail = f"The body is too large: at most {limit} bytes."
    if request.path_info.startswith("/api/"):
        error = {"code": "too_large", "detail": detail, "attr": None}
        return JsonResponse({"type": "client_error", "errors": [error]}, status=413)
    if request.path_info.startswith("/graphql"):
        extensions = {"code": "BAD_USER_INPUT", "reason": ErrorCode.LIMIT_EXCEEDED}
        return JsonResponse({"errors": [{"message": detail, "extensions": extensions}]}, status=413)
    return HttpResponse(f"{detail}\n", status=413, content_type="text/plain; charset=utf-8")
