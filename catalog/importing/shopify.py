"""Reads Shopify's product CSV: each variant becomes one product."""

import re
from collections import OrderedDict
from dataclasses import dataclass

from catalog.importing.html_text import text_of
from catalog.importing.rows import (
    ProductRow,
    RefusedError,
    brand_of,
    category_of,
    name_of,
    price_of,
    quantity_of,
    shown,
    sku_of,
    slug_in,
)
from catalog.slugs import slug_of
from catalog.text import squeeze

# The names of the same columns in newer exports.
ALIASES = {
    "url handle": "handle",
    "description": "body (html)",
    "sku": "variant sku",
    "price": "variant price",
    "inventory quantity": "variant inventory qty",
    "published on online store": "published",
    "product image url": "image src",
    "variant image url": "variant image",
}
REQUIRED = ("handle", "title", "variant price")
IMAGES, IMAGE_ALT, IMAGE_POSITION = ("variant image", "image src"), "image alt text", "image position"
OPTIONS = ("option1 value", "option2 value", "option3 value")
# The product's field that each column fills.
FIELDS = {
    "handle": "slug",
    "title": "name",
    "body (html)": "description",
    "vendor": "brand",
    "type": "category",
    "variant sku": "sku",
    "variant price": "price",
    "variant inventory qty": "quantity",
    "published": "is_active",
    "status": "is_active",
}
NO_OPTION = "default title"
STATUSES = {"": True, "active": True, "draft": False, "archived": False, "unlisted": False}
PUBLISHED = {"": True, "true": True, "false": False}
# How many first rows, and how many characters of their descriptions, are kept for variants further down the file.
MAX_FIRST_ROWS, MAX_FIRST_CHARACTERS = 1_000, 10_000_000


@dataclass(slots=True)
class _FirstRow:
    """The values of a handle's first row that apply to all its variants."""

    title: str
    description: str
    vendor: str
    type: str
    published: str
    status: str


class ShopifyForm:
    """Reads rows of a Shopify CSV with this header (names trimmed, in lower case, aliases resolved)."""

    def __init__(self, header: list[str]) -> None:
        # Always empty: warnings about dozens of Shopify's columns would be of no use.
        self.ignored: list[str] = []
        self._at = {name: header.index(name) for name in (*FIELDS, *OPTIONS) if name in header}
        self.columns = frozenset(FIELDS[name] for name in self._at if name in FIELDS)
        self._first_rows: OrderedDict[str, _FirstRow] = OrderedDict()
        self._characters = 0

    def row(self, line: int, cells: list[str]) -> ProductRow | None:
        """The product of this variant. None for a row of an image, without option and price. Raises RefusedError."""
        values = {name: cells[i].strip() for name, i in self._at.items()}
        handle = values["handle"]
        if not handle:
            raise RefusedError("Handle is empty")
        first = self._first_row(handle, values)
        options = [squeeze(value) for name in OPTIONS if (value := values.get(name, ""))]
        if not options and not values["variant price"]:
            return None
        options = [value for value in options if value.lower() != NO_OPTION]
        if not first.title:
            raise RefusedError(f"no row up to here gives a Title for the handle {shown(handle)}")
        return ProductRow(
            line=line,
            cells=cells,
            slug=_slug(handle, options),
            name=name_of("the name", " – ".join(filter(None, (first.title, " / ".join(options))))),
            price=price_of("Variant Price", values["variant price"]),
            sku=sku_of("Variant SKU", values.get("variant sku", "")),
            description=first.description,
            category=category_of("Type", first.type),
            brand=brand_of("Vendor", first.vendor),
            # Shopify's quantity is negative when more was sold than was in stock.
            quantity=max(0, quantity_of("Variant Inventory Qty", values.get("variant inventory qty", ""))),
            is_active=_is_active(first),
        )

    def _first_row(self, handle: str, values: dict[str, str]) -> _FirstRow:
        """The handle's first row with a title, else its first row. It is kept for variants further down the file."""
        first = self._first_rows.get(handle)
        if first is not None and (first.title or not values["title"]):
            self._first_rows.move_to_end(handle)
            return first
        if first is not None:
            self._characters -= len(first.description)
        first = self._first_rows[handle] = _FirstRow(
            title=squeeze(values["title"]),
            description=text_of(values.get("body (html)", "")),
            vendor=values.get("vendor", ""),
            type=values.get("type", ""),
            published=values.get("published", "").lower(),
            status=values.get("status", "").lower(),
        )
        self._first_rows.move_to_end(handle)
        self._characters += len(first.description)
        while len(self._first_rows) > MAX_FIRST_ROWS or (
            self._characters > MAX_FIRST_CHARACTERS and len(self._first_rows) > 1
        ):
            self._characters -= len(self._first_rows.popitem(last=False)[1].description)
        return first


def _slug(handle: str, options: list[str]) -> str:
    return slug_in("the slug", "-".join(_slug_part(part) for part in (handle, *options)))


def _slug_part(text: str) -> str:
    # Without the hyphen, "1.5 m" and "15 m" would have the same slug.
    slug = slug_of(re.sub(r"(?<=\d)[.,/](?=\d)", "-", text))
    return slug or "-".join(f"u{ord(c):x}" for c in text)


def _is_active(first: _FirstRow) -> bool:
    if first.published not in PUBLISHED:
        raise RefusedError(f"Published {shown(first.published)} is neither true nor false")
    if first.status not in STATUSES:
        raise RefusedError(f"Status {shown(first.status)} is none of active, draft, archived, unlisted")
    return PUBLISHED[first.published] and STATUSES[first.status]
