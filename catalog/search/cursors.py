"""Encodes and decodes cursors: positions in an ordered answer, each valid only for the search that it came from."""

import math
from base64 import urlsafe_b64decode
from binascii import b2a_base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson

from catalog.search.strategy import MatchLevel
from core.errors import InvalidInput
from core.parsing import MAX_ID, parse_decimal

VERSION = 1
MAX_CURSOR_LENGTH = 2000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
_URL_SAFE = bytes.maketrans(b"+/", b"-_")

Value = str | int | float | Decimal | datetime


# Not frozen: one is made for each row, and a frozen one takes three times as long to make.
@dataclass(slots=True, unsafe_hash=True)
class Position:
    """The place of a row in an answer: the value it is sorted by, and its id."""

    value: Value
    id: int
    # How strictly the text of the search is matched on all pages; None without a text, or from the database.
    level: MatchLevel | None = None


def encode_cursor(digest: str, position: Position) -> str:
    """The cursor of a position in the answer to the search with this digest. It is URL-safe, without padding."""
    value: Any = position.value
    if type(value) is Decimal:
        value = str(value)
    elif type(value) is datetime:
        value = (value - EPOCH) // MICROSECOND
    parts = [VERSION, digest, value, position.id]
    if position.level is not None:
        parts.append(position.level.code)
    return b2a_base64(orjson.dumps(parts), newline=False).translate(_URL_SAFE, b"=").decode()


def decode_cursor(cursor: str, digest: str, value_type: type[Value], argument: str) -> Position:
    """The position of a cursor, whose value must have the given type.

    Raises InvalidInput with `argument` for garbage, an old version, or the cursor of another search.
    """
    garbage = InvalidInput.at(argument, message="This is not a cursor that this service gave.")
    if len(cursor) > MAX_CURSOR_LENGTH:
        raise garbage
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        packed = orjson.loads(urlsafe_b64decode(padded))
    except ValueError:
        raise garbage from None
    if not (isinstance(packed, list) and len(packed) in (4, 5) and packed[0] == VERSION):
        raise garbage
    _, cursor_digest, value, *numbers = packed
    if cursor_digest != digest:
        raise InvalidInput.at(argument, message="This cursor was given for another search (text, filter or sort).")
    if any(type(number) is not int or not 0 <= number <= MAX_ID for number in numbers):
        raise garbage
    row_id, *code = numbers
    try:
        position = Position(_value(value, value_type), row_id, MatchLevel.from_code(code[0]) if code else None)
    except (ValueError, TypeError, ArithmeticError):
        raise garbage from None
    if encode_cursor(digest, position) != cursor:
        raise garbage
    return position


def _value(value: Any, value_type: type[Value]) -> Value:
    """The value as it was before it was packed. Raises ValueError, TypeError or ArithmeticError for anything else."""
    if value_type is datetime and type(value) is int:
        return EPOCH + value * MICROSECOND
    if value_type is Decimal and isinstance(value, str):
        return parse_decimal(value)
    if value_type is float and isinstance(value, float) and math.isfinite(value):
        return value
    if value_type is int and type(value) is int and 0 <= value <= MAX_ID:
        return value
    if value_type is str and isinstance(value, str):
        return value
    raise ValueError(value)
