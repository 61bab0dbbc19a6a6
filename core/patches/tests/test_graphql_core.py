"""Documents that are parsed without keeping their tokens."""

import gc

import pytest
from graphql import GraphQLSyntaxError, parse
from graphql.language import Token

from core.graphql.parsing import nodes_of
from core.patches.graphql_core import parse_document

TEXT = """
query Q($id: ID!, $sizes: [Int!] = [1, 2]) @on(a: "x") {  # a comment
  node(id: $id) { ...F ... on Product { pages: images(sizes: $sizes, at: {x: 1.5, y: BIG}) { url } } }
}
fragment F on Node { id }
"""


def test_nodes_know_the_places_that_graphql_core_tells() -> None:
    ours, theirs = parse_document(TEXT, 1000), parse(TEXT)
    places = [[(node.kind, node.loc.start, node.loc.end) for node in nodes_of(root)] for root in (ours, theirs)]
    assert places[0] == places[1]


def test_nodes_keep_no_tokens() -> None:
    assert not tokens_kept_by(parse_document(TEXT, 1000))


def test_the_patch_is_needed() -> None:
    assert tokens_kept_by(parse(TEXT))


@pytest.mark.parametrize("text", ["{a b c d}", "{a #1\n#2\n#3\n#4\n}"])
def test_tokens_and_comments_are_limited(text: str) -> None:
    with pytest.raises(GraphQLSyntaxError):
        parse_document(text, 3)


def tokens_kept_by(root: object) -> int:
    """How many tokens can be reached from the nodes."""
    seen: set[int] = set()
    waiting, count = [root], 0
    while waiting:
        one = waiting.pop()
        if id(one) not in seen and not isinstance(one, type):
            seen.add(id(one))
            count += isinstance(one, Token)
            waiting += gc.get_referents(one)
    return count
