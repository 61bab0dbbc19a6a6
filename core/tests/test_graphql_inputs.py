"""What clients give for variables and literals: coerced as graphql-core does, refused by field, bounded."""

import json
from typing import Any

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLString,
    parse,
)
from graphql.execution.values import get_variable_values
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_django import Settings

from core.graphql import inputs, validation
from core.graphql.errors import MAX_ERRORS
from core.graphql.inputs import Variables
from core.tests.clients import Api
from core.tests.examples import examples

IDS = "query($x: [ID!]) { products(filter: {ids: $x}) { nodes { id } } }"
FILTER = "query($f: ProductFilter) { products(filter: $f) { nodes { id } } }"


@pytest.fixture
def walks(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The documents that were walked to tell where an input stands."""
    walked: list[Any] = []

    def counted(document: Any) -> Any:
        walked.append(document)
        return places(document)

    places = inputs.input_places
    monkeypatch.setattr(inputs, "input_places", counted)
    monkeypatch.setattr(validation, "input_places", counted)
    return walked


@pytest.mark.parametrize("length", [1, 19, 20, 5_000, 150_000])
def test_nulls_are_told_up_to_a_number_and_with_one_walk_of_the_document(
    nobody: Api, walks: list[Any], length: int
) -> None:
    document = IDS.replace("nodes { id }", "nodes { " + "name " * 460 + "}")
    errors = nobody.post(document, x=[None] * length).json()["errors"]
    assert len(errors) == min(length, MAX_ERRORS)
    assert [error["extensions"] for error in errors] == [
        {"code": "BAD_USER_INPUT", "field": f"filter.ids.{index}"} for index in range(len(errors))
    ]
    assert len(walks) == 1


@pytest.mark.parametrize("length", [1, 30_000])
@pytest.mark.parametrize("key", ["catgory", "id", "x" * 8, "\x00", "😀", ""])
def test_unknown_fields_are_told_without_hints(nobody: Api, length: int, key: str) -> None:
    answer = nobody.post(FILTER, f={f"{key}{n or ''}": n for n in range(length)})
    errors = answer.json()["errors"]
    assert len(errors) == min(length, MAX_ERRORS)
    assert {error["extensions"]["field"] for error in errors} == {"filter"}
    assert "Did you mean" not in answer.text
    assert len(answer.content) < 50_000


@pytest.mark.parametrize(
    ("query", "value"),
    [
        (IDS, ["a"] * 10_001),
        (IDS, [1] * 300_000),
        ("query($x: [String!]) { products(filter: {brand: $x}) { nodes { id } } }", ["😀"] * 30_000),
        (
            "mutation($x: [CartLineAddInput!]!) { cartLinesAdd(input: {lines: $x}) { errors { message } } }",
            [{"productId": "a"}] * 9_000,
        ),
    ],
)
def test_more_values_than_are_taken_are_not_looked_at(nobody: Api, query: str, value: list[Any]) -> None:
    error = nobody.error(query, x=value)
    assert (error["code"], error["allowed"]) == ("LIMIT_EXCEEDED", 10_000)
    assert error["field"]


def test_values_of_no_variable_are_not_looked_at(nobody: Api) -> None:
    assert nobody.graphql("{ __typename }", other=[None] * 100_000, more={"a": {"b": "\x00"}})


def nested(depth: int) -> Any:
    """An object in an object, so many of them."""
    value: Any = 1
    for _ in range(depth):
        value = {"price": value}
    return value


@pytest.mark.parametrize("depth", [2, 50, 400])
def test_nested_values_are_refused_at_the_first_wrong_level(nobody: Api, depth: int) -> None:
    assert nobody.error(FILTER, f=nested(depth))["field"] == "filter.price"


@pytest.mark.parametrize(
    ("query", "variables", "field"),
    [
        ('{ products(filter: {category: ["a", 5]}) { nodes { id } } }', {}, "filter.category"),
        ('{ ...F } fragment F on Query { products(first: "x") { nodes { id } } }', {}, "first"),
        ('query($n: Int = "x") { ...F } fragment F on Query { products(first: $n) { nodes { id } } }', {}, "first"),
        (
            "query($f: ProductFilter = {price: {min: []}}) { products(filter: $f) { totalCount } }",
            {},
            "filter.price.min",
        ),
        ('query($unused: Int = "x") { __typename }', {}, "unused"),
        ("{ ...F @include(if: 5) } fragment F on Query { __typename }", {}, "if"),
        (
            'mutation { productImageUpload(input: {productId: "a", image: "y"}) { errors { message } } }',
            {},
            "input.image",
        ),
        ("query($n: Int! = 3) { products(first: $n) { nodes { id } } }", {"n": None}, "first"),
        ("query($b: Boolean! = true) { __typename @skip(if: $b) }", {"b": None}, "if"),
        ("query($b: Boolean = true) { __typename @skip(if: $b) }", {"b": None}, "if"),
        ("query($q: String = null) { suggestions(query: $q) { text } }", {}, ""),
        ('query($q: String = "a") { suggestions(query: $q) { text } }', {"q": None}, "query"),
        (
            'query($q: String = "a") { ...F } fragment F on Query { suggestions(query: $q) { text } }',
            {"q": None},
            "query",
        ),
        ('query($i: ID = "a") { products(filter: {ids: ["b", $i]}) { nodes { id } } }', {"i": None}, "filter.ids"),
        ("query($s: ImageSize) { products { nodes { images { url(size: $s) } } } }", {"s": None}, "size"),
        ("query($s: ImageSize!) { products { nodes { images { url(size: $s) } } } }", {"s": "LARG"}, "size"),
        ("query($q: String!) { suggestions(query: $q) { text } }", {}, "query"),
        ("query($q: String!) { suggestions(query: $q) { text } }", {"q": None}, "query"),
        ("query($q: String!) { suggestions(query: $q) { text } }", {"q": "a\x00"}, "query"),
        ("query($q: String!) { suggestions(query: $q) { text } }", {"q": {"a": [1] * 20_000}}, "query"),
    ],
)
@pytest.mark.parametrize("execution", ["compiled", "standard"])
def test_a_wrong_input_names_its_field(
    nobody: Api, settings: Settings, execution: str, query: str, variables: dict[str, Any], field: str
) -> None:
    settings.GRAPHQL_EXECUTION = execution
    response = nobody.post(query, **variables)
    error = response.json()["errors"][0]
    assert response.status_code in (200, 400)
    assert "Did you mean" not in error["message"]
    if field:
        assert error["extensions"] == {"code": "BAD_USER_INPUT", "field": field}
        assert "data" not in response.json()
    else:
        assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


def test_a_message_that_echoes_is_cut_and_can_always_be_sent(nobody: Api) -> None:
    for text in ("x" * 60_000, "\ud800", "😀" * 20_000):
        body = json.dumps({"query": IDS, "variables": {"x": {text: text}}})
        for query in (
            f'{{ products(first: "{text}") {{ nodes {{ id }} }} }}',
            f"{{ {text} }}",
            f"query {text} {{ a }}",
        ):
            response = nobody.client.post("/graphql/", json.dumps({"query": query}), content_type="application/json")
            assert response.status_code < 500
            assert len(response.content) < 30_000
        assert nobody.client.post("/graphql/", body, content_type="application/json").status_code < 500


KINDS: list[Any] = [GraphQLInt, GraphQLString, GraphQLEnumType("Colour", {"RED": 1, "BLUE": "b"})]
BOX = GraphQLInputObjectType(
    "Box",
    lambda: {
        "w": GraphQLInputField(GraphQLInt, default_value=3, out_name="width"),
        "must": GraphQLInputField(GraphQLNonNull(GraphQLString)),
        "boxes": GraphQLInputField(GraphQLList(GraphQLNonNull(BOX))),
    },
)
ONE = GraphQLInputObjectType("One", {n: GraphQLInputField(GraphQLInt) for n in "ab"}, is_one_of=True)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(["RED", "BLU", ""]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=3),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["w", "must", "boxes", "a", "b", "x"]), inner)
    ),
    max_leaves=8,
)


def wrapped(kind: Any) -> st.SearchStrategy[Any]:
    """The type, perhaps in lists, perhaps non-null."""

    def wrap(wrappers: list[Any]) -> Any:
        made = kind
        for wrapper in wrappers:
            if not (wrapper is GraphQLNonNull and isinstance(made, GraphQLNonNull)):
                made = wrapper(made)
        return made

    return st.lists(st.sampled_from([GraphQLList, GraphQLNonNull]), max_size=3).map(wrap)


@settings(max_examples=examples(200), deadline=None)
@given(
    kind=st.sampled_from([*KINDS, BOX, ONE]).flatmap(wrapped),
    default=st.sampled_from(["", " = null"]),
    given_=st.fixed_dictionaries({}, optional={"x": VALUES}),
)
def test_coercion_agrees_with_graphql_core(kind: Any, default: str, given_: dict[str, Any]) -> None:
    default = "" if isinstance(kind, GraphQLNonNull) else default
    schema = GraphQLSchema(
        GraphQLObjectType("Query", {"f": GraphQLField(GraphQLInt, args={"x": GraphQLArgument(kind)})})
    )
    document = parse(f"query($x: {kind}{default}) {{ f(x: $x) }}")
    operation: Any = document.definitions[0]
    expected = get_variable_values(schema, operation.variable_definitions, given_)
    coerced = Variables(schema, document, operation).coerce(given_)
    if isinstance(expected, list):
        assert isinstance(coerced, list)
        assert all(error.extensions["field"].startswith("x") for error in coerced)
    else:
        assert repr(coerced) == repr(expected)
