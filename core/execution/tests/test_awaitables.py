"""Awaitables of resolvers: a plan gives the answer that graphql-core's asynchronous execution gives."""

import asyncio
import types
from collections.abc import AsyncIterator, Callable, Generator
from functools import partial
from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema, execute, parse

from core.execution import Plans, Unplannable


class Awaitable:
    """Neither a coroutine nor made by one."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __await__(self) -> Generator[None, None, Any]:
        yield
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


async def later(value: Any) -> Any:
    if isinstance(value, Exception):
        raise value
    return value


@types.coroutine
def generated(value: Any) -> Generator[None, None, Any]:
    yield
    if isinstance(value, Exception):
        raise value
    return value


def by_plan(schema: GraphQLSchema, text: str) -> tuple[Any, list[Any]]:
    document = parse(text)
    return shown(Plans(schema, document, document.definitions[0]).execute(None, None, {}))


def by_core(schema: GraphQLSchema, text: str) -> tuple[Any, list[Any]]:
    result = execute(schema, parse(text))
    return shown(asyncio.run(result) if asyncio.iscoroutine(result) else result)


def shown(result: Any) -> tuple[Any, list[Any]]:
    return result.data, [(error.message, error.path) for error in result.errors or []]


def resolved(sdl: str, **resolvers: Callable[..., Any]) -> GraphQLSchema:
    """The schema with these resolvers of Query."""
    schema = build_schema(sdl)
    for name, resolve in resolvers.items():
        schema.query_type.fields[name].resolve = resolve
    return schema


@pytest.mark.parametrize("made", [later, Awaitable, generated, lambda value: partial(later, value)()])
@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("String", "a"),
        ("Int", 5),
        ("Int!", "no number"),
        ("[String!]", ["a", "b"]),
        ("[Thing]", [{"name": "a"}, None]),
        ("Thing", {"name": "a"}),
        ("Named", {"name": "a", "__typename": "Thing"}),
        ("Thing!", None),
        ("Thing", ValueError("later")),
    ],
)
def test_an_awaitable_of_a_plain_function_is_awaited(made: Any, kind: str, value: Any) -> None:
    schema = resolved(
        f"type Query {{ f: {kind} }} interface Named {{ name: String }} type Thing implements Named {{ name: String }}",
        f=lambda source, info: made(value),
    )
    text = "{ f " + ("{ name }" if "Thing" in kind or "Named" in kind else "") + " }"
    assert by_plan(schema, text) == by_core(schema, text)


@pytest.mark.parametrize("made", [later, Awaitable, generated])
def test_awaitables_within_a_list_are_awaited(made: Any) -> None:
    schema = resolved("type Query { f: [String] }", f=lambda source, info: [made("a"), "b", made(None)])
    assert by_plan(schema, "{ f }") == ({"f": ["a", "b", None]}, [])


def test_an_asynchronous_iterable_is_a_list() -> None:
    async def items(end: Exception | None = None) -> AsyncIterator[Any]:
        yield "a"
        yield "b"
        if end is not None:
            raise end

    schema = resolved(
        "type Query { f: [String] g: [String] }",
        f=lambda source, info: items(),
        g=lambda source, info: items(ValueError("in between")),
    )
    for text in ("{ f }", "{ g }"):
        assert by_plan(schema, text) == by_core(schema, text)


@pytest.mark.parametrize("answer", [True, False, ValueError("which?")])
@pytest.mark.parametrize("made", [later, Awaitable])
def test_whether_a_value_is_of_a_type_may_take_time(made: Any, answer: Any) -> None:
    schema = resolved("type Query { f: Thing } type Thing { name: String }", f=lambda source, info: {"name": "a"})
    schema.type_map["Thing"].is_type_of = lambda value, info: made(answer)
    assert by_plan(schema, "{ f { name } }") == by_core(schema, "{ f { name } }")


@pytest.mark.parametrize("made", [later, Awaitable])
@pytest.mark.parametrize("name", ["Thing", "Other", "Missing", None])
def test_which_type_a_value_has_may_take_time(made: Any, name: Any) -> None:
    sdl = """type Query { f: Named } interface Named { name: String }
             type Thing implements Named { name: String } type Other { name: String }"""
    schema = resolved(sdl, f=lambda source, info: {"name": "a"})
    schema.type_map["Named"].resolve_type = lambda value, info, kind: made(name)
    assert by_plan(schema, "{ f { name } }") == by_core(schema, "{ f { name } }")
    schema.type_map["Named"].resolve_type = None
    schema.type_map["Thing"].is_type_of = lambda value, info: made(name == "Thing")
    assert by_plan(schema, "{ f { name } }") == by_core(schema, "{ f { name } }")


def test_the_awaitables_of_a_run_share_an_event_loop_and_are_awaited_in_order() -> None:
    tasks: list[asyncio.Task[str]] = []
    order: list[str] = []

    async def first() -> str:
        tasks.append(asyncio.ensure_future(second()))
        order.append("first")
        return "first"

    async def second() -> str:
        order.append("second")
        return "second"

    async def forever() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            order.append("cancelled")

    async def third() -> str:
        tasks.append(asyncio.ensure_future(forever()))
        await asyncio.sleep(0)
        return "third"

    schema = resolved(
        "type Query { a: String b: String c: String }",
        a=lambda source, info: first(),
        b=lambda source, info: tasks[0],
        c=lambda source, info: third(),
    )
    assert by_plan(schema, "{ a b c }") == ({"a": "first", "b": "second", "c": "third"}, [])
    assert order == ["first", "second", "cancelled"]


def test_where_an_event_loop_runs_an_awaitable_is_the_fields_error() -> None:
    schema = resolved("type Query { f: String g: String }", f=lambda s, i: later("a"), g=lambda s, i: "g")

    async def within() -> Any:
        return by_plan(schema, "{ f g }")

    message = "Plans cannot wait for awaitables where an event loop is running."
    assert asyncio.run(within()) == ({"f": None, "g": "g"}, [(message, ["f"])])


def test_a_coroutine_function_has_no_plan() -> None:
    async def resolve(source: Any, info: Any) -> str:
        return "later"

    schema = resolved("type Query { later: String }", later=resolve)
    document = parse("{ later }")
    with pytest.raises(Unplannable):
        Plans(schema, document, document.definitions[0])
