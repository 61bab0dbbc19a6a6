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


class SecurityHeaders(SecurityMiddleware):
    """Middleware: Django's security headers on every answer, those of the middleware outside its own redirect too."""

    def process_request(self, request: HttpRequest) -> None:
        """Redirects nobody to HTTPS: SecurityMiddleware itself does, within CORS."""
