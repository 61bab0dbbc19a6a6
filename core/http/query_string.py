"""Refuses query strings that no API could read: too many parameters, or bytes that are not UTF-8."""

from collections.abc import Callable
from urllib.parse import parse_qsl, unquote_plus

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from core.http.errors import error_response


def readable_query(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: 400 in the API's own form. Django would replace such bytes, and count the parameters too late."""

    def middleware(request: HttpRequest) -> HttpResponse:
        query = request.META.get("QUERY_STRING", "")
        if not query:
            return get_response(request)
        if query.count("&") >= settings.DATA_UPLOAD_MAX_NUMBER_FIELDS:
            return _refusal(request, "There are too many parameters.", None)
        try:
            parse_qsl(query, keep_blank_values=True, errors="strict")
        except ValueError:
            return _refusal(request, "This is not UTF-8.", _undecodable(query))
        return get_response(request)

    return middleware


def _undecodable(query: str) -> str:
    """The name of the first parameter that cannot be decoded."""
    for pair in query.split("&"):
        try:
            unquote_plus(pair, errors="strict")
        except ValueError:
            return unquote_plus(pair.partition("=")[0], errors="replace")
    return ""


def _refusal(request: HttpRequest, message: str, name: str | None) -> HttpResponse:
    return error_response(request.path_info, request.META.get("HTTP_ACCEPT", ""), 400, message, field=name)
