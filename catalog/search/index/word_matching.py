"""The queries that match one word of a text."""

from functools import cached_property
from math import ceil

from tantivy import Occur, Query

from catalog.search.analysis.languages import languages
from catalog.search.analysis.tokens import Word, WordKind
from catalog.search.analysis.unspaced import is_ideograph, is_syllabic
from catalog.search.index.compounds import compounds_with, parts_of_compound
from catalog.search.index.documents import SCHEMA
from catalog.search.index.terms import (
    DESCRIPTIONS,
    STEM_FIELDS,
    WORD_FIELDS,
    Vocabulary,
    all_of,
    any_of,
    boosted,
    near_query,
    phrase,
    term,
)

SKU_BOOST, APART_BOOST, INSIDE_BOOST, PARTS_BOOST, NUMBERS_BOOST, COMMONER_BOOST = 8.0, 4.0, 10.0, 0.25, 0.3, 0.5
FOREIGN_FORM_BOOST = 0.8
# What the form as written adds: it is all that tells the products of a single word apart.
AS_WRITTEN_BOOST, ONLY_WORD_AS_WRITTEN_BOOST = 1.0, 10.0
MIN_SPLIT_LETTERS, MAX_SPLIT_LETTERS = 3, 30
# How many bigrams of a run are looked for, and of how many a part is enough.
MAX_BIGRAMS, MIN_BIGRAMS = 50, 3


