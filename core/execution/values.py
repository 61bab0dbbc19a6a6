"""Completes values (§6.4.3): turns what a resolver returned into what the response shows.

An ordinary type is one of which no value is null, an exception or awaitable. Most values have a type that is known to
be ordinary. So the compiled functions look at the type first, and check only the values of other types.
"""

from collections.abc import AsyncIterable, Callable
from inspect import isawaitable
from math import isfinite
from types import GeneratorType, SimpleNamespace
from typing import Any

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

from core.execution.paths import as_list
from core.execution.run import Run
from core.execution.selected import Field

# complete(run, value, path, info). Path and info are None for values that do not need them.
CompleteValue = Callable[[Run, Any, Any, Any], Any]
# Called with null or an exception. Returns None for null if the field is nullable, else raises.
CompleteNull = Callable[[Any], None]
# Values of these Python types are shown as they are.
AS_THEY_ARE: dict[GraphQLOutputType, type] = {GraphQLString: str, GraphQLID: str, GraphQLBoolean: bool}
_IS_WITHIN_BOUNDS: dict[GraphQLOutputType, Callable[[Any], bool]] = {
    GraphQLInt: lambda value: type(value) is int and -2_147_483_648 <= value <= 2_147_483_647,
    GraphQLFloat: lambda value: type(value) is float and isfinite(value),
}
# More types than the resolvers of a schema return. A plan keeps its ordinary types in memory.
MAX_ORDINARY_TYPES = 200


def compile_value(field: Field, kind: GraphQLOutputType) -> tuple[CompleteValue, bool]:
    """CompleteValue() for a type, and whether it needs the info. The function raises the error of a wrong value."""
    null: CompleteNull = _null
    if isinstance(kind, GraphQLNonNull):
        null, kind = _non_null(field), kind.of_type
    if isinstance(kind, GraphQLList):
        return _list(field, kind, null)
    if isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
        return _abstract(field, kind, null), True
    if isinstance(kind, GraphQLObjectType):
        return _object(field, kind, null), kind.is_type_of is not None
    return _leaf(field, kind, null), False  # type: ignore[arg-type]


def _null(value: Any) -> None:
    """§6.4.3 step 2. An exception that was returned is raised, as graphql-core does."""
    if isinstance(value, Exception):
        raise value


def _non_null(field: Field) -> CompleteNull:
    """§6.4.3 step 1: null is an error here."""
    message = f"Cannot return null for non-nullable field {field.parent_type.name}.{field.name}."

    def refuse(value: Any) -> None:
        _null(value)
        raise TypeError(message)

    return refuse


def _is_null(value: Any) -> bool:
    """Whether the value is null in the response, or an exception that was returned."""
    return value is None or value is Undefined or isinstance(value, Exception)


def _is_special(value: Any, ordinary: set[type]) -> bool:
    """Whether the value is null, an exception or awaitable; if not, no other value of its type is."""
    if _is_null(value) or isawaitable(value):
        return True
    # A generator may be a coroutine, by a flag of its code.
    if type(value) is not GeneratorType and len(ordinary) < MAX_ORDINARY_TYPES:
        ordinary.add(type(value))
    return False


def _complete_special(complete: CompleteValue, null: CompleteNull, run: Run, value: Any, path: Any, info: Any) -> Any:
    return null(value) if _is_null(value) else complete(run, run.awaited(value), path, info)


def _leaf(field: Field, kind: GraphQLLeafType, null: CompleteNull) -> CompleteValue:
    """§6.4.3 step 4: scalars and enums."""
    ordinary, shown_type, serialize = field.operation.ordinary_types, AS_THEY_ARE.get(kind), kind.serialize
    is_within_bounds = _IS_WITHIN_BOUNDS.get(kind, lambda value: False)

    def leaf(run: Run, value: Any, path: Any, info: Any) -> Any:
        if type(value) is shown_type or is_within_bounds(value):
            return value
        if type(value) not in ordinary and _is_special(value, ordinary):
            return _complete_special(leaf, null, run, value, path, info)
        serialized = serialize(value)
        if serialized is Undefined or serialized is None:
            raise TypeError(
                f"Expected `{inspect(kind)}.serialize({inspect(value)})`"
                f" to return non-nullable value, returned: {inspect(serialized)}"
            )
        return serialized

    return leaf


