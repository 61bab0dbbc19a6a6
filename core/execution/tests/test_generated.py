"""Generated code: when it is made, what it says of errors, what it costs, and that it goes with its plan."""

import gc
import linecache
import traceback
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from graphql import GraphQLResolveInfo, GraphQLSchema, build_schema, execute_sync, parse

from core.execution import Attribute, Expression, Plans, Serializer, generated, selected
from core.execution.plan import Plan

SDL = "type Query { rows: [Row!]! row: Row } type Row { a: String b: Int row: Row fails: String must: String! }"


def schema_of(rows: Any, **resolvers: Any) -> GraphQLSchema:
    """The schema with these rows and these resolvers of Row."""
    schema = build_schema(SDL)
    schema.query_type.fields["rows"].resolve = lambda root, info: rows
    for name, field in schema.type_map["Row"].fields.items():
        field.resolve = resolvers.get(name, Attribute(name, f"no {name}"))
    return schema


def plans_of(schema: GraphQLSchema, text: str) -> Plans:
    document = parse(text)
    return Plans(schema, document, document.definitions[0])


def plan_of(plans: Plans) -> Plan:
    (plan,) = plans._plans.values()
    return plan


def shown(result: Any) -> Any:
    return repr(result.data), [error.formatted for error in result.errors or []]


class Slotted:
    __slots__ = ("a", "b")


