"""Completing values (§6.4.3): what a resolver answered becomes what the response shows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from math import isfinite
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from graphql import (
    ExecutionContext,
    GraphQLAbstractType,
    GraphQLBoolean,
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
    GraphQLString,
    GraphQLUnionType,
    default_type_resolver,
    is_non_null_type,
    located_error,
)
from graphql.execution.execute import invalid_return_type_error
from graphql.pyutils import Undefined, inspect, is_iterable

if TYPE_CHECKING:
    from core.execution.fields import Field

# complete(run, value, path, info); info is None for values that do not want it.
CompleteValue = Callable[[Any, Any, Any, Any], Any]
# What is null, or was returned as an error, becomes this of it.
Absent = Callable[[Any], None]
ABSENT = (type(Undefined), Exception)
# Python's values of these types are what the response shows.
AS_THEY_ARE: dict[GraphQLLeafType, type] = {GraphQLString: str, GraphQLID: str, GraphQLBoolean: bool}
_WITHIN_BOUNDS: dict[GraphQLLeafType, Callable[[Any], bool]] = {
    GraphQLInt: lambda value: type(value) is int and -2_147_483_648 <= value <= 2_147_483_647,
    GraphQLFloat: lambda value: type(value) is float and isfinite(value),
}


def compile_value(field: Field, kind: GraphQLOutputType) -> tuple[CompleteValue, bool]:
    """CompleteValue() for a type, and whether it wants the info. The closure raises what is wrong with a value."""
    absent: Absent = _null
    if isinstance(kind, GraphQLNonNull):
        absent, kind = _non_null(field), kind.of_type
    if isinstance(kind, GraphQLList):
        return _list(field, kind, absent)
    if isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
        return _abstract(field, kind, absent), True
    if isinstance(kind, GraphQLObjectType):
        return _object(field, kind, absent), kind.is_type_of is not None
    return _leaf(kind, absent), False  # type: ignore[arg-type]


def awaited(value: Awaitable[Any]) -> Any:
    """What a resolver's awaitable comes to: one that is no coroutine function may return one all the same."""

    async def result() -> Any:
        return await value

    return asyncio.run(result())


def _null(value: Any) -> None:
    """§6.4.3 step 2; an exception that was returned, not raised, is raised here as graphql-core does."""
    if isinstance(value, Exception):
        raise value


def _non_null(field: Field) -> Absent:
    """§6.4.3 step 1: null where none may be is an error."""
    message = f"Cannot return null for non-nullable field {field.parent_type.name}.{field.name}."

    def refuse(value: Any) -> None:
        _null(value)
        raise TypeError(message)

    return refuse


def _leaf(kind: GraphQLLeafType, absent: Absent) -> CompleteValue:
    """§6.4.3 step 4: scalars and enums."""
    itself, serialize = AS_THEY_ARE.get(kind), kind.serialize
    is_itself = _WITHIN_BOUNDS.get(kind, lambda value: False)

    def leaf(run: Any, value: Any, path: Any, info: Any) -> Any:
        if type(value) is itself or is_itself(value):
            return value
        if value is None or isinstance(value, ABSENT):
            return absent(value)
        if hasattr(type(value), "__await__"):
            return leaf(run, awaited(value), path, info)
        serialized = serialize(value)
        if serialized is Undefined or serialized is None:
            raise TypeError(
                f"Expected `{inspect(kind)}.serialize({inspect(value)})`"
                f" to return non-nullable value, returned: {inspect(serialized)}"
            )
        return serialized

    return leaf


def _list(field: Field, kind: GraphQLList[Any], absent: Absent) -> tuple[CompleteValue, bool]:
    """§6.4.3 step 3: each item on its own; what is wrong with one is that item's error."""
    from core.execution.fields import as_list

    item_type, nodes = kind.of_type, field.nodes
    complete, wants_info = compile_value(field, item_type)
    nullable = not is_non_null_type(item_type)
    message = f"Expected Iterable, but did not find one for field '{field.parent_type.name}.{field.name}'."

    ordinary: type | None = None

    def items(run: Any, value: Any, path: Any, info: Any) -> Any:
        nonlocal ordinary
        if type(value) is not ordinary:
            if value is None or isinstance(value, ABSENT):
                return absent(value)
            if not is_iterable(value):
                if hasattr(type(value), "__await__"):
                    return items(run, awaited(value), path, info)
                raise GraphQLError(message)
            ordinary = type(value)
        completed = []
        for index, item in enumerate(value):
            try:
                completed.append(complete(run, item, (path, index, None), info))
            except Exception as error:
                located = located_error(error, nodes, as_list((path, index, None)))
                if not nullable:
                    raise located from None
                run.errors.append(located)
                completed.append(None)
        return completed

    return items, wants_info


def _object(field: Field, kind: GraphQLObjectType, absent: Absent) -> CompleteValue:
    """§6.4.3 step 6, objects: their selections."""
    fields_on, is_type_of = field.plan.selection(field.nodes), kind.is_type_of
    fields: Any = None
    # The type that came last and is neither absent nor awaitable: mostly the next one is of it too.
    ordinary: type | None = None

    def object_(run: Any, value: Any, path: Any, info: Any) -> Any:
        nonlocal fields, ordinary
        if type(value) is not ordinary:
            if value is None or isinstance(value, ABSENT):
                return absent(value)
            if hasattr(type(value), "__await__"):
                return object_(run, awaited(value), path, info)
            ordinary = type(value)
        if fields is None:
            fields = fields_on(kind)
        if is_type_of is not None and not is_type_of(value, info):
            raise invalid_return_type_error(kind, value, field.nodes)
        data = {}
        for key, execute in fields:
            data[key] = execute(run, value, path)
        return data

    return object_


def _abstract(field: Field, kind: GraphQLAbstractType, absent: Absent) -> CompleteValue:
    """§6.4.3 step 6, interfaces and unions: the value's own type is resolved first (ResolveAbstractType())."""
    fields_on = field.plan.selection(field.nodes)
    resolve_type = kind.resolve_type or default_type_resolver
    valid: Any = ExecutionContext.ensure_valid_runtime_type
    knows_schema = SimpleNamespace(schema=field.plan.schema)

    def abstract(run: Any, value: Any, path: Any, info: Any) -> Any:
        if value is None or isinstance(value, ABSENT):
            return absent(value)
        if hasattr(type(value), "__await__"):
            return abstract(run, awaited(value), path, info)
        found = valid(knows_schema, resolve_type(value, info, kind), kind, field.nodes, info, value)
        fields = fields_on(found)
        if found.is_type_of and not found.is_type_of(value, info):
            raise invalid_return_type_error(found, value, field.nodes)
        return {key: execute(run, value, path) for key, execute in fields}

    return abstract
