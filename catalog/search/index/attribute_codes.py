"""Codes of attributes: one number for each value that products can share.

Values of TEXT, yes and no of BOOLEAN, and that a product has a NUMBER at all, have a code each. So all attributes of a
product are a few small numbers, which one aggregation counts.
"""

from collections.abc import Sequence
from decimal import Decimal
from enum import IntEnum
from typing import NamedTuple

from catalog.attributes.models import MAX_ATTRIBUTES, MAX_VALUES, NUMBER_DECIMALS

# Columns of one code each, which are counted three times as fast as one column of many. Further codes, which few
# products have, are in one column for counting, and in columns of one code each, because only those can be read.
NUM_COLUMNS = 16
COLUMNS = tuple(f"value_{n}" for n in range(NUM_COLUMNS))
FURTHER_COLUMNS = tuple(f"value_{n}" for n in range(NUM_COLUMNS, MAX_VALUES + MAX_ATTRIBUTES))
MORE = "more_values"
_MAX_FURTHER = MAX_VALUES + 1


class Held(NamedTuple):
    """A value that a product has, as ProductAttribute stores it."""

    attribute: int
    value: int | None
    number: Decimal | None
    boolean: bool | None


class Tag(IntEnum):
    """What the rest of a code is: the key of a value of TEXT, else of an attribute."""

    VALUE = 0
    NUMBER = 1
    NO = 2
    YES = 3
    # That a product has several values of an attribute: see `further_code`.
    FURTHER = 4


def code(tag: Tag, key: int) -> int:
    return key * 8 + tag


def decoded(number: int) -> tuple[int, int]:
    """The tag and the key of a code. A tag is a plain number, because to make a Tag takes longer than all else."""
    return number % 8, number // 8


def boolean_code(attribute: int, value: bool) -> int:
    return code(Tag.YES if value else Tag.NO, attribute)


def further_code(attribute: int, num_further: int) -> int:
    """Tells how many values of a TEXT attribute a product has beyond the first.

    So the products that have the attribute can be counted: all that have its values, without those counted again.
    """
    return code(Tag.FURTHER, attribute * _MAX_FURTHER + num_further)


def decoded_further(key: int) -> tuple[int, int]:
    """The attribute and the number of further values, from the key of a code."""
    return divmod(key, _MAX_FURTHER)


def codes_of(attributes: Sequence[Held]) -> list[int]:
    """The codes of all that a product has."""
    codes = []
    num_texts: dict[int, int] = {}
    for held in attributes:
        if held.value is not None:
            codes.append(code(Tag.VALUE, held.value))
            num_texts[held.attribute] = num_texts.get(held.attribute, 0) + 1
        elif held.boolean is not None:
            codes.append(boolean_code(held.attribute, held.boolean))
        else:
            codes.append(code(Tag.NUMBER, held.attribute))
    return codes + [further_code(attribute, num - 1) for attribute, num in num_texts.items() if num > 1]


def number_path(attribute: int) -> str:
    """The path of a NUMBER attribute in the field of numbers."""
    return f"a{attribute}"


def to_fixed_point(number: Decimal) -> int:
    """A number in the form of the index: whole, so that all segments have columns of one type."""
    return int(number.scaleb(NUMBER_DECIMALS))


def from_fixed_point(number: float) -> Decimal:
    """The number of a value in the index. Doubles hold each of them exactly."""
    return Decimal(int(number)).scaleb(-NUMBER_DECIMALS)
