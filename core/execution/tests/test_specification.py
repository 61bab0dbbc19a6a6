"""What the specification says of execution (§6), case by case, by both executors: the same data, errors, order.

The cases are those that graphql-core tries on its own executor, as far as they are about synchronous resolvers.
"""

from collections.abc import Callable
from typing import Any

import pytest
from graphql import (
    ExecutionResult,
    GraphQLArgument,
    GraphQLError,
    GraphQLField,
    GraphQLInt,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLString,
    GraphQLUnionType,
    build_schema,
    execute_sync,
    parse,
)
from graphql.execution.values import get_variable_values

from core.execution import Plans

Execute = Callable[..., ExecutionResult]


def by_plan(schema: GraphQLSchema, text: str, root: Any = None, **variables: Any) -> ExecutionResult:
    document = parse(text)
    operation = document.definitions[0]
    coerced = get_variable_values(schema, operation.variable_definitions, variables)
    if isinstance(coerced, list):
        return ExecutionResult(None, coerced)
    plans = Plans(schema, document, operation)
    first = plans.execute(root, None, coerced)
    assert plans.execute(root, None, coerced).data == first.data, "the second run of a plan says something else"
    return first


def by_core(schema: GraphQLSchema, text: str, root: Any = None, **variables: Any) -> ExecutionResult:
    return execute_sync(schema, parse(text), root, variable_values=variables)


def test_a_plan_keeps_the_values_of_its_directives_alone() -> None:
    schema = build_schema("type Query { f(a: String): String g: String }")
    document = parse("query($a: String, $b: Boolean!) { f(a: $a) @skip(if: $b) g @include(if: $b) }")
    plans = Plans(schema, document, document.definitions[0])  # type: ignore[arg-type]
    for b in (True, False):
        plans.execute({"f": "f", "g": "g"}, object(), {"a": "secret", "b": b})
    assert sorted(plan.variables["b"] for plan in plans._plans.values()) == [False, True]
    assert all(plan.variables.keys() == {"b"} for plan in plans._plans.values())
    assert plans.size == 2
    plans.clear()
    assert plans.size == 0


@pytest.fixture(params=[by_plan, by_core])
def execute(request: pytest.FixtureRequest) -> Execute:
    return request.param


def errors(result: ExecutionResult) -> list[tuple[str, list[str | int] | None]]:
    return [(error.message, error.path) for error in result.errors or []]


