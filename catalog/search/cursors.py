"""Cursors: where a page ended, opaque to clients, valid only for the question they were given for."""

import math
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson

from core.errors import InvalidInput
from core.parsing import MAX_ID, parse_decimal

VERSION = 1
DEFAULT_SIZE, MAX_SIZE = 20, 100
MAX_LENGTH = 2000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

Value = str | int | float | Decimal | datetime


@dataclass(frozen=True)
class Boundary:
    """The last row of a page: the value it was sorted by, and its id."""

    value: Value
    id: int
    # Of an answer to a text by the index: the stage that found it (catalog.search.index.matching).
    stage: int | None = None


@dataclass(frozen=True)
class Page:
    """Which part of the answer: `size` rows (1 to 100) behind the boundary, or before it when `backward`."""

    size: int
    backward: bool = False
    boundary: Boundary | None = None


def page_arguments(
    *, first: int | None = None, after: str | None = None, last: int | None = None, before: str | None = None
) -> tuple[int, bool, str | None]:
    """The size, whether it goes backward, and the cursor, of Relay's four arguments.

    (Cursor connections specification, §4.) Raises InvalidInput at the argument at fault; asking for both
    directions at once is refused.
    """
    backward = last is not None or (first is None and before is not None)
    if first is not None and last is not None:
        raise InvalidInput.at("last", message="Ask for `first` or for `last`, not for both.")
    if backward and after is not None:
        raise InvalidInput.at("after", message="`after` goes with `first` only.")
    if not backward and before is not None:
        raise InvalidInput.at("before", message="`before` goes with `last` only.")
    size = last if backward else first
    if size is not None and not 1 <= size <= MAX_SIZE:
        raise InvalidInput.at("last" if backward else "first", message=f"A page has from 1 to {MAX_SIZE} items.")
    return DEFAULT_SIZE if size is None else size, backward, before if backward else after


def encode(digest: str, boundary: Boundary) -> str:
    """The cursor of a boundary for the question with this digest: URL-safe, without padding."""
    value: Any = boundary.value
    if isinstance(value, Decimal):
        value = str(value)
    elif isinstance(value, datetime):
        value = (value - EPOCH) // MICROSECOND
    stage = [] if boundary.stage is None else [boundary.stage]
    packed = orjson.dumps([VERSION, digest, value, boundary.id, *stage])
    return urlsafe_b64encode(packed).rstrip(b"=").decode()


def decode(cursor: str, digest: str, kind: type[Value], argument: str) -> Boundary:
    """The boundary of a cursor whose value must be of the given type.

    Raises InvalidInput at `argument` for garbage, an old version, or a cursor of another question.
    """
    garbage = InvalidInput.at(argument, message="This is not a cursor that this service gave.")
    if len(cursor) > MAX_LENGTH:
        raise garbage
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        packed = orjson.loads(urlsafe_b64decode(padded))
    except ValueError:
        raise garbage from None
    if not (isinstance(packed, list) and len(packed) in (4, 5) and packed[0] == VERSION):
        raise garbage
    _, asked, value, row_id, *stage = packed
    if asked != digest:
        raise InvalidInput.at(argument, message="This cursor was given for another question (text, filter or sort).")
    try:
        boundary = Boundary(_value(value, kind), row_id, *stage)
    except (ValueError, TypeError, ArithmeticError):
        raise garbage from None
    if (
        any(type(number) is not int or not 0 <= number <= MAX_ID for number in (row_id, *stage))
        or encode(digest, boundary) != cursor
    ):
        raise garbage
    return boundary


def _value(value: Any, kind: type[Value]) -> Value:
    """The value as it was before it was packed. Raises ValueError, TypeError or ArithmeticError for any other."""
    if kind is datetime and type(value) is int:
        return EPOCH + value * MICROSECOND
    if kind is Decimal and isinstance(value, str):
        return parse_decimal(value)
    if kind is float and isinstance(value, float) and math.isfinite(value):
        return value
    if kind is int and type(value) is int and 0 <= value <= MAX_ID:
        return value
    if kind is str and isinstance(value, str):
        return value
    raise ValueError(value)