def _list(field: Field, kind: GraphQLList[Any], null: CompleteNull) -> tuple[CompleteValue, bool]:
    """§6.4.3 step 3: each item is completed on its own and has its own error."""
    ordinary, item_type, nodes = field.operation.ordinary_types, kind.of_type, field.nodes
    complete, wants_info = compile_value(field, item_type)
    is_nullable = not is_non_null_type(item_type)
    message = f"Expected Iterable, but did not find one for field '{field.parent_type.name}.{field.name}'."

    def items(run: Run, value: Any, path: Any, info: Any) -> Any:
        if type(value) not in ordinary and _is_special(value, ordinary):
            return _complete_special(items, null, run, value, path, info)
        if not is_iterable(value):
            if not isinstance(value, AsyncIterable):
                raise GraphQLError(message)
            value = run.awaited(_collect(value))
        completed = []
        for index, item in enumerate(value):
            try:
                completed.append(complete(run, item, (path, index, None), info))
            except Exception as error:
                located = located_error(error, nodes, as_list((path, index, None)))
                if not is_nullable:
                    raise located from None
                run.errors.append(located)
                completed.append(None)
        return completed

    return items, wants_info


async def _collect(items: AsyncIterable[Any]) -> list[Any]:
    return [item async for item in items]


def _object(field: Field, kind: GraphQLObjectType, null: CompleteNull) -> CompleteValue:
    """§6.4.3 step 6, objects: their selections."""
    ordinary, selection, is_checked = field.operation.ordinary_types, field.selection, kind.is_type_of is not None

    def object_(run: Run, value: Any, path: Any, info: Any) -> Any:
        if type(value) not in ordinary and _is_special(value, ordinary):
            return _complete_special(object_, null, run, value, path, info)
        fields = selection[kind]
        if is_checked:
            _check_type(field, kind, run, value, info)
        data = {}
        for key, execute in fields:
            data[key] = execute(run, value, path)
        return data

    return object_


def _abstract(field: Field, kind: GraphQLAbstractType, null: CompleteNull) -> CompleteValue:
    """§6.4.3 step 6, interfaces and unions: ResolveAbstractType() first, then as objects."""
    ordinary, selection = field.operation.ordinary_types, field.selection
    resolve_type: Callable[..., Any] = kind.resolve_type or default_type_resolver
    valid: Any = ExecutionContext.ensure_valid_runtime_type
    knows_schema = SimpleNamespace(schema=field.operation.schema)

    def abstract(run: Run, value: Any, path: Any, info: Any) -> Any:
        if type(value) not in ordinary and _is_special(value, ordinary):
            return _complete_special(abstract, null, run, value, path, info)
        name = _settled(run, resolve_type(value, info, kind))
        object_type = valid(knows_schema, name, kind, field.nodes, info, value)
        fields = selection[object_type]
        if object_type.is_type_of is not None:
            _check_type(field, object_type, run, value, info)
        return {key: execute(run, value, path) for key, execute in fields}

    return abstract


def _check_type(field: Field, kind: GraphQLObjectType, run: Run, value: Any, info: Any) -> None:
    """Raises GraphQLError when the type's `is_type_of` refuses the value."""
    assert kind.is_type_of is not None  # noqa: S101 - for mypy
    if not _settled(run, kind.is_type_of(value, info)):
        raise invalid_return_type_error(kind, value, field.nodes)


def _settled(run: Run, answer: Any) -> Any:
    """The answer of `is_type_of` or `resolve_type`, awaited if it is awaitable."""
    return run.awaited(answer) if type(answer) not in (str, bool) and isawaitable(answer) else answer
