"""Makes OpenSearch's query DSL of the tree of catalog.search.queries.

A boost is handed down to the queries that take one. Scores are those of the embedded engine where it scores by BM25,
and constants where it does.
"""

from collections.abc import Callable
from typing import Any

from catalog.search import queries
from catalog.search.queries import Query

Body = dict[str, Any]


def lower(query: Query, boost: float = 1.0) -> Body:
    """The query in OpenSearch's form."""
    return _LOWER[type(query)](query, boost)


def _term(query: queries.Term, boost: float) -> Body:
    return {"term": {query.field: {"value": query.value, "boost": boost}}}


def _one_of(query: queries.OneOf, boost: float) -> Body:
    return {"terms": {query.field: [*query.keys], "boost": boost}}


def _range(query: queries.Range, boost: float) -> Body:
    names = ("gt", "lt") if query.open_ends else ("gte", "lte")
    ends = {name: end for name, end in zip(names, (query.low, query.high), strict=True) if end is not None}
    return {"range": {query.field: {**ends, "boost": boost}}}


def _phrase(query: queries.Phrase, boost: float) -> Body:
    return {"match_phrase": {query.field: {"query": " ".join(query.tokens), "analyzer": "whitespace", "boost": boost}}}


def _near(query: queries.Near, boost: float) -> Body:
    if not query.typos:
        return _prefix(query.field, query.token, boost)
    options = {"fuzziness": query.typos, "transpositions": True, "rewrite": "constant_score", "boost": boost}
    near: Body = {"fuzzy": {query.field: {"value": query.token, **options}}}
    if not query.prefix:
        return near
    # OpenSearch has no prefixes with typos. One typo is told by a regular expression; a second only in a whole word.
    beginnings = {"value": _beginnings(query.token), "rewrite": "constant_score", "flags": "NONE"}
    either = {"bool": {"should": [near, {"regexp": {query.field: beginnings}}]}}
    return {"constant_score": {"filter": either, "boost": boost}}


def _prefix(field: str, token: str, boost: float) -> Body:
    return {"prefix": {field: {"value": token, "rewrite": "constant_score", "boost": boost}}}


def _beginnings(token: str) -> str:
    """Matches words that begin with the token with at most one typo."""
    letters = [escaped(c) for c in token]
    parts = ["".join(letters)]
    for n in range(len(letters)):
        before, after = "".join(letters[:n]), "".join(letters[n + 1 :])
        parts += [f"{before}{after}", f"{before}.{after}", f"{before}.{letters[n]}{after}"]
        if n + 1 < len(letters):
            parts.append(f"{before}{letters[n + 1]}{letters[n]}{''.join(letters[n + 2 :])}")
    return f"({'|'.join(parts)}).*"


def escaped(text: str) -> str:
    """The text as a regular expression of Lucene's."""
    return "".join(c if c.isalnum() else f"\\{c}" for c in text)


def _any_of(query: queries.AnyOf, boost: float) -> Body:
    some = [lower(each) for each in query.queries]
    return {"bool": {"should": some, "minimum_should_match": query.minimum, "boost": boost}}


def _all_of(query: queries.AllOf, boost: float) -> Body:
    bonuses = [lower(each) for each in query.bonuses]
    return {"bool": {"must": [lower(each) for each in query.queries], "should": bonuses, "boost": boost}}


def _but_not(query: queries.ButNot, boost: float) -> Body:
    return {"bool": {"must": [lower(query.query)], "must_not": [lower(query.excluded)], "boost": boost}}


_LOWER: dict[type[Query], Callable[[Any, float], Body]] = {
    queries.Everything: lambda query, boost: {"match_all": {"boost": boost}},
    queries.Nothing: lambda query, boost: {"match_none": {}},
    queries.Term: _term,
    queries.OneOf: _one_of,
    queries.Range: _range,
    queries.Exists: lambda query, boost: {"exists": {"field": query.field, "boost": boost}},
    queries.Phrase: _phrase,
    queries.Near: _near,
    queries.Beginning: lambda query, boost: _prefix(query.field, query.token, boost),
    queries.AnyOf: _any_of,
    queries.AllOf: _all_of,
    queries.ButNot: _but_not,
    queries.Boost: lambda query, boost: lower(query.query, boost * query.factor),
    queries.Constant: lambda query, boost: {
        "constant_score": {"filter": lower(query.query), "boost": boost * query.score}
    },
}


def filtered(found: list[Query], let_pass: list[Query]) -> Body:
    """What some queries find, scored, if the others let it pass."""
    return {"bool": {"must": [lower(query) for query in found], "filter": [lower(query) for query in let_pass]}}
