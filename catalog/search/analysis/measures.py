"""Finds dimensions and quantities in a folded text and writes each in one form.

"40 × 60 cm", "40cm x 60cm" and "40*60" are 40x60; "0,75 l", "0.75l" and "3/4 liter" are 0.75l; '27"' and "27 inch"
are 27in.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

_UNITS = {
    "mm": "mm millimeter millimeters millimetre millimetres",
    "cm": "cm centimeter centimeters centimetre centimetres zentimeter",
    "m": "m meter meters metre metres mtr",
    "km": "km kilometer kilometers kilometre kilometres",
    "in": "in inch inches zoll tum tommer tomme pouce pouces pulgada pulgadas pollici polegadas дюим дюима дюимов",
    "ft": "ft foot feet fuss",
    "yd": "yd yard yards",
    "mg": "mg milligram milligrams",
    "g": "g gr gram grams gramm gramme grammes",
    "kg": "kg kilo kilos kilogram kilograms kilogramm",
    "lb": "lb lbs pound pounds",
    "oz": "oz ounce ounces",
    "ml": "ml milliliter milliliters millilitre millilitres",
    "cl": "cl centiliter centilitre",
    "l": "l ltr liter liters litre litres litro litros litri",
    "gal": "gal gallon gallons",
    "qt": "qt quart quarts",
    "v": "v volt volts",
    "w": "w watt watts",
    "kw": "kw kilowatt kilowatts",
    "kwh": "kwh",
    "amp": "amp amps ampere amperes",
    "ah": "ah",
    "mah": "mah",
    "hz": "hz hertz",
    "mhz": "mhz",
    "ghz": "ghz",
    "kb": "kb",
    "mb": "mb",
    "gb": "gb gigabyte gigabytes",
    "tb": "tb terabyte terabytes",
    "lm": "lm lumen lumens",
    "btu": "btu btus",
    "psi": "psi",
    "rpm": "rpm",
    "hp": "hp",
    "pk": "pk pks pack packs",
    "pcs": "pcs pc piece pieces stk stuck",
}
_CANONICAL = {name: unit for unit, names in _UNITS.items() for name in names.split()}
# Marks that stand for a unit only right after the number: 27" and 6'.
_MARKS = {'"': "in", "″": "in", "”": "in", "''": "in", "′′": "in", "'": "ft", "′": "ft", "’": "ft"}
# "195/65" is no fraction.
_FRACTION = r"(?:\d{1,12}[ -])?\d{1,12}/(?:[2-9]|1[0-6]|32|64|128)(?!\d)"
_NUMBER = _FRACTION + r"|\d{1,12}(?:[.,]\d{1,12})?|\.\d{1,12}"
_UNIT = "|".join(sorted(_CANONICAL, key=len, reverse=True))
# A unit ends its word, or a side follows at once: 2inx4in.
_END = r"(?![a-wyz\d]|x[^\d])"
_SINGLE = re.compile(rf"({_NUMBER})(?:[ -]?({_UNIT}){_END}|(''|′′|[\"″”'′’]){_END})?")
# The side of a thing that a number measures: "48 in. W x 22 in. D".
_SIDE = rf"(?:{_NUMBER})(?:[ -]?(?:{_UNIT}){_END}\.?|(?:''|′′|[\"″”'′’]){_END})?(?: [wdhl]\b\.?)?"
MAX_SIDES = 4
_MEASURES = re.compile(rf"(?<![\w.,/])(?<![a-z]-)m?{_SIDE}(?: ?[x×*] ?{_SIDE}){{0,{MAX_SIDES - 1}}}(?![\w/]|[.,]\d)")


# "Pack of 6" is "6-pack".
_PACK = re.compile(r"(?<!\w)(?:pack|set|box|lot|pk) (?:of|de) (\d{1,6})(?!\w|[.,]\d)")


@dataclass(frozen=True)
class Measure:
    """A dimension or a quantity at a place of a text."""

    start: int
    end: int
    # The numbers in their plain form.
    numbers: tuple[str, ...]
    # The units, in their plain form: one for each number, or empty.
    units: tuple[str, ...]

    @property
    def is_dimension(self) -> bool:
        return len(self.numbers) > 1

    @property
    def whole(self) -> str:
        """The measure in one form: 40x60, 18v. A number alone is itself."""
        return "x".join(self.numbers) if self.is_dimension else self.numbers[0] + self.units[0]

    @property
    def forms(self) -> list[str]:
        """What the index holds: the whole, the neighbouring sides of three, each side with its unit."""
        pairs = [f"{left}x{right}" for left, right in zip(self.numbers, self.numbers[1:], strict=False)]
        sides = [number + unit for number, unit in zip(self.numbers, self.units, strict=True) if unit]
        return list(dict.fromkeys([self.whole, *pairs, *sides]))


def measures_of(text: str) -> Iterator[Measure]:
    """The dimensions and quantities of a folded text, and its numbers that are not integers."""
    for match in _MEASURES.finditer(text):
        thread = match[0][0] == "m"
        sides = [_side(side) for side in _SINGLE.finditer(match[0])]
        numbers, units = [number for number, _ in sides], [unit for _, unit in sides]
        if len(sides) == 1:
            if thread or not (units[0] or set(match[0]) & set("./,")):
                # "m10" and "5" are words.
                continue
        else:
            # "40 × 60 cm" means centimetres twice.
            units = [unit or units[-1] for unit in units]
            if thread:
                # M10 × 60.
                numbers[0], units[0] = f"m{numbers[0]}", ""
        yield Measure(match.start(), match.end(), tuple(numbers), tuple(units))
    for match in _PACK.finditer(text):
        yield Measure(match.start(), match.end(), (_short(match[1]),), ("pk",))


def _side(match: re.Match[str]) -> tuple[str, str]:
    """A number in its plain form, and its unit or an empty text."""
    return _plain_number(match[1]), _CANONICAL.get(match[2] or "", "") or _MARKS.get(match[3] or "", "")


def _plain_number(number: str) -> str:
    if "/" in number:
        *whole, fraction = re.split("[ -]", number)
        above, below = map(int, fraction.split("/"))
        value = sum(map(int, whole)) + (Fraction(above, below) if below else Fraction(above))
        return _short(f"{float(value):.4f}")
    before, _, after = number.partition(",")
    # In "1,500" the comma separates thousands; in "4,5" it is the decimal mark.
    return _short(before + after if len(after) == 3 and before != "0" else number.replace(",", "."))


def _short(number: str) -> str:
    """The number without zeros that mean nothing."""
    value = Decimal(number or "0")
    return f"{value.normalize():f}" if value else "0"
