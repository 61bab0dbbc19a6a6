"""A plan, interpreted and as generated code, answers what graphql-core answers: drawn schemas, documents, failures."""

import os
from typing import Any

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLField,
    GraphQLFloat,
    GraphQLID,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
    GraphQLUnionType,
    execute_sync,
    parse,
    validate,
)
from graphql.execution.values import get_variable_values
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from core.execution import Attribute, Expression, Plans, Serializer, from_source

# As core.tests.examples decides it, which this library does not import.
EXAMPLES = 75 if os.environ.get("THOROUGH", "") in {"", "0"} else 300
LEAVES = [
    GraphQLString,
    GraphQLInt,
    GraphQLFloat,
    GraphQLBoolean,
    GraphQLID,
    GraphQLEnumType("Colour", {"RED": 1, "BLUE": "b"}),
    GraphQLScalarType("Hex", serialize=Serializer(int, "hex(value)")),
]
INPUT = GraphQLInputObjectType(
    "Box", {"w": GraphQLInputField(GraphQLInt, default_value=3), "t": GraphQLInputField(GraphQLList(GraphQLString))}
)
ARGUMENTS = {
    "n": GraphQLArgument(GraphQLInt, default_value=7),
    "s": GraphQLArgument(GraphQLString),
    "box": GraphQLArgument(INPUT),
    "must": GraphQLArgument(GraphQLNonNull(GraphQLInt), default_value=1),
}
VARIABLES = '$n: Int, $m: Int! = 4, $s: String = "s", $box: Box, $yes: Boolean!, $no: Boolean = false'
RAW = st.one_of(
    st.none(),
    st.text(max_size=3),
    st.integers(-5, 5),
    st.integers(2**31, 2**33),
    st.floats(),
    st.booleans(),
    st.sampled_from(["RED", 1, "b", b"x", [], ["a"], {}, {"a": 1}, object, ValueError("returned")]),
)


class Boom(Exception):
    """What failing resolvers raise."""


class Row:
    """A source that is no dict."""

    a = "class"

    def __init__(self, k: Any) -> None:
        self.k = k

    def __repr__(self) -> str:
        return f"Row({self.k!r})"

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)

    @property
    def b(self) -> Any:
        return {"A": "property", "B": None}[self.k]

    def get(self, name: str) -> Any:
        return getattr(self, name, None)


def wrap(draw: Any, kind: Any) -> Any:
    """The type, perhaps non-null, perhaps in one or two lists."""
    for wrapper in draw(st.lists(st.sampled_from([GraphQLList, GraphQLNonNull]), max_size=4)):
        if not (wrapper is GraphQLNonNull and isinstance(kind, GraphQLNonNull)):
            kind = wrapper(kind)
    return kind


def values(kind: Any) -> st.SearchStrategy:
    """Values that mostly fit the type, in the way resolvers give them."""
    if isinstance(kind, GraphQLNonNull):
        return values(kind.of_type)
    if isinstance(kind, GraphQLList):
        inner = st.lists(values(kind.of_type), max_size=3)
        return st.one_of(inner, inner.map(tuple), inner, RAW)
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType):
        dicts = [{"k": "A"}, {"k": "B", "a": "in B"}, {"k": "C"}, {"k": "Z"}, {}]
        return st.sampled_from([*dicts, Row("A"), Row("B"), Row("C"), None, 5, *dicts[:2]])
    fitting = {
        "String": st.text(max_size=3),
        "Int": st.integers(-9, 9),
        "Float": st.floats(allow_nan=False, allow_infinity=False),
        "Boolean": st.booleans(),
        "ID": st.one_of(st.text(max_size=3), st.integers()),
        "Colour": st.sampled_from([1, "b", "RED"]),
        "Hex": st.integers(),
    }[kind.name]
    return st.one_of(fitting, fitting, fitting, RAW)


@st.composite
def schemas(draw: Any) -> GraphQLSchema:
    """Three object types behind an interface and a union; every field answers, or fails, as drawn."""

    def resolver(kind: Any) -> Any:
        how = draw(st.sampled_from(["value"] * 6 + ["default", "raise", "echo", "attribute", "source", "expression"]))
        answer = draw(values(kind))
        if how == "default":
            return None
        if how == "attribute":
            return Attribute(draw(st.sampled_from(["a", "b", "k", "missing", "no name", "class"])), answer)
        if how == "source":
            return from_source(lambda source, info: source["a"] if isinstance(source, dict) else answer)
        if how == "expression":
            return Expression(draw(st.sampled_from(["answer", "source['k'] and answer", "source.k"])), answer=answer)
        if how == "raise":

            def fail(source: Any, info: Any, **arguments: Any) -> Any:
                raise Boom(f"{info.field_name} {info.path.as_list()} {sorted(arguments)}")

            return fail
        if how == "echo":
            return lambda source, info, **arguments: repr(
                (sorted(arguments.items(), key=str), info.path.as_list(), info.return_type, info.parent_type.name)
            )
        return lambda source, info, **arguments: answer

    interface = GraphQLInterfaceType(
        "Thing",
        lambda: {"a": GraphQLField(leaf), "b": GraphQLField(GraphQLString)},
        resolve_type=draw(
            st.sampled_from([None, None, lambda v, i, t: v.get("k"), lambda v, i, t: v["k"], lambda v, i, t: 5])
        ),
    )
    leaf = wrap(draw, draw(st.sampled_from(LEAVES)))
    objects: dict[str, GraphQLObjectType] = {}

    def fields(name: str) -> dict[str, GraphQLField]:
        made = {
            "a": GraphQLField(leaf, resolve=resolver(leaf)),
            "b": GraphQLField(GraphQLString, resolve=resolver(GraphQLString)),
        }
        kind = wrap(draw, draw(st.sampled_from(LEAVES)))
        made["c"] = GraphQLField(kind, args=ARGUMENTS, resolve=resolver(kind))
        for field, target in (("d", draw(st.sampled_from(["A", "B"]))), ("e", "Thing"), ("f", "Any")):
            inner = {"Thing": interface, "Any": union}.get(target) or objects[target]
            kind = wrap(draw, inner)
            made[field] = GraphQLField(kind, args=ARGUMENTS, resolve=resolver(kind))
        return made

    for name in "ABC":
        objects[name] = GraphQLObjectType(
            name,
            (lambda n: lambda: cached[n])(name),
            interfaces=[interface],
            is_type_of=draw(
                st.sampled_from(
                    [None, None, (lambda n: lambda v, i: isinstance(v, dict | Row) and v.get("k") == n)(name)]
                )
            ),
        )
    union = GraphQLUnionType(
        "Any", [objects["A"], objects["C"]], resolve_type=draw(st.sampled_from([None, lambda v, i, t: v.get("k")]))
    )
    cached = {name: fields(name) for name in "ABC"}
    query = GraphQLObjectType("Query", {**fields("Query"), **{k: v for k, v in cached["A"].items() if k == "d"}})
    mutation = GraphQLObjectType("Mutation", fields("Mutation"))
    return GraphQLSchema(query, mutation, types=list(objects.values()))


