"""Splits texts into tokens, for the index and for searches."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import tantivy

from catalog.text import fold

# Longer tokens are not words.
MAX_TOKEN_BYTES = 255
# The stems of longer words are not cached: strangers write words of any length, and a shop's words are shorter.
MAX_KEPT_LETTERS = 40
_NO_LETTER = {code: " " for code in range(128) if not chr(code).isalnum()}
_COMPOUND = re.compile(r"[a-z0-9]+(?:[^a-z0-9\s]+[a-z0-9]+)+", re.ASCII)
# A text without a joint has no compound, and joints are faster to search for.
_JOINT = re.compile(r"[^a-z0-9\s][a-z0-9]", re.ASCII)

# Unicode does not decompose letters with a stroke and ligatures, but many keyboards lack them.
_LETTERS = str.maketrans(
    {
        **{
            "ø": "o",
            "ł": "l",
            "đ": "d",
            "ð": "d",
            "ħ": "h",
            "ı": "i",
            "ŧ": "t",
            "ĸ": "k",
            "ŋ": "n",
            "ɨ": "i",
            "ƀ": "b",
        },
        **{"æ": "ae", "œ": "oe", "þ": "th"},
    }
)


def plain(text: str) -> str:
    """The text folded for the index: without case, accents and strokes."""
    folded = fold(text)
    return folded if folded.isascii() else folded.translate(_LETTERS)


def parts_of(piece: str) -> list[str]:
    """The runs of letters and digits in a folded piece of text; a piece of symbols alone (an emoji) is one run."""
    if piece.isascii():
        return piece.translate(_NO_LETTER).split()
    kinds = [unicodedata.category(c)[0] for c in piece]
    if not {"L", "N"} & set(kinds):
        symbols = "".join(c for c, kind in zip(piece, kinds, strict=True) if kind == "S")
        return [symbols] if symbols else []
    return "".join(c if kind in "LNM" else " " for c, kind in zip(piece, kinds, strict=True)).split()


@dataclass(frozen=True)
class Word:
    """A word of a search as typed, folded; "t-shirt" has two parts."""

    parts: tuple[str, ...]

    @property
    def whole(self) -> str:
        """The parts written as one."""
        return "".join(self.parts)


def words_of(text: str) -> list[Word]:
    """The distinct words of a search, in order; none when it is punctuation alone."""
    words = (tuple(parts_of(piece)) for piece in plain(text).split())
    return [Word(parts) for parts in dict.fromkeys(words) if parts]


def tokens_of(text: str) -> str:
    """The tokens of a text for the index: its folded words, then its compounds ("t-shirt": t, shirt and tshirt)."""
    folded = plain(text)
    if folded.isascii():
        compounds = _COMPOUND.findall(folded) if _JOINT.search(folded) else []
        words = folded.translate(_NO_LETTER)
        return " ".join([words, *(c.translate(_NO_LETTER).replace(" ", "") for c in compounds)])
    pieces = [parts_of(piece) for piece in folded.split()]
    return " ".join([*(part for parts in pieces for part in parts), *("".join(p) for p in pieces if len(p) > 1)])


def _analyzer(*filters: tantivy.Filter) -> tantivy.TextAnalyzer:
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace())
    for token_filter in (tantivy.Filter.remove_long(MAX_TOKEN_BYTES + 1), *filters):
        builder = builder.filter(token_filter)
    return builder.build()


EXACT = _analyzer()
STEMMED = _analyzer(tantivy.Filter.stemmer("English"))


def is_indexable(token: str) -> bool:
    """Whether the token is short enough for the index."""
    return len(token) <= MAX_TOKEN_BYTES and len(token.encode()) <= MAX_TOKEN_BYTES


def stem(word: str) -> str:
    """The word's English stem, as in the index."""
    return _kept_stem(word) if len(word) <= MAX_KEPT_LETTERS else _stem(word)


def _stem(word: str) -> str:
    return (STEMMED.analyze(word) or [word])[0]


_kept_stem = lru_cache(maxsize=10_000)(_stem)
