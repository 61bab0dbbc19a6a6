"""Gives every request an id, a log line and its metrics."""

import logging
import random
import re
from collections.abc import Callable

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.functional import LazyObject, empty
from structlog.contextvars import bind_contextvars, clear_contextvars

from core.telemetry import metrics
from core.telemetry.recording import Recording, recorded

logger = structlog.get_logger("vitrine.request")
# The same logger, which tells whether a line would be written.
standard_logger = logging.getLogger("vitrine.request")
VALID_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}", re.ASCII)
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
MAX_PATH_LENGTH = 200


def request_id_of(request: HttpRequest) -> str:
    """The client's X-Request-ID if it is 8 to 64 letters, digits, dots, dashes or underscores; else a new id."""
    request_id = request.META.get("HTTP_X_REQUEST_ID", "")
    return request_id if request_id and VALID_ID.fullmatch(request_id) else new_id()


def new_id() -> str:
    """A random UUID (RFC 9562, version 4) in hexadecimal. It is a name, no secret, so it costs no system call."""
    bits = random.getrandbits(128) & ~(0xF << 76 | 0x3 << 62)
    return f"{bits | 0x4 << 76 | 0x2 << 62:032x}"


def _user_id(request: HttpRequest) -> int | None:
    """The user's id if the user is already loaded; logging makes no query."""
    user = getattr(request, "user", None)
    if isinstance(user, LazyObject) and user._wrapped is empty:
        return None
    return getattr(user, "pk", None)


def _route(request: HttpRequest) -> str:
    """The URL pattern that matched. Unlike paths, patterns are few."""
    if request.resolver_match is not None:
        return "/" + request.resolver_match.route.removeprefix("^")
    return settings.STATIC_URL if request.path_info.startswith(settings.STATIC_URL) else "none"


def observed(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: binds the request's id, sends it back as X-Request-ID, and logs the request afterwards.

    The query string is never logged: it may hold a GraphQL query's variables.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        request_id = request_id_of(request)
        clear_contextvars()
        bind_contextvars(request_id=request_id)
        try:
            with recorded() as recording:
                response = get_response(request)
                response["X-Request-ID"] = request_id
                _log(request, response, recording)
            return response
        finally:
            clear_contextvars()

    return middleware


def _log(request: HttpRequest, response: HttpResponse, recording: Recording) -> None:
    method = request.method if request.method in METHODS else "OTHER"
    seconds, route, status = recording.seconds(), _route(request), response.status_code
    metrics.observe_request(method, route, status, seconds, recording.queries)
    if "operation_type" in recording.facts:
        metrics.observe_operation(recording.facts, status, seconds)
    recording.facts = {
        "method": method,
        "path": request.path_info[:MAX_PATH_LENGTH],
        "status": status,
        "user_id": _user_id(request),
        **recording.facts,
    }
    level = logging.ERROR if status >= 500 else logging.DEBUG if route == settings.STATIC_URL else logging.INFO
    if standard_logger.isEnabledFor(level):
        logger.log(level, "request", **recording.facts, **recording.costs())
    recording.log_if_slow()
