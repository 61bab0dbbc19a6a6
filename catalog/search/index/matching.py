"""Makes Tantivy queries of the words of a text, one for each level of strictness.

Queries are made of terms and never parsed, so no text can be a syntax error.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from tantivy import Occur, Query, Searcher

from catalog.search.analysis.languages import languages
from catalog.search.analysis.tokens import (
    Word,
    WordKind,
    is_foreign_stop_word,
    is_indexable,
    significant_words,
    words_of,
)
from catalog.search.index.documents import name_term
from catalog.search.index.terms import Vocabulary, all_of, any_of, boosted, but_not, phrase, term, with_bonuses
from catalog.search.index.word_matching import SKU_BOOST, WordMatching
from catalog.search.strategy import STRICT, TYPOS, MatchingStrategy, MatchLevel
from catalog.search.typos import MAX_WORDS_WITH_TYPOS, typos_of
from catalog.text import fold

Synonyms = tuple[tuple[tuple[str, ...], tuple[tuple[str, ...], ...]], ...]
# What it adds when a name is the text, when the last word says what the product is, when two words or all of them
# stand side by side, and when a stop word is in the name.
WHOLE_NAME_BOOST, SUBJECT_BOOST, PAIR_BOOST, TEXT_BOOST, STOP_WORD_BOOST = 12.0, 2.0, 3.0, 1.0, 0.3
SYNONYM_BOOST = 0.8
# How many words may be missing at the partial levels of a long text, before all but one may. Each level costs a search.
MISSING_WORDS = (1, 2, 3, 5)


@dataclass(frozen=True)
class Unit:
    """A word of the text that must match, or several that have a synonym together."""

    words: list[WordMatching]
    alternatives: list[list[WordMatching]]

    def queries(self, name: str) -> list[Query]:
        """The queries of one strategy: `exact`, `tolerant` or `loose`."""

        def of(words: list[WordMatching]) -> list[Query]:
            if len(words) == 1:
                return list(getattr(words[0], name))
            return [all_of([any_of(getattr(word, name)) for word in words])]

        return [*of(self.words), *(boosted(any_of(of(words)), SYNONYM_BOOST) for words in self.alternatives)]


class Matching:
    """The queries of one text on one commit of the index."""

    def __init__(
        self, searcher: Searcher, text: str, *, synonyms: Synonyms = (), without_descriptions: bool = False
    ) -> None:
        self._vocabulary = Vocabulary(searcher)
        self._folded = fold(text)
        self._descriptions = not without_descriptions
        self._all_words = words_of(text)
        self._synonyms = {_wholes(typed): alternatives for typed, alternatives in synonyms}
        # Stop words only count when the text has nothing else.
        self.words = significant_words(self._all_words)
        self._typos = typos_of(self.words)
        others = [word for word in self.words if not is_foreign_stop_word(word) or self._is_thing(word)]
        if 0 < len(others) < len(self.words) and not self._in_names(self.words) and self._in_names(others):
            self.words = others

    def levels(self) -> list[MatchLevel]:
        """The levels at which the text can be matched, from the strictest on."""
        levels = [STRICT]
        if any(word.is_tolerant for unit in self._units for word in unit.words):
            levels.append(TYPOS)
        last = self._num_loose - 1
        missing_words = [*(missing for missing in MISSING_WORDS if missing < last), last] if last > 0 else []
        partial = (MatchLevel(MatchingStrategy.PARTIAL, missing) for missing in missing_words)
        return [replace(level, without_descriptions=not self._descriptions) for level in (*levels, *partial)]

    def has_level(self, level: MatchLevel) -> bool:
        """Whether the text can be matched at a level. To answer that needs no look at the index."""
        return level.strategy is not MatchingStrategy.PARTIAL or level.missing_words < self._num_loose

    @property
    def _num_loose(self) -> int:
        """How many words a partial match looks at."""
        return len(self._loose_units)

    def best(self, level: MatchLevel) -> Query:
        """The better hits of a level, scored. All hits of PARTIAL are among them."""
        if level.strategy is MatchingStrategy.PARTIAL:
            return self._partial(level)
        groups = self._groups(level)
        if len(self._all_words) == 1 and self._all_words[0].kind is WordKind.PLAIN and len(self.words[0].parts) == 1:
            # As one flat union, so that Tantivy skips documents that cannot be among the best. The bonuses find
            # nothing else, because they are of the same word.
            return any_of([*groups[0], *self._bonuses])
        required = [(Occur.Must, any_of(group)) for group in groups]
        best = Query.boolean_query([*required, *((Occur.Should, bonus) for bonus in self._bonuses)])
        return any_of([best, self._sku]) if self._sku else best

    def all(self, level: MatchLevel) -> Query:
        """All hits of a level: the better ones, and those with a word that only begins with the last word."""
        completions = self._completions
        if level.strategy is MatchingStrategy.PARTIAL or not completions:
            return self.best(level)
        groups = self._groups(level)
        groups[-1] = [*groups[-1], *completions]
        everything = all_of([any_of(group) for group in groups])
        return any_of([everything, self._sku]) if self._sku else everything

    def rest(self, level: MatchLevel) -> Query | None:
        """The hits of `all` that are not in `best`; None when there can be none."""
        if level.strategy is MatchingStrategy.PARTIAL or not self._completions:
            return None
        return but_not(self.all(level), self.best(level))

    def _groups(self, level: MatchLevel) -> list[list[Query]]:
        """For each unit, the queries that match it."""
        name = "exact" if level.strategy is MatchingStrategy.STRICT else "tolerant"
        return [self._with_pairs(unit, unit.queries(name)) for unit in self._units]

    @property
    def unknown_words(self) -> frozenset[Word]:
        """The words that no product has, which may have typos."""
        return frozenset(word.word for unit in self._units for word in unit.words if not word.is_known)

    @property
    def synonyms(self) -> list[Word]:
        """The words of the synonyms of the text."""
        return [word.word for unit in self._units for words in unit.alternatives for word in words]

    @cached_property
    def _units(self) -> list[Unit]:
        """The words that must match, in order. Words that have a synonym together are one."""
        words, units, at = self._all_words, [], 0
        longest = max(map(len, self._synonyms), default=0)
        while at < len(words):
            sizes = range(min(longest, len(words) - at), 0, -1)
            wholes = [word.whole for word in words[at:]]
            size = next((size for size in sizes if tuple(wholes[:size]) in self._synonyms), 0)
            alternatives = self._synonyms[tuple(wholes[:size])] if size else ()
            others = [[self._matching(word) for text in other for word in words_of(text)] for other in alternatives]
            size = size or 1
            if alternatives or words[at] in self.words:
                units.append(Unit([self._matching(word) for word in words[at : at + size]], [o for o in others if o]))
            at += size
        return units

    def _matching(self, word: Word) -> WordMatching:
        return WordMatching(
            word,
            self._vocabulary,
            self._typos,
            descriptions=self._descriptions,
            is_only_word=len(self._all_words) == 1,
        )

    def _is_thing(self, word: Word) -> bool:
        """Whether any product is the word, such as a door, which is "through" in Dutch."""
        return any(self._vocabulary.count("subject", stem) for stem in languages().stems(word.whole))

    def _in_names(self, words: list[Word]) -> bool:
        """Whether any product has all the words outside its description."""
        each = [WordMatching(w, self._vocabulary, {}, descriptions=False, is_only_word=False) for w in words]
        return self._vocabulary.finds(all_of([any_of([*word.exact, *word.inside]) for word in each]))

    def _with_pairs(self, unit: Unit, queries: list[Query]) -> list[Query]:
        """With the neighbouring words written as one: "tshirt" in a product matches both words of "t shirt"."""
        if len(unit.words) > 1:
            return queries
        word = unit.words[0]
        if word.word not in self.words:
            return queries
        at = self.words.index(word.word)
        pairs = [self.words[left : left + 2] for left in (at - 1, at) if 0 <= left < len(self.words) - 1]
        return [*queries, *(query for left, right in pairs for query in word.joined(left.whole + right.whole))]

    @cached_property
    def _completions(self) -> list[Query]:
        """The last word of the text as the beginning of one."""
        last = self._units[-1].words[-1]
        return last.completions if last.word == self._all_words[-1] else []

    @cached_property
    def _bonuses(self) -> list[Query]:
        """Names equal to the text score highest, then names with its words side by side."""
        bonuses = [term("name_key", name_term(self._folded), WHOLE_NAME_BOOST)]
        bonuses += [term("subject", stem, SUBJECT_BOOST) for stem in languages().stems(self.words[-1].parts[-1])]
        stems = [languages().stems(word.parts[0])[0] if len(word.parts) == 1 else "" for word in self._all_words]
        pairs = [(left, right) for left, right in pairwise(stems) if left and right]
        bonuses += [phrase([*pair], PAIR_BOOST) for pair in pairs[:MAX_WORDS_WITH_TYPOS]]
        parts = [languages().stems(part)[0] for word in self._all_words for part in word.parts]
        if len(parts) > 1 and all(word.kind is not WordKind.UNSPACED for word in self._all_words):
            bonuses.append(phrase(parts, TEXT_BOOST))
        stop_words = [word for word in self._all_words if word not in self.words][:MAX_WORDS_WITH_TYPOS]
        return [*bonuses, *(self._matching(word).stop_word(STOP_WORD_BOOST) for word in stop_words)]

    @cached_property
    def _sku(self) -> Query | None:
        """The whole text as an SKU: "mon 27q" is MON-27Q."""
        token = "".join(word.whole for word in self._all_words)
        is_sku = len(self._all_words) > 1 and is_indexable(token) and self._vocabulary.count("sku", token)
        return term("sku", token, SKU_BOOST) if is_sku else None

    @cached_property
    def _loose(self) -> list[Query]:
        """Each of the first words as one of several. Words that no product has, not even nearly, are left out."""
        queries = []
        for unit, joined in self._loose_units:
            query = any_of([*self._with_pairs(unit, unit.queries("loose")), *joined])
            if all(word.is_known for word in unit.words) or self._vocabulary.finds(query):
                queries.append(query)
        if self._completions and not self._units[-1].words[-1].is_known:
            completions = any_of(self._completions)
            if self._vocabulary.finds(completions):
                queries.append(completions)
        return queries

    @cached_property
    def _loose_units(self) -> list[tuple[Unit, list[Query]]]:
        """The first units, with the parts of "t-shirt" as two. Each part is met by the parts written as one, too."""
        units: list[tuple[Unit, list[Query]]] = []
        for unit in self._units:
            word = unit.words[0]
            parts = dict.fromkeys(word.word.parts)
            if len(unit.words) == 1 and not unit.alternatives and word.word.kind is WordKind.PLAIN and len(parts) > 1:
                joined = word.joined(word.word.whole)
                units += [(Unit([self._matching(Word((part,), part))], []), joined) for part in parts]
            else:
                units.append((unit, []))
        return units[:MAX_WORDS_WITH_TYPOS]

    def _partial(self, level: MatchLevel) -> Query:
        queries = self._loose
        wanted = max(1, self._num_loose - level.missing_words)
        if wanted > len(queries):
            return Query.empty_query()
        if wanted == len(queries):
            # The same products, but Tantivy is faster at matching all than at counting how many match.
            return with_bonuses(all_of(queries), self._bonuses)
        some = Query.boolean_query([(Occur.Should, query) for query in queries], minimum_number_should_match=wanted)
        return with_bonuses(some, self._bonuses)


def _wholes(typed: tuple[str, ...]) -> tuple[str, ...]:
    """The words of a synonym as the text has them."""
    return tuple(word.whole for text in typed for word in words_of(text))
