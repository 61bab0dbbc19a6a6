"""Cache-Control and ETag of the APIs' responses: caches may keep only what is the same for everybody."""

import hashlib
import time
from collections.abc import Callable

from django.conf import settings
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
        if not _is_public(request) or response.status_code != 200 or response.streaming:
            response.headers.setdefault("Cache-Control", PRIVATE)
            return response
        response.headers.setdefault("Cache-Control", PUBLIC)
        if "ETag" not in response.headers:
            response.headers["ETag"] = etag_of(response.content)
        return _not_modified(request, response) or response

    return middleware


def _is_public(request: HttpRequest) -> bool:
    """Whether the response is the same for everybody."""
    return request.method in ("GET", "HEAD") and "HTTP_AUTHORIZATION" not in request.META


def etag_of(content: bytes) -> str:
    return f'"{hashlib.blake2b(content, digest_size=16).hexdigest()}"'


def allow_sharing(request: HttpRequest, response: HttpResponse, until: float, etag: str | None = None) -> bool:
    """Lets shared caches answer without asking, for SHARED_CACHE_SECONDS but not beyond `until`, seconds since 1970.

    Browsers must ask each time nevertheless. Returns whether it did: not without the setting, and not for a response
    that is for the caller alone. Sets the ETag of a public response, if it is known.
    """
    if not _is_public(request):
        return False
    if etag is not None:
        response.headers["ETag"] = etag
    seconds = int(min(settings.SHARED_CACHE_SECONDS, until - time.time())) if settings.SHARED_CACHE_SECONDS else 0
    if seconds < 1:
        return False
    response.headers["Cache-Control"] = f"public, max-age=0, s-maxage={seconds}"
    return True


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
