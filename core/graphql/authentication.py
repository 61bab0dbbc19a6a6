"""Authenticates a request by its token, and decides which operations an invalid token stops."""

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
)

from core.auth.tokens import Reason, TokenRefused, viewer
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


def token_error(reason: Reason, document: DocumentNode, operation: OperationDefinitionNode) -> GraphQLError | None:
    """The error of an operation whose request has a bad token; None when the operation needs no token."""
    if _needs_no_token(document, operation):
        return None
    return api_error(Code.UNAUTHENTICATED, reason.message, reason=reason)


def _needs_no_token(document: DocumentNode, operation: OperationDefinitionNode) -> bool:
    fields = _root_fields(document, operation.selection_set) - {"__typename"}
    return operation.operation is OperationType.MUTATION and bool(fields) and fields <= NEED_NO_TOKEN


def _root_fields(document: DocumentNode, selected: SelectionSetNode) -> set[str]:
    """The names of an operation's root fields, including those in fragments."""
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    names: set[str] = set()
    seen: set[str] = set()
    waiting = [selected]
    while waiting:
        for node in waiting.pop().selections:
            if isinstance(node, FieldNode):
                names.add(node.name.value)
            elif isinstance(node, InlineFragmentNode):
                waiting.append(node.selection_set)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
                seen.add(node.name.value)
                waiting.append(fragments[node.name.value].selection_set)
    return names
