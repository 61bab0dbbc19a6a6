"""Folds text so that case and accents do not count, and takes a search apart into words."""

import unicodedata

SORT_KEY_LENGTH = 100


def fold(text: str) -> str:
    """The text without case and accents: NFKD, combining marks removed, casefolded (Unicode, UAX #15 and §3.13)."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(c for c in decomposed if c < "\u0300" or not unicodedata.combining(c)).casefold()


def squeeze(text: str) -> str:
    """The text with every run of white space as one space, none at the ends."""
    return " ".join(text.split())


def sort_key(name: str) -> str:
    """What NAME sorts by, in binary order: the folded name's first 100 characters."""
    return fold(name)[:SORT_KEY_LENGTH]


def _bare(piece: str) -> str:
    """The piece without punctuation (and the ASCII symbols of query languages) at its ends."""

    def counts(c: str) -> bool:
        return not (unicodedata.category(c).startswith("P") or c in "$+<=>^`|~")

    places = [i for i, c in enumerate(piece) if counts(c)]
    return piece[places[0] : places[-1] + 1] if places else ""


def words(text: str) -> list[str]:
    """The distinct folded words of a search, without punctuation at their ends.

    A word has at least one letter, digit or symbol: punctuation, marks alone and invisible characters are none.
    """
    return list(dict.fromkeys(word for piece in fold(text).split() if _is_word(word := _bare(piece))))


def _is_word(piece: str) -> bool:
    return any(unicodedata.category(c)[0] in "LNS" for c in piece)
