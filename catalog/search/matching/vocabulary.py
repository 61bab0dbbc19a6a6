"""What words an index has, in which fields they are looked for, and what a field weighs."""

from collections.abc import Iterable
from typing import Protocol

from catalog.search.analysis.languages import all_languages, languages
from catalog.search.analysis.tokens import is_indexable
from catalog.search.queries import Query
from catalog.search.typos import is_near

# The weight of a word in each field of stems. Names weigh most.
STEM_FIELDS = {"name": 6.0, "brand_name": 3.0, "context": 2.0, "description": 1.0}
# The same of the fields of words as written, for prefixes and typos.
WORD_FIELDS = {"name_words": 4.0, "context_words": 1.0, "description_words": 1.0}
DESCRIPTIONS = frozenset({"description", "description_words"})

# Forms of a word differ in their last letters at most: "cheval", "chevaux".
MIN_BEGINNING, MAX_ENDING = 2, 3


class Words(Protocol):
    """The words of an engine's index at one moment."""

    def count(self, field: str, token: str) -> int:
        """How many products have the token in the field."""
        ...

    def has(self, tokens: Iterable[tuple[str, str]]) -> bool:
        """Whether any product has one of the tokens in its field."""
        ...

    def beginning_with(self, field: str, prefix: str, limit: int) -> list[tuple[str, int]]:
        """The most common tokens of a field that begin with the prefix, and how many products have each."""
        ...

    def finds(self, query: Query) -> bool:
        """Whether any product matches the query."""
        ...

    def learn(self) -> bool:
        """Looks up what could not be answered since the last call. Returns whether there was anything.

        What was made of the answers before must then be made again. An index that answers all at once has nothing.
        """
        ...


class Vocabulary:
    """The words of one moment of an index, as matching asks for them."""

    # How many words with one beginning or end are looked at.
    MAX_TERMS = 100
    MAX_NEIGHBOURS, MAX_COMMONER, TIMES_AS_COMMON = 1000, 3, 10

    def __init__(self, words: Words) -> None:
        self._words = words
        self._known: dict[str, bool] = {}

    def count(self, field: str, token: str) -> int:
        """How many products have the token in the field."""
        return self._words.count(field, token)

    def has(self, word: str) -> bool:
        """Whether any product has the word, in any form and field."""
        if word not in self._known:
            stems = languages().stems(word)
            self._known[word] = self._words.has([("sku", word), *((f, stem) for stem in stems for f in STEM_FIELDS)])
        return self._known[word]

    def with_prefix(self, field: str, prefix: str) -> list[str]:
        """The most common tokens of a field that begin with the prefix, and are longer."""
        if not is_indexable(prefix):
            return []
        terms = self._words.beginning_with(field, prefix, self.MAX_TERMS)
        return [token for token, _ in terms if token != prefix]

    def commoner(self, word: str, typos: int) -> list[str]:
        """Words of names that are nearly the word, begin like it and are many times as common; the commonest first."""
        num_products = max(self.count("name", stem) for stem in languages().stems(word))
        terms = self._words.beginning_with("name_words", word[:2], self.MAX_NEIGHBOURS)
        commoner = (token for token, count in terms if count >= num_products * self.TIMES_AS_COMMON)
        return [token for token in commoner if is_near(token, word, typos, prefix=False)][: self.MAX_COMMONER]

    def foreign_forms(self, word: str) -> list[str]:
        """Words of names that are other forms of the word in a language that the shop has not named."""
        stems = set(all_languages().stems(word))
        longer = self.with_prefix("name_words", word[: max(MIN_BEGINNING, len(word) - MAX_ENDING)])
        return [token for token in longer if not stems.isdisjoint(all_languages().stems(token))][: self.MAX_COMMONER]

    def finds(self, query: Query) -> bool:
        """Whether any product matches the query."""
        return self._words.finds(query)
