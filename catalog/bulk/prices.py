"""Prices by percent: how they are computed and rounded."""

from dataclasses import dataclass
from decimal import Decimal

from django.db import models

from catalog.models import CENT
from core.money import digits_of

MIN_PERCENT, MAX_PERCENT = Decimal("-99.99"), Decimal(1000)


class Direction(models.TextChoices):
    """Which way a price is rounded. NEAREST rounds up from the middle."""

    NEAREST = "NEAREST", "to the nearest"
    UP = "UP", "up"
    DOWN = "DOWN", "down"


@dataclass(frozen=True)
class Rounding:
    """Prices that are a multiple of `step` plus `ending`: step 1 and ending 0.99 are 0.99, 1.99, 2.99 …"""

    step: Decimal
    ending: Decimal = Decimal(0)

    @property
    def key(self) -> str:
        """How a form names it."""
        return f"{self.step}+{self.ending}"

    @classmethod
    def of(cls, key: str) -> "Rounding":
        step, _, ending = key.partition("+")
        return cls(Decimal(step), Decimal(ending))

    def __str__(self) -> str:
        if self.ending:
            return f"{self.ending}, {self.ending + self.step}, {self.ending + 2 * self.step} …"
        return f"multiples of {self.step}" if self.step > unit() else f"{self.step}, as exactly as can be"

    def round(self, value: Decimal, direction: Direction) -> Decimal | None:
        """The rounded price; None when no price above 0 lies in that direction. `value` is above 0."""
        below = (value - self.ending) // self.step * self.step + self.ending
        if below > value:
            # `//` truncates towards 0, which is upwards for a value under the first ending.
            below -= self.step
        above = below if below == value else below + self.step
        if direction == Direction.UP or (direction == Direction.NEAREST and below <= 0):
            return above
        if direction == Direction.DOWN:
            return below if below > 0 else None
        return below if value - below < above - value else above


def unit() -> Decimal:
    """The smallest amount of the shop's currency."""
    return CENT if digits_of(Decimal(1)) else Decimal(1)


def roundings() -> list[Rounding]:
    """What prices can be rounded to in the shop's currency; the first one only drops fractions of the unit."""
    if unit() == 1:
        steps, endings = "1 5 10 50 100 500 1000", "10+9 100+80 100+90 100+99 1000+980 1000+999"
    else:
        steps, endings = "0.01 0.05 0.10 0.50 1.00 5.00 10.00", "1.00+0.99 1.00+0.95 1.00+0.90 10.00+9.00 10.00+9.99"
    pairs = (pair.split("+") for pair in endings.split())
    return [
        *(Rounding(Decimal(step)) for step in steps.split()),
        *(Rounding(Decimal(step), Decimal(ending)) for step, ending in pairs),
    ]


def changed_price(price: Decimal, percent: Decimal, rounding: Rounding, direction: Direction) -> Decimal | None:
    """The price, higher by so many percent and rounded; None when that is nothing above 0. `price` is above 0."""
    return rounding.round(price * (100 + percent) / 100, direction)
