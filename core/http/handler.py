"""Django's WSGI handler, for requests that Django cannot even begin with: it leaves those to the server's own pages."""

from collections.abc import Callable
from typing import Any

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http import HttpResponseBase
from django.utils.http import parse_header_parameters

from core.http.unexpected import record, unexpected_response


class Request(WSGIRequest):
    """A request whose Content-Type may be anything, and that is read as UTF-8 whatever its charset.

    Django would read the query string by any codec that Python knows, "hex" and "undefined" too; another charset is
    refused by core.http.bodies.
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        """Takes a Content-Type that cannot be read (an unknown RFC 2231 charset) for none, which views refuse (415)."""
        try:
            self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except ValueError:
            meta["CONTENT_TYPE"] = ""
            self.content_type, self.content_params = "", {}


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
