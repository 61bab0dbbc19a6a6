"""Walks a parsed document, and takes repeated selections out of it before it is validated."""

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
)

from core.graphql.limits import exceeded

# Selections of one response name at one place that differ from one another: validation compares each with each.
MAX_OF_ONE_NAME = 30


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
