"""graphql-core: parses a document into nodes that do not keep the tokens that they were made of.

- Written against: graphql-core 3.2.14.
- Why: each node's `loc` keeps its tokens, and tokens are linked both ways: they take twice the memory of the nodes and
  form a cycle, which only the garbage collector frees.
- Upstream: by design, since graphql/graphql-js#463. `no_location=True` would lose the places that errors name.
- Test: core/patches/tests/test_graphql_core.py.
- Delete when: graphql-core can make locations without tokens.
"""

from graphql import DocumentNode, Source
from graphql.language import Location, Token
from graphql.language.parser import Parser


class _Parser(Parser):
    def loc(self, start_token: Token) -> Location:
        """From the first character of this token to the last of the token that was read last."""
        place = Location.__new__(Location)
        place.start, place.end, place.source = start_token.start, self._lexer.last_token.end, self._lexer.source
        return place


def parse_document(text: str, max_tokens: int) -> DocumentNode:
    """The document's nodes. Raises GraphQLSyntaxError, also for more tokens or comments than `max_tokens`."""
    parser = _Parser(Source(text), max_lexical_tokens=max_tokens, max_comments=max_tokens)
    token: Token | None = parser._lexer.token
    try:
        return parser.parse_document()
    finally:
        while token is not None:
            following = token.next
            token.prev = token.next = None
            token = following
