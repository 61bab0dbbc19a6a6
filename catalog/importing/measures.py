"""Numbers with a unit in the cells of attributes, and which kind an attribute has by all its cells."""

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from catalog.attributes.models import MAX_NUMBER, NUMBER_STEP, AttributeKind
from catalog.attributes.ordering import value_key
from catalog.importing.numbers import MAX_LENGTH, NumberHabit, Shape

# Yes and no in words. Digits and single letters are values of their own.
YES = {"yes", "true", "ja", "oui", "si", "sí", "sim", "tak", "wahr", "vrai", "verdadero", "vero", "verdadeiro", "да"}
NO = {"no", "false", "nein", "non", "não", "nie", "nee", "falsch", "faux", "falso", "fałsz", "нет"}
_MEASURE = re.compile(
    r"""(?P<sign>[-\u2212]?)(?P<digits>[0-9](?:[0-9.,' ]*[0-9])?)
    \s?(?P<unit>(?:[^\W\d_]|[°%"'″′µ])[^0-9]{0,19}|[a-zA-Z]{0,2}m[23])?""",
    re.VERBOSE,
)
_CODE = re.compile("0[0-9]")


class Measure(NamedTuple):
    """A number as a cell has it, and its unit."""

    shape: Shape
    is_negative: bool
    unit: str

    def value(self, decimal: str) -> Decimal | None:
        """The number with this decimal sign; None if it is none."""
        number = self.shape.value(decimal)
        return -number if number and self.is_negative else number


def measure_of(text: str) -> Measure | None:
    """The number of a cell; None when it has no number or more than one."""
    match = _MEASURE.fullmatch(text) if len(text) <= MAX_LENGTH else None
    shape = Shape.of(match["digits"]) if match else None
    if match is None or shape is None:
        return None
    return Measure(shape, bool(match["sign"]), (match["unit"] or "").strip())


class Kind(NamedTuple):
    """What an attribute's values are, and the decimal sign of its numbers ("": that of the file)."""

    kind: AttributeKind
    unit: str = ""
    decimal: str = ""


@dataclass(slots=True)
class AttributeHabit:
    """What the cells of one attribute have in common."""

    # An option of variants, such as a size, is text even where all sizes are numbers.
    is_option: bool = False
    in_group: bool = False
    is_boolean: bool = True
    is_blank: bool = True
    has_signs: bool = False
    decimals: set[str] = field(default_factory=lambda: {".", ","})
    """The decimal signs under which all cells are numbers."""
    units: set[str] = field(default_factory=set)

    def learn(self, texts: list[str], *, in_group: bool) -> None:
        for text in texts:
            self.is_blank = False
            self.in_group |= in_group
            self.is_boolean = self.is_boolean and len(texts) == 1 and value_key(text) in YES | NO
            if self.decimals:
                self._learn_number(measure_of(text) if len(texts) == 1 and not _CODE.match(text) else None)

    def _learn_number(self, measure: Measure | None) -> None:
        if measure is None:
            self.decimals = set()
            return
        self.has_signs |= bool(measure.shape.signs)
        self.decimals = {sign for sign in self.decimals if _fits(measure.value(sign))}
        if len(self.units) < 3:
            self.units.add(measure.unit)

    def kind(self, habit: NumberHabit, unit: str) -> Kind:
        """The kind of a new attribute with these values. `unit`: that of the column's heading."""
        if self.is_option or self.is_blank:
            return Kind(AttributeKind.TEXT)
        if self.is_boolean and not unit:
            return Kind(AttributeKind.BOOLEAN)
        decimal = self.decimal(habit)
        one_unit = self.units <= {"", unit} if unit else len(self.units) == 1
        unit = unit or "".join(self.units)
        if not decimal or not one_unit or (self.in_group and not unit):
            return Kind(AttributeKind.TEXT)
        return Kind(AttributeKind.NUMBER, unit, decimal)

    def decimal(self, habit: NumberHabit) -> str:
        """The decimal sign of the attribute's numbers; "" when they are none, or could be two."""
        if self.is_blank:
            return ""
        if len(self.decimals) == 2 and self.has_signs:
            proved = habit.decimals or {habit.default}
            return "".join(proved) if len(proved) == 1 else ""
        return min(self.decimals, key=".,".index, default="")


def _fits(number: Decimal | None) -> bool:
    return number is not None and abs(number) <= MAX_NUMBER and not number % NUMBER_STEP
