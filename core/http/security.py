"""What every answer says about itself to browsers."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.security import SecurityMiddleware

from core.http.errors import DATA_POLICY

# Pages: scripts are files of this service; editors (GraphiQL, Swagger, admin) set styles and carry fonts as data: URIs.
PAGES = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src data:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# Everything else is data.
DATA = DATA_POLICY

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


class SecurityHeaders(SecurityMiddleware):
    """Middleware: Django's security headers on every answer, those of the middleware outside its own redirect too."""

    def process_request(self, request: HttpRequest) -> None:
        """Redirects nobody to HTTPS: SecurityMiddleware itself does, within CORS."""
