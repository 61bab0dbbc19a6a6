"""Executes fields (§6.4) and completes values (§6.4.3): turns what a resolver returned into what the response shows.

This serves every value. Generated code shows ordinary values itself, and hands all others to these functions.

An ordinary type is a Python type of which no value is null, an exception or awaitable. Most values have a type that is
known to be ordinary, so that it need not be looked at again.
"""

from collections.abc import AsyncIterable, Callable
from inspect import isawaitable
from types import GeneratorType, SimpleNamespace
from typing import Any

from graphql import (
    ExecutionContext,
    GraphQLAbstractType,
    GraphQLBoolean,
    GraphQLError,
    GraphQLID,
    GraphQLInterfaceType,
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLString,
    GraphQLUnionType,
    default_type_resolver,
)
from graphql.execution.execute import invalid_return_type_error
from graphql.pyutils import Undefined, inspect, is_iterable

from core.execution.fields import Field
from core.execution.paths import RawPath
from core.execution.run import Run

# Values of these Python types are shown as they are.
AS_THEY_ARE: dict[GraphQLOutputType, type] = {GraphQLString: str, GraphQLID: str, GraphQLBoolean: bool}
# More types than the resolvers of a schema return. A plan keeps its ordinary types in memory.
MAX_ORDINARY_TYPES = 200


def execute_field(field: Field, run: Run, source: Any, parent: RawPath | None) -> Any:
    """ExecuteField(): resolves, completes, and handles errors of both."""
    if field.is_typename:
        return field.parent_type.name
    path = (parent, field.key, field.parent_type.name)
    try:
        if field.reads_source:
            return complete_value(field, field.type, run, field.resolve(source, None), path, None)
        info = field.info(run, path)
        value = field.resolve(source, info, **field.coerced_arguments(run))
        return complete_value(field, field.type, run, value, path, info)
    except Exception as error:
        return field.handle(run, error, path, is_nullable=field.is_nullable)


def finish(field: Field, run: Run, value: Any, parent: RawPath | None) -> Any:
    """Completes what the field's resolver returned, for generated code. No stack is deeper here than interpreting's."""
    path = (parent, field.key, field.parent_type.name)
    try:
        info = field.info(run, path) if field.wants_info else None
        return complete_value(field, field.type, run, value, path, info)
    except Exception as error:
        return field.handle(run, error, path, is_nullable=field.is_nullable)


def finish_item(field: Field, run: Run, item: Any, path: RawPath) -> Any:
    """Completes an item of the list that the field's resolver returned, for generated code."""
    kind: Any = field.type
    return _complete(field, (kind if field.is_nullable else kind.of_type).of_type, run, item, path, None)


def _complete(field: Field, kind: GraphQLOutputType, run: Run, value: Any, path: RawPath, info: Any) -> Any:
    """Completes a field's value, or an item of it, and handles the error."""
    try:
        return complete_value(field, kind, run, value, path, info)
    except Exception as error:
        return field.handle(run, error, path, is_nullable=not isinstance(kind, GraphQLNonNull))


def complete_value(field: Field, kind: GraphQLOutputType, run: Run, value: Any, path: Any, info: Any) -> Any:
    """CompleteValue(). Raises the error of a wrong value. The info may be None if the field does not want it."""
    nullable = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    if type(value) is AS_THEY_ARE.get(nullable):
        return value
    ordinary = field.operation.ordinary_types
    if type(value) not in ordinary:
        if _is_null(value):
            return _complete_null(field, value, is_nullable=nullable is kind)
        if isawaitable(value):
            return complete_value(field, kind, run, run.awaited(value), path, info)
        # A generator may be a coroutine, by a flag of its code.
        if type(value) is not GeneratorType and len(ordinary) < MAX_ORDINARY_TYPES:
            ordinary.add(type(value))
    if isinstance(nullable, GraphQLList):
        return _complete_list(field, nullable, run, value, path, info)
    if isinstance(nullable, GraphQLObjectType):
        return _complete_object(field, nullable, run, value, path, info)
    if isinstance(nullable, GraphQLInterfaceType | GraphQLUnionType):
        return _complete_object(field, _type_of(field, nullable, run, value, info), run, value, path, info)
    return _complete_leaf(nullable, value)  # type: ignore[arg-type]


def _is_null(value: Any) -> bool:
    """Whether the value is null in the response, or an exception that was returned."""
    return value is None or value is Undefined or isinstance(value, Exception)


def _complete_null(field: Field, value: Any, *, is_nullable: bool) -> None:
    """§6.4.3 steps 1 and 2. An exception that was returned is raised, as graphql-core does."""
    if isinstance(value, Exception):
        raise value
    if not is_nullable:
        raise TypeError(f"Cannot return null for non-nullable field {field.parent_type.name}.{field.name}.")


def _complete_leaf(kind: GraphQLLeafType, value: Any) -> Any:
    """§6.4.3 step 4: scalars and enums."""
    serialized = kind.serialize(value)
    if serialized is Undefined or serialized is None:
        raise TypeError(
            f"Expected `{inspect(kind)}.serialize({inspect(value)})`"
            f" to return non-nullable value, returned: {inspect(serialized)}"
        )
    return serialized


def _complete_list(field: Field, kind: GraphQLList[Any], run: Run, value: Any, path: Any, info: Any) -> list[Any]:
    """§6.4.3 step 3: each item is completed on its own and has its own error."""
    if not is_iterable(value):
        if not isinstance(value, AsyncIterable):
            raise GraphQLError(
                f"Expected Iterable, but did not find one for field '{field.parent_type.name}.{field.name}'."
            )
        value = run.awaited(_collect(value))
    item_type = kind.of_type
    return [_complete(field, item_type, run, item, (path, index, None), info) for index, item in enumerate(value)]


async def _collect(items: AsyncIterable[Any]) -> list[Any]:
    return [item async for item in items]


def _complete_object(field: Field, kind: GraphQLObjectType, run: Run, value: Any, path: Any, info: Any) -> Any:
    """§6.4.3 step 6: the selection on the value's type."""
    fields = field.selection[kind]
    if kind.is_type_of is not None and not _settled(run, kind.is_type_of(value, info)):
        raise invalid_return_type_error(kind, value, field.nodes)
    return fields.execute(run, value, path)


def _type_of(field: Field, kind: GraphQLAbstractType, run: Run, value: Any, info: Any) -> GraphQLObjectType:
    """ResolveAbstractType() for interfaces and unions."""
    resolve_type: Callable[..., Any] = kind.resolve_type or default_type_resolver
    name = _settled(run, resolve_type(value, info, kind))
    valid: Any = ExecutionContext.ensure_valid_runtime_type
    object_type: GraphQLObjectType = valid(
        SimpleNamespace(schema=field.operation.schema), name, kind, field.nodes, info, value
    )
    return object_type


def _settled(run: Run, answer: Any) -> Any:
    """The answer of `is_type_of` or `resolve_type`, awaited if it is awaitable."""
    return run.awaited(answer) if type(answer) not in (str, bool) and isawaitable(answer) else answer
