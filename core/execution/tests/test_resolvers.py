"""Resolvers that look at their source alone."""

from typing import Any

import pytest
from graphql import GraphQLField, GraphQLInt, GraphQLObjectType, GraphQLSchema, GraphQLString, execute_sync, parse

from core.execution import Attribute, Plans, from_source


class Row:
    name = "row"
    number = 5


@pytest.mark.parametrize("source", [Row(), {"name": "dict", "number": 2**40}, {}, object(), {"name": 5}])
def test_an_attribute_is_read_like_by_the_standard_executor(source: Any) -> None:
    fields = {
        "name": GraphQLField(GraphQLString, resolve=Attribute("name")),
        "other": GraphQLField(GraphQLString, resolve=Attribute("missing", "default")),
        "number": GraphQLField(GraphQLInt, resolve=Attribute("number")),
    }
    schema = GraphQLSchema(GraphQLObjectType("Query", fields))
    document = parse("{ name other number }")
    result = Plans(schema, document, document.definitions[0]).execute(source, None, {})
    expected = execute_sync(schema, document, source)
    assert (result.data, result.errors) == (expected.data, expected.errors)
    assert result.data["other"] == "default"


def test_a_marked_resolver_gets_no_info() -> None:
    @from_source
    def double(source: Any, info: Any) -> int:
        assert info is None
        return source["number"] * 2

    schema = GraphQLSchema(GraphQLObjectType("Query", {"double": GraphQLField(GraphQLInt, resolve=double)}))
    document = parse("{ double }")
    assert Plans(schema, document, document.definitions[0]).execute({"number": 4}, None, {}).data == {"double": 8}
