"""Walks parsed documents, and removes repeated selections from them before validation."""

from collections.abc import Hashable, Iterator
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    Node,
    OperationDefinitionNode,
    SelectionSetNode,
)

from core.graphql.limits import exceeded

# Different selections with the same response name in one selection set. Validation compares each with each.
MAX_SELECTIONS_OF_ONE_NAME = 30


def nodes_of(root: Node) -> Iterator[Node]:
    """The node and all nodes below it, in no particular order."""
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


def root_fields(document: DocumentNode, operation: OperationDefinitionNode) -> frozenset[str]:
    """The names of an operation's root fields, including those in fragments; without `__typename`."""
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    names: set[str] = set()
    seen: set[str] = set()
    waiting = [operation.selection_set]
    while waiting:
        for node in waiting.pop().selections:
            if isinstance(node, FieldNode):
                names.add(node.name.value)
            elif isinstance(node, InlineFragmentNode):
                waiting.append(node.selection_set)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
                seen.add(node.name.value)
                waiting.append(fragments[node.name.value].selection_set)
    return frozenset(names - {"__typename"})


def merge_repeated(document: DocumentNode) -> None:
    """Removes selections that repeat an earlier one of the same selection set word for word.

    They change nothing in the answer, but validation compares all selections with the same response name with one
    another. Raises LIMIT_EXCEEDED when too many are left.
    """
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode | FragmentDefinitionNode):
            _merge(definition.selection_set)


def _merge(selections: SelectionSetNode) -> Hashable:
    """Removes repeated selections. Returns a value that is equal for equal selection sets."""
    unique: dict[Hashable, Any] = {}
    count_of_name: dict[str, int] = {}
    for node in selections.selections:
        # Repeated spreads stay: validation looks at each fragment once, and each spread has its cost.
        if isinstance(node, FragmentSpreadNode):
            unique[node] = node
            continue
        inner = getattr(node, "selection_set", None)
        key = (_content(node), _merge(inner) if inner is not None else None)
        if key in unique:
            continue
        unique[key] = node
        if isinstance(node, FieldNode):
            name = (node.alias or node.name).value
            count_of_name[name] = count_of_name.get(name, 0) + 1
            if count_of_name[name] > MAX_SELECTIONS_OF_ONE_NAME:
                raise exceeded("different fields of one name", None, MAX_SELECTIONS_OF_ONE_NAME)
    if len(unique) < len(selections.selections):
        selections.selections = tuple(unique.values())
    return tuple(unique)


def _content(value: Any) -> Hashable:
    """A node without its location and its selections, as a value to compare."""
    if isinstance(value, Node):
        return value.kind, *[_content(getattr(value, key)) for key in value.keys if key not in ("loc", "selection_set")]
    return tuple(map(_content, value)) if isinstance(value, tuple) else value
