"""Every request has an id, a line in the log and a place in the metrics."""

import re
import uuid
from collections.abc import Callable

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.functional import LazyObject, empty
from structlog.contextvars import bind_contextvars, clear_contextvars

from core.telemetry import metrics
from core.telemetry.recording import Recording, recorded

logger = structlog.get_logger("vitrine.request")
SANE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}", re.ASCII)
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
LONGEST_PATH = 200


def request_id_of(request: HttpRequest) -> str:
    """The caller's X-Request-ID when it is 8 to 64 letters, digits, dots, dashes or underscores; else a new one."""
    given = request.META.get("HTTP_X_REQUEST_ID", "")
    return given if SANE_ID.fullmatch(given) else uuid.uuid4().hex


def _user_id(request: HttpRequest) -> int | None:
    """Who asked, when that is known already: no query for the log's sake."""
    user = getattr(request, "user", None)
    if isinstance(user, LazyObject) and user._wrapped is empty:
        return None
    return getattr(user, "pk", None)


def _route(request: HttpRequest) -> str:
    """The URL pattern that matched: bounded, unlike paths."""
    if request.resolver_match is not None:
        return "/" + request.resolver_match.route.removeprefix("^")
    return settings.STATIC_URL if request.path_info.startswith(settings.STATIC_URL) else "none"


def observed(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: binds the request's id, answers it as X-Request-ID, and tells afterwards what the request was.

    The query string is told nowhere: a GET query's variables are the user's own business.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        request_id = request_id_of(request)
        clear_contextvars()
        bind_contextvars(request_id=request_id)
        try:
            with recorded() as recording:
                response = get_response(request)
                response["X-Request-ID"] = request_id
                _tell(request, response, recording)
            return response
        finally:
            clear_contextvars()

    return middleware


def _tell(request: HttpRequest, response: HttpResponse, recording: Recording) -> None:
    method = request.method if request.method in METHODS else "OTHER"
    seconds, route, status = recording.seconds(), _route(request), response.status_code
    metrics.REQUESTS.labels(method, route, str(status)).observe(seconds)
    metrics.QUERIES.labels(route).observe(recording.queries)
    if "operation_type" in recording.facts:
        metrics.observe_operation(recording.facts, status, seconds)
    recording.facts = {
        "method": method,
        "path": request.path_info[:LONGEST_PATH],
        "status": status,
        "user_id": _user_id(request),
        **recording.facts,
    }
    tell = logger.error if status >= 500 else logger.debug if route == settings.STATIC_URL else logger.info
    tell("request", **recording.facts, **recording.costs())
    recording.tell_if_slow()
