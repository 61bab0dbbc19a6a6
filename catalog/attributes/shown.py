"""What APIs show of attributes and groups. Attached to products and groups by catalog.selectors."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from catalog.attributes.models import Attribute


@dataclass(frozen=True, slots=True, eq=False)
class ShownAttribute:
    """A value that products have. All that were read together share it. `order` tells its place among others."""

    attribute: Attribute
    text: str
    number: float | None
    boolean: bool | None
    order: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class ProductOption:
    """An attribute in which the products of a group differ, and the texts of its values in their order."""

    attribute: Attribute
    values: list[str]


@dataclass(frozen=True, slots=True)
class Siblings:
    """What a group shows of its products: the active ones, their options, and the lowest and the highest price.

    A group without an active product, which only carts and staff see, has the prices of its archived ones.
    """

    products: list[Any]
    options: list[ProductOption]
    low: Decimal
    high: Decimal