class WordMatching:
    """One word, with the queries of all strategies. Their scores tell better matches from worse."""

    def __init__(
        self, word: Word, vocabulary: Vocabulary, typos: dict[str, int], *, descriptions: bool, is_only_word: bool
    ) -> None:
        """`typos` says how many typos each token may have; `descriptions` whether words count that stand only there."""
        self.word = word
        self._vocabulary, self._typos = vocabulary, typos
        self._as_written_boost = ONLY_WORD_AS_WRITTEN_BOOST if is_only_word else AS_WRITTEN_BOOST
        self._stem_fields = {f: w for f, w in STEM_FIELDS.items() if descriptions or f not in DESCRIPTIONS}
        self._word_fields = {f: w for f, w in WORD_FIELDS.items() if descriptions or f not in DESCRIPTIONS}

    @cached_property
    def is_known(self) -> bool:
        """Whether any product has the word, so that it is not a typo."""
        if self.word.kind is not WordKind.PLAIN:
            return True
        return self._vocabulary.has(self.word.whole) or all(map(self._vocabulary.has, self.word.parts))

    @cached_property
    def exact(self) -> list[Query]:
        """The word in any of its forms."""
        word = self.word
        if word.kind is WordKind.UNSPACED:
            return self._unspaced()
        if word.kind is WordKind.WHOLE:
            return self._forms(word.whole)
        if word.whole not in word.parts:
            parts = dict.fromkeys(word.parts)
            apart = all_of([any_of([*self._forms(part), *self._written_apart(part)]) for part in parts])
            return [apart, *self._forms(word.whole)]
        queries = [*self._forms(word.whole), *self._written_apart(word.whole)]
        return [*queries, *self.inside] if languages().compounds else queries

    @cached_property
    def inside(self) -> list[Query]:
        """Compounds that the word is a part of, and the parts of the word if it is one."""
        if self.word.kind is not WordKind.PLAIN or len(self.word.parts) > 1:
            return []
        word, queries = self.word.parts[0], []
        if compounds := compounds_with(word, self._vocabulary):
            queries.append(boosted(Query.term_set_query(SCHEMA, "name", compounds), INSIDE_BOOST))
        for first, last in parts_of_compound(word, self._vocabulary):
            both = all_of([any_of(self._forms(first)), any_of(self._forms(last))])
            queries.append(boosted(both, PARTS_BOOST))
        return queries

    @cached_property
    def tolerant(self) -> list[Query]:
        """The word with typos if no product has it, or inside compounds."""
        queries = [*self.exact, *(() if languages().compounds else self.inside)]
        if self.word.kind is WordKind.UNSPACED:
            return [*queries, *self._most_bigrams()]
        for word in self._commoner:
            queries += [boosted(query, COMMONER_BOOST) for query in self._forms(word)]
        if not self.is_known:
            near = self._near(self.word.whole)
            forms = self._vocabulary.foreign_forms(self.word.whole)
            if forms and not self._vocabulary.finds(any_of(near)):
                # Otherwise a typo is more likely than a language that the shop has not named.
                near = [boosted(query, FOREIGN_FORM_BOOST) for form in forms for query in self._forms(form)]
            queries += near
            if len(self.word.parts) > 1:
                queries.append(
                    all_of([any_of(self._forms(part) + self._near(part)) for part in dict.fromkeys(self.word.parts)])
                )
        return queries

    @cached_property
    def _commoner(self) -> list[str]:
        """What the word may mean, if a few products have the same typo."""
        word = self.word.whole
        typos = self._typos.get(word, 0)
        return self._vocabulary.commoner(word, typos) if typos and self.is_known and len(self.word.parts) == 1 else []

    @property
    def is_tolerant(self) -> bool:
        """Whether `tolerant` may find more than `exact`."""
        return len(self.tolerant) > len(self.exact)

    @cached_property
    def loose(self) -> list[Query]:
        """The word as one of several, of which not all must match."""
        if self.word.kind is WordKind.WHOLE:
            numbers = all_of([any_of(self._forms(part)) for part in self.word.parts])
            return [*self.exact, boosted(numbers, NUMBERS_BOOST)]
        return self.tolerant

    @cached_property
    def completions(self) -> list[Query]:
        """The word as the beginning of one."""
        if self.word.kind is not WordKind.PLAIN:
            return []
        *whole, last = self.word.parts
        if not whole:
            return self._prefix(last)
        apart = [*(any_of(self._forms(part)) for part in whole), any_of([*self._forms(last), *self._prefix(last)])]
        return [all_of(apart), *self._prefix(self.word.whole)]

    def joined(self, token: str) -> list[Query]:
        """The word and its neighbour written as one, if any product has it: "tshirt" matches both of "t shirt"."""
        return self._forms(token) if self._vocabulary.has(token) else []

    def stop_word(self, boost: float) -> Query:
        return any_of([term("name", stem, boost) for part in self.word.parts for stem in languages().stems(part)])

    def _forms(self, token: str) -> list[Query]:
        """A single token in each field; the form as written counts more. SKUs have no other forms."""
        stems = languages().stems(token)
        queries = [term(field, stem, weight) for stem in stems for field, weight in self._stem_fields.items()]
        written = self._vocabulary.count("name_words", token)
        if written and any(self._vocabulary.count("name", stem) != written for stem in stems):
            queries.append(term("name_words", token, self._as_written_boost))
        queries.append(term("sku", token, SKU_BOOST))
        if token.isdigit() and token != (stripped := token.lstrip("0")) and stripped:
            queries.append(term("sku", stripped, SKU_BOOST))
        return queries

    def _written_apart(self, token: str) -> list[Query]:
        """Two neighbouring words of a name that make the token when they are written as one."""
        if not MIN_SPLIT_LETTERS <= len(token) <= MAX_SPLIT_LETTERS:
            return []
        pairs = [(token[:n], token[n:]) for n in range(1, len(token))]
        stems = languages().stems
        return [
            phrase([stems(left)[0], stems(right)[0]], APART_BOOST)
            for left, right in pairs
            if self._vocabulary.has(left) and self._vocabulary.has(right)
        ]

    def _unspaced(self) -> list[Query]:
        """A run of bigrams side by side in the name, or all of them in another field."""
        parts = [*self.word.parts]
        queries = [boosted(all_of([term(f, part, w) for part in parts]), 1.0) for f, w in self._stem_fields.items()]
        if len(parts) > 1:
            queries[0] = phrase(parts, self._stem_fields["name"])
        return [*queries, term("name_words", self.word.whole, ONLY_WORD_AS_WRITTEN_BOOST)]

    def _most_bigrams(self) -> list[Query]:
        """Some of the bigrams, because those across two words of the text stand in no product; or all ideographs."""
        parts, whole = self.word.parts[:MAX_BIGRAMS], self.word.whole
        each = [any_of([term(f, part, w) for f, w in self._stem_fields.items()]) for part in parts]
        queries = []
        if len(parts) > 1 and all(map(is_ideograph, whole)):
            # 龙井茶 is 龙井绿茶.
            queries.append(all_of([term("name", c, STEM_FIELDS["name"]) for c in dict.fromkeys(whole[:MAX_BIGRAMS])]))
        if len(parts) < MIN_BIGRAMS:
            return [*queries, all_of(each)]
        # A pair of ideographs or of Hangul syllables is a word, a pair of other letters is not.
        wanted = ceil(len(parts) / 3) if is_syllabic(whole) else max(2, ceil(len(parts) / 2))
        some = [(Occur.Should, query) for query in each]
        return [*queries, Query.boolean_query(some, minimum_number_should_match=wanted)]

    def _prefix(self, part: str) -> list[Query]:
        queries = [boosted(near_query(f, part, 0, prefix=True), w) for f, w in self._word_fields.items()]
        if any(c.isdigit() for c in part):
            # A prefix without a digit would match very many SKUs, because a shop's SKUs begin with the same letters.
            queries.append(boosted(near_query("sku", part, 0, prefix=True), WORD_FIELDS["name_words"]))
        return queries

    def _near(self, token: str) -> list[Query]:
        """The token with up to so many typos; fewer typos score higher, and so does the name."""
        queries: list[Query] = []
        for distance in range(1, self._typos.get(token, 0) + 1):
            closeness = 3 - distance
            queries += [boosted(near_query(f, token, distance), w * closeness) for f, w in self._word_fields.items()]
            stem = languages().stems(token)[0]
            if stem != token:
                queries.append(boosted(near_query("name", stem, distance), WORD_FIELDS["name_words"] * closeness))
        return queries
