"""The natural order of values: S, M, L, XL; 8 GB before 16 GB."""

import re
import unicodedata

from catalog.slugs import MAX_NORMALIZED_LENGTH
from catalog.text import fold, squeeze, visible

ORDER_KEY_LENGTH = 100
_DIGITS = 12
_NUMBER = re.compile(r"(\d{1,12})((?:[.,]\d+)?)")
_SIZE = re.compile(r"(?:(\d{1,2})[ -]?)?((?:x[ -]?|extra[ -]?)*)(s|m|l|small|medium|large)")
# Sizes stand this far from medium.
_MEDIUM, _STEP = 500, 100


def value_key(text: str) -> str:
    """What makes two spellings one value: NFKC and casefold without what nobody sees (UAX #15), spaces squeezed.

    A text that is too long for a value is cut, because the time to normalise marks grows by their square.
    """
    return squeeze(unicodedata.normalize("NFKC", visible(text)[:MAX_NORMALIZED_LENGTH]).casefold())


def order_key(text: str) -> str:
    """A key in whose binary order texts are in natural order. Sizes of clothes come first, from the smallest."""
    folded = fold(squeeze(text))
    if (size := _size(folded)) is not None:
        return f"\t{size:04}"
    return _NUMBER.sub(lambda number: number[1].zfill(_DIGITS) + number[2].replace(",", "."), folded)[:ORDER_KEY_LENGTH]


def _size(folded: str) -> int | None:
    """The rank of a size such as "xs", "3xl" or "x-large"; None for anything else."""
    match = _SIZE.fullmatch(folded)
    if match is None:
        return None
    count, extras, size = match.groups()
    extra = len(re.findall("x|extra", extras))
    if count and not extra:
        return None
    steps = max(extra, int(count or 0))
    if size[0] == "m":
        return None if steps else _MEDIUM
    return _MEDIUM + (1 if size[0] == "l" else -1) * (_STEP + steps)
