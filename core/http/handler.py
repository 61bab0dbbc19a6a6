"""Django's WSGI handler, for requests that Django cannot even begin with: it leaves those to the server's own pages."""

from collections.abc import Callable
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponseBase

from core.http.unexpected import record, unexpected_response
from core.patches.django import Request


class Handler(WSGIHandler):
    """The application: whatever fails before or around the middleware is answered in the API's form too."""

    request_class = Request

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> HttpResponseBase:
        """The answer's body (PEP 3333)."""
        try:
            return super().__call__(environ, start_response)
        except Exception as error:
            found = record(error)
            response = unexpected_response(environ.get("PATH_INFO", ""), environ.get("HTTP_ACCEPT", ""), found)
            start_response(f"{response.status_code} {response.reason_phrase}", list(response.items()))
            return response
