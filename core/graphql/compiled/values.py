"""Completing values (§6.4.3): what a resolver answered becomes what the response shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from graphql import (
    ExecutionContext,
    GraphQLAbstractType,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLError,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLInterfaceType,
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLString,
    GraphQLUnionType,
    default_type_resolver,
    is_non_null_type,
    located_error,
)
from graphql.execution.execute import invalid_return_type_error
from graphql.pyutils import Undefined, inspect, is_iterable

if TYPE_CHECKING:
    from core.graphql.compiled.fields import Field

# complete(run, value, path, info); path and info are None for values that want neither.
CompleteValue = Callable[[Any, Any, Any, Any], Any]


@dataclass(frozen=True)
class Completion:
    """How values of a type are completed, and what that needs to be told."""

    call: CompleteValue
    wants_path: bool = False
    wants_info: bool = False


def compile_value(field: Field, kind: GraphQLOutputType) -> Completion:
    """CompleteValue() for a type. The closure raises what is wrong with a value."""
    if isinstance(kind, GraphQLNonNull):
        return _non_null(field, compile_value(field, kind.of_type))
    if isinstance(kind, GraphQLList):
        return _list(field, kind)
    if isinstance(kind, GraphQLScalarType | GraphQLEnumType):
        return _leaf(kind)
    if isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
        return _abstract(field, kind)
    assert isinstance(kind, GraphQLObjectType)  # noqa: S101  (there is no other output type)
    return _object(field, kind)


def _non_null(field: Field, inner: Completion) -> Completion:
    """§6.4.3 step 1: null where none may be is an error."""
    message = f"Cannot return null for non-nullable field {field.parent_type.name}.{field.name}."
    complete = inner.call

    def non_null(run: Any, value: Any, path: Any, info: Any) -> Any:
        completed = complete(run, value, path, info)
        if completed is None:
            raise TypeError(message)
        return completed

    return Completion(non_null, inner.wants_path, inner.wants_info)


def _is_null(value: Any) -> bool:
    """§6.4.3 step 2; an exception that was returned, not raised, is raised here as graphql-core does."""
    if isinstance(value, Exception):
        raise value
    return value is None or value is Undefined


# Values of these types serialize to themselves; all others go through the type's own function.
_AS_THEY_ARE: dict[GraphQLLeafType, Callable[[Any], bool]] = {
    GraphQLString: lambda value: type(value) is str,
    GraphQLID: lambda value: type(value) is str,
    GraphQLBoolean: lambda value: type(value) is bool,
    GraphQLInt: lambda value: type(value) is int and -2_147_483_648 <= value <= 2_147_483_647,
    GraphQLFloat: lambda value: type(value) is float and isfinite(value),
}


def _leaf(kind: GraphQLLeafType) -> Completion:
    """§6.4.3 step 4: scalars and enums."""
    as_it_is = _AS_THEY_ARE.get(kind, lambda value: False)

    def leaf(run: Any, value: Any, path: Any, info: Any) -> Any:
        if as_it_is(value):
            return value
        if _is_null(value):
            return None
        serialized = kind.serialize(value)
        if serialized is Undefined or serialized is None:
            raise TypeError(
                f"Expected `{inspect(kind)}.serialize({inspect(value)})`"
                f" to return non-nullable value, returned: {inspect(serialized)}"
            )
        return serialized

    return Completion(leaf)


def _list(field: Field, kind: GraphQLList[Any]) -> Completion:
    """§6.4.3 step 3: each item on its own; what is wrong with one is that item's error."""
    from core.graphql.compiled.fields import as_list

    item_type, nodes = kind.of_type, field.nodes
    inner = compile_value(field, item_type)
    complete, nullable = inner.call, not is_non_null_type(item_type)
    message = f"Expected Iterable, but did not find one for field '{field.parent_type.name}.{field.name}'."

    def items(run: Any, value: Any, path: Any, info: Any) -> Any:
        if _is_null(value):
            return None
        if not is_iterable(value):
            raise GraphQLError(message)
        completed = []
        for index, item in enumerate(value):
            item_path = (path, index, None)
            try:
                completed.append(complete(run, item, item_path, info))
            except Exception as error:
                located = located_error(error, nodes, as_list(item_path))
                if not nullable:
                    raise located from None
                run.errors.append(located)
                completed.append(None)
        return completed

    return Completion(items, wants_path=True, wants_info=inner.wants_info)


def _object(field: Field, kind: GraphQLObjectType) -> Completion:
    """§6.4.3 step 6, objects: their selections."""
    fields_on, is_type_of = field.plan.selection(field.nodes), kind.is_type_of

    def object_(run: Any, value: Any, path: Any, info: Any) -> Any:
        if _is_null(value):
            return None
        return {key: execute(run, value, path) for key, execute in fields_on(kind)}

    def checked(run: Any, value: Any, path: Any, info: Any) -> Any:
        if _is_null(value):
            return None
        fields = fields_on(kind)
        if not is_type_of(value, info):  # type: ignore[misc]
            raise invalid_return_type_error(kind, value, field.nodes)
        return {key: execute(run, value, path) for key, execute in fields}

    return Completion(checked, True, True) if is_type_of else Completion(object_, True)


def _abstract(field: Field, kind: GraphQLAbstractType) -> Completion:
    """§6.4.3 step 6, interfaces and unions: the value's own type is resolved first (ResolveAbstractType())."""
    fields_on = field.plan.selection(field.nodes)
    resolve_type = kind.resolve_type or default_type_resolver
    valid: Any = ExecutionContext.ensure_valid_runtime_type
    knows_schema = SimpleNamespace(schema=field.plan.schema)

    def abstract(run: Any, value: Any, path: Any, info: Any) -> Any:
        if _is_null(value):
            return None
        found = valid(knows_schema, resolve_type(value, info, kind), kind, field.nodes, info, value)
        fields = fields_on(found)
        if found.is_type_of and not found.is_type_of(value, info):
            raise invalid_return_type_error(found, value, field.nodes)
        return {key: execute(run, value, path) for key, execute in fields}

    return Completion(abstract, True, True)
