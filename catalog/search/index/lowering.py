"""Makes Tantivy queries of the tree of catalog.search.queries.

Tantivy queries are made of terms and hardly ever parsed, so no text can be a syntax error.
"""

from collections.abc import Callable
from typing import Any

import tantivy
from tantivy import FieldType, Occur

from catalog.search import queries
from catalog.search.index.schema import SCHEMA
from catalog.search.queries import Query

# Up to so many keys are searched for one by one. Tantivy's set of terms takes 0.2 ms, even for a single one.
MAX_ALTERNATIVES = 256
TYPES = {
    "id": FieldType.Unsigned,
    "group": FieldType.Unsigned,
    "price": FieldType.Integer,
    "quantity": FieldType.Integer,
    "created": FieldType.Integer,
    "rating_low": FieldType.Float,
    "rating_high": FieldType.Float,
}
# tantivy-py has ranges of texts and of numbers within JSON in its query language only, which needs an index of the
# schema. That is safe, because the ends are numbers or hexadecimal.
_PARSER = tantivy.Index(SCHEMA)


def lower(query: Query) -> tantivy.Query:
    """The query in Tantivy's form."""
    return _LOWER[type(query)](query)


def _term(query: queries.Term) -> tantivy.Query:
    return tantivy.Query.term_query(SCHEMA, query.field, query.value)


def _one_of(query: queries.OneOf) -> tantivy.Query:
    field, keys = query.field, query.keys
    if len(keys) > MAX_ALTERNATIVES:
        return tantivy.Query.term_set_query(SCHEMA, field, [*keys])
    terms = [(Occur.Should, tantivy.Query.term_query(SCHEMA, field, key)) for key in keys]
    return tantivy.Query.const_score_query(terms[0][1] if len(terms) == 1 else tantivy.Query.boolean_query(terms), 1.0)


def _range(query: queries.Range) -> tantivy.Query:
    low, high = query.low, query.high
    if query.field not in TYPES:
        start, end = "{}" if query.open_ends else "[]"
        low, high = ("*" if limit is None else limit for limit in (low, high))
        return _PARSER.parse_query(f"{query.field}:{start}{low} TO {high}{end}")
    return tantivy.Query.range_query(
        SCHEMA,
        query.field,
        TYPES[query.field],
        low,
        high,
        include_lower=low is None or not query.open_ends,
        include_upper=high is None or not query.open_ends,
    )


def _phrase(query: queries.Phrase) -> tantivy.Query:
    words: list[str | tuple[int, str]] = [*query.tokens]
    return tantivy.Query.phrase_query(SCHEMA, query.field, words)


def _near(query: queries.Near) -> tantivy.Query:
    # All automata are made here. Two letters swapped are one typo.
    return tantivy.Query.fuzzy_term_query(SCHEMA, query.field, query.token, query.typos, True, query.prefix)


def _any_of(query: queries.AnyOf) -> tantivy.Query:
    some = [(Occur.Should, lower(each)) for each in query.queries]
    if query.minimum == 1:
        return tantivy.Query.boolean_query(some)
    return tantivy.Query.boolean_query(some, minimum_number_should_match=query.minimum)


def _all_of(query: queries.AllOf) -> tantivy.Query:
    required = [(Occur.Must, lower(each)) for each in query.queries]
    return tantivy.Query.boolean_query([*required, *((Occur.Should, lower(each)) for each in query.bonuses)])


def _but_not(query: queries.ButNot) -> tantivy.Query:
    return tantivy.Query.boolean_query([(Occur.Must, lower(query.query)), (Occur.MustNot, lower(query.excluded))])


_LOWER: dict[type[Query], Callable[[Any], tantivy.Query]] = {
    queries.Everything: lambda query: tantivy.Query.all_query(),
    queries.Nothing: lambda query: tantivy.Query.empty_query(),
    queries.Term: _term,
    queries.OneOf: _one_of,
    queries.Range: _range,
    queries.Exists: lambda query: tantivy.Query.exists_query(query.field),
    queries.Phrase: _phrase,
    queries.Near: _near,
    # Tantivy looks at 50 tokens at most.
    queries.Beginning: lambda query: tantivy.Query.phrase_prefix_query(SCHEMA, query.field, [query.token]),
    queries.AnyOf: _any_of,
    queries.AllOf: _all_of,
    queries.ButNot: _but_not,
    queries.Boost: lambda query: tantivy.Query.boost_query(_LOWER[type(query.query)](query.query), query.factor),
    queries.Constant: lambda query: tantivy.Query.const_score_query(lower(query.query), query.score),
}
