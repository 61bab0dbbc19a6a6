"""The fields that a client selected, so that resolvers read nothing else from the database."""

from __future__ import annotations

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLIncludeDirective,
    GraphQLResolveInfo,
    GraphQLSkipDirective,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
)
from graphql.execution.values import get_directive_values

Selection = dict[str, "Selection"]


def selection(info: GraphQLResolveInfo) -> Selection:
    """The fields below the one being resolved, by name and nested.

    Follows fragments and obeys @skip and @include. Ignores type conditions: a field in any fragment counts as selected.
    """
    fields: Selection = {}
    for node in info.field_nodes:
        if node.selection_set is not None:
            _collect(info, node.selection_set, fields, set())
    return fields


def _collect(
    info: GraphQLResolveInfo, selections: SelectionSetNode, fields: Selection, spread: set[tuple[int, str]]
) -> None:
    """Adds the selections to `fields`. `spread` has the fragments already added: each goes into one dict once."""
    for node in selections.selections:
        if _skipped(info, node):
            continue
        if isinstance(node, FieldNode):
            below = fields.setdefault(node.name.value, {})
            if node.selection_set is not None:
                _collect(info, node.selection_set, below, spread)
        elif isinstance(node, InlineFragmentNode):
            _collect(info, node.selection_set, fields, spread)
        elif isinstance(node, FragmentSpreadNode) and (id(fields), node.name.value) not in spread:
            spread.add((id(fields), node.name.value))
            _collect(info, info.fragments[node.name.value].selection_set, fields, spread)


def _skipped(info: GraphQLResolveInfo, node: SelectionNode) -> bool:
    if not node.directives:
        return False
    skip = get_directive_values(GraphQLSkipDirective, node, info.variable_values)
    include = get_directive_values(GraphQLIncludeDirective, node, info.variable_values)
    return bool(skip and skip["if"]) or bool(include and not include["if"])


def at(selected: Selection, *path: str) -> Selection | None:
    """The selection below a path of field names; None when the path is not selected."""
    for name in path:
        if name not in selected:
            return None
        selected = selected[name]
    return selected
