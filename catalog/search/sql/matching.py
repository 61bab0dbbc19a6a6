"""Makes conditions of the words of a text, for each level of strictness."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import and_, or_

from django.db.models import Case, IntegerField, Q, When
from django.db.models.expressions import Combinable
from django.db.models.lookups import GreaterThanOrEqual

from catalog.search.analysis.tokens import Word, significant_words, words_of
from catalog.search.criteria import Steering
from catalog.search.sql.word_matching import LEVELS_ABOVE, WordMatching
from catalog.search.strategy import MatchingStrategy, MatchLevel

# A text with more words was probably pasted. The others count neither for the rank, nor when some words may be missing.
MAX_COUNTED_WORDS = 10


@dataclass(frozen=True)
class Unit:
    """A word that must match, or several that have synonyms together. An alternative matches in their place."""

    words: list[WordMatching]
    alternatives: list[WordMatching]

    @property
    def anywhere(self) -> Q:
        return self._of("anywhere")

    @property
    def named(self) -> Q:
        return self._of("named")

    @property
    def in_name(self) -> Q:
        return self._of("in_name")

    @property
    def ranks_as_named(self) -> Q:
        return reduce(and_, (word.ranks_as_named for word in self.words))

    @property
    def as_written_in_name(self) -> Q:
        return reduce(and_, (word.as_written_in_name for word in self.words))

    def _of(self, name: str) -> Q:
        """The condition of this name, for all words or for all of an alternative."""
        words: Q = reduce(and_, (getattr(word, name) for word in self.words))
        return reduce(or_, (getattr(alternative, name) for alternative in self.alternatives), words)


class Matching:
    """The conditions of one text."""

    def __init__(self, words: list[Word], steering: Steering) -> None:
        self._words = significant_words(words)
        self._synonyms = {_key(" ".join(replaced)): others for replaced, others in steering.synonyms}

    @cached_property
    def units(self) -> list[Unit]:
        """The words that count, in order."""
        units: list[Unit] = []
        at = 0
        wholes = [word.whole for word in self._words]
        longest = max(map(len, self._synonyms), default=0)
        while at < len(wholes):
            sizes = range(min(longest, len(wholes) - at), 0, -1)
            size = next((size for size in sizes if tuple(wholes[at : at + size]) in self._synonyms), 1)
            others = self._synonyms.get(tuple(wholes[at : at + size]), ())
            # Staff may give many synonyms, so less is looked at for each.
            alternatives = [
                WordMatching(synonym, levels_above=0)
                for other in others
                if (synonym := tuple(words_of(" ".join(other))))
            ]
            levels_above = LEVELS_ABOVE if len(units) < MAX_COUNTED_WORDS else 0
            words = [WordMatching((word,), levels_above) for word in self._words[at : at + size]]
            units.append(Unit(words, alternatives))
            at += size
        return units

    @property
    def synonyms(self) -> list[Word]:
        """The words of all alternatives."""
        return [word for unit in self.units for alternative in unit.alternatives for word in alternative.words]

    def levels(self, *, without_descriptions: bool) -> list[MatchLevel]:
        """The levels at which the text can be matched, from the strictest on."""
        partial = [
            MatchLevel(MatchingStrategy.PARTIAL, missing, without_descriptions)
            for missing in range(1, self.num_counted)
        ]
        return [MatchLevel(MatchingStrategy.STRICT, without_descriptions=without_descriptions), *partial]

    def condition(self, level: MatchLevel) -> Q:
        """Which products match."""
        if level.strategy is MatchingStrategy.STRICT:
            return reduce(and_, (_condition(unit, level) for unit in self.units))
        num_units = self.num_units(without_descriptions=level.without_descriptions)
        return Q(GreaterThanOrEqual(num_units, self.num_counted - level.missing_words))

    def num_units(self, *, without_descriptions: bool) -> Combinable:
        """How many of the first words a product has."""
        level = MatchLevel(MatchingStrategy.STRICT, without_descriptions=without_descriptions)
        return sum_of([number(When(_condition(unit, level), then=1), default=0) for unit in self.counted])

    @property
    def num_counted(self) -> int:
        """How many words are counted when a product may lack some."""
        return len(self.counted)

    @property
    def counted(self) -> list[Unit]:
        return self.units[:MAX_COUNTED_WORDS]


def number(*cases: When, default: int) -> Case:
    """The number of the first case that holds."""
    return Case(*cases, default=default, output_field=IntegerField())


def sum_of(numbers: Sequence[Combinable]) -> Combinable:
    """Their sum, as a sum of sums: SQLite refuses parentheses within parentheses for each of fifty words."""
    if len(numbers) == 1:
        return numbers[0]
    middle = len(numbers) // 2
    return sum_of(numbers[:middle]) + sum_of(numbers[middle:])


def _condition(unit: Unit, level: MatchLevel) -> Q:
    return unit.named if level.without_descriptions else unit.anywhere


def _key(text: str) -> tuple[str, ...]:
    """The words of a text in the form in which a text's words are compared with those that have synonyms."""
    return tuple(word.whole for word in significant_words(words_of(text)))
