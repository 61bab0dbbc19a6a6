"""Makes Tantivy queries of the words of a text, one for each level of strictness.

Queries are made of terms and never parsed, so no text can be a syntax error. By relevance, products with the last word
come before those with a word that only begins with it.
"""

from functools import cached_property
from itertools import pairwise

from tantivy import Occur, Query, Searcher

from catalog.search.index.documents import SCHEMA, name_term
from catalog.search.strategy import STRICT, TYPOS, MatchingStrategy, MatchLevel
from catalog.search.tokens import Word, is_indexable, stem, words_of
from catalog.search.typos import MAX_WORDS_WITH_TYPOS, typos_of
from catalog.text import fold

# The weight of a word in each field. Names weigh most.
STEMMED_FIELDS = (("name", 6.0), ("brand_name", 3.0), ("category_path", 2.0), ("description", 1.0))
SKU_BOOST, COMPOUND_BOOST, PHRASE_BOOST, WHOLE_BOOST = 8.0, 6.0, 4.0, 12.0
NAME_BOOST = 4.0
# Words with so many letters are also searched as two words.
MIN_SPLIT_LETTERS, MAX_SPLIT_LETTERS = 3, 30


def any_of(queries: list[Query]) -> Query:
    """Products that match any of the queries. Their scores are added up."""
    return queries[0] if len(queries) == 1 else Query.boolean_query([(Occur.Should, query) for query in queries])


def all_of(queries: list[Query]) -> Query:
    """Products that match all of the queries."""
    return queries[0] if len(queries) == 1 else Query.boolean_query([(Occur.Must, query) for query in queries])


def near_query(field: str, token: str, typos: int, *, prefix: bool = False) -> Query:
    """The words of a field that are the token with at most so many typos, or with `prefix` begin with such a word.

    All automata are made here. `typos` must not be more than `typos_allowed` returns for the token.
    """
    if not is_indexable(token):
        return Query.empty_query()
    # Two letters swapped are one typo.
    return Query.fuzzy_term_query(SCHEMA, field, token, typos, True, prefix)


def _term(field: str, token: str, boost: float) -> Query:
    return Query.boost_query(Query.term_query(SCHEMA, field, token), boost)


def _fuzzy(field: str, token: str, typos: int, boost: float, *, prefix: bool = False) -> Query:
    return Query.boost_query(near_query(field, token, typos, prefix=prefix), boost)


def _exact(part: str) -> list[Query]:
    """A single word in any of its fields; SKUs are not stemmed."""
    queries = [_term(field, stem(part), boost) for field, boost in STEMMED_FIELDS]
    return [*queries, _term("sku", part, SKU_BOOST)]


def _prefix(part: str) -> list[Query]:
    queries = [_fuzzy("name_words", part, 0, NAME_BOOST, prefix=True), _fuzzy("words", part, 0, 1.0, prefix=True)]
    if any(c.isdigit() for c in part):
        # A prefix without a digit would match very many SKUs, because a shop's SKUs begin with the same letters.
        queries.append(_fuzzy("sku", part, 0, NAME_BOOST, prefix=True))
    return queries


