"""Errors of the GraphQL API: top-level ones with a code in `extensions`, and those in the payload of a mutation."""

import logging
import uuid
from collections.abc import Sequence
from typing import Any

import graphene
from django.http import HttpRequest
from graphql import GraphQLError, Node

from core import errors
from core.errors import FieldError, InvalidInput, LimitExceeded, Throttled, forget_stack
from core.graphql.enums import described
from core.http.errors import GraphQLCode, graphql_error
from core.http.request_values import RequestValue

Code = GraphQLCode
logger = logging.getLogger(__name__)
# Characters of a message. It may echo what the client sent, which can be of any length.
MAX_MESSAGE_LENGTH = 500
# Errors that are reported of a document, or of its variables.
MAX_ERRORS = 20
# Seconds until a client may repeat a refused mutation, for the response's Retry-After header.
retry_after: RequestValue[int] = RequestValue("retry_after", 0)


ErrorCode = described(
    errors.ErrorCode,
    "What kind of mistake it is, for programs. Its number, where it has one, is beside it.",
    INVALID="The value is wrong.",
    REQUIRED="The value is missing.",
    NOT_FOUND="There is no such thing, or not for the caller.",
    ALREADY_EXISTS="There is one already.",
    FORBIDDEN="Signed in, but without the permission.",
    INSUFFICIENT_STOCK="There are only `available` units.",
    LIMIT_EXCEEDED="At most `allowed` are allowed.",
    VERSION_CONFLICT="It has changed since it was read.",
    UNSUPPORTED_IMAGE="The file is no picture of a kind that is taken.",
    IMAGE_TOO_LARGE="The picture has too many bytes or pixels.",
    INVALID_CREDENTIALS="The address and the password do not go together.",
    INVALID_TOKEN="The token is unknown, expired, spent or revoked.",  # noqa: S106
    THROTTLED="Too many attempts. The next one has a chance after `retryAfter` seconds.",
)


class UserError(graphene.ObjectType):
    """A mistake in the input of a mutation."""

    field = graphene.List(
        graphene.NonNull(graphene.String),
        description='The path of the input field at fault, e.g. ["lines", "0", "quantity"].',
    )
    message = graphene.String(required=True, description="What is wrong and what to do, in English, for people.")
    code = graphene.Field(ErrorCode, required=True)
    available = graphene.Int(description="INSUFFICIENT_STOCK: the units that there are. Else null.")
    allowed = graphene.Int(description="LIMIT_EXCEEDED: how many are allowed. Else null.")
    retry_after = graphene.Int(description="THROTTLED: seconds to wait. Else null.")


def user_errors(field_errors: Sequence[FieldError]) -> list[UserError]:
    return [
        UserError(
            field=list(error.path) or None,
            message=error.message,
            code=error.code,
            available=error.available,
            allowed=error.allowed,
            retry_after=error.retry_after,
        )
        for error in field_errors
    ]


def refused(request: HttpRequest, error: InvalidInput) -> list[UserError]:
    """The domain error as a payload's `errors`. Sets the response's Retry-After header if it was throttled."""
    if isinstance(error, Throttled):
        retry_after.set(request, max(error.retry_after, retry_after.get(request)))
    return user_errors(error.field_errors)


def api_error(code: Code, message: str, node: Node | None = None, **extensions: Any) -> GraphQLError:
    """A top-level error with its code, and the node of the document that it is about."""
    return GraphQLError(message, node, extensions={"code": code, **extensions})


def unauthenticated() -> GraphQLError:
    """The error of a protected field without a valid token."""
    return api_error(Code.UNAUTHENTICATED, "Sign in first: this needs a valid access token.")


def formatted(error: GraphQLError) -> dict[str, Any]:
    """The error as the response shows it (GraphQL specification §7.1.2), always with a code.

    Drops the error's traceback, which would keep the request in memory with any password in its variables.
    """
    message, extensions = _message_and_extensions(error)
    if "field" in extensions:
        extensions["field"] = _presentable(extensions["field"])
    shown = graphql_error(_presentable(message), **extensions)
    if error.locations:
        shown["locations"] = [location.formatted for location in error.locations]
    if error.path is not None:
        shown["path"] = error.path
    forget_stack(error)
    return shown


def _message_and_extensions(error: GraphQLError) -> tuple[str, dict[str, Any]]:
    """What the client sees. An unexpected exception is logged with an id, and the client sees only that id."""
    cause, extensions = error.original_error, error.extensions or {}
    if isinstance(cause, LimitExceeded):
        return str(cause), {"code": Code.LIMIT_EXCEEDED, "limit": cause.limit, "allowed": cause.allowed}
    if isinstance(cause, InvalidInput):
        field_error = cause.field_errors[0]
        return field_error.message, {"code": Code.BAD_USER_INPUT, "field": ".".join(field_error.path)}
    if "code" not in extensions and cause is not None and not isinstance(cause, GraphQLError):
        error_id = uuid.uuid4().hex
        logger.error("internal error %s at %s", error_id, error.path, exc_info=cause)
        message = "Something went wrong on our side. Quote the id when you report it."
        return message, {"code": Code.INTERNAL_ERROR, "id": error_id}
    return error.message, {"code": Code.VALIDATION_FAILED, **extensions}


def _presentable(text: str) -> str:
    """Cuts a text that may echo what a client sent, and replaces what cannot be encoded."""
    cut = text if len(text) <= MAX_MESSAGE_LENGTH else f"{text[:MAX_MESSAGE_LENGTH]}…"
    return cut.encode("utf-8", "replace").decode()
