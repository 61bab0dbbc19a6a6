"""Sets the security headers of every response, and frees requests at once."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.security import SecurityMiddleware

from core.http.errors import DATA_POLICY

# Scripts are files of this service. Editors (GraphiQL, Swagger, admin) set styles and carry fonts as data: URIs.
PAGE_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:{media}; "
    "font-src data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def page_policy() -> str:
    """The policy of HTML pages. Those of the admin show renditions, which another host may serve."""
    return PAGE_POLICY.format(media=f" {settings.MEDIA_SOURCES}" if settings.MEDIA_SOURCES else "")


GetResponse = Callable[[HttpRequest], HttpResponse]


def content_security_policy(get_response: GetResponse) -> GetResponse:
    """Middleware: sets the Content-Security-Policy of every response."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        # A browser puts the headers of a 304 in the place of the page's own (RFC 9111 §3.2). Its type is unknown here.
        if response.status_code == 304:
            return response
        # Django's error pages with DEBUG have inline scripts.
        is_page = response.get("Content-Type", "").startswith("text/html")
        if not (settings.DEBUG and is_page and response.status_code >= 400):
            response.headers.setdefault("Content-Security-Policy", page_policy() if is_page else DATA_POLICY)
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

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """As Django's, unless its SecurityMiddleware has set all of them already."""
        if "Cross-Origin-Opener-Policy" in response.headers:
            return response
        return super().process_response(request, response)
