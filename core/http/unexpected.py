"""Exceptions that nobody handled: an id in the log, and an error in the API's own form instead of Django's page."""

import logging
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse

from core.http.errors import error_response, is_api

logger = logging.getLogger(__name__)
_MESSAGES = {
    400: "The request cannot be served as it is: its Host, a header or its body is malformed.",
    403: "This request is not allowed.",
    404: "There is no such path.",
    405: "This method is not served here.",
}
# Django's headers of a page that do not hold for the answer in its place.
_OF_THE_PAGE = {"content-type", "content-length", "content-security-policy", "cache-control", "etag"}


@dataclass(frozen=True)
class Unexpected:
    """An exception that nobody handled: the id that its log line has, and the status to answer."""

    id: str
    status: int


def record(error: BaseException | None) -> Unexpected:
    """Logs the exception being handled under a new id. A database that does not answer is 503, all else 500."""
    found = Unexpected(uuid.uuid4().hex, 503 if isinstance(error, OperationalError | InterfaceError) else 500)
    logger.error("internal error %s", found.id, exc_info=error)
    return found


def unexpected_response(path: str, accept: str, found: Unexpected) -> HttpResponse:
    """The answer: an id to quote, and nothing of what happened."""
    message = f"Something went wrong on our side. Quote the id {found.id} when you report it."
    headers = {"Retry-After": "5"} if found.status == 503 else None
    return error_response(path, accept, found.status, message, extensions={"id": found.id}, headers=headers)


@receiver(got_request_exception)
def _record(sender: Any, request: HttpRequest | None = None, **_: Any) -> None:
    """Django sends this for every exception that it makes a page of, with DEBUG too; so does REST's handler."""
    found = record(sys.exc_info()[1])
    if request is not None:
        request.unexpected = found  # type: ignore[attr-defined]


def api_errors(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware, the outermost: no error of an API is a page.

    Django makes a page of any exception of a middleware inside this one: a wrong Host, a form with too many fields, a
    database that is down. The page's other headers (CORS, X-Request-ID) are kept.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.status_code < 400 or not is_api(request.path_info):
            return response
        found: Unexpected | None = getattr(request, "unexpected", None) if response.status_code >= 500 else None
        if found is None and not response.get("Content-Type", "").startswith("text/html"):
            return response
        accept = request.META.get("HTTP_ACCEPT", "")
        if response.status_code >= 500:
            answer = unexpected_response(request.path_info, accept, found or record(None))
        else:
            message = _MESSAGES.get(response.status_code, _MESSAGES[400])
            answer = error_response(request.path_info, accept, response.status_code, message)
        for name, value in response.items():
            if name.lower() not in _OF_THE_PAGE:
                answer.headers.setdefault(name, value)
        answer.cookies = response.cookies
        return answer

    return middleware
