"""From a document's text to its nodes, which hold on to nothing but themselves."""

from collections.abc import Hashable, Iterator
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    Node,
    OperationDefinitionNode,
    SelectionSetNode,
    Source,
)
from graphql.language import Location, Token
from graphql.language.parser import Parser

from core.graphql.limits import exceeded

# Selections of one response name at one place that differ from one another: validation compares each with each.
MAX_OF_ONE_NAME = 30


class _Parser(Parser):
    """graphql-core's, whose nodes know where they stand without keeping the tokens that they were made of.

    The tokens are a list linked both ways: twice as large as the nodes, and a cycle that only the collector frees.
    """

    def loc(self, start_token: Token) -> Location:
        """The place of what begins with this token and ends with the last one."""
        place = Location.__new__(Location)
        place.start, place.end, place.source = start_token.start, self._lexer.last_token.end, self._lexer.source
        return place


def parse_document(text: str, max_tokens: int) -> DocumentNode:
    """The nodes of a text. Raises GraphQLSyntaxError, also for more tokens or comments than allowed."""
    parser = _Parser(Source(text), max_lexical_tokens=max_tokens, max_comments=max_tokens)
    token: Token | None = parser._lexer.token
    try:
        return parser.parse_document()
    finally:
        while token is not None:
            following = token.next
            token.prev = token.next = None
            token = following


def nodes_of(root: Node) -> Iterator[Node]:
    """The node and all below it, in no order."""
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        for key in node.keys:
            value = getattr(node, key)
            if isinstance(value, Node):
                stack.append(value)
            elif isinstance(value, tuple):
                stack.extend(value)


def merge_repeated(document: DocumentNode) -> None:
    """Takes selections out that repeat an earlier one of the same place word for word: they ask for nothing more.

    Validation compares all selections of one response name at one place with one another. Raises LIMIT_EXCEEDED when
    there are still too many.
    """
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode | FragmentDefinitionNode):
            _merged(definition.selection_set)


def _merged(selections: SelectionSetNode) -> Hashable:
    """What the selection set says, as a value; repeated selections are gone from it."""
    kept: dict[Hashable, Any] = {}
    of_name: dict[str, int] = {}
    for node in selections.selections:
        # Fragments are looked through once anyway, and cost as often as they are spread.
        if isinstance(node, FragmentSpreadNode):
            kept[node] = node
            continue
        inner = getattr(node, "selection_set", None)
        says = (_said(node), _merged(inner) if inner is not None else None)
        if says in kept:
            continue
        kept[says] = node
        if isinstance(node, FieldNode):
            name = (node.alias or node.name).value
            of_name[name] = of_name.get(name, 0) + 1
            if of_name[name] > MAX_OF_ONE_NAME:
                raise exceeded("different fields of one name", None, MAX_OF_ONE_NAME)
    if len(kept) < len(selections.selections):
        selections.selections = tuple(kept.values())
    return tuple(kept)


def _said(value: Any) -> Hashable:
    """A node without its place and its selections, as a value."""
    if isinstance(value, Node):
        return value.kind, *[_said(getattr(value, key)) for key in value.keys if key not in ("loc", "selection_set")]
    return tuple(map(_said, value)) if isinstance(value, tuple) else value
