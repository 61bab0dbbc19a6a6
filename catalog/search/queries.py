"""Queries in no engine's language: a tree of what products must have and what that scores.

Each engine lowers the tree to its own queries: `catalog.search.index.lowering`, `catalog.search.opensearch.lowering`.
Fields and the form of their values are those of the documents.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from catalog.search.analysis.tokens import is_indexable


# They are never changed. None is frozen, because a text makes some hundred and a frozen one takes three times as long.
@dataclass(slots=True, unsafe_hash=True)
class Everything:
    """All documents, brands and categories included."""


@dataclass(slots=True, unsafe_hash=True)
class Nothing:
    """No document."""


@dataclass(slots=True, unsafe_hash=True)
class Term:
    """The field has the token or the number. Scored by BM25."""

    field: str
    value: Any


@dataclass(slots=True, unsafe_hash=True)
class OneOf:
    """The field has any of the keys, which are sorted. All get the score 1."""

    field: str
    keys: tuple[Any, ...]


@dataclass(slots=True, unsafe_hash=True)
class Range:
    """Values from `low` to `high`, in the form of the index; None is no limit. Includes the ends unless `open_ends`."""

    field: str
    low: Any
    high: Any
    open_ends: bool = False


@dataclass(slots=True, unsafe_hash=True)
class Exists:
    """The field has any value."""

    field: str


@dataclass(slots=True, unsafe_hash=True)
class Phrase:
    """The field has the tokens side by side. Scored by BM25."""

    field: str
    tokens: tuple[str, ...]


@dataclass(slots=True, unsafe_hash=True)
class Near:
    """The field has the token with at most so many typos, or with `prefix` begins with such a word. Scores 1."""

    field: str
    token: str
    typos: int
    prefix: bool = False


@dataclass(slots=True, unsafe_hash=True)
class Beginning:
    """The field has a token that begins with this one. An engine may look at the first 50 of them only. Scores 1."""

    field: str
    token: str


@dataclass(slots=True, unsafe_hash=True)
class AnyOf:
    """At least `minimum` of the queries match. Their scores are added up."""

    queries: tuple["Query", ...]
    minimum: int = 1


@dataclass(slots=True, unsafe_hash=True)
class AllOf:
    """All of the queries match. Bonuses need not match; they add to the scores."""

    queries: tuple["Query", ...]
    bonuses: tuple["Query", ...] = ()


@dataclass(slots=True, unsafe_hash=True)
class ButNot:
    """What the query finds and the other does not."""

    query: "Query"
    excluded: "Query"


@dataclass(slots=True, unsafe_hash=True)
class Boost:
    """The query with its scores multiplied."""

    query: "Query"
    factor: float


@dataclass(slots=True, unsafe_hash=True)
class Constant:
    """The query with one score for all."""

    query: "Query"
    score: float


Query: TypeAlias = (
    Everything
    | Nothing
    | Term
    | OneOf
    | Range
    | Exists
    | Phrase
    | Near
    | Beginning
    | AnyOf
    | AllOf
    | ButNot
    | Boost
    | Constant
)

NOTHING, EVERYTHING = Nothing(), Everything()


def any_of(queries: Sequence[Query]) -> Query:
    """Products that match any of the queries. Their scores are added up."""
    if not queries:
        return NOTHING
    return queries[0] if len(queries) == 1 else AnyOf(tuple(queries))


def all_of(queries: Sequence[Query]) -> Query:
    """Products that match all of the queries."""
    return queries[0] if len(queries) == 1 else AllOf(tuple(queries))


def with_bonuses(query: Query, bonuses: Sequence[Query]) -> Query:
    """What the query finds; the bonuses add to the scores."""
    return AllOf((query,), tuple(bonuses)) if bonuses else query


def one_of(field: str, keys: Iterable[Any]) -> Query:
    """Products with any of the keys in the field."""
    return OneOf(field, tuple(sorted(keys)))


def with_ids(ids: Iterable[int]) -> Query:
    return one_of("id", ids)


def boosted(query: Query, factor: float) -> Query:
    return Boost(query, factor)


def term(field: str, token: str, boost: float) -> Query:
    return Boost(Term(field, token), boost)


def phrase(tokens: Sequence[str], boost: float) -> Query:
    """A name that has the stems side by side."""
    return Boost(Phrase("name", tuple(tokens)), boost)


def near(field: str, token: str, typos: int, *, prefix: bool = False) -> Query:
    """As `Near`, and nothing when the token is too long for an index.

    `typos` must not be more than `typos_allowed` returns for the token.
    """
    return Near(field, token, typos, prefix) if is_indexable(token) else NOTHING
