"""Typo tolerance: how many typos each word of a text may have, and which words are near enough to it.

The index looks for near words with a Levenshtein automaton, built whole before anything is looked up. Its size goes by
the word's bytes in UTF-8 and by the number of typos: 200 Chinese characters with two typos take 3.8 GB. So only words
that are short in bytes get typos, and all words of one text only so many bytes together.
"""

from collections.abc import Iterable

from tantivy import Query

from catalog.search.index.documents import SCHEMA
from catalog.search.tokens import is_indexable

# Letters from which on a word may have one typo, and two.
ONE_TYPO, TWO_TYPOS = 4, 8
# The longest word that gets typos: 16 Chinese characters, 5 Korean syllables (15 letters), 48 Latin letters.
MAX_WORD_BYTES = 48
# A text of more words than these, or larger ones, is a pasted one: those beyond are looked for as they are written.
MAX_WORDS, MAX_SIZE = 10, 360


def typos_allowed(words: Iterable[str]) -> dict[str, int]:
    """How many typos each of a text's folded words may have, in the order in which they are to get them."""
    allowed = dict.fromkeys(words, 0)
    words_left, size_left = MAX_WORDS, MAX_SIZE
    for word in allowed:
        size = size_of(word)
        if len(word) < ONE_TYPO or len(word.encode()) > MAX_WORD_BYTES or size > size_left or not words_left:
            continue
        allowed[word] = 1 if len(word) < TWO_TYPOS else 2
        words_left -= 1
        size_left -= size
    return allowed


def size_of(word: str) -> int:
    """How large a word's automata are, roughly: its letters, each by the square of its bytes (a Latin one is 1)."""
    size = len(word.encode())
    return size * size // max(1, len(word))


def near_query(field: str, token: str, typos: int, *, prefix: bool = False) -> Query:
    """The words of a field that are the token with at most so many typos, or with `prefix` begin with such a word.

    All automata are made here: `typos` is what `typos_allowed` says of the token, or less.
    """
    if not is_indexable(token):
        return Query.empty_query()
    # Two letters swapped are one typo.
    return Query.fuzzy_term_query(SCHEMA, field, token, typos, True, prefix)


def is_near(token: str, word: str, typos: int, *, prefix: bool) -> bool:
    """Whether the token is the word with at most so many typos; with `prefix`, whether a beginning of the token is.

    A letter more, less or other is a typo, and so are two letters swapped (optimal string alignment).
    """
    if not typos or len(token) < len(word) - typos or (len(token) > len(word) + typos and not prefix):
        return False
    row = list(range(len(word) + 1))
    before: list[int] = []
    # What comes later in the token than this is no beginning that the word could be.
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
