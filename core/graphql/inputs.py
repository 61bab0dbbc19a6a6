"""A request's variables, coerced once; what is wrong with one names the input field it is used for."""

from collections.abc import Collection
from typing import Any

from graphql import (
    ArgumentNode,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    Node,
    ObjectFieldNode,
    OperationDefinitionNode,
    VariableDefinitionNode,
    VariableNode,
    type_from_ast,
)
from graphql.execution.values import get_variable_values
from graphql.utilities import coerce_input_value

from core.graphql.errors import Code
from core.values import find_unsafe_text

MOST_ERRORS = 50
UNSAFE = "The text has characters that no text can have (NUL or a lone surrogate)."


def coerce_variables(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, values: dict[str, Any]
) -> dict[str, Any] | list[GraphQLError]:
    """The operation's variables with defaults filled in (GraphQL specification §6.1.2), or what is wrong with them.

    Each error is BAD_USER_INPUT with the field that the variable is used for.
    """
    definitions = operation.variable_definitions
    if not definitions:
        return {}
    try:
        return _coerced(schema, document, definitions, values)
    except RecursionError:
        message = "The variables are nested too deeply."
        return [GraphQLError(message, extensions={"code": Code.BAD_USER_INPUT, "field": "variables"})]


def _coerced(
    schema: GraphQLSchema,
    document: DocumentNode,
    definitions: Collection[VariableDefinitionNode],
    values: dict[str, Any],
) -> dict[str, Any] | list[GraphQLError]:
    unsafe = [
        _error(UNSAFE, document, definition, path)
        for definition in definitions
        if (path := find_unsafe_text(values.get(definition.variable.name.value))) is not None
    ]
    if unsafe:
        return unsafe
    coerced = get_variable_values(schema, definitions, values, max_errors=MOST_ERRORS)
    if isinstance(coerced, dict):
        return coerced
    errors = [error for definition in definitions for error in _errors_of(schema, document, definition, values)]
    # Whatever coercion alone refused (too many mistakes, say) is still refused.
    others = [GraphQLError(e.message, e.nodes, extensions={"code": Code.BAD_USER_INPUT}) for e in coerced]
    return errors[:MOST_ERRORS] or others


def _errors_of(
    schema: GraphQLSchema, document: DocumentNode, definition: VariableDefinitionNode, values: dict[str, Any]
) -> list[GraphQLError]:
    """What is wrong with one variable, each mistake with its path."""
    name = definition.variable.name.value
    if name not in values:
        required = definition.type.kind == "non_null_type" and definition.default_value is None
        return [_error(f"The variable ${name} is required.", document, definition)] if required else []
    errors: list[GraphQLError] = []

    def report(path: list[str | int], _value: Any, error: GraphQLError) -> None:
        errors.append(_error(error.message, document, definition, tuple(map(str, path))))

    kind = type_from_ast(schema, definition.type)
    coerce_input_value(values[name], kind, report)  # type: ignore[arg-type]
    return errors


def _error(
    message: str, document: DocumentNode, definition: VariableDefinitionNode, path: tuple[str, ...] = ()
) -> GraphQLError:
    field = ".".join([input_path(document, definition.variable), *path])
    return GraphQLError(message, definition, extensions={"code": Code.BAD_USER_INPUT, "field": field})


def input_path(document: DocumentNode, target: Node) -> str:
    """The dotted path of arguments and input fields that leads to a value ("filter.price.min").

    For a variable that is where it is used first; the variable's own name when it is used nowhere.
    """
    name = target.name.value if isinstance(target, VariableNode) else _defined(document, target)

    def search(node: Any, path: tuple[str, ...]) -> tuple[str, ...] | None:
        if isinstance(node, list | tuple):
            return next((found for item in node if (found := search(item, path)) is not None), None)
        if not isinstance(node, Node) or isinstance(node, VariableDefinitionNode):
            return None
        if isinstance(node, ArgumentNode | ObjectFieldNode):
            path = (*path, node.name.value)
        if node is target or (name and isinstance(node, VariableNode) and node.name.value == name):
            return path
        return next((f for key in node.keys if (f := search(getattr(node, key, None), path)) is not None), None)

    return ".".join(search(document, ()) or ((name,) if name else ()))


def _defined(document: DocumentNode, target: Node) -> str | None:
    """The variable whose default the target lies in; None for any other place."""
    for definition in document.definitions:
        for variable in getattr(definition, "variable_definitions", ()):
            if target.loc and variable.loc and variable.loc.start <= target.loc.start < variable.loc.end:
                return variable.variable.name.value
    return None
