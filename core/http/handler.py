"""Django's WSGI handler, extended for requests that fail before any middleware runs."""

from collections.abc import Callable
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponseBase

from core.http.chains import load_chains
from core.http.unexpected import record, unexpected_response
from core.patches.django import Request


class Handler(WSGIHandler):
    """Answers those too in the API's own form. Django leaves them to the server's own error page."""

    request_class = Request
    load_middleware = load_chains

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> HttpResponseBase:
        try:
            return super().__call__(environ, start_response)
        except Exception as error:
            path, accept = environ.get("PATH_INFO", ""), environ.get("HTTP_ACCEPT", "")
            response = unexpected_response(path, accept, record(error))
            start_response(f"{response.status_code} {response.reason_phrase}", list(response.items()))
            return response