@st.composite
def selections(draw: Any, kind: str, depth: int = 0) -> str:
    """A selection set on a type, with aliases, arguments, directives and fragments."""
    parts = []
    for _ in range(draw(st.integers(1, 4))):
        on = {"Any": ["__typename"]}.get(kind, ["a", "b", "__typename"])
        if kind not in ("Any", "Thing"):
            on = [*on, "c", *(["d", "e", "f"] if depth < 3 else [])]
        name = draw(st.sampled_from([*on, "...", "...F"]))
        directive = draw(
            st.sampled_from(
                [
                    "",
                    "",
                    "",
                    "@skip(if: $no)",
                    "@include(if: $yes)",
                    "@skip(if: true)",
                    "@include(if: $no) @skip(if: $yes)",
                ]
            )
        )
        if name == "...":
            target = draw(
                st.sampled_from(
                    ["A", "C"] if kind == "Any" else ["A", "B", "C", "Thing"] if kind == "Thing" else [kind]
                )
            )
            parts.append(f"... on {target} {directive} {draw(selections(target, depth + 1))}")
        elif name == "...F":
            if kind in ("A", "B", "C", "Thing", "Any"):
                parts.append(f"...F {directive}")
        else:
            alias = draw(st.sampled_from(["", "", "x: ", "y: "])) if name != "__typename" else ""
            given = ""
            if name in "cdef":
                given = draw(
                    st.sampled_from(
                        [
                            "",
                            "",
                            "(n: 2)",
                            "(n: $n)",
                            "(must: $m, s: $s)",
                            '(box: {w: $n, t: ["q"]})',
                            "(box: $box)",
                            '(n: null, s: "z")',
                        ]
                    )
                )
            below = {"d": None, "e": "Thing", "f": "Any"}
            inner = ""
            if name == "d":
                inner = "{ __typename }" if depth >= 2 else "{ ... { __typename } ...F }"
            elif name in below:
                inner = draw(selections(below[name], depth + 1))
            parts.append(f"{alias}{name}{given} {directive} {inner}")
    return "{ " + " ".join(parts or ["__typename"]) + " }"


@st.composite
def documents(draw: Any) -> str:
    """An operation, with one named fragment."""
    kind = draw(st.sampled_from(["query", "query", "mutation"]))
    body = draw(selections(kind.capitalize()))
    fragment = " fragment F on Thing { a b @skip(if: $no) ... on A { c(n: $n) } }"
    return f"{kind} Q({VARIABLES}) {body}" + (fragment if "...F" in body else "")


variables = st.fixed_dictionaries(
    {"yes": st.booleans()},
    optional={
        "n": st.none() | st.integers(-3, 3),
        "m": st.integers(0, 3),
        "s": st.none() | st.text(max_size=2),
        "no": st.booleans(),
        "box": st.none() | st.just({"w": 1}) | st.just({"t": ["a", None]}),
    },
)


def shown(result: Any) -> Any:
    """A result with all that a client, or a log, sees of it."""
    errors = [(e.formatted, type(e.original_error), str(e.original_error)) for e in result.errors or []]
    return repr(result.data), errors


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    schema=schemas(),
    texts=st.lists(documents(), min_size=1, max_size=4),
    given_=st.lists(variables, min_size=1, max_size=3),
)
@pytest.mark.slow
def test_drawn_operations(schema: GraphQLSchema, texts: list[str], given_: list[dict[str, Any]]) -> None:
    rules = [
        r
        for r in __import__("graphql").specified_rules
        if r.__name__
        not in ("NoUnusedVariablesRule", "OverlappingFieldsCanBeMergedRule", "VariablesInAllowedPositionRule")
    ]
    root = {"a": 1, "b": lambda info, **arguments: "called", "c": 5, "k": "A"}
    for text in texts:
        document = parse(text)
        if validate(schema, document, rules):
            continue
        operation = document.definitions[0]
        plans = Plans(schema, document, operation)
        for raw in (*given_, *given_, *given_):
            coerced = get_variable_values(schema, operation.variable_definitions, raw)
            if isinstance(coerced, list):
                continue
            note(text)
            assert shown(plans.execute(root, None, coerced)) == shown(execute_sync(schema, document, root, None, raw))