class Half:
    """Has an attribute that the class next to it lacks, and one that fails like a missing one."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)

    @property
    def row(self) -> Any:
        raise AttributeError("inner")


def slotted() -> Slotted:
    row = Slotted()
    row.a = "slot"
    return row


SOURCES = [
    [{"a": "x", "b": 1}, {"b": 2}, {"a": None, "b": 2**40}, {"a": 5, "b": "no"}],
    [Half(a="x", b=1), Half(b=2), Half(a="y"), Half(a="z", b=True)],
    [slotted(), {"a": "dict"}, Half(a="half"), type("D", (dict,), {})(a="subclass"), object(), 5, "text", slotted()],
    [ValueError("returned"), {"a": "never shown"}],
    ({"a": "in a tuple"}, None),
]


@pytest.mark.parametrize("rows", SOURCES)
@pytest.mark.parametrize(
    "text", ["{ rows { a b } }", "{ rows { b row { a } a } }", "{ rows { __typename } row { a } }"]
)
def test_it_reads_attributes_as_the_standard_executor_does(rows: Any, text: str) -> None:
    schema = schema_of(rows)
    plans = plans_of(schema, text)
    expected = shown(execute_sync(schema, parse(text)))
    assert [shown(plans.execute(None, None, {})) for _ in range(4)] == [expected] * 4


@pytest.mark.parametrize("field", ["fails", "must"])
def test_an_error_runs_no_resolver_twice_and_leaves_out_none(field: str) -> None:
    def fail(source: Any, info: Any) -> str:
        seen.append(info.field_name)
        raise KeyError(info.field_name)

    def note(source: Any, info: Any) -> str:
        seen.append(info.field_name)
        return info.field_name

    seen: list[str] = []
    schema = schema_of([{}, {}], a=note, fails=fail, must=fail, b=note, row=lambda source, info: {})
    plans = plans_of(schema, text := f"{{ rows {{ a {field} b row {{ a }} }} }}")
    results = []
    for _ in range(3):
        seen.clear()
        results.append((shown(plans.execute(None, None, {})), [*seen]))
    seen.clear()
    assert results == [(shown(execute_sync(schema, parse(text))), seen)] * 3


def test_it_is_made_when_a_plan_is_run_again_or_a_list_is_long() -> None:
    text = "{ rows { a } }"
    plans = plans_of(schema_of([{"a": "x"}] * 3), text)
    generations = []
    for _ in range(3):
        plans.execute(None, None, {})
        generations.append(plan_of(plans).generated)
    assert generations == [0, 2, 2]
    plans = plans_of(schema_of([{"a": "x"}] * (selected.MAX_INTERPRETED + 2)), text)
    plans.execute(None, None, {})
    assert plan_of(plans).generated == 1


def test_documents_share_compiled_code_that_has_nothing_of_them() -> None:
    schema = schema_of([{"a": "x"}])
    sources: list[str] = []
    for alias in ("first", "second", "__import__"):
        plans = plans_of(schema, f"query Q{alias} {{ rows {{ {alias}: a }} }}")
        for _ in range(2):
            assert plans.execute(None, None, {}).data == {"rows": [{alias: "x"}]}
        sources.append(str(generated._compiled.cache_info().currsize))
    assert len(set(sources)) == 1


def test_what_is_beyond_the_bound_is_interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selected, "MAX_GENERATED", 3)
    plans = plans_of(schema_of([{"a": "x", "row": {"a": "y", "b": 5}}]), "{ rows { a row { a b } } }")
    for _ in range(3):
        assert plans.execute(None, None, {}).data == {"rows": [{"a": "x", "row": {"a": "y", "b": 5}}]}
    assert plan_of(plans).generated == 3
    assert plans.size == 8


def test_it_is_freed_with_its_plan_without_the_collector() -> None:
    plans = plans_of(schema_of([{"a": "x", "row": {}}], row=lambda source, info: {}), "{ rows { a row { fails } } }")
    for _ in range(3):
        plans.execute(None, None, {})
    function = weakref.ref(next(iter(plan_of(plans)._root._functions.values())))  # type: ignore[union-attr]
    assert function() is not None
    gc.disable()
    try:
        plans.clear()
        assert function() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("depth", [160, 175, 190])
def test_a_selection_as_deep_as_the_stack_allows(depth: int) -> None:
    schema = schema_of([])
    schema.query_type.fields["row"].resolve = lambda root, info: row
    row: dict[str, Any] = {"a": "x"}
    row["row"] = row
    plans = plans_of(schema, "{ row " * depth + "{ a }" + "}" * depth)
    with ThreadPoolExecutor(1) as pool:  # its stack is empty
        results = [pool.submit(plans.execute, None, None, {}).result() for _ in range(4)]
    assert [result.errors for result in results] == [None] * 4
    assert all(result == results[0] for result in results)


def test_threads_may_run_a_new_plan_together() -> None:
    schema = schema_of([{"a": "x", "b": n} for n in range(60)])
    for _ in range(20):
        plans = plans_of(schema, "{ rows { a b __typename } }")
        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(lambda _, plans=plans: shown(plans.execute(None, None, {})), range(8)))
        assert len(set(map(str, results))) == 1


TEXT = '''query Sign {
  rows {
    # it is "secret"
    text: a(x: "s3cret",
            y: """
            s3cret too""") @skip(if: false)
    fails }
}'''


def test_a_traceback_shows_the_line_of_the_document_without_its_strings() -> None:
    def fail(source: Any, info: Any, **arguments: Any) -> str:
        raise LookupError("here")

    schema = build_schema(SDL.replace("a: String", "a(x: String, y: String): String"))
    schema.query_type.fields["rows"].resolve = lambda root, info: [{}]
    for name in ("a", "fails"):
        schema.type_map["Row"].fields[name].resolve = fail
    plans = plans_of(schema, TEXT)
    for _ in range(2):
        errors = plans.execute(None, None, {}).errors
        texts = ["".join(traceback.format_exception(error.original_error)) for error in errors]
        for line, source, text in zip((4, 7), ('text: a(x: "…",', "fails }"), texts, strict=True):
            assert f", line {line}, in Row\n    {source}\n" in text
            assert text.splitlines()[1].startswith('  File "<graphql Sign ')
            assert "in fail\n" in text
            assert "s3cret" not in text
    plans.clear()
    assert not [name for name in linecache.cache if name.startswith("<graphql Sign ")]


def test_expressions_are_resolvers_and_serializers_for_any_executor() -> None:
    schema = build_schema("scalar Marked type Query { rows: [Row] } type Row { a: String b: Marked c: Marked! }")
    schema.type_map["Marked"].serialize = Serializer(str, "value.join(marks)", marks="<>")
    row = schema.type_map["Row"].fields
    # Constants of one name.
    row["a"].resolve = Expression("add(source.a)", add=lambda a: a + "!")
    row["b"].resolve = Expression("add + source.a", add="?")
    row["c"].resolve = Attribute("c")
    rows = [Half(a="x", c="c"), Half(a=None, c="c"), Half(a="y", c=5)]
    plans = plans_of(schema, text := "{ rows { a b c } }")
    expected = shown(execute_sync(schema, parse(text), {"rows": rows}))
    assert "<?x>" in expected[0]
    assert [shown(plans.execute({"rows": rows}, None, {})) for _ in range(3)] == [expected] * 3


def test_names_of_expressions_are_their_own() -> None:
    schema = build_schema("scalar Marked type Query { a: Marked b: Marked }")
    schema.type_map["Marked"].serialize = Serializer(str, "(item := f(value)) + item", f=lambda value: f"<{value}>")
    fields = schema.query_type.fields
    # The serializer has constants and variables of the same names.
    fields["a"].resolve = Expression("f((item := source['a'])) + item", f=str.upper)
    fields["b"].resolve = Expression("(data := source['b']) + (path := data)")
    plans = plans_of(schema, text := "{ a b }")
    expected = shown(execute_sync(schema, parse(text), source := {"a": "a", "b": "b"}))
    assert [shown(plans.execute(source, None, {})) for _ in range(3)] == [expected] * 3
    with pytest.raises(ValueError, match="key 0"):
        Expression("source['key 0']")


def test_the_info_has_what_this_graphql_core_gives_to_resolvers() -> None:
    infos: list[GraphQLResolveInfo] = []

    def keep(source: Any, info: GraphQLResolveInfo) -> str:
        infos.append(info)
        return "x"

    schema = schema_of([{}], a=keep)
    document = parse("{ rows { a } }")
    execute_sync(schema, document)
    plans = Plans(schema, document, document.definitions[0])  # type: ignore[arg-type]
    for _ in range(2):
        plans.execute(None, None, {})
    standard, *ours = infos
    for info in ours:
        assert len(info) == len(GraphQLResolveInfo._fields)
        assert info._replace(path=standard.path, is_awaitable=standard.is_awaitable) == standard
        assert info.path == standard.path


def test_no_resolver_sees_what_another_did_with_its_arguments() -> None:
    schema = build_schema(SDL.replace("a: String", "a(x: [String], y: Int): String"))
    schema.query_type.fields["rows"].resolve = lambda root, info: [{}] * 3

    def append(source: Any, info: Any, x: Any = None, **arguments: Any) -> str:
        if x is not None:
            x.append("more")
        return f"{x} {arguments}"

    schema.type_map["Row"].fields["a"].resolve = append
    fields = 'a: a(x: $x) b: a(x: ["b", $s]) c: a(x: ["c"]) d: a(y: $y)'
    text = f"query($x: [String], $s: String, $y: Int) {{ rows {{ {fields} }} }}"
    variables = {"x": ["x"], "s": "s", "y": 5}
    plans = plans_of(schema, text)
    expected = shown(execute_sync(schema, parse(text), variable_values={**variables, "x": ["x"]}))
    assert [shown(plans.execute(None, None, {**variables, "x": ["x"]})) for _ in range(3)] == [expected] * 3
