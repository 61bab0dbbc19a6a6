"""The levels of strictness at which the words of a text are matched."""

from dataclasses import dataclass
from enum import IntEnum


class MatchingStrategy(IntEnum):
    """From the strictest on."""

    # Every word, exact or stemmed; the last one also as a prefix.
    STRICT = 1
    # The same, with typos.
    TYPOS = 2
    # All words but some, with typos.
    PARTIAL = 3


@dataclass(frozen=True, order=True)
class MatchLevel:
    """A strategy and, for PARTIAL, how many words a product may lack. Levels are ordered from the strictest on."""

    strategy: MatchingStrategy
    missing_words: int = 0

    @classmethod
    def from_code(cls, code: int) -> "MatchLevel":
        """The level of a code. Raises ValueError."""
        if code <= MatchingStrategy.PARTIAL:
            strategy = MatchingStrategy(code)
            return cls(strategy, missing_words=int(strategy is MatchingStrategy.PARTIAL))
        return cls(MatchingStrategy.PARTIAL, missing_words=code - MatchingStrategy.PARTIAL + 1)

    @property
    def code(self) -> int:
        """The level as cursors hold it: 1 is STRICT, 2 TYPOS, 3 PARTIAL without one word, 4 without two, and so on."""
        return self.strategy + max(0, self.missing_words - 1)


STRICT = MatchLevel(MatchingStrategy.STRICT)
TYPOS = MatchLevel(MatchingStrategy.TYPOS)
