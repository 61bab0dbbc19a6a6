"""Typo tolerance: how many typos each word of a text may have, and which words are near enough.

The index finds near words with a Levenshtein automaton, which is built completely before the search. The size of
an automaton grows with the word's bytes in UTF-8 and with the number of typos: 200 Chinese characters with two typos
take 3.8 GB. So only words that are short in bytes get typos, and the words of one text share a limit.
"""

from collections.abc import Iterable

from catalog.search.analysis.tokens import Word, WordKind

# How many letters a word must have to be allowed one typo, and two.
MIN_LETTERS_ONE_TYPO, MIN_LETTERS_TWO_TYPOS = 4, 8
# The longest word that gets typos: 48 Latin letters, 24 Cyrillic ones.
MAX_WORD_BYTES = 48
# A text with more or larger words was probably pasted. Its further words are searched without typos.
MAX_WORDS_WITH_TYPOS, MAX_AUTOMATA_SIZE = 10, 360


def typos_allowed(words: Iterable[str]) -> dict[str, int]:
    """How many typos each of a text's folded words may have. The first words use up the limit first."""
    allowed = dict.fromkeys(words, 0)
    words_left, size_left = MAX_WORDS_WITH_TYPOS, MAX_AUTOMATA_SIZE
    for word in allowed:
        size = size_of(word)
        if (
            len(word) < MIN_LETTERS_ONE_TYPO
            or len(word.encode()) > MAX_WORD_BYTES
            or size > size_left
            or not words_left
        ):
            continue
        allowed[word] = 1 if len(word) < MIN_LETTERS_TWO_TYPOS else 2
        words_left -= 1
        size_left -= size
    return allowed


def typos_of(words: Iterable[Word]) -> dict[str, int]:
    """How many typos the parts of each word may have, and the parts written as one."""
    plain_words = [word for word in words if word.kind is WordKind.PLAIN]
    return typos_allowed(token for word in plain_words for token in (*word.parts, word.whole))


def size_of(word: str) -> int:
    """How large a word's automata are, roughly: its letters, each by the square of its bytes (a Latin one is 1)."""
    size = len(word.encode())
    return size * size // max(1, len(word))


def is_near(token: str, word: str, typos: int, *, prefix: bool) -> bool:
    """Whether the token is the word with at most so many typos; with `prefix`, whether a beginning of the token is.

    A letter more, less or other is a typo, and so are two letters swapped (optimal string alignment).
    """
    if not typos or len(token) < len(word) - typos or (len(token) > len(word) + typos and not prefix):
        return False
    # Rows of the distance matrix: the one before last, the last, and the one being made.
    before: list[int] = []
    row = list(range(len(word) + 1))
    # A longer beginning of the token has too many letters more than the word.
    for at, c in enumerate(token[: len(word) + typos], 1):
        line = [at]
        for place, wanted in enumerate(word, 1):
            cost = min(row[place] + 1, line[-1] + 1, row[place - 1] + (c != wanted))
            if place > 1 and at > 1 and c == word[place - 2] and token[at - 2] == wanted:
                cost = min(cost, before[place - 2] + 1)
            line.append(cost)
        before, row = row, line
        if prefix and row[-1] <= typos:
            return True
        if min(row) > typos and (not before or min(before) > typos):
            return False
    return row[-1] <= typos
