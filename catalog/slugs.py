"""Makes slugs from names and validates given slugs. They may have letters of every script with their marks.

Marks belong to words: without its vowel signs, हिन्दी is not a word. So do the joiners, where they change what is seen
(UAX #31, "Restricted format characters"): after a virama in Sinhala and other Indic scripts, and between letters of the
Arabic script. All other invisible characters are dropped from a slug that is made and refused in one that is given.
"""

import re
import unicodedata
from collections.abc import Iterator
from itertools import count
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError

if TYPE_CHECKING:
    from django.db.models import Manager

JOINERS = ZWNJ, ZWJ = "\u200c", "\u200d"
# The longest text that is normalised. No slug is as long.
MAX_NORMALIZED_LENGTH = 2_000
_ASCII_SLUG = re.compile("[a-zA-Z0-9_-]+")
VIRAMA = 9  # The combining class of the sign that joins two consonants.
# Marks that are invisible: they choose between glyphs, or keep letters apart in sorting.
_INVISIBLE = {"\u034f", "\u180b", "\u180c", "\u180d", "\u180f", *map(chr, range(0xFE00, 0xFE10))}
_SELECTORS = range(0xE0100, 0xE01F0)
# NFKC splits these two letters, the Thai and the Lao "am", which people type as one character.
_AM = {"\u0e4d\u0e32": "\u0e33", "\u0ecd\u0eb2": "\u0eb3"}
# Names that differ in these signs only are different things: 1.5 and 15, 1/2 and 12, C, C# and C++.
_BETWEEN_DIGITS = re.compile("(?<=[0-9])[.,/:\u2044](?=[0-9])")
_FRACTION = re.compile("(?<=[0-9])(?=[\u00bc-\u00be\u2150-\u215e])")
_SHARP = re.compile(r"(?<=[^\W\d_])[#\u266f]")
_SPELLED = {"+": " plus ", "#": " number ", "\u266f": " sharp "}


def slug_of(text: str) -> str:
    """A slug for a name, in lower case. Empty when no character of the name is allowed in a slug.

    Of a text that is too long for a name only the beginning counts: the time to normalise marks grows by their square.
    """
    text = unicodedata.normalize("NFKC", _FRACTION.sub(" ", text[:MAX_NORMALIZED_LENGTH]))
    text = _SHARP.sub(" sharp ", _BETWEEN_DIGITS.sub("-", text))
    for sign, word in _SPELLED.items():
        text = text.replace(sign, word)
    for parts, letter in _AM.items():
        text = text.replace(parts, letter)
    # Python's lower() would give an i with a second dot.
    text = text.replace("İ", "i").lower()
    checked = zip(text, _allowed(text), strict=True)
    words = "".join(c if allowed else " " if c == "-" or c.isspace() else "" for c, allowed in checked).split()
    # A lower-case letter and its mark may be one character where the capital letter and the mark are two.
    return unicodedata.normalize("NFC", "-".join(words).strip("-_"))


def shortened(slug: str, length: int) -> str:
    """The beginning of the slug, at most `length` characters. No letter is separated from its marks."""
    if len(slug) > length:
        while length and (_is_mark(slug[length]) or slug[length] in JOINERS):
            length -= 1
        slug = slug[:length].rstrip(f"-_{ZWNJ}{ZWJ}")
    return slug


def free_slug(rows: "Manager[Any]", name: str, length: int, otherwise: str) -> str:
    """A slug that none of the rows has: made from the name alone, or with the first free number added.

    `length` is the column's. A name of which no character may be in a slug counts as `otherwise`.
    """
    base = shortened(slug_of(name), length - 10) or otherwise
    for start in count(1, 100):
        candidates = [base if number == 1 else f"{base}-{number}" for number in range(start, start + 100)]
        taken = {*rows.filter(slug__in=candidates).values_list("slug", flat=True)}
        for slug in candidates:
            if slug not in taken:
                return slug
    raise AssertionError("unreachable: there are more numbers than rows")


def normal_form(slug: str) -> str:
    """The slug as it is stored and looked up: in NFC, where a letter and its mark are one character if there is one.

    A slug without marks stays as it is. NFC would change some of those that were stored before this rule.
    """
    if slug.isascii() or len(slug) > MAX_NORMALIZED_LENGTH or not any(map(_is_mark, slug)):
        return slug
    return unicodedata.normalize("NFC", slug)


def validate_slug(value: str) -> None:
    """Raises ValidationError when the value is not a slug."""
    if _ASCII_SLUG.fullmatch(value):
        return
    if not value or not all(c == "-" or allowed for c, allowed in zip(value, _allowed(value), strict=True)):
        message = "Enter a valid “slug” consisting of letters and digits with their marks, underscores or hyphens."
        raise ValidationError(message, "invalid", {"value": value})


def _allowed(text: str) -> Iterator[bool]:
    """For each character, whether a slug may have it: letters, digits, "_", and marks and joiners behind a letter."""
    follows_letter = False
    for index, c in enumerate(text):
        is_letter = c.isalnum()
        belongs = follows_letter and (_is_mark(c) or (c in JOINERS and _joins(text, index)))
        follows_letter = is_letter or belongs
        yield is_letter or belongs or c == "_"


def _is_mark(c: str) -> bool:
    return unicodedata.category(c) in ("Mn", "Mc") and c not in _INVISIBLE and ord(c) not in _SELECTORS


def _joins(text: str, index: int) -> bool:
    """Whether the joiner at this index stands between two letters and changes how they look."""
    if index + 1 == len(text) or not text[index + 1].isalpha():
        return False
    before = text[index - 1]
    if unicodedata.combining(before) == VIRAMA:
        return True
    arabic = unicodedata.bidirectional(text[index + 1]) == "AL"
    return text[index] == ZWNJ and arabic and unicodedata.bidirectional(before) == "AL" and before.isalpha()
