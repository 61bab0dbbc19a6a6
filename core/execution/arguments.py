"""Arguments of fields (§6.4.1)."""

from collections.abc import Iterable
from enum import Enum
from typing import Any

from graphql import FieldNode, GraphQLError, GraphQLField, ListValueNode, ObjectValueNode, ValueNode, VariableNode
from graphql.execution.values import get_argument_values

# The arguments of a field without arguments.
NONE: dict[str, Any] = {}


def constant_arguments(definition: GraphQLField, node: FieldNode) -> dict[str, Any] | None:
    """CoerceArgumentValues() once for all runs. None if it depends on variables, fails, or makes mutable values."""
    if not definition.args:
        return NONE
    if _has_variables(argument.value for argument in node.arguments):
        return None
    try:
        values = get_argument_values(definition, node, {})
    except GraphQLError:
        return None  # it is raised again when the field is executed
    return values if are_immutable(values) else None


def are_immutable(values: dict[str, Any]) -> bool:
    """Whether several calls may get the same values: no resolver can change them."""
    return all(isinstance(value, str | int | float | Enum | None) for value in values.values())


def _has_variables(values: Iterable[ValueNode]) -> bool:
    waiting = list(values)
    while waiting:
        value = waiting.pop()
        if isinstance(value, VariableNode):
            return True
        if isinstance(value, ListValueNode):
            waiting.extend(value.values)
        elif isinstance(value, ObjectValueNode):
            waiting.extend(field.value for field in value.fields)
    return False
