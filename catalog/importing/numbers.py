"""Reads prices and counts as people and spreadsheets write them. What could mean two numbers is refused.

A file is consistent with itself. So its decimal sign is learned from all its numbers first (`NumberHabit.learn`), and
decides about those that could mean two numbers: 1,234 is 1234 where the same file writes 1,234.50.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from django.conf import settings

from catalog.importing.errors import RefusedError, shown
from catalog.models import MAX_PRICE, MAX_QUANTITY

# Longer cells are no numbers. Decimal() is slow for a million digits.
MAX_LENGTH = 60
# Signs that people write instead of a code (ISO 4217).
SIGNS = {
    **{"€": "EUR", "£": "GBP", "¥": "JPY CNY", "元": "CNY", "円": "JPY", "₹": "INR", "RS": "INR PKR LKR", "₽": "RUB"},
    **{"$": "USD CAD AUD NZD MXN SGD HKD ARS CLP COP", "US$": "USD", "A$": "AUD", "C$": "CAD", "CA$": "CAD"},
    **{"R$": "BRL", "ZŁ": "PLN", "KR": "SEK NOK DKK ISK", "FR": "CHF", "SFR": "CHF", "KČ": "CZK", "FT": "HUF"},
    **{"LEI": "RON", "ЛВ": "BGN", "РУБ": "RUB", "Р": "RUB", "₺": "TRY", "TL": "TRY", "₴": "UAH", "ГРН": "UAH"},
    **{"₩": "KRW", "฿": "THB", "₫": "VND", "₪": "ILS", "₱": "PHP", "₦": "NGN", "R": "ZAR", "RM": "MYR", "RP": "IDR"},
}
# Other minus signs, apostrophes, and the full-width forms of ASCII.
_ASCII = str.maketrans(
    dict.fromkeys("\u2212\u2012\u2013\u2014", "-")
    | dict.fromkeys("\u02bc\u2019`\u00b4", "'")
    | {chr(code + 0xFEE0): chr(code) for code in range(0x21, 0x7F)}
)
_PLAIN = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,2})?")
_NUMBER = re.compile(
    r"""(?P<before>[^\d.,+\-()]*(?:(?<=[a-zA-Z])\.)?\s*)(?P<open>\(?)(?P<sign>[+-]?)\s*(?P<inner>[^\d.,+\-()]*)
    (?P<digits>[\d.,]|[\d.,][\d.,'\s]*[\d.,])\s*(?P<last>-?)(?P<close>\)?)(?P<after>[^\d(]*)""",
    re.VERBOSE | re.ASCII,
)
# A dash in the place of cents: 5,- and 12.--.
_NO_CENTS = re.compile(r"(?<=[0-9])[.,]-+(?=[^0-9]*$)")


@dataclass(frozen=True)
class Shape:
    """A number's digits, and the signs between them."""

    pieces: tuple[str, ...]
    signs: tuple[str, ...]

    @classmethod
    def of(cls, digits: str) -> "Shape | None":
        pieces = re.split(r"[.,' ]", digits)
        signs = tuple(re.findall(r"[.,' ]", digits))
        if not all(piece.isdigit() for piece in pieces[1:-1]) or not (pieces[0] + pieces[-1]).isdigit():
            return None
        return cls(tuple(pieces), signs)

    def decimal_signs(self) -> set[str]:
        """The decimal signs under which this is a number: "." or ",", both, or none of them."""
        return {sign for sign in ".," if self.value(sign) is not None}

    def value(self, decimal: str) -> Decimal | None:
        """The number if `decimal` is the decimal sign."""
        whole, fraction = list(self.pieces), ""
        signs = list(self.signs)
        if signs and signs[-1] == decimal:
            fraction = whole.pop()
            signs.pop()
        if signs:
            # All signs between thousands are the same one, and after them there are three digits. In India and its
            # neighbours two, but three at the end.
            if len(set(signs)) > 1 or decimal in signs or len(whole[-1]) != 3 or not 1 <= len(whole[0]) <= 3:
                return None
            if whole[0].startswith("0") or any(len(piece) not in (2, 3) for piece in whole[1:]):
                return None
        return Decimal(f"{''.join(whole) or '0'}.{fraction or '0'}")


@dataclass
class NumberHabit:
    """How a file writes numbers: which decimal signs its numbers prove, and which signs it writes between thousands.

    `default` is the decimal sign of a file that proves none ("": unknown).
    """

    default: str = ""
    decimals: set[str] = field(default_factory=set)
    thousands: set[str] = field(default_factory=set)

    def learn(self, cells: Iterable[str]) -> None:
        for cell in cells:
            if not ("," in cell or "." in cell) or len(cell) > MAX_LENGTH:
                continue
            if _PLAIN.fullmatch(cell):
                self.decimals.add(".")
                continue
            parsed = _parse(cell)
            shape = Shape.of(parsed.digits) if parsed else None
            if shape is None:
                continue
            possible = shape.decimal_signs()
            if len(possible) == 1:
                (decimal,) = possible
                self.decimals.add(decimal)
                self.thousands.update(sign for sign in shape.signs if sign in ".," and sign != decimal)

    def value(self, shape: Shape) -> Decimal | None:
        """The number, or None if it could be two."""
        possible = shape.decimal_signs()
        if len(possible) == 1 or not set(shape.signs) & {".", ","}:
            return shape.value(min(possible, default="."))
        (sign,) = set(shape.signs) & {".", ","}
        other = "," if sign == "." else "."
        if not self.decimals:
            return shape.value(self.default) if self.default else None
        if self.decimals == {sign} and sign not in self.thousands:
            return shape.value(sign)
        if self.decimals == {other} and sign in self.thousands:
            return shape.value(other)
        return None

    def whole(self, shape: Shape) -> Decimal | None:
        """The number if it must be a whole one, or None if it could be two."""
        values = {sign: value for sign in ".," if (value := shape.value(sign)) is not None and value == int(value)}
        if len(values) > 1:
            values = {sign: value for sign, value in values.items() if self.decimals == {sign}}
        return next(iter(values.values())) if len(values) == 1 else None


@dataclass(frozen=True)
class _Parsed:
    digits: str
    is_negative: bool
    units: tuple[str, ...]


def _parse(cell: str) -> _Parsed | None:
    text = cell.strip()
    if not text.isascii():
        text = "".join(" " if c.isspace() else c for c in text.translate(_ASCII))
    text = _NO_CENTS.sub("", text)
    match = _NUMBER.fullmatch(text)
    if match is None or bool(match["open"]) != bool(match["close"]):
        return None
    digits = match["digits"].replace("\t", " ")
    units = tuple(unit for name in ("before", "inner", "after") if (unit := match[name].strip()))
    return _Parsed(digits, bool(match["open"] or match["sign"] == "-" or match["last"]), units)


def price_of(what: str, value: str, habit: NumberHabit) -> Decimal:
    """The exact price in the shop's currency. Raises RefusedError.

    Zeros after the second decimal are dropped. A currency's sign or code must be the shop's.
    """
    number = _number(what, value, habit, with_currency=True)
    if number > MAX_PRICE:
        raise RefusedError(f"{what} {shown(value.strip())} is more than {MAX_PRICE}")
    if number != round(number, 2):
        raise RefusedError(f"{what} {shown(value.strip())} has more than 2 decimals")
    return round(number, 2)


def quantity_of(what: str, value: str, habit: NumberHabit) -> int | None:
    """The units in stock; None when blank. May be negative: callers decide what that means. Raises RefusedError."""
    if not value.strip():
        return None
    number = _number(what, value, habit, negative=True)
    if number != int(number):
        raise RefusedError(f"{what} {shown(value.strip())} is not a whole number")
    if abs(number) > MAX_QUANTITY:
        raise RefusedError(f"{what} {shown(value.strip())} is more than {MAX_QUANTITY} units")
    return int(number)


def rating_of(what: str, value: str, habit: NumberHabit) -> float | None:
    """The rating from 0 to 5; None when blank. Raises RefusedError."""
    if not value.strip():
        return None
    try:
        number = _number(what, value, habit)
    except RefusedError as error:
        raise RefusedError(f"{what} {shown(value.strip())} is not a number from 0 to 5") from error
    if number > 5:
        raise RefusedError(f"{what} {shown(value.strip())} is not a number from 0 to 5")
    return float(number)


def _number(
    what: str, value: str, habit: NumberHabit, *, with_currency: bool = False, negative: bool = False
) -> Decimal:
    text = value.strip()
    if _PLAIN.fullmatch(text):
        return Decimal(text)
    if not text:
        raise RefusedError(f"{what} is empty")
    form = "a number such as 1234.50" if with_currency else "a whole number"
    parsed = _parse(text) if len(text) <= MAX_LENGTH else None
    shape = Shape.of(parsed.digits) if parsed else None
    if parsed is None or shape is None:
        if re.fullmatch(r"-?[0-9]+", text):
            raise RefusedError(f"{what} {shown(text)} is more than {MAX_PRICE if with_currency else MAX_QUANTITY}")
        raise RefusedError(f"{what} {shown(text)} is not {form}")
    if with_currency:
        _check_currency(what, text, parsed.units)
    if (parsed.units and not with_currency) or not shape.decimal_signs():
        raise RefusedError(f"{what} {shown(text)} is not {form}")
    number = habit.value(shape)
    if number is None and not with_currency:
        number = habit.whole(shape)
    if number is None:
        both = " or ".join(f"{each.normalize():f}" for sign in ",." if (each := shape.value(sign)) is not None)
        raise RefusedError(f"{what} {shown(text)} could be {both}: write it without a sign between thousands")
    if parsed.is_negative and number:
        if not negative:
            raise RefusedError(f"{what} {shown(text)} is negative")
        return -number
    return number


def _check_currency(what: str, text: str, units: tuple[str, ...]) -> None:
    for unit in units:
        name = unit.upper().strip(". ").rstrip(",")
        name = name.removesuffix("-").rstrip(".,")
        known = SIGNS.get(name, name if re.fullmatch("[A-Z]{3}", name) else "")
        if not known and name:
            raise RefusedError(f"{what} {shown(text)} is not a number such as 1234.50")
        if name and settings.CURRENCY not in known.split():
            raise RefusedError(f"{what} {shown(text)} is in another currency than the shop's, {settings.CURRENCY}")
