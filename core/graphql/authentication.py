"""Authenticates a request by its token, and decides which operations an invalid token stops."""

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from graphql import GraphQLError, OperationType

from core.auth.tokens import Reason, TokenRefused, viewer
from core.graphql.documents import Operation
from core.graphql.errors import Code, api_error

# Mutations that work with an invalid token too, because clients get a new token from them.
NEED_NO_TOKEN = frozenset(
    {
        "register",
        "tokenAuth",
        "refreshToken",
        "guestTokenCreate",
        "revokeToken",
        "verifyToken",
        "passwordResetRequest",
        "passwordReset",
    }
)


def authenticate(request: HttpRequest) -> Reason | None:
    """Sets `request.user`. With an invalid token it is anonymous, and the reason is returned."""
    try:
        request.user = viewer(request)  # type: ignore[assignment]
    except TokenRefused as refused:
        request.user = AnonymousUser()
        return refused.reason
    return None


def token_error(reason: Reason, operation: Operation) -> GraphQLError | None:
    """The error of an operation whose request has a bad token; None when the operation needs no token."""
    is_mutation = operation.node.operation is OperationType.MUTATION
    if is_mutation and operation.root_fields and operation.root_fields <= NEED_NO_TOKEN:
        return None
    return api_error(Code.UNAUTHENTICATED, reason.message, reason=reason)