class Failing:
    """Answers its own name; what begins with `bad` fails."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("bad"):
            raise ValueError(f"{name} failed")
        return {
            "nothing": None,
            "deeper": lambda info: Failing(),
            "items": lambda info: [Failing(), None, Failing()],
        }.get(name, name)


NULLS = build_schema(
    """
    type Query { good: String bad: String badButMust: String! deeper: Query deeperMust: Query! nothing: String
                 nothingMust: String! items: [Query] itemsMust: [Query!] chain: Query! }
    """
)


class TestErrorsAndNull:
    """§6.4.4: a failed field is null, and so is the nearest parent that may be, when the field itself may not."""

    @pytest.mark.parametrize(
        ("text", "data", "paths"),
        [
            ("{ good bad }", {"good": "good", "bad": None}, [["bad"]]),
            ("{ good badButMust }", None, [["badButMust"]]),
            ("{ good nothing }", {"good": "good", "nothing": None}, []),
            ("{ deeper { good badButMust } good }", {"deeper": None, "good": "good"}, [["deeper", "badButMust"]]),
            ("{ a: deeper { bad } b: bad }", {"a": {"bad": None}, "b": None}, [["a", "bad"], ["b"]]),
            (
                "{ items { good badButMust } }",
                {"items": [None, None, None]},
                [["items", n, "badButMust"] for n in (0, 2)],
            ),
            (
                "{ items { bad } }",
                {"items": [{"bad": None}, None, {"bad": None}]},
                [["items", n, "bad"] for n in (0, 2)],
            ),
        ],
    )
    def test_where_null_goes(self, execute: Execute, text: str, data: Any, paths: list[Any]) -> None:
        result = execute(NULLS, text, Failing())
        assert (result.data, [path for _, path in errors(result)]) == (data, paths)

    def test_the_error_has_its_place_in_the_document(self, execute: Execute) -> None:
        result = execute(NULLS, "{\n  deeper {\n    x: bad\n  }\n}", Failing())
        assert result.errors[0].formatted == {
            "message": "bad failed",
            "locations": [{"line": 3, "column": 5}],
            "path": ["deeper", "x"],
        }

    def test_an_error_that_is_returned_is_one_that_is_raised(self, execute: Execute) -> None:
        root = {"good": ValueError("returned"), "items": [{"good": 1}, GraphQLError("item", extensions={"code": 7})]}
        result = execute(NULLS, "{ good items { good } }", root)
        assert result.data == {"good": None, "items": [{"good": "1"}, None]}
        assert errors(result) == [("returned", ["good"]), ("item", ["items", 1])]
        assert result.errors[1].extensions == {"code": 7}

    def test_null_in_a_list_that_must_not_have_it(self, execute: Execute) -> None:
        result = execute(NULLS, "{ itemsMust { good } }", {"itemsMust": [{"good": 1}, None]})
        assert result.data == {"itemsMust": None}
        assert errors(result) == [("Cannot return null for non-nullable field Query.itemsMust.", ["itemsMust", 1])]


class TestLists:
    """§6.4.3: any iterable is a list, but for texts and maps."""

    SCHEMA = build_schema("type Query { numbers: [Int] grid: [[Int!]!] }")

    @pytest.mark.parametrize(
        "numbers", [[1, 2], (1, 2), {1: "a", 2: "b"}.keys(), range(1, 3), lambda info: (n for n in (1, 2))]
    )
    def test_iterables(self, execute: Execute, numbers: Any) -> None:
        assert execute(self.SCHEMA, "{ numbers }", {"numbers": numbers}).data == {"numbers": [1, 2]}

    @pytest.mark.parametrize("numbers", ["12", b"12", 12, {"a": 1}])
    def test_no_iterables(self, execute: Execute, numbers: Any) -> None:
        result = execute(self.SCHEMA, "{ numbers }", {"numbers": numbers})
        message = "Expected Iterable, but did not find one for field 'Query.numbers'."
        assert (result.data, errors(result)) == ({"numbers": None}, [(message, ["numbers"])])

    def test_lists_of_lists(self, execute: Execute) -> None:
        result = execute(self.SCHEMA, "{ grid numbers }", {"grid": [[1], [2, None]], "numbers": ["1", "x", 2**31]})
        assert result.data == {"grid": None, "numbers": [1, None, None]}
        assert [path for _, path in errors(result)] == [["grid", 1, 1], ["numbers", 1], ["numbers", 2]]


class TestSelections:
    """§6.3: order, merging, aliases, fragments, @skip and @include."""

    SCHEMA = build_schema("type Query { a: String b: String c: Query }")
    ROOT = {"a": "A", "b": "B", "c": {"a": "CA", "b": "CB"}}

    @pytest.mark.parametrize(
        ("text", "data"),
        [
            ("{ b a }", {"b": "B", "a": "A"}),
            ("{ x: a a }", {"x": "A", "a": "A"}),
            ("{ c { a } a c { b } }", {"c": {"a": "CA", "b": "CB"}, "a": "A"}),
            ("{ ...F b } fragment F on Query { a ...G } fragment G on Query { b }", {"a": "A", "b": "B"}),
            ("{ ...F c { ...F } } fragment F on Query { a }", {"a": "A", "c": {"a": "CA"}}),
            ("{ a @skip(if: true) b @include(if: true) }", {"b": "B"}),
            ("{ a @include(if: true) @skip(if: true) b }", {"b": "B"}),
            ("{ ... @include(if: false) { a } ... { b } }", {"b": "B"}),
            ("{ __typename c { t: __typename } }", {"__typename": "Query", "c": {"t": "Query"}}),
            ("{ a unknown }", {"a": "A"}),
        ],
    )
    def test_what_is_selected(self, execute: Execute, text: str, data: Any) -> None:
        result = execute(self.SCHEMA, text, self.ROOT)
        assert (list(result.data.items()), result.errors) == (list(data.items()), None)

    @pytest.mark.parametrize(("yes", "data"), [(True, {"a": "A"}), (False, {"b": "B"})])
    def test_a_variable_decides(self, execute: Execute, yes: bool, data: Any) -> None:
        text = "query ($yes: Boolean!) { a @include(if: $yes) ... @skip(if: $yes) { b } }"
        assert execute(self.SCHEMA, text, self.ROOT, yes=yes).data == data


class TestArguments:
    """§6.4.1: a default for what is left out; null and what a variable does not give are told apart."""

    SCHEMA = GraphQLSchema(
        GraphQLObjectType(
            "Query",
            {
                "echo": GraphQLField(
                    GraphQLString,
                    {
                        "n": GraphQLArgument(GraphQLInt, default_value=7),
                        "must": GraphQLArgument(GraphQLNonNull(GraphQLInt), default_value=1),
                        "out": GraphQLArgument(GraphQLInt, out_name="renamed"),
                    },
                    lambda source, info, **arguments: str(sorted(arguments.items())),
                )
            },
        )
    )

    @pytest.mark.parametrize(
        ("text", "variables", "seen"),
        [
            ("{ echo }", {}, "[('must', 1), ('n', 7)]"),
            ("{ echo(n: null, out: 3) }", {}, "[('must', 1), ('n', None), ('renamed', 3)]"),
            ("query ($n: Int) { echo(n: $n) }", {}, "[('must', 1), ('n', 7)]"),
            ("query ($n: Int) { echo(n: $n) }", {"n": None}, "[('must', 1), ('n', None)]"),
            ("query ($n: Int = 5) { echo(n: $n, must: 2) }", {}, "[('must', 2), ('n', 5)]"),
        ],
    )
    def test_what_the_resolver_is_given(self, execute: Execute, text: str, variables: Any, seen: str) -> None:
        assert execute(self.SCHEMA, text, **variables).data == {"echo": seen}

    def test_null_where_none_may_be(self, execute: Execute) -> None:
        result = execute(self.SCHEMA, "query ($n: Int) { echo(must: $n) }", n=None)
        assert result.data == {"echo": None}
        assert errors(result) == [("Argument 'must' of non-null type 'Int!' must not be null.", ["echo"])]


class TestTypesOfValues:
    """§6.4.3: interfaces and unions find the type of a value; a wrong one is the field's error."""

    def schema(self, **how: Any) -> GraphQLSchema:
        named = GraphQLInterfaceType("Named", {"name": GraphQLField(GraphQLString)}, **how)
        kinds = [
            GraphQLObjectType(
                name,
                {"name": GraphQLField(GraphQLString), sound: GraphQLField(GraphQLString)},
                interfaces=[named],
                is_type_of=None if how else lambda value, info, name=name: value["kind"] == name,
            )
            for name, sound in (("Dog", "woofs"), ("Cat", "meows"))
        ]
        either = GraphQLUnionType("Either", kinds, **how)
        pets = {"pets": GraphQLField(GraphQLList(named)), "one": GraphQLField(either), "dog": GraphQLField(kinds[0])}
        return GraphQLSchema(GraphQLObjectType("Query", pets), types=kinds)

    PETS = {
        "pets": [{"kind": "Dog", "name": "Odie", "woofs": "w"}, {"kind": "Cat", "name": "Tom", "meows": "m"}],
        "one": {"kind": "Cat", "name": "Tom", "meows": "m"},
        "dog": {"kind": "Cat", "name": "Tom"},
    }
    TEXT = "{ pets { __typename name ... on Dog { woofs } ... on Cat { meows } } one { ... on Named { name } } }"

    @pytest.mark.parametrize("how", [{}, {"resolve_type": lambda value, info, kind: value["kind"]}])
    def test_found(self, execute: Execute, how: Any) -> None:
        pets = [
            {"__typename": "Dog", "name": "Odie", "woofs": "w"},
            {"__typename": "Cat", "name": "Tom", "meows": "m"},
        ]
        result = execute(self.schema(**how), self.TEXT, self.PETS)
        assert (result.data, result.errors) == ({"pets": pets, "one": {"name": "Tom"}}, None)

    @pytest.mark.parametrize("answer", [None, "Bird", "Query", 5])
    def test_not_found(self, execute: Execute, answer: Any) -> None:
        schema = self.schema(resolve_type=lambda value, info, kind: answer)
        result = execute(schema, self.TEXT, self.PETS)
        assert result.data == {"pets": [None, None], "one": None}
        assert errors(result) == errors(by_core(schema, self.TEXT, self.PETS))

    def test_another_type_than_said(self, execute: Execute) -> None:
        result = execute(self.schema(), "{ dog { name } }", self.PETS)
        expected = "Expected value of type 'Dog' but got: {'kind': 'Cat', 'name': 'Tom'}."
        assert (result.data, errors(result)) == ({"dog": None}, [(expected, ["dog"])])


