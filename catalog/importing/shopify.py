"""Shopify's product CSV: each variant becomes one product."""

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

# What newer exports call the same columns.
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
# Which of a product's fields each column speaks of.
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
# How many products, and how many characters of them, are remembered for variants further down.
REMEMBERED, REMEMBERED_CHARACTERS = 1_000, 10_000_000


@dataclass(slots=True)
class _First:
    """What a handle's first row says for all its variants."""

    title: str
    description: str
    vendor: str
    type: str
    published: str
    status: str


class ShopifyForm:
    """Reads rows of a Shopify CSV with this header (names trimmed, in lower case, aliases resolved)."""

    def __init__(self, header: list[str]) -> None:
        # Dozens of Shopify's columns mean nothing to a catalogue; warning about each would hide what matters.
        self.ignored: list[str] = []
        self._at = {name: header.index(name) for name in (*FIELDS, *OPTIONS) if name in header}
        self.columns = frozenset(FIELDS[name] for name in self._at if name in FIELDS)
        self._firsts: OrderedDict[str, _First] = OrderedDict()
        self._characters = 0

    def row(self, line: int, cells: list[str]) -> ProductRow | None:
        """The product of this variant; None for a row with neither option nor price (an image). Raises RefusedError."""
        said = {name: cells[i].strip() for name, i in self._at.items()}
        handle = said["handle"]
        if not handle:
            raise RefusedError("Handle is empty")
        first = self._first(handle, said)
        options = [squeeze(value) for name in OPTIONS if (value := said.get(name, ""))]
        if not options and not said["variant price"]:
            return None
        options = [value for value in options if value.lower() != NO_OPTION]
        if not first.title:
            raise RefusedError(f"no row up to here gives a Title for the handle {shown(handle)}")
        return ProductRow(
            line=line,
            cells=cells,
            slug=_slug(handle, options),
            name=name_of("the name", " – ".join(filter(None, (first.title, " / ".join(options))))),
            price=price_of("Variant Price", said["variant price"]),
            sku=sku_of("Variant SKU", said.get("variant sku", "")),
            description=first.description,
            category=category_of("Type", first.type),
            brand=brand_of("Vendor", first.vendor),
            # Shopify counts below zero what it has sold and not got; there is nothing left to sell of it.
            quantity=max(0, quantity_of("Variant Inventory Qty", said.get("variant inventory qty", ""))),
            is_active=_is_active(first),
        )

    def _first(self, handle: str, said: dict[str, str]) -> _First:
        """The handle's first row (or the first with a title), remembered for its variants wherever they stand."""
        first = self._firsts.get(handle)
        if first is not None and (first.title or not said["title"]):
            self._firsts.move_to_end(handle)
            return first
        if first is not None:
            self._characters -= len(first.description)
        first = self._firsts[handle] = _First(
            title=squeeze(said["title"]),
            description=text_of(said.get("body (html)", "")),
            vendor=said.get("vendor", ""),
            type=said.get("type", ""),
            published=said.get("published", "").lower(),
            status=said.get("status", "").lower(),
        )
        self._firsts.move_to_end(handle)
        self._characters += len(first.description)
        while len(self._firsts) > REMEMBERED or (self._characters > REMEMBERED_CHARACTERS and len(self._firsts) > 1):
            self._characters -= len(self._firsts.popitem(last=False)[1].description)
        return first


def _slug(handle: str, options: list[str]) -> str:
    return slug_in("the slug", "-".join(_slug_part(part) for part in (handle, *options)))


def _slug_part(text: str) -> str:
    # "1.5 m" and "15 m" are two variants; a slug that drops the point would make them one.
    slug = slug_of(re.sub(r"(?<=\d)[.,/](?=\d)", "-", text))
    return slug or "-".join(f"u{ord(c):x}" for c in text)


def _is_active(first: _First) -> bool:
    if first.published not in PUBLISHED:
        raise RefusedError(f"Published {shown(first.published)} is neither true nor false")
    if first.status not in STATUSES:
        raise RefusedError(f"Status {shown(first.status)} is none of active, draft, archived, unlisted")
    return PUBLISHED[first.published] and STATUSES[first.status]
