"""Errors as the contract wants them: a code in `extensions`, the user's own mistakes as data in payloads."""

import logging
import uuid
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import graphene
from django.http import HttpRequest
from graphql import GraphQLError, Node

from core import errors
from core.errors import FieldError, InvalidInput, Throttled, forget_stack

logger = logging.getLogger(__name__)
# Characters of a message: it may echo what the client sent, of any length.
MAX_MESSAGE = 500


class Code(StrEnum):
    """Why a request, or a part of it, could not be served: every top-level error's `extensions.code`."""

    UNAUTHENTICATED = "UNAUTHENTICATED"
    BAD_USER_INPUT = "BAD_USER_INPUT"  # extensions.field says where
    PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"  # extensions.limit and .allowed say which
    THROTTLED = "THROTTLED"  # extensions.retryAfter says for how long, in seconds
    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    INTERNAL_ERROR = "INTERNAL_ERROR"  # extensions.id is the log's


ErrorCode = graphene.Enum.from_enum(errors.ErrorCode, description=lambda value: None)


class UserError(graphene.ObjectType):
    """A mistake in the input of a mutation."""

    field = graphene.List(
        graphene.NonNull(graphene.String),
        description='The path of the input field at fault, e.g. ["lines", "0", "quantity"].',
    )
    message = graphene.String(required=True)
    code = graphene.Field(ErrorCode, required=True)


def user_errors(field_errors: Sequence[FieldError]) -> list[UserError]:
    """The faults as a payload's `errors`."""
    return [UserError(field=list(f.path) or None, message=f.message, code=f.code) for f in field_errors]


def refused(request: HttpRequest, error: InvalidInput) -> list[UserError]:
    """The domain error as a payload's `errors`; when to come back goes into the response's Retry-After header."""
    if isinstance(error, Throttled):
        request.retry_after = max(error.retry_after, getattr(request, "retry_after", 0))  # type: ignore[attr-defined]
    return user_errors(error.field_errors)


def api_error(code: Code, message: str, node: Node | None = None, **extensions: Any) -> GraphQLError:
    """A top-level error with its code, and the node of the document that it is about."""
    return GraphQLError(message, node, extensions={"code": code, **extensions})


def unauthenticated() -> GraphQLError:
    """The error of a protected field without a valid token."""
    return api_error(Code.UNAUTHENTICATED, "Sign in first: this needs a valid access token.")


def formatted(error: GraphQLError) -> dict[str, Any]:
    """The error as the response shows it (GraphQL specification §7.1.2), always with a code.

    An unexpected exception is logged with an id; the client sees that id and nothing else of it. The error lets go of
    the stack that it came through: that would keep the request alive, passwords among its variables.
    """
    cause = error.original_error
    shown: dict[str, Any]
    code = (error.extensions or {}).get("code")
    if isinstance(cause, InvalidInput):
        field_error = cause.field_errors[0]
        shown = {
            "message": field_error.message,
            "extensions": {"code": Code.BAD_USER_INPUT, "field": ".".join(field_error.path)},
        }
    elif code is None and cause is not None and not isinstance(cause, GraphQLError):
        error_id = uuid.uuid4().hex
        logger.error("internal error %s at %s", error_id, error.path, exc_info=cause)
        message = "Something went wrong on our side. Quote the id when you report it."
        shown = {"message": message, "extensions": {"code": Code.INTERNAL_ERROR, "id": error_id}}
    else:
        shown = {
            "message": error.message,
            "extensions": {"code": code or Code.VALIDATION_FAILED, **(error.extensions or {})},
        }
    shown["message"] = _presentable(shown["message"])
    if "field" in shown["extensions"]:
        shown["extensions"]["field"] = _presentable(shown["extensions"]["field"])
    if error.locations:
        shown["locations"] = [location.formatted for location in error.locations]
    if error.path is not None:
        shown["path"] = error.path
    forget_stack(error)
    return shown


def _presentable(text: str) -> str:
    """What echoes a client's own words: cut, and such that it can be encoded."""
    cut = text if len(text) <= MAX_MESSAGE else f"{text[:MAX_MESSAGE]}…"
    return cut.encode("utf-8", "replace").decode()
