"""A product as a row describes it, and how cells become its texts. Cells that cannot are refused with a reason."""

import html
import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.core.exceptions import ValidationError

from catalog.attributes.writing import AttributeInput
from catalog.importing.errors import RefusedError, shown
from catalog.models import MAX_DEPTH, NAME_LENGTH, SKU_LENGTH, SLUG_LENGTH, not_reserved
from catalog.slugs import normal_form, validate_slug
from catalog.text import squeeze

UNCATEGORISED, UNBRANDED = "Uncategorised", "Unbranded"
# How often entities may be escaped in entities.
MAX_ESCAPES = 3
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#x[0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,30});")
# What spreadsheets make of long numbers.
_SCIENTIFIC = re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+[0-9]+")


@dataclass(frozen=True, slots=True)
class GroupRow:
    """The group that a row names; without a slug none. `is_title`: the file says the name, so an old group gets it."""

    slug: str = ""
    name: str = ""
    is_title: bool = False


@dataclass(slots=True)
class ProductRow:
    """What a row says of a product. The `fields` of its reader say which of these the file has columns for at all.

    `slug` is "" if the file has none. `is_composed`: it was made of a handle and options. `quantity` and
    `unlimited_stock` are None where the row does not say: they stay as they are, and a new product gets the default.
    """

    line: int
    cells: list[str]
    slug: str = ""
    is_composed: bool = False
    name: str = ""
    price: Decimal | None = None
    compare_at_price: Decimal | None = None
    sku: str | None = None
    description: str = ""
    category: tuple[str, ...] = (UNCATEGORISED,)
    brand: str = UNBRANDED
    quantity: int | None = None
    unlimited_stock: bool | None = None
    rating: float | None = None
    is_active: bool = True
    created_at: datetime | None = None
    attributes: tuple[AttributeInput, ...] = ()
    said_attributes: frozenset[str] = frozenset()
    """The slugs of all attributes that the row names, also of those that it gives no value."""
    group: GroupRow | None = None
    """None where the row says nothing about a group."""
    unsaid: frozenset[str] = frozenset()
    """Fields that the file has columns for, but that this row does not know: its parent is not in the file."""


def unescaped(text: str) -> str:
    """The text with HTML's entities as characters. A sign that only looks like an entity (R&D) stays."""
    for _ in range(MAX_ESCAPES):
        if not _ENTITY.search(text):
            break
        text = html.unescape(text)
    return text


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
    """The SKU; None when blank. Raises RefusedError when it is too long, or a number that a spreadsheet shortened."""
    sku = value.strip()
    if len(sku) > SKU_LENGTH:
        raise RefusedError(f"{what} has {len(sku)} characters, at most {SKU_LENGTH} are allowed")
    if _SCIENTIFIC.fullmatch(sku):
        raise RefusedError(
            f"{what} {shown(sku)} is a number that Excel has shortened: format the column as text, or as a number "
            "without decimals, and save the file again"
        )
    return sku or None


def category_path(what: str, names: list[str]) -> tuple[str, ...]:
    """The names of a path, the root first. Raises RefusedError."""
    if len(names) > MAX_DEPTH:
        raise RefusedError(f"{what} has {len(names)} levels, at most {MAX_DEPTH} are allowed")
    return tuple(name_of(f"a level of {what}", name) for name in names)


def brand_of(what: str, value: str) -> str:
    """The brand's name; Unbranded when blank. Raises RefusedError when it is too long."""
    return name_of(what, value) if value.strip() else UNBRANDED
