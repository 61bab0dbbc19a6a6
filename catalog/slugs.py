"""Slugs: made of names, and checked when they are given; letters of every script, with the marks that belong to them.

A mark is a part of a word: without its vowel signs, हिन्दी is no word. So are the joiners where they change what is seen
(UAX #31, "Restricted format characters"): in Sinhala and other Indic scripts after a virama, between letters of the
Arabic script. Everything else that nobody sees is left out of a slug that is made, and refused in one that is given.
"""

import unicodedata
from collections.abc import Iterator

from django.core.exceptions import ValidationError

JOINERS = ZWNJ, ZWJ = "\u200c", "\u200d"
# Longer texts are no slug in any form.
MAX_TYPED = 2_000
VIRAMA = 9  # the combining class of the sign that joins two consonants
# Marks by category that are none by sight: they choose between glyphs, or keep letters apart in sorting.
_UNSEEN = {"\u034f", "\u180b", "\u180c", "\u180d", "\u180f", *map(chr, range(0xFE00, 0xFE10))}
_SELECTORS = range(0xE0100, 0xE01F0)
# NFKC takes these letters apart, and nobody types them so: Thai and Lao "am".
_AM = {"\u0e4d\u0e32": "\u0e33", "\u0ecd\u0eb2": "\u0eb3"}


def slug_of(text: str) -> str:
    """A slug for a name, in lower case; empty when nothing of the name can stand in a slug."""
    text = unicodedata.normalize("NFKC", text)
    for parts, letter in _AM.items():
        text = text.replace(parts, letter)
    # In lower case the Turkish letter is i with a second dot.
    text = text.replace("İ", "i").lower()
    kept = zip(text, _stand(text), strict=True)
    words = "".join(c if stands else " " if c == "-" or c.isspace() else "" for c, stands in kept).split()
    # A small letter and its mark may be one character where the capital and the mark are two.
    return unicodedata.normalize("NFC", "-".join(words).strip("-_"))


def shortened(slug: str, length: int) -> str:
    """The slug's beginning of at most so many characters; no letter is cut from its marks."""
    if len(slug) > length:
        while length and (_is_mark(slug[length]) or slug[length] in JOINERS):
            length -= 1
        slug = slug[:length].rstrip(f"-_{ZWNJ}{ZWJ}")
    return slug


def normal_form(slug: str) -> str:
    """The slug as it is stored and looked up: a letter and a mark that have a common character are that one (NFC).

    Without marks it stays as it is: slugs of before this rule had none, and some of them NFC would change.
    """
    if slug.isascii() or len(slug) > MAX_TYPED or not any(map(_is_mark, slug)):
        return slug
    return unicodedata.normalize("NFC", slug)


def validate_slug(value: str) -> None:
    """Refuses what is no slug: raises ValidationError."""
    if not value or not all(c == "-" or stands for c, stands in zip(value, _stand(value), strict=True)):
        message = "Enter a valid “slug” consisting of letters and digits with their marks, underscores or hyphens."
        raise ValidationError(message, "invalid", {"value": value})


def _stand(text: str) -> Iterator[bool]:
    """Of each character whether it may stand in a slug: a letter, a digit, "_", or what belongs to one before it."""
    follows_letter = False
    for place, c in enumerate(text):
        is_letter = c.isalnum()
        belongs = follows_letter and (_is_mark(c) or (c in JOINERS and _joins(text, place)))
        follows_letter = is_letter or belongs
        yield is_letter or belongs or c == "_"


def _is_mark(c: str) -> bool:
    return unicodedata.category(c) in ("Mn", "Mc") and c not in _UNSEEN and ord(c) not in _SELECTORS


def _joins(text: str, place: int) -> bool:
    """Whether a joiner stands between two letters whose look it changes."""
    if place + 1 == len(text) or not text[place + 1].isalpha():
        return False
    before = text[place - 1]
    if unicodedata.combining(before) == VIRAMA:
        return True
    arabic = unicodedata.bidirectional(text[place + 1]) == "AL"
    return text[place] == ZWNJ and arabic and unicodedata.bidirectional(before) == "AL" and before.isalpha()
