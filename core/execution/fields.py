"""Executing fields (§6.4): arguments (§6.4.1), resolvers (§6.4.2) and errors (§6.4.4)."""

from collections.abc import Callable, Mapping
from typing import Any

from graphql import FieldNode, GraphQLError, GraphQLNonNull, GraphQLResolveInfo
from graphql.execution.values import get_argument_values
from graphql.language import VariableNode, Visitor, visit

from core.execution.paths import RawPath
from core.execution.resolvers import Attribute
from core.execution.run import Run
from core.execution.selected import ExecuteField, Field
from core.execution.values import AS_THEY_ARE, CompleteValue, compile_value


def compile_field(field: Field) -> ExecuteField:
    """ExecuteField() of §6.4 for one response key: resolves, completes, and handles errors of both."""
    resolve = field.definition.resolve or _default_resolver
    complete, wants_info = compile_value(field, field.definition.type)
    if field.definition.args or wants_info or not getattr(resolve, "from_source", False):
        return _calling(field, resolve, complete)
    kind = field.definition.type
    shown_type = AS_THEY_ARE.get(kind.of_type if isinstance(kind, GraphQLNonNull) else kind)
    if isinstance(resolve, Attribute) and shown_type is not None:
        return _reading_leaf(field, resolve, shown_type, complete)
    return _reading(field, resolve.read if isinstance(resolve, Attribute) else resolve, shown_type, complete)


def _calling(field: Field, resolve: Callable[..., Any], complete: CompleteValue) -> ExecuteField:
    """For any resolver: it gets the info and the arguments."""
    key, type_name, arguments = field.key, field.parent_type.name, _arguments(field)

    def execute(run: Run, source: Any, parent: RawPath | None) -> Any:
        path = (parent, key, type_name)
        info = field.info(run, path)
        try:
            return complete(run, resolve(source, info, **arguments(run.variables)), path, info)
        except Exception as error:
            return field.fail(run, error, path)

    return execute


def _reading(
    field: Field, read: Callable[[Any, Any], Any], shown_type: type | None, complete: CompleteValue
) -> ExecuteField:
    """For a resolver that uses its source alone: makes no info."""
    key, type_name = field.key, field.parent_type.name

    def execute(run: Run, source: Any, parent: RawPath | None) -> Any:
        path = (parent, key, type_name)
        try:
            value = read(source, None)
            return value if type(value) is shown_type else complete(run, value, path, None)
        except Exception as error:
            return field.fail(run, error, path)

    return execute


def _reading_leaf(field: Field, attribute: Attribute, shown_type: type, complete: CompleteValue) -> ExecuteField:
    """For an attribute that is usually shown as it is, the most frequent case: calls nothing and makes no path."""
    key, type_name, name, default = field.key, field.parent_type.name, attribute.name, attribute.default

    def execute(run: Run, source: Any, parent: RawPath | None) -> Any:
        try:
            value = source.get(name, default) if isinstance(source, dict) else getattr(source, name, default)
            return value if type(value) is shown_type else complete(run, value, None, None)
        except Exception as error:
            return field.fail(run, error, (parent, key, type_name))

    return execute


def _default_resolver(source: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
    """As graphql-core's: the key or attribute with the field's name, called if it is callable."""
    name = info.field_name
    value = source.get(name) if isinstance(source, Mapping) else getattr(source, name, None)
    return value(info, **arguments) if callable(value) else value


def _arguments(field: Field) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """CoerceArgumentValues() of §6.4.1. Values without variables and mutable objects are coerced once, now."""
    definition, node = field.definition, field.nodes[0]
    if not definition.args:
        return lambda variables: {}
    if not _has_variables(node):
        try:
            values = get_argument_values(definition, node, {})
        except GraphQLError:
            pass  # it is raised again when the field is executed
        else:
            if all(isinstance(value, str | int | float | None) for value in values.values()):
                return lambda variables: values
    return lambda variables: get_argument_values(definition, node, variables)


class _VariableSearch(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.has_found = False

    def enter_variable(self, node: VariableNode, *_args: Any) -> None:
        self.has_found = True


def _has_variables(node: FieldNode) -> bool:
    search = _VariableSearch()
    for argument in node.arguments:
        visit(argument, search)
    return search.has_found
