"""Cache-Control and ETag of the APIs' responses: caches may keep only what is the same for everybody."""

import hashlib
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags

from core.http.errors import is_api

PRIVATE = "private, no-store"
# Any cache may keep it, but must ask each time whether it is still current, because prices change.
PUBLIC = "public, no-cache"


def api_caching(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: every API response has Cache-Control and `Vary: Authorization`.

    Nothing but the Authorization header authenticates, so a GET without it has the same response for everybody: it gets
    an ETag, and 304 answers a client that has it already. Everything else belongs to the caller alone.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if not is_api(request.path_info):
            return response
        patch_vary_headers(response, ["Accept", "Authorization"])
        is_public = request.method in ("GET", "HEAD") and "HTTP_AUTHORIZATION" not in request.META
        if not is_public or response.status_code != 200 or response.streaming:
            response.headers.setdefault("Cache-Control", PRIVATE)
            return response
        response.headers.setdefault("Cache-Control", PUBLIC)
        response.headers.setdefault("ETag", f'"{hashlib.blake2b(response.content, digest_size=16).hexdigest()}"')
        return _not_modified(request, response) or response

    return middleware


def _not_modified(request: HttpRequest, response: HttpResponse) -> HttpResponse | None:
    """304 when the client has this response already (RFC 9110 §13.1.2, weak comparison), else None."""
    known = parse_etags(request.META.get("HTTP_IF_NONE_MATCH", ""))
    if known != ["*"] and response["ETag"] not in {etag.removeprefix("W/") for etag in known}:
        return None
    not_modified = HttpResponseNotModified()
    for name, value in response.items():
        if name.lower() not in ("content-type", "content-length"):
            not_modified.headers.setdefault(name, value)
    return not_modified
