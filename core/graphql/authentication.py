"""What becomes of a request whose token does not hold."""

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
)

from core.auth.tokens import TokenRefused, refusal_reason, viewer
from core.graphql.errors import Code, api_error

# Mutations that need no token, so a bad one must not stand in their way: they are how a client gets a new one.
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


def authenticate(request: HttpRequest) -> None:
    """Sets `request.user`; a token that does not hold leaves nobody there and its reason in `refusal_reason`."""
    try:
        request.user = viewer(request)  # type: ignore[assignment]
    except TokenRefused as refused:
        request.user = AnonymousUser()
        refusal_reason.set(request, refused.reason)


def refused_token(request: HttpRequest, document: DocumentNode, operation: OperationDefinitionNode) -> Any:
    """The error of an operation that a bad token forbids; None when the token holds or none is needed."""
    reason = refusal_reason.get(request)
    if reason is None or _needs_no_token(document, operation):
        return None
    return api_error(Code.UNAUTHENTICATED, reason.message, reason=reason)


def _needs_no_token(document: DocumentNode, operation: OperationDefinitionNode) -> bool:
    fields = _root_fields(document, operation.selection_set) - {"__typename"}
    return operation.operation is OperationType.MUTATION and bool(fields) and fields <= NEED_NO_TOKEN


def _root_fields(document: DocumentNode, selected: SelectionSetNode) -> set[str]:
    """The names of an operation's root fields, those in fragments too."""
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
            elif node.name.value not in seen:  # type: ignore[attr-defined]
                seen.add(node.name.value)  # type: ignore[attr-defined]
                waiting.append(fragments[node.name.value].selection_set)  # type: ignore[attr-defined]
    return names
