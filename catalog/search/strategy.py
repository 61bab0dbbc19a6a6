"""The levels of strictness at which the words of a text are matched."""

from dataclasses import dataclass
from enum import IntEnum


class MatchingStrategy(IntEnum):
    """From the strictest on."""

    # Every word, exact or stemmed; the last one also as a prefix.
    STRICT = 1
    # The same; words that no product has are matched with typos, and words also inside compounds.
    TYPOS = 2
    # All words but some.
    PARTIAL = 3


# What is added to the codes of levels that leave descriptions out.
_WITHOUT_DESCRIPTIONS = 1_000


@dataclass(frozen=True, order=True)
class MatchLevel:
    """A strategy and, for PARTIAL, how many words a product may lack. Levels are ordered from the strictest on."""

    strategy: MatchingStrategy
    missing_words: int = 0
    # Whether words do not count that stand only in the description.
    without_descriptions: bool = False

    @classmethod
    def from_code(cls, code: int) -> "MatchLevel":
        """The level of a code. Raises ValueError."""
        without_descriptions, code = code >= _WITHOUT_DESCRIPTIONS, code % _WITHOUT_DESCRIPTIONS
        if code <= MatchingStrategy.PARTIAL:
            strategy = MatchingStrategy(code)
            return cls(strategy, int(strategy is MatchingStrategy.PARTIAL), without_descriptions)
        return cls(MatchingStrategy.PARTIAL, code - MatchingStrategy.PARTIAL + 1, without_descriptions)

    @property
    def code(self) -> int:
        """The level as cursors hold it: 1 is STRICT, 2 TYPOS, 3 PARTIAL without one word, 4 without two, and so on."""
        return self.strategy + max(0, self.missing_words - 1) + _WITHOUT_DESCRIPTIONS * self.without_descriptions


STRICT = MatchLevel(MatchingStrategy.STRICT)
TYPOS = MatchLevel(MatchingStrategy.TYPOS)
