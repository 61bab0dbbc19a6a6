"""Errors in the form of the API that was asked: GraphQL's or REST's JSON, and plain text for everything else."""

from collections.abc import Mapping
from typing import Any

import orjson
from django.http import HttpResponse

from core.http.negotiation import preferred_type

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
# An answer that is data may do nothing at all when it is opened as a page.
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
# REST's code where the status says all there is to say.
_REST_CODES = {
    403: "permission_denied",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    411: "length_required",
    413: "too_large",
    415: "unsupported_media_type",
}


def is_graphql(path: str) -> bool:
    """Whether the path is of the GraphQL API."""
    return path.startswith("/graphql")


def is_api(path: str) -> bool:
    """Whether the path is of one of the APIs, whose answers are JSON."""
    return is_graphql(path) or path.startswith("/api/")


def error_response(
    path: str,
    accept: str,
    status: int,
    message: str,
    *,
    field: str | None = None,
    extensions: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """An error that no view answers.

    `path` decides the form, `accept` (the header) GraphQL's media type. `field` is the parameter at fault;
    `extensions` are GraphQL's alone.
    """
    media_type = JSON
    answer: Any
    if is_graphql(path):
        media_type = preferred_type(accept, [JSON, GRAPHQL_JSON]) or JSON
        code = "INTERNAL_ERROR" if status >= 500 else "BAD_USER_INPUT"
        shown = {"code": code, **({"field": field} if field else {}), **(extensions or {})}
        answer = {"errors": [{"message": message, "extensions": shown}]}
    elif is_api(path):
        kind = "server_error" if status >= 500 else "validation_error" if status == 400 else "client_error"
        code = "error" if status >= 500 else _REST_CODES.get(status, "invalid")
        answer = {"type": kind, "errors": [{"code": code, "detail": message, "attr": field}]}
    else:
        return HttpResponse(
            f"{message}\n", status=status, content_type="text/plain; charset=utf-8", headers=dict(headers or {})
        )
    response = HttpResponse(orjson.dumps(answer), status=status, content_type=f"{media_type}; charset=utf-8")
    response["Cache-Control"] = "private, no-store"
    response["Content-Security-Policy"] = DATA_POLICY
    response["X-Content-Type-Options"] = "nosniff"
    for name, value in (headers or {}).items():
        response[name] = value
    return response
