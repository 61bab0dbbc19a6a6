"""Unhandled exceptions: logged with an id, and answered in the API's own form instead of Django's page."""

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
from core.http.request_values import RequestValue

logger = logging.getLogger(__name__)
_MESSAGES = {
    400: "The request cannot be served as it is: its Host, a header or its body is malformed.",
    403: "This request is not allowed.",
    404: "There is no such path.",
    405: "This method is not served here.",
}
# Headers of Django's page that do not apply to the answer in its place.
_PAGE_HEADERS = {"content-type", "content-length", "content-security-policy", "cache-control", "etag"}


@dataclass(frozen=True)
class Unexpected:
    """An unhandled exception: the id in its log line, and the status to answer with."""

    id: str
    status: int


_unexpected: RequestValue[Unexpected | None] = RequestValue("unexpected", None)


def record(error: BaseException | None) -> Unexpected:
    """Logs the exception under a new id. The status is 503 for a database that does not answer, else 500."""
    unexpected = Unexpected(uuid.uuid4().hex, 503 if isinstance(error, OperationalError | InterfaceError) else 500)
    logger.error("internal error %s", unexpected.id, exc_info=error)
    return unexpected


def unexpected_response(path: str, accept: str, unexpected: Unexpected) -> HttpResponse:
    """The answer: an id to quote, and nothing about what happened."""
    message = f"Something went wrong on our side. Quote the id {unexpected.id} when you report it."
    headers = {"Retry-After": "5"} if unexpected.status == 503 else None
    return error_response(path, accept, unexpected.status, message, extensions={"id": unexpected.id}, headers=headers)


@receiver(got_request_exception)
def _record(sender: Any, request: HttpRequest | None = None, **_: Any) -> None:
    """Django sends the signal before it makes an error page, with DEBUG too. So does the REST API's handler."""
    unexpected = record(sys.exc_info()[1])
    if request is not None:
        _unexpected.set(request, unexpected)


def api_errors(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: replaces Django's error pages of the APIs by errors in their own form.

    It must be outside all middleware that can fail. Django makes a page of each exception inside, such as a wrong Host,
    a form with too many fields, or a database that is down. The page's other headers (CORS, X-Request-ID) are kept.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.status_code < 400 or not is_api(request.path_info):
            return response
        unexpected = _unexpected.get(request) if response.status_code >= 500 else None
        if unexpected is None and not response.get("Content-Type", "").startswith("text/html"):
            return response
        accept = request.META.get("HTTP_ACCEPT", "")
        if response.status_code >= 500:
            answer = unexpected_response(request.path_info, accept, unexpected or record(None))
        else:
            message = _MESSAGES.get(response.status_code, _MESSAGES[400])
            answer = error_response(request.path_info, accept, response.status_code, message)
        for name, value in response.items():
            if name.lower() not in _PAGE_HEADERS:
                answer.headers.setdefault(name, value)
        answer.cookies = response.cookies
        return answer

    return middleware
