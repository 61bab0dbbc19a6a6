"""From the words of a search to Tantivy queries, stage by stage.

Queries are made of terms, never parsed: no input can be a syntax error. The stages: 1, every word, exact or stemmed,
the last also as a prefix; 2, the same with typos; 3, 4, …, all words but one, but two, … with typos. By relevance, what
holds the last word stands before what holds a word that begins with it.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from tantivy import Occur, Query, Searcher

from catalog.search.index.documents import SCHEMA, name_term
from catalog.search.tokens import parts_of, plain, stem
from catalog.search.typos import MAX_WORDS, near_query, typos_allowed
from catalog.text import fold

EXACT, TYPOS, PARTIAL = 1, 2, 3
# How much a word counts by where it stands; names before all else.
STEMMED_FIELDS = (("name", 6.0), ("brand_name", 3.0), ("category_path", 2.0), ("description", 1.0))
SKU_BOOST, COMPOUND_BOOST, PHRASE_BOOST, WHOLE_BOOST = 8.0, 6.0, 4.0, 12.0
NAME_BOOST = 4.0
LONGEST_SPLIT = 30


@dataclass(frozen=True)
class Word:
    """A word as typed: its parts ("t-shirt" has two), folded."""

    parts: tuple[str, ...]

    @property
    def whole(self) -> str:
        """The parts written as one."""
        return "".join(self.parts)


def words_of(text: str) -> list[Word]:
    """The distinct words of a search, in order; none when it is punctuation alone."""
    found = (tuple(parts_of(piece)) for piece in plain(text).split())
    return [Word(parts) for parts in dict.fromkeys(found) if parts]


def typos_of(words: list[Word]) -> dict[str, int]:
    """How many typos the parts of each word may have, and the parts written as one."""
    return typos_allowed(token for word in words for token in (*word.parts, word.whole))


def any_of(queries: list[Query]) -> Query:
    """What any of the queries finds, the scores added up."""
    return queries[0] if len(queries) == 1 else Query.boolean_query([(Occur.Should, query) for query in queries])


def all_of(queries: list[Query]) -> Query:
    """What all of the queries find."""
    return queries[0] if len(queries) == 1 else Query.boolean_query([(Occur.Must, query) for query in queries])


def _term(field: str, token: str, boost: float) -> Query:
    return Query.boost_query(Query.term_query(SCHEMA, field, token), boost)


def _fuzzy(field: str, token: str, typos: int, boost: float, *, prefix: bool = False) -> Query:
    return Query.boost_query(near_query(field, token, typos, prefix=prefix), boost)


def _exact(part: str) -> list[Query]:
    """A single word where it may stand; SKUs are not stemmed."""
    queries = [_term(field, stem(part), boost) for field, boost in STEMMED_FIELDS]
    return [*queries, _term("sku", part, SKU_BOOST)]


def _prefix(part: str) -> list[Query]:
    queries = [_fuzzy("name_words", part, 0, NAME_BOOST, prefix=True), _fuzzy("words", part, 0, 1.0, prefix=True)]
    if any(c.isdigit() for c in part):
        # Only then: a shop's SKUs begin with the same letters, and all of them would have to be looked at.
        queries.append(_fuzzy("sku", part, 0, NAME_BOOST, prefix=True))
    return queries


def _near(part: str, typos: int, *, prefix: bool = False) -> list[Query]:
    """The word with up to so many typos; the fewer and the nearer to the name, the better."""
    queries: list[Query] = []
    for distance in range(1, typos + 1):
        closeness = 3 - distance
        queries.append(_fuzzy("name_words", part, distance, NAME_BOOST * closeness, prefix=prefix))
        queries.append(_fuzzy("words", part, distance, 1.0 * closeness, prefix=prefix))
        if not prefix and stem(part) != part:
            queries.append(_fuzzy("name", stem(part), distance, NAME_BOOST * closeness))
            queries.append(_fuzzy("words", stem(part), distance, 1.0 * closeness))
    return queries


class Matching:
    """The queries of one text on one commit of the index."""

    def __init__(self, searcher: Searcher, text: str) -> None:
        self._searcher = searcher
        self.words = words_of(text)
        self._typos = typos_of(self.words)
        self._folded = fold(text)

    def stages(self) -> list[int]:
        """The stages that the text has, in their order."""
        return [EXACT, TYPOS, *(PARTIAL + n for n in range(len(self._parts()) - 1))]

    def best(self, stage: int) -> Query:
        """The stage's better hits, scored."""
        if stage == EXACT:
            return self._best(self._exact)
        return all_of(self._tolerant) if stage == TYPOS else self._partial(stage)

    def all(self, stage: int) -> Query:
        """All of the stage's hits: the better ones, and those where the last word is the beginning of one."""
        if stage >= PARTIAL:
            return self._partial(stage)
        last = self.words[-1]
        if stage == EXACT:
            return all_of([*map(any_of, self._exact[:-1]), any_of(self._exact[-1] + self._completions())])
        *others, near = self._tolerant
        completions = [*self._completions(), *_near(last.whole, self._typos[last.whole], prefix=True)]
        return all_of([*others, any_of([near, *completions])])

    def rest(self, stage: int) -> Query:
        """What `all` finds besides `best`."""
        return Query.boolean_query([(Occur.Must, self.all(stage)), (Occur.MustNot, self.best(stage))])

    @cached_property
    def _exact(self) -> list[list[Query]]:
        """The ways in which each word can be met as it is written."""
        return [self._alternatives(word, typos=False) for word in self.words]

    @cached_property
    def _tolerant(self) -> list[Query]:
        """Each word with its typos."""
        return [any_of(self._alternatives(word, typos=n < MAX_WORDS)) for n, word in enumerate(self.words)]

    def _parts(self) -> list[str]:
        """The single words that a partial match is made of."""
        return list(dict.fromkeys(part for word in self.words for part in word.parts))[:MAX_WORDS]

    def _partial(self, stage: int) -> Query:
        near = self._nearest
        wanted = max(1, len(self._parts()) - (stage - PARTIAL) - 1)
        if wanted > len(near):
            return Query.empty_query()
        if wanted == len(near):
            # The same, but Tantivy is faster at finding all than at counting how many.
            return all_of(near)
        return Query.boolean_query([(Occur.Should, query) for query in near], minimum_number_should_match=wanted)

    @cached_property
    def _nearest(self) -> list[Query]:
        """Each word, or when nothing holds it, the word with typos; without those that nothing holds even so."""
        found = []
        for part in self._parts():
            # A word that is there needs no typos: here they would only dilute what little there is.
            exists = self._exists(part)
            near = any_of(_exact(part) + ([] if exists else _near(part, self._typos[part])))
            if exists or self._searcher.search(near, 1, count=False).hits:
                found.append(near)
        return found

    def _alternatives(self, word: Word, *, typos: bool) -> list[Query]:
        """The ways in which a word can be met."""

        def near(token: str) -> list[Query]:
            return _near(token, self._typos[token]) if typos else []

        if len(word.parts) > 1:
            apart = [any_of(_exact(part) + near(part)) for part in dict.fromkeys(word.parts)]
            found = [all_of(apart), *self._written_as_one(word.whole)]
        else:
            found = [*_exact(word.whole), *self._written_apart(word.whole)]
        for left, right in pairwise(self.words):
            # "t shirt" is met by "tshirt", which stands for both words.
            if word in (left, right) and self._exists(left.whole + right.whole):
                found += self._written_as_one(left.whole + right.whole)
        return found + near(word.whole)

    def _completions(self) -> list[Query]:
        """The last word as the beginning of one."""
        *whole, last = self.words[-1].parts
        if not whole:
            return _prefix(last)
        found = all_of([*(any_of(_exact(part)) for part in whole), any_of(_exact(last) + _prefix(last))])
        return [found, *_prefix(self.words[-1].whole)]

    def _written_as_one(self, token: str) -> list[Query]:
        return [
            _term("name", stem(token), COMPOUND_BOOST),
            _term("description", stem(token), 1.0),
            _term("brand_name", stem(token), 3.0),
            _term("category_path", stem(token), 2.0),
            _term("sku", token, SKU_BOOST),
        ]

    def _written_apart(self, token: str) -> list[Query]:
        """Two words of a name, side by side, that written as one are the token."""
        if not 3 <= len(token) <= LONGEST_SPLIT:
            return []
        pairs = [(token[:n], token[n:]) for n in range(1, len(token))]
        return [
            Query.boost_query(Query.phrase_query(SCHEMA, "name", [stem(left), stem(right)]), PHRASE_BOOST)
            for left, right in pairs
            if self._exists(left) and self._exists(right)
        ]

    def _exists(self, token: str) -> bool:
        """Whether any product holds this word, as written or stemmed."""
        fields = (("name_words", token), ("words", token), ("name", stem(token)), ("description", stem(token)))
        return any(self._searcher.doc_freq(field, term) for field, term in fields)

    def _best(self, exact: list[list[Query]]) -> Query:
        """What meets every word; first those whose name is the text, or holds its words side by side."""
        whole = [_term("name_key", name_term(self._folded), WHOLE_BOOST)]
        stems: list[str | tuple[int, str]] = [stem(part) for word in self.words for part in word.parts]
        if len(stems) == 1:
            # One flat union: Tantivy skips what cannot come first.
            return any_of(exact[0] + whole)
        bonuses = [*whole, Query.boost_query(Query.phrase_query(SCHEMA, "name", list(stems)), PHRASE_BOOST)]
        required = [(Occur.Must, any_of(each)) for each in exact]
        return Query.boolean_query([*required, *((Occur.Should, bonus) for bonus in bonuses)])
