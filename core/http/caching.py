"""What caches may keep of an API's answers: nothing of what is the caller's own."""

import hashlib
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags

from core.http.errors import is_api

PRIVATE = "private, no-store"
# Kept by anyone, and asked about again each time: prices change.
PUBLIC = "public, no-cache"


def api_caching(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: every answer of an API has Cache-Control and `Vary: Authorization`.

    What a GET without an Authorization header is answered is the same for everybody (nothing else authenticates): it
    carries an ETag, and is 304 to whoever has it already. Everything else is the caller's own.
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
    """304 when the client has this very answer (RFC 9110 §13.1.2, weak comparison)."""
    known = parse_etags(request.META.get("HTTP_IF_NONE_MATCH", ""))
    if known != ["*"] and response["ETag"] not in {etag.removeprefix("W/") for etag in known}:
        return None
    answer = HttpResponseNotModified()
    for name, value in response.items():
        if name.lower() not in ("content-type", "content-length"):
            answer.headers.setdefault(name, value)
    return answer
