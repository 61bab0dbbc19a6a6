"""Small Tantivy queries, and what words the index has."""

from collections.abc import Iterable
from typing import Any

from tantivy import Occur, Query, Searcher

from catalog.search.analysis.languages import all_languages, languages
from catalog.search.analysis.tokens import is_indexable
from catalog.search.index.documents import SCHEMA
from catalog.search.typos import is_near

# The weight of a word in each field of stems. Names weigh most.
STEM_FIELDS = {"name": 6.0, "brand_name": 3.0, "context": 2.0, "description": 1.0}
# The same of the fields of words as written, for prefixes and typos.
WORD_FIELDS = {"name_words": 4.0, "context_words": 1.0, "description_words": 1.0}
DESCRIPTIONS = frozenset({"description", "description_words"})

# Up to so many keys are searched for one by one. Tantivy's set of terms takes 0.2 ms, even for a single one.
MAX_ALTERNATIVES = 256

# Forms of a word differ in their last letters at most: "cheval", "chevaux".
MIN_BEGINNING, MAX_ENDING = 2, 3


def any_of(queries: list[Query]) -> Query:
    """Products that match any of the queries. Their scores are added up."""
    if not queries:
        return Query.empty_query()
    return queries[0] if len(queries) == 1 else Query.boolean_query([(Occur.Should, query) for query in queries])


def all_of(queries: list[Query]) -> Query:
    """Products that match all of the queries."""
    return queries[0] if len(queries) == 1 else Query.boolean_query([(Occur.Must, query) for query in queries])


def but_not(query: Query, excluded: Query) -> Query:
    """What the query finds and the other does not."""
    return Query.boolean_query([(Occur.Must, query), (Occur.MustNot, excluded)])


def with_bonuses(query: Query, bonuses: list[Query]) -> Query:
    """What the query finds; the bonuses add to the scores."""
    if not bonuses:
        return query
    return Query.boolean_query([(Occur.Must, query), *((Occur.Should, bonus) for bonus in bonuses)])


def one_of(field: str, keys: Iterable[Any]) -> Query:
    """Products with any of the keys in the field. All get the score that a set of terms gives."""
    keys = sorted(keys)
    if len(keys) > MAX_ALTERNATIVES:
        return Query.term_set_query(SCHEMA, field, keys)
    return Query.const_score_query(any_of([Query.term_query(SCHEMA, field, key) for key in keys]), 1.0)


def with_ids(ids: Iterable[int]) -> Query:
    return one_of("id", ids)


def boosted(query: Query, boost: float) -> Query:
    return Query.boost_query(query, boost)


def term(field: str, token: str, boost: float) -> Query:
    return Query.boost_query(Query.term_query(SCHEMA, field, token), boost)


def phrase(tokens: list[str], boost: float) -> Query:
    """A name that has the stems side by side."""
    words: list[str | tuple[int, str]] = [*tokens]
    return Query.boost_query(Query.phrase_query(SCHEMA, "name", words), boost)


def near_query(field: str, token: str, typos: int, *, prefix: bool = False) -> Query:
    """The words of a field that are the token with at most so many typos, or with `prefix` begin with such a word.

    All automata are made here. `typos` must not be more than `typos_allowed` returns for the token.
    """
    if not is_indexable(token):
        return Query.empty_query()
    # Two letters swapped are one typo.
    return Query.fuzzy_term_query(SCHEMA, field, token, typos, True, prefix)


class Vocabulary:
    """The words of one commit of the index."""

    # How many words with one beginning or end are looked at.
    MAX_TERMS = 100
    MAX_NEIGHBOURS, MAX_COMMONER, TIMES_AS_COMMON = 1000, 3, 10

    def __init__(self, searcher: Searcher) -> None:
        self._searcher = searcher
        self._known: dict[str, bool] = {}

    def count(self, field: str, token: str) -> int:
        """How many products have the token in the field."""
        return int(self._searcher.doc_freq(field, token))

    def has(self, word: str) -> bool:
        """Whether any product has the word, in any form and field."""
        if word not in self._known:
            stems = languages().stems(word)
            self._known[word] = bool(self.count("sku", word)) or any(
                self.count(field, stem) for stem in stems for field in STEM_FIELDS
            )
        return self._known[word]

    def with_prefix(self, field: str, prefix: str) -> list[str]:
        """The most common tokens of a field that begin with the prefix, and are longer."""
        if not is_indexable(prefix):
            return []
        terms = self._searcher.terms_with_prefix(field, prefix, limit=self.MAX_TERMS)
        return [token for token, _ in terms if token != prefix]

    def commoner(self, word: str, typos: int) -> list[str]:
        """Words of names that are nearly the word, begin like it and are many times as common; the commonest first."""
        num_products = max(self.count("name", stem) for stem in languages().stems(word))
        terms = self._searcher.terms_with_prefix("name_words", word[:2], limit=self.MAX_NEIGHBOURS)
        commoner = (token for token, count in terms if count >= num_products * self.TIMES_AS_COMMON)
        return [token for token in commoner if is_near(token, word, typos, prefix=False)][: self.MAX_COMMONER]

    def foreign_forms(self, word: str) -> list[str]:
        """Words of names that are other forms of the word in a language that the shop has not named."""
        stems = set(all_languages().stems(word))
        longer = self.with_prefix("name_words", word[: max(MIN_BEGINNING, len(word) - MAX_ENDING)])
        return [token for token in longer if not stems.isdisjoint(all_languages().stems(token))][: self.MAX_COMMONER]

    def finds(self, query: Query) -> bool:
        """Whether any product matches the query."""
        return bool(self._searcher.search(query, 1, count=False).hits)