class TestMutations:
    """§6.2.2: one after the other, a failed one between them."""

    def test_in_series(self, execute: Execute) -> None:
        told: list[int] = []

        def tell(source: Any, info: Any, n: int) -> list[int]:
            if n == 2:
                raise ValueError("not two")
            told.append(n)
            return list(told)

        field = GraphQLField(GraphQLList(GraphQLInt), {"n": GraphQLArgument(GraphQLInt)}, tell)
        schema = GraphQLSchema(
            GraphQLObjectType("Query", {"a": GraphQLField(GraphQLInt)}), GraphQLObjectType("Mutation", {"tell": field})
        )
        text = "mutation { a: tell(n: 1) b: tell(n: 2) c: tell(n: 3) }"
        plans = Plans(schema, parse(text), parse(text).definitions[0])
        result = plans.execute(None, None, {}) if execute is by_plan else by_core(schema, text)
        assert (result.data, errors(result)) == ({"a": [1], "b": None, "c": [1, 3]}, [("not two", ["b"])])


def test_what_resolvers_are_told(execute: Execute) -> None:
    seen: list[Any] = []

    def look(source: Any, info: Any) -> str:
        nodes = [node.loc.start for node in info.field_nodes]
        told = info.field_name, str(info.return_type), info.parent_type.name, info.path.as_list(), info.path.typename
        seen.append(
            (told, nodes, sorted(info.fragments), info.root_value, info.operation.name.value, info.variable_values)
        )
        return "x"

    inner = GraphQLObjectType("Inner", {"look": GraphQLField(GraphQLString, resolve=look)})
    schema = GraphQLSchema(GraphQLObjectType("Query", {"list": GraphQLField(GraphQLList(inner))}))
    text = "query Q($v: String) { list { a: look ...F } } fragment F on Inner { a: look }"
    assert execute(schema, text, {"list": [{}]}, v="3").errors is None
    told = "look", "String", "Inner", ["list", 0, "a"], "Inner"
    assert seen[0] == (told, [29, text.rindex("a: look")], ["F"], {"list": [{}]}, "Q", {"v": "3"})
