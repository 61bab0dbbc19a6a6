"""Parses single values from untrusted text, the same for GraphQL, REST and CSV."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

# The largest primary key (BigAutoField).
MAX_ID = 2**63 - 1
# Rows of a page, in both APIs.
DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE = 20, 100
UNSAFE_CHARACTERS = "The text contains characters that cannot be stored (NUL or a lone surrogate)."
_DECIMAL = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?", re.ASCII)
_NANOSECONDS = re.compile(r"[.,][0-9]{7}", re.ASCII)
# NUL ends strings in C and is refused by databases; a lone surrogate cannot be encoded as UTF-8 (RFC 3629 §3).
_UNSAFE = re.compile("[\x00\ud800-\udfff]")


def parse_decimal(value: Any) -> Decimal:
    """The exact number in a plain string ("19.99"), an int or a Decimal. Raises ValueError for anything else.

    Floats are refused: 1.1 is not 1.1 in binary. So are exponents, NaN and infinities.
    """
    if isinstance(value, Decimal) and value.is_finite():
        return value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**40:
        return Decimal(value)
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return Decimal(value)
    raise ValueError('A decimal number as a string is wanted, such as "19.99".')


def parse_integer(value: Any) -> int:
    """The whole number in a string of ASCII digits, with or without a minus. Raises ValueError for anything else."""
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value):
        return int(value)
    raise ValueError("A whole number is wanted, such as 20.")


def parse_float(value: Any) -> float:
    """The number in a string of ASCII digits, with or without a point. Raises ValueError for anything else."""
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", value):
        return float(value)
    raise ValueError("A number is wanted, such as 4.5.")


def parse_datetime(value: Any) -> datetime:
    """The moment, in UTC, of an ISO 8601 date-time with an offset (RFC 3339). Raises ValueError for anything else.

    Digits beyond microseconds are refused: `fromisoformat` would cut them off, and the moment would be another one.
    """
    message = 'An ISO 8601 date-time with a UTC offset is wanted, such as "2026-01-31T12:00:00Z".'
    if isinstance(value, str) and len(value) <= 40:
        if _NANOSECONDS.search(value):
            raise ValueError("Of a second, at most six digits are stored.")
        try:
            value = datetime.fromisoformat(value.upper())
        except ValueError:
            raise ValueError(message) from None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError(message)
    try:
        moment = value.astimezone(UTC)
    except OverflowError:
        raise ValueError("The year must be from 1000 to 9999.") from None
    if moment.year < 1000:  # MySQL's DATETIME begins with it
        raise ValueError("The year must be from 1000 to 9999.")
    return moment


def has_unsafe_characters(text: str) -> bool:
    """Whether the text holds a NUL or a lone surrogate, which no database can store."""
    return _UNSAFE.search(text) is not None


def find_unsafe_text(value: Any, path: tuple[str, ...] = ()) -> tuple[str, ...] | None:
    """The path to the first text with unsafe characters in nested dicts and lists; None when there is none."""
    if isinstance(value, str):
        return path if has_unsafe_characters(value) else None
    if isinstance(value, dict):
        pairs = [(str(key), item) for key, item in value.items()]
    elif isinstance(value, list):
        pairs = [(str(index), item) for index, item in enumerate(value)]
    else:
        return None
    for key, item in pairs:
        unsafe = path if has_unsafe_characters(key) else find_unsafe_text(item, (*path, key))
        if unsafe is not None:
            return unsafe
    return None
