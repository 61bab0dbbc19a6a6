"""Sets the security headers of every response, and frees requests at once."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.security import SecurityMiddleware

from core.http.errors import DATA_POLICY

# Scripts are files of this service. Editors (GraphiQL, Swagger, admin) set styles and carry fonts as data: URIs.
PAGE_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src data:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

GetResponse = Callable[[HttpRequest], HttpResponse]


def content_security_policy(get_response: GetResponse) -> GetResponse:
    """Middleware: sets the Content-Security-Policy of every response."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        # Django's error pages with DEBUG have inline scripts.
        is_page = response.get("Content-Type", "").startswith("text/html")
        if not (settings.DEBUG and is_page and response.status_code >= 400):
            response.headers.setdefault("Content-Security-Policy", PAGE_POLICY if is_page else DATA_POLICY)
        return response

    return middleware


def break_cycles(get_response: GetResponse) -> GetResponse:
    """Middleware: frees a request, with its body and any password in it, as soon as it is answered.

    Django and REST framework make reference cycles of requests, views and responses. Until the garbage collector runs,
    here after 20,000 new objects (core.wsgi), megabytes of other people's requests would stay in memory.
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


class SecurityHeaders(SecurityMiddleware):
    """Middleware: Django's security headers on every response, also of middleware that answers a request itself."""

    def process_request(self, request: HttpRequest) -> None:
        # No redirect to HTTPS here: Django's own SecurityMiddleware does that, inside CORS.
        return None
