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
    get_nullable_type,
    is_non_null_type,
    located_error,
)
from graphql.execution.execute import assume_not_awaitable
from graphql.execution.values import get_argument_values
from graphql.language import VariableNode, Visitor, visit
from graphql.pyutils import Path

from core.execution.values import AS_THEY_ARE, compile_value

if TYPE_CHECKING:
    from core.execution.plan import Plan, Run

# A path as a plain tuple of (previous, key, type's name): made for every object, so it must be cheap.
RawPath = tuple[Any, str | int, str | None]
ExecuteField = Callable[["Run", Any, "RawPath | None"], Any]


class Info(GraphQLResolveInfo):
    """What resolvers are told of the execution; its path is made when one asks for it."""

    __slots__ = ()

    @property
    def path(self) -> Path:
        """Where in the response this is."""
        return _path(self[4])


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


class Field:
    """What is known of a field of a selection before it is executed."""

    def __init__(self, plan: Plan, parent_type: GraphQLObjectType, definition: GraphQLField, nodes: list[FieldNode]):
        self.plan, self.parent_type, self.definition, self.nodes = plan, parent_type, definition, nodes
        self.name = nodes[0].name.value
        self._known = (self.name, nodes, definition.type, parent_type)

    def info(self, run: Run, path: RawPath) -> GraphQLResolveInfo:
        """What its resolver is told."""
        schema, fragments, operation = self.plan.schema, self.plan.fragments, self.plan.operation
        told = (schema, fragments, run.root, operation, run.variables, run.context, assume_not_awaitable)
        return Info(*self._known, path, *told)  # type: ignore[arg-type]


def compile_field(
    plan: Plan, key: str, parent_type: GraphQLObjectType, definition: GraphQLField, nodes: list[FieldNode]
) -> ExecuteField:
    """ExecuteField() of §6.4 for one response key: resolve, complete, and handle the error of either."""
    field = Field(plan, parent_type, definition, nodes)
    resolve: Any = definition.resolve or _default_resolver
    nullable, type_name = not is_non_null_type(definition.type), parent_type.name
    complete, wants_info = compile_value(field, definition.type)

    def failed(run: Run, error: Exception, path: RawPath) -> None:
        """§6.4.4: a field that may be null is null and its error collected; else the parent fails."""
        located = located_error(error, nodes, as_list(path))
        if not nullable:
            raise located
        run.errors.append(located)

    read_type = AS_THEY_ARE.get(get_nullable_type(definition.type))  # type: ignore[arg-type]
    attribute = _attribute(resolve)
    if definition.args or wants_info or not (attribute or getattr(resolve, "from_source", False)):
        arguments = _arguments(field)

        def execute(run: Run, source: Any, parent: RawPath | None) -> Any:
            path = (parent, key, type_name)
            info = field.info(run, path)
            try:
                return complete(run, resolve(source, info, **arguments(run.variables)), path, info)
            except Exception as error:
                return failed(run, error, path)

        return execute

    if attribute and read_type:
        name, default = attribute

        def execute_leaf(run: Run, source: Any, parent: RawPath | None) -> Any:
            try:
                value = source.get(name, default) if isinstance(source, dict) else getattr(source, name, default)
                return value if type(value) is read_type else complete(run, value, None, None)
            except Exception as error:
                return failed(run, error, (parent, key, type_name))

        return execute_leaf

    read = _reader(*attribute) if attribute else resolve

    def execute_reading(run: Run, source: Any, parent: RawPath | None) -> Any:
        path = (parent, key, type_name)
        try:
            value = read(source, None)
            return value if type(value) is read_type else complete(run, value, path, None)
        except Exception as error:
            return failed(run, error, path)

    return execute_reading


def _default_resolver(source: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
    """graphql-core's: the key or attribute of the field's name, called when it can be."""
    name = info.field_name
    value = source.get(name) if isinstance(source, Mapping) else getattr(source, name, None)
    return value(info, **arguments) if callable(value) else value


def _attribute(resolve: Any) -> tuple[str, Any] | None:
    """The attribute, and its default, that graphene's own default resolver reads; None for any other resolver."""
    is_default = isinstance(resolve, partial) and resolve.func is dict_or_attr_resolver and not resolve.keywords
    return resolve.args if is_default else None


def _reader(name: str, default: Any) -> Callable[[Any, Any], Any]:
    """graphene's default resolver in one call instead of four."""
    return lambda source, _: source.get(name, default) if isinstance(source, dict) else getattr(source, name, default)


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
            if all(isinstance(value, str | int | float | None) for value in values.values()):
                return lambda variables: values
    return lambda variables: get_argument_values(definition, node, variables)
