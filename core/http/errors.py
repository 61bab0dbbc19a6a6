"""Errors in the form of the API that was asked: GraphQL's or REST's JSON, and plain text for everything else."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import orjson
from django.http import HttpResponse

from core.http.negotiation import preferred_type

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
# A data response may load and run nothing when it is opened as a page.
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
# REST's code for errors that the status alone explains.
_REST_CODES = {
    403: "permission_denied",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    411: "length_required",
    413: "too_large",
    415: "unsupported_media_type",
}


class GraphQLCode(StrEnum):
    """Why a request, or a part of it, could not be served: every top-level error's `extensions.code`."""

    UNAUTHENTICATED = "UNAUTHENTICATED"
    BAD_USER_INPUT = "BAD_USER_INPUT"  # extensions.field says where
    PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"  # extensions.limit and .allowed say which
    THROTTLED = "THROTTLED"  # extensions.retryAfter says for how long, in seconds
    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    INTERNAL_ERROR = "INTERNAL_ERROR"  # extensions.id is the log's


def graphql_error(message: str, code: str, **extensions: Any) -> dict[str, Any]:
    """One of a GraphQL answer's `errors` (GraphQL specification §7.1.2)."""
    return {"message": message, "extensions": {"code": code, **extensions}}


def rest_error(kind: str, code: str, message: str, field: str | None) -> dict[str, Any]:
    """The body of a REST error; drf-standardized-errors answers the same for exceptions of views."""
    return {"type": kind, "errors": [{"code": code, "detail": message, "attr": field}]}


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
    """The response to an error outside all views.

    `path` decides the form, `accept` (the header) GraphQL's media type. `field` is the parameter that is wrong;
    `extensions` are GraphQL's alone.
    """
    media_type = JSON
    answer: Any
    if is_graphql(path):
        media_type = preferred_type(accept, [JSON, GRAPHQL_JSON]) or JSON
        code = GraphQLCode.INTERNAL_ERROR if status >= 500 else GraphQLCode.BAD_USER_INPUT
        place = {"field": field} if field else {}
        answer = {"errors": [graphql_error(message, code, **place, **(extensions or {}))]}
    elif is_api(path):
        kind = "server_error" if status >= 500 else "validation_error" if status == 400 else "client_error"
        rest_code = "error" if status >= 500 else _REST_CODES.get(status, "invalid")
        answer = rest_error(kind, rest_code, message, field)
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
