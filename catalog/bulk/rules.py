"""What each kind of bulk change does to a product, and why it may leave one as it is."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import models

from catalog.bulk.models import Kind
from catalog.bulk.prices import Direction, Rounding, changed_price
from catalog.models import MAX_PRICE, Product


class Stay(models.TextChoices):
    """Why a product stays as it is."""

    ARCHIVED = "ARCHIVED", "archived already"
    IN_SHOP = "IN_SHOP", "in the shop already"
    IN_CATEGORY = "IN_CATEGORY", "in this category already"
    OF_BRAND = "OF_BRAND", "of this brand already"
    SAME_PRICE = "SAME_PRICE", "the same price after rounding"
    FREE = "FREE", "free: a percentage of nothing is nothing"
    TO_NOTHING = "TO_NOTHING", "rounding down would make it free"
    TOO_DEAR = "TOO_DEAR", f"it would cost more than {MAX_PRICE:,}"
    GONE = "GONE", "not there any more"
    # When a change is undone:
    CHANGED_SINCE = "CHANGED_SINCE", "changed again since then"
    PLACE_GONE = "PLACE_GONE", "its old category or brand is not there any more"
    FORGOTTEN = "FORGOTTEN", "what it was before is not in the history any more"


class PriceBefore(models.TextChoices):
    """What becomes of the price before (`compare_at_price`)."""

    KEEP = "KEEP", "Leave it, where it is above the new price"
    OLD_PRICE = "OLD_PRICE", "Show the old price as the price before, where the new one is lower"
    REMOVE = "REMOVE", "Remove it: the sale is over"


class State(NamedTuple):
    """What a rule looks at. A product has the same names."""

    pk: int
    is_active: bool
    category_id: int
    brand_id: int
    price: Decimal
    compare_at_price: Decimal | None


# The new values of the fields that change, or why the product stays.
Rule = Callable[[State | Product], dict[str, Any] | Stay]


@dataclass(frozen=True)
class PriceOptions:
    """What the person chose for the prices."""

    percent: Decimal
    rounding: Rounding
    direction: Direction
    before: PriceBefore

    @classmethod
    def of(cls, options: dict[str, Any]) -> "PriceOptions":
        return cls(
            Decimal(options["percent"]),
            Rounding.of(options["rounding"]),
            Direction(options["direction"]),
            PriceBefore(options["before"]),
        )


def fields_of(kind: str) -> list[str]:
    """The columns that a kind of change may write."""
    return {
        Kind.ARCHIVE: ["is_active"],
        Kind.BRING_BACK: ["is_active"],
        Kind.MOVE: ["category_id"],
        Kind.SET_BRAND: ["brand_id"],
        Kind.CHANGE_PRICES: ["price", "compare_at_price"],
    }[Kind(kind)]


def rule_of(kind: str, options: dict[str, Any]) -> Rule:
    """What is done to each product. `options`: "id" and "name" of the category or brand, or those of PriceOptions."""
    match Kind(kind):
        case Kind.ARCHIVE:
            return _setting("is_active", False, Stay.ARCHIVED)
        case Kind.BRING_BACK:
            return _setting("is_active", True, Stay.IN_SHOP)
        case Kind.MOVE:
            return _setting("category_id", options["id"], Stay.IN_CATEGORY)
        case Kind.SET_BRAND:
            return _setting("brand_id", options["id"], Stay.OF_BRAND)
        case Kind.CHANGE_PRICES:
            return _pricing(PriceOptions.of(options))


def _setting(name: str, value: Any, reason: Stay) -> Rule:
    def rule(product: State | Product) -> dict[str, Any] | Stay:
        return reason if getattr(product, name) == value else {name: value}

    return rule


def _pricing(chosen: PriceOptions) -> Rule:
    def rule(product: State | Product) -> dict[str, Any] | Stay:
        old, before = product.price, product.compare_at_price
        if not old:
            return Stay.FREE
        new = changed_price(old, chosen.percent, chosen.rounding, chosen.direction)
        if new is None:
            return Stay.TO_NOTHING
        if new > MAX_PRICE:
            return Stay.TOO_DEAR
        if chosen.before == PriceBefore.REMOVE:
            before = None
        elif chosen.before == PriceBefore.OLD_PRICE and new < old:
            before = old
        if before is not None and before <= new:
            before = None
        values = {"price": new, "compare_at_price": before}
        changes = {name: value for name, value in values.items() if value != getattr(product, name)}
        return changes or Stay.SAME_PRICE

    return rule
