"""The fields that a client selected, so that resolvers read nothing else from the database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from graphql import (
    DirectiveNode,
    FieldNode,
    FragmentSpreadNode,
    GraphQLIncludeDirective,
    GraphQLResolveInfo,
    GraphQLSkipDirective,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    visit,
)
from graphql.execution.values import get_directive_values
from graphql.language import Visitor
from graphql.pyutils import Undefined

Selection = dict[str, "Selection"]
Value = TypeVar("Value")
# How many combinations of the variables in @skip and @include a field keeps values for.
MAX_KEPT = 8


def selection(info: GraphQLResolveInfo) -> Selection:
    """The fields below the one being resolved, by name and nested.

    Follows fragments and obeys @skip and @include. Ignores type conditions: a field in any fragment counts as selected.
    """
    fields: Selection = {}
    for node in info.field_nodes:
        if node.selection_set is not None:
            _collect(info, node.selection_set, fields, set())
    return fields


def derived(info: GraphQLResolveInfo, derive: Callable[[Selection], Value]) -> Value:
    """What `derive` makes of the selection, and of nothing else. It is kept with the document, so it must be small.

    Nobody may change it, because other requests get it too.
    """
    nodes = info.field_nodes
    # graphql-core's nodes take attributes of others. A selection depends on the variables of its directives, too.
    kept: dict[Any, Any] | None = nodes[0].__dict__.get("_derived")
    if kept is None:
        kept = nodes[0].__dict__["_derived"] = {"conditions": _conditions(info)}
    variables = info.variable_values
    key = (derive, *map(id, nodes[1:]), *[variables.get(name, Undefined) for name in kept["conditions"]])
    if key in kept:
        value: Value = kept[key]
        return value
    value = derive(selection(info))
    if len(kept) <= MAX_KEPT:
        kept[key] = value
    return value


class _Conditions(Visitor):
    """The names of the variables that @skip and @include depend on."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_directive(self, node: DirectiveNode, *_args: Any) -> None:
        if node.name.value in ("skip", "include"):
            self.names.update(a.value.name.value for a in node.arguments if isinstance(a.value, VariableNode))


def _conditions(info: GraphQLResolveInfo) -> list[str]:
    """Those of the operation and of all fragments, which may be more than the field's own."""
    conditions = _Conditions()
    for node in (info.operation, *info.fragments.values()):
        visit(node, conditions)
    return sorted(conditions.names)


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
