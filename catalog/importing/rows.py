"""Turns the cells of a row into a product's values, or refuses the row with a reason."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Protocol

from django.core.exceptions import ValidationError

from catalog.models import MAX_PRICE, MAX_QUANTITY, NAME_LENGTH, SKU_LENGTH, SLUG_LENGTH, not_reserved
from catalog.slugs import normal_form, validate_slug
from catalog.text import squeeze

UNCATEGORISED, UNBRANDED = "Uncategorised", "Unbranded"
MAX_DEPTH = 10

# ASCII digits only: Decimal() and float() also take "1e400", "NaN", "1_000" and the digits of every script.
_DECIMAL = re.compile(r"(?P<minus>-?)(?P<whole>[0-9]+)(?:\.(?P<fraction>[0-9]+))?")
_INTEGER = re.compile(r"-?[0-9]+")


class RefusedError(Exception):
    """The row cannot become a product. The message says why, in words for the user."""


@dataclass(slots=True)
class ProductRow:
    """A valid row. The `columns` of its form say which of these fields the file has at all."""

    line: int
    cells: list[str]
    slug: str
    name: str
    price: Decimal
    sku: str | None = None
    description: str = ""
    category: tuple[str, ...] = (UNCATEGORISED,)
    brand: str = UNBRANDED
    quantity: int = 0
    rating: float | None = None
    is_active: bool = True
    created_at: datetime | None = None


class Form(Protocol):
    """The reader of one format, for a file with a certain header."""

    columns: frozenset[str]
    """The fields of ProductRow that the file has columns for. An update leaves all others alone."""
    ignored: list[str]
    """Unknown columns, of which the user is warned."""

    def row(self, line: int, cells: list[str]) -> ProductRow | None:
        """The product of this row, or None for a row that is only an image. Raises RefusedError."""


def shown(value: str) -> str:
    """The value for a message: quoted, shortened, without control characters."""
    return repr(value if len(value) <= 40 else value[:39] + "…")


def name_of(what: str, value: str) -> str:
    """The name with single spaces. Raises RefusedError when it is empty or too long."""
    name = squeeze(value)
    if not name:
        raise RefusedError(f"{what} is empty")
    if len(name) > NAME_LENGTH:
        raise RefusedError(f"{what} has {len(name)} characters, at most {NAME_LENGTH} are allowed")
    return name


def slug_in(what: str, slug: str) -> str:
    """The slug in its normal form. Raises RefusedError when it is not valid."""
    slug = normal_form(slug)
    if len(slug) > SLUG_LENGTH:
        raise RefusedError(f"{what} has {len(slug)} characters, at most {SLUG_LENGTH} are allowed")
    try:
        validate_slug(slug)
        not_reserved(slug)
    except ValidationError:
        raise RefusedError(
            f"{what} {shown(slug)} may only have letters, digits, hyphens and underscores, and must not be “search”"
        ) from None
    return slug


def sku_of(what: str, value: str) -> str | None:
    """The SKU; None when blank. Raises RefusedError when it is too long."""
    sku = value.strip()
    if len(sku) > SKU_LENGTH:
        raise RefusedError(f"{what} has {len(sku)} characters, at most {SKU_LENGTH} are allowed")
    return sku or None


def price_of(what: str, value: str) -> Decimal:
    """The exact price. Raises RefusedError unless it is a plain decimal number in range with at most 2 decimals."""
    text = value.strip()
    if not text:
        raise RefusedError(f"{what} is empty")
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise RefusedError(f"{what} {shown(text)} is not a plain number such as 1234.50")
    if match["minus"]:
        raise RefusedError(f"{what} {shown(text)} is negative")
    if len(match["fraction"] or "") > 2:
        raise RefusedError(f"{what} {shown(text)} has more than 2 decimals")
    # Check the length first: Decimal() is slow for a million digits.
    if len(match["whole"].lstrip("0")) > 10:
        raise RefusedError(f"{what} {shown(text)} is more than {MAX_PRICE}")
    return Decimal(text)


def quantity_of(what: str, value: str) -> int:
    """The units in stock; 0 when blank. May be negative: callers decide what that means. Raises RefusedError."""
    text = value.strip()
    if not text:
        return 0
    if not _INTEGER.fullmatch(text):
        raise RefusedError(f"{what} {shown(text)} is not a whole number")
    if len(text.lstrip("-0")) > 10 or abs(number := int(text)) > MAX_QUANTITY:
        raise RefusedError(f"{what} {shown(text)} is more than {MAX_QUANTITY} units")
    return number


def rating_of(what: str, value: str) -> float | None:
    """The rating from 0 to 5; None when blank. Raises RefusedError."""
    text = value.strip()
    if not text:
        return None
    match = _DECIMAL.fullmatch(text)
    if match is None or match["minus"] or len(text) > 40 or (rating := float(text)) > 5:
        raise RefusedError(f"{what} {shown(text)} is not a number from 0 to 5")
    return rating


def created_at_of(what: str, value: str) -> datetime | None:
    """The date and time in UTC; None when blank. Raises RefusedError when it has no offset from UTC."""
    text = value.strip()
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise RefusedError(f"{what} {shown(text)} is not an ISO 8601 date and time") from None
    if moment.tzinfo is None:
        raise RefusedError(f"{what} {shown(text)} has no offset from UTC, such as Z or +02:00")
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        moment = datetime.min.replace(tzinfo=UTC)
    if not 1000 <= moment.year <= 9998:  # MySQL's range, with room for any time zone.
        raise RefusedError(f"{what} {shown(text)} is out of range")
    return moment


def category_of(what: str, value: str) -> tuple[str, ...]:
    """The names of a path such as `Home > Lamps`, the root first; Uncategorised when blank. Raises RefusedError."""
    if not value.strip():
        return (UNCATEGORISED,)
    steps = value.split(">")
    if len(steps) > MAX_DEPTH:
        raise RefusedError(f"{what} has {len(steps)} levels, at most {MAX_DEPTH} are allowed")
    return tuple(name_of(f"a level of {what}", step) for step in steps)


def brand_of(what: str, value: str) -> str:
    """The brand's name; Unbranded when blank. Raises RefusedError when it is too long."""
    return name_of(what, value) if value.strip() else UNBRANDED
