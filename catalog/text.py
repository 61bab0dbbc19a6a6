"""Folds text so that case and accents do not count: strictly for sorting, and more freely for searching."""

import re
import sys
import unicodedata

SORT_KEY_LENGTH = 100
# Characters that are normalised at once.
PIECE = 256

# Characters that nobody sees, whose code points Unicode calls default ignorable, and those of private use.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200d-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ue000-\uf8ff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff\U000f0000-\U0010ffff]"
)
# "4½" is "4 1/2".
_FRACTION = re.compile("(?<=[0-9])(?=[\u00bc-\u00be\u2150-\u215e])")
# The voice marks of kana, which tell letters apart, as accents do not.
_KANA_MARKS = "\u3099\u309a"
_LETTERS = {
    # Unicode does not decompose letters with a stroke and ligatures, but many keyboards lack them.
    **{"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ŧ": "t", "ĸ": "k", "ŋ": "n", "ɨ": "i", "ƀ": "b"},
    **{"æ": "ae", "œ": "oe", "þ": "th", "\u2044": "/"},
    # Arabic and Persian keyboards write these differently. The tatweel only makes words longer.
    **{"ی": "ي", "ى": "ي", "ک": "ك", "ة": "ه", "ە": "ه", "ۀ": "ه", "ٱ": "ا", "ـ": ""},
    # The zero width non-joiner separates the parts of Persian words, as a hyphen does.
    "\u200c": "-",
    **{chr(code): str(unicodedata.decimal(chr(code))) for code in range(128, sys.maxunicode) if chr(code).isdecimal()},
}
_TRANSLATION = str.maketrans(_LETTERS)


def _decomposed(text: str) -> str:
    """NFKD (UAX #15), piece by piece: the time to put marks in order grows by the square of their number in a row.

    Marks in a row may stand in another order than in NFKD. They are dropped anyway.
    """
    pieces = (text[start : start + PIECE] for start in range(0, len(text), PIECE))
    return "".join(unicodedata.normalize("NFKD", piece) for piece in pieces)


def fold(text: str) -> str:
    """The text without case and accents: NFKD, combining marks removed, casefolded (Unicode, UAX #15 and §3.13)."""
    if text.isascii():
        return text.lower()
    decomposed = _decomposed(text)
    return "".join(c for c in decomposed if c < "\u0300" or not unicodedata.combining(c)).casefold()


def visible(text: str) -> str:
    """The text without characters that nobody sees."""
    return _INVISIBLE.sub("", text)


def plain(text: str) -> str:
    """The text folded for searching: as `fold`, also without strokes, ligatures and invisible characters.

    Arabic and Persian letters have one form, digits of all scripts are ASCII, and kana and Hangul stay composed.
    """
    if text.isascii():
        return text.lower()
    decomposed = _decomposed(_FRACTION.sub(" ", visible(text)))
    letters = "".join(c for c in decomposed if c < "\u0300" or not unicodedata.combining(c) or c in _KANA_MARKS)
    return unicodedata.normalize("NFC", letters.casefold().translate(_TRANSLATION))


def squeeze(text: str) -> str:
    """The text with every run of white space as one space, none at the ends."""
    return " ".join(text.split())


def sort_key(name: str) -> str:
    """What NAME sorts by, in binary order: the folded name's first 100 characters."""
    return fold(name)[:SORT_KEY_LENGTH]


def search_text_of(name: str, sku: str | None, description: str) -> str:
    """What the database engine searches in: the folded name, SKU and description, one a line."""
    return "\n".join(plain(text) for text in (name, sku or "", description))


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
    return list(dict.fromkeys(word for piece in plain(text).split() if _is_word(word := _bare(piece))))


def _is_word(piece: str) -> bool:
    return any(unicodedata.category(c)[0] in "LNS" for c in piece)