def _near(part: str, typos: int, *, prefix: bool = False) -> list[Query]:
    """The word with up to so many typos; fewer typos score higher, and so does the name."""
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

    def levels(self) -> list[MatchLevel]:
        """The levels at which the text can be matched, from the strictest on."""
        partial = (MatchLevel(MatchingStrategy.PARTIAL, missing) for missing in range(1, len(self._parts())))
        return [STRICT, TYPOS, *partial]

    def best(self, level: MatchLevel) -> Query:
        """The better hits of a level, scored."""
        if level == STRICT:
            return self._best(self._exact)
        return all_of(self._tolerant) if level == TYPOS else self._partial(level)

    def all(self, level: MatchLevel) -> Query:
        """All hits of a level: the better ones, and those with a word that only begins with the last word."""
        if level > TYPOS:
            return self._partial(level)
        last = self.words[-1]
        if level == STRICT:
            return all_of([*map(any_of, self._exact[:-1]), any_of(self._exact[-1] + self._completions())])
        *others, near = self._tolerant
        completions = [*self._completions(), *_near(last.whole, self._typos[last.whole], prefix=True)]
        return all_of([*others, any_of([near, *completions])])

    def rest(self, level: MatchLevel) -> Query:
        """The hits of `all` that are not in `best`."""
        return Query.boolean_query([(Occur.Must, self.all(level)), (Occur.MustNot, self.best(level))])

    @cached_property
    def _exact(self) -> list[list[Query]]:
        """For each word as it is written, the queries that match it."""
        return [self._alternatives(word, typos=False) for word in self.words]

    @cached_property
    def _tolerant(self) -> list[Query]:
        """Each word with its typos."""
        return [any_of(self._alternatives(word, typos=n < MAX_WORDS_WITH_TYPOS)) for n, word in enumerate(self.words)]

    def _parts(self) -> list[str]:
        """The single words that a partial match is made of."""
        return list(dict.fromkeys(part for word in self.words for part in word.parts))[:MAX_WORDS_WITH_TYPOS]

    def _partial(self, level: MatchLevel) -> Query:
        near = self._nearest
        wanted = max(1, len(self._parts()) - level.missing_words)
        if wanted > len(near):
            return Query.empty_query()
        if wanted == len(near):
            # The same products, but Tantivy is faster at matching all than at counting how many match.
            return all_of(near)
        return Query.boolean_query([(Occur.Should, query) for query in near], minimum_number_should_match=wanted)

    @cached_property
    def _nearest(self) -> list[Query]:
        """Each word, with typos if no product has it as written. Words that still match nothing are left out."""
        queries = []
        for part in self._parts():
            # Typos of a word that exists would only add worse hits.
            exists = self._exists(part)
            near = any_of(_exact(part) + ([] if exists else _near(part, self._typos[part])))
            if exists or self._searcher.search(near, 1, count=False).hits:
                queries.append(near)
        return queries

    def _alternatives(self, word: Word, *, typos: bool) -> list[Query]:
        """The queries that match a word."""

        def near(token: str) -> list[Query]:
            return _near(token, self._typos[token]) if typos else []

        if len(word.parts) > 1:
            apart = [any_of(_exact(part) + near(part)) for part in dict.fromkeys(word.parts)]
            queries = [all_of(apart), *self._written_as_one(word.whole)]
        else:
            queries = [*_exact(word.whole), *self._written_apart(word.whole)]
        for left, right in pairwise(self.words):
            # "tshirt" in a product matches both words of "t shirt".
            if word in (left, right) and self._exists(left.whole + right.whole):
                queries += self._written_as_one(left.whole + right.whole)
        return queries + near(word.whole)

    def _completions(self) -> list[Query]:
        """The last word as the beginning of one."""
        *whole, last = self.words[-1].parts
        if not whole:
            return _prefix(last)
        apart = all_of([*(any_of(_exact(part)) for part in whole), any_of(_exact(last) + _prefix(last))])
        return [apart, *_prefix(self.words[-1].whole)]

    def _written_as_one(self, token: str) -> list[Query]:
        return [
            _term("name", stem(token), COMPOUND_BOOST),
            _term("description", stem(token), 1.0),
            _term("brand_name", stem(token), 3.0),
            _term("category_path", stem(token), 2.0),
            _term("sku", token, SKU_BOOST),
        ]

    def _written_apart(self, token: str) -> list[Query]:
        """Two neighbouring words of a name that make the token when they are written as one."""
        if not MIN_SPLIT_LETTERS <= len(token) <= MAX_SPLIT_LETTERS:
            return []
        pairs = [(token[:n], token[n:]) for n in range(1, len(token))]
        return [
            Query.boost_query(Query.phrase_query(SCHEMA, "name", [stem(left), stem(right)]), PHRASE_BOOST)
            for left, right in pairs
            if self._exists(left) and self._exists(right)
        ]

    def _exists(self, token: str) -> bool:
        """Whether any product has this word, as written or stemmed."""
        fields = (("name_words", token), ("words", token), ("name", stem(token)), ("description", stem(token)))
        return any(self._searcher.doc_freq(field, term) for field, term in fields)

    def _best(self, exact: list[list[Query]]) -> Query:
        """Products with every word. Names equal to the text score highest, then names with its words side by side."""
        whole = [_term("name_key", name_term(self._folded), WHOLE_BOOST)]
        stems: list[str | tuple[int, str]] = [stem(part) for word in self.words for part in word.parts]
        if len(stems) == 1:
            # As one flat union, so that Tantivy skips documents that cannot be among the best.
            return any_of(exact[0] + whole)
        bonuses = [*whole, Query.boost_query(Query.phrase_query(SCHEMA, "name", list(stems)), PHRASE_BOOST)]
        required = [(Occur.Must, any_of(queries)) for queries in exact]
        return Query.boolean_query([*required, *((Occur.Should, bonus) for bonus in bonuses)])
