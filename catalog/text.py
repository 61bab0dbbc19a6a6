"""Folding text so that case and accents do not count, and taking a search apart into words."""

import unicodedata

from django.utils.text import slugify

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

    kept = [i for i, c in enumerate(piece) if counts(c)]
    return piece[kept[0] : kept[-1] + 1] if kept else ""


def words(text: str) -> list[str]:
    """The distinct folded words of a search, punctuation at their ends removed; none when it is punctuation alone."""
    return list(dict.fromkeys(word for piece in fold(text).split() if (word := _bare(piece))))


def slug_of(text: str) -> str:
    """A slug for a name, letters of every script kept; empty when nothing of it can stand in a slug."""
    return slugify(text, allow_unicode=True)
