"""Executing fields (§6.4): arguments (§6.4.1), resolvers (§6.4.2) and what becomes of their errors (§6.4.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from graphene.types.resolver import dict_or_attr_resolver
from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLResolveInfo,
    is_non_null_type,
    located_error,
)
from graphql.execution.execute import assume_not_awaitable
from graphql.execution.values import get_argument_values
from graphql.language import VariableNode, Visitor, visit
from graphql.pyutils import Path

from core.graphql.compiled.values import compile_value

if TYPE_CHECKING:
    from core.graphql.compiled.plan import Plan, Run

# A path as a plain tuple of (previous, key, type's name): made for every object, so it must be cheap.
RawPath = tuple[Any, str | int, str | None]
ExecuteField = Callable[["Run", Any, "RawPath | None"], Any]
IMMUTABLE = (str, int, float, bool, type(None))


class Field:
    """What is known of a field of a selection before it is executed."""

    def __init__(self, plan: Plan, parent_type: GraphQLObjectType, definition: GraphQLField, nodes: list[FieldNode]):
        self.plan, self.parent_type, self.definition, self.nodes = plan, parent_type, definition, nodes
        self.name = nodes[0].name.value

    def info(self, run: Run, path: RawPath) -> GraphQLResolveInfo:
        """What resolvers are told of the execution."""
        return GraphQLResolveInfo(
            self.name,
            self.nodes,
            self.definition.type,
            self.parent_type,
            _path(path),
            self.plan.schema,
            self.plan.fragments,
            run.root,
            self.plan.operation,
            run.variables,
            run.context,
            assume_not_awaitable,
        )


def _path(raw: RawPath) -> Path:
    previous, key, typename = raw
    return Path(_path(previous) if previous is not None else None, key, typename)


def as_list(path: RawPath | None) -> list[str | int]:
    """The keys of a path from the root on."""
    keys: list[str | int] = []
    while path is not None:
        path, key, _ = path
        keys.append(key)
    return keys[::-1]


def compile_field(
    plan: Plan, key: str, parent_type: GraphQLObjectType, definition: GraphQLField, nodes: list[FieldNode]
) -> ExecuteField:
    """ExecuteField() of §6.4 for one response key: resolve, complete, and handle the error of either."""
    field = Field(plan, parent_type, definition, nodes)
    resolve = definition.resolve
    type_name = parent_type.name
    nullable = not is_non_null_type(definition.type)
    complete = compile_value(field, definition.type)

    def failed(run: Run, error: Exception, path: RawPath) -> None:
        """§6.4.4: a field that may be null is null and its error collected; else the parent fails."""
        located = located_error(error, nodes, as_list(path))
        if not nullable:
            raise located
        run.errors.append(located)

    read = _reader(resolve)
    if read is not None and not definition.args:
        if complete.wants_info:

            def execute_reading(run: Run, source: Any, parent: RawPath | None) -> Any:
                path = (parent, key, type_name)
                try:
                    return complete.call(run, read(source), path, field.info(run, path))
                except Exception as error:
                    return failed(run, error, path)

            return execute_reading

        if complete.wants_path:

            def execute_object(run: Run, source: Any, parent: RawPath | None) -> Any:
                path = (parent, key, type_name)
                try:
                    return complete.call(run, read(source), path, None)
                except Exception as error:
                    return failed(run, error, path)

            return execute_object

        def execute_leaf(run: Run, source: Any, parent: RawPath | None) -> Any:
            try:
                return complete.call(run, read(source), None, None)
            except Exception as error:
                return failed(run, error, (parent, key, type_name))

        return execute_leaf

    arguments = _arguments(field)
    call = resolve or _default_resolver

    def execute(run: Run, source: Any, parent: RawPath | None) -> Any:
        path = (parent, key, type_name)
        info = field.info(run, path)
        try:
            return complete.call(run, call(source, info, **arguments(run.variables)), path, info)
        except Exception as error:
            return failed(run, error, path)

    return execute


def _default_resolver(source: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
    """graphql-core's: the key or attribute of the field's name, called when it can be."""
    name = info.field_name
    value = source.get(name) if isinstance(source, Mapping) else getattr(source, name, None)
    return value(info, **arguments) if callable(value) else value


def _reader(resolve: Any) -> Callable[[Any], Any] | None:
    """A resolver that needs nothing but the source, as a function of it; None for any other.

    These are graphene's default resolver, and those that say so themselves (`from_source`).
    """
    if getattr(resolve, "from_source", False):
        return lambda source: resolve(source, None)
    if isinstance(resolve, partial) and resolve.func is dict_or_attr_resolver and not resolve.keywords:
        name, default = resolve.args
        return lambda source: source.get(name, default) if isinstance(source, dict) else getattr(source, name, default)
    return None


def _arguments(field: Field) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """CoerceArgumentValues() of §6.4.1; worked out now when no variable and nothing mutable is in them."""
    definition, node = field.definition, field.nodes[0]
    if not definition.args:
        return lambda variables: {}
    names: list[str] = []

    class Variables(Visitor):
        def enter_variable(self, found: VariableNode, *_args: Any) -> None:
            names.append(found.name.value)

    for argument in node.arguments:
        visit(argument, Variables())
    if not names:
        try:
            values = get_argument_values(definition, node, {})
        except GraphQLError:
            pass  # it is raised again where the field is executed
        else:
            if all(isinstance(value, IMMUTABLE) for value in values.values()):
                return lambda variables: values
    return lambda variables: get_argument_values(definition, node, variables)
