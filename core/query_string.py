"""Refuses query strings that no door could read: too many parameters, or bytes that are no UTF-8."""

from collections.abc import Callable
from urllib.parse import parse_qsl, unquote_plus

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse


def readable_query(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: 400 in the door's own error shape. Django replaces such bytes, and counts too late."""

    def middleware(request: HttpRequest) -> HttpResponse:
        query = request.META.get("QUERY_STRING", "")
        if not query:
            return get_response(request)
        if query.count("&") >= settings.DATA_UPLOAD_MAX_NUMBER_FIELDS:
            return refusal(request, "There are too many parameters.", None)
        try:
            parse_qsl(query, keep_blank_values=True, errors="strict")
        except ValueError:
            return refusal(request, "This is not UTF-8.", _at_fault(query))
        return get_response(request)

    return middleware


def _at_fault(query: str) -> str:
    """The name of the first parameter that cannot be decoded."""
    for pair in query.split("&"):
        try:
            unquote_plus(pair, errors="strict")
        except ValueError:
            return unquote_plus(pair.partition("=")[0], errors="replace")
    return ""


def refusal(request: HttpRequest, message: str, name: str | None) -> HttpResponse:
    """The 400 of GraphQL for its path, of REST for all others."""
    if request.path.startswith("/graphql"):
        extensions = {"code": "BAD_USER_INPUT", **({"field": name} if name else {})}
        return JsonResponse({"errors": [{"message": message, "extensions": extensions}]}, status=400)
    error = {"code": "invalid", "detail": message, "attr": name}
    return JsonResponse({"type": "validation_error", "errors": [error]}, status=400)
