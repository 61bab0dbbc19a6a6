"""Makes the demo catalogue from the words in the TOML files beside it. The result is the same on every run.

Each product line (a lamp) has variants (brushed brass, matt black). Each variant is a product, and all of a line are
a group. Stock, rating and date are not in the files: they follow from a hash of the slug, so a new line changes no
other product.
"""

import hashlib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_UP, Decimal
from pathlib import Path
from typing import Any

from catalog.attributes.models import AttributeKind
from catalog.attributes.writing import AttributeInput
from catalog.slugs import slug_of
from catalog.text import fold

WORDS = Path(__file__).parent
LAST_DAY = datetime(2026, 9, 30, tzinfo=UTC)
DAYS = 730  # the first product is at most this much older than LAST_DAY
VARIANT_DAYS = 30  # within which all variants of a line come into the shop
UNRATED_PERCENT = 12
# How many of a hundred rated products have a rating in which range, in tenths of a star.
RATINGS = ((80, 36, 48), (8, 49, 50), (9, 24, 35), (3, 0, 23))
# Below each price: the largest stock. There are hundreds of a mug, and a few of a sofa.
SHELVES = ((Decimal(30), 480), (Decimal(100), 160), (Decimal(400), 60), (Decimal(1000), 24))
SMALLEST_SHELF = 9
REDUCED_PERCENT = 11
# What the name of a line has more than that of its group.
_VARIANT_IN_NAME = re.compile(r",? (in |with )?\{\}( base| handles?)?")
_NUMBER = re.compile(r"\d[\d.]*")


@dataclass(frozen=True)
class DemoCategory:
    """A category. In the catalogue, parents stand before their children."""

    name: str
    slug: str
    parent_slug: str | None


@dataclass(frozen=True)
class DemoBrand:
    name: str
    slug: str


@dataclass(frozen=True)
class DemoAttribute:
    name: str
    kind: AttributeKind
    unit: str


@dataclass(frozen=True)
class DemoProduct:
    """A product. Its category is a leaf of the tree."""

    name: str
    slug: str
    sku: str | None
    description: str
    category_slug: str
    brand_slug: str
    price: Decimal
    compare_at_price: Decimal | None
    quantity: int
    rating: float | None
    is_active: bool
    created_at: datetime
    # The name of its group.
    group: str
    attributes: tuple[AttributeInput, ...]


@dataclass(frozen=True)
class DemoCatalogue:
    """The demo shop, in the order in which it is written to the database."""

    categories: list[DemoCategory]
    brands: list[DemoBrand]
    attributes: list[DemoAttribute]
    products: list[DemoProduct]


@dataclass(frozen=True)
class _Words:
    """What product lines have in common: sentences, and the values of attributes by category, brand and care."""

    tones: dict[str, str]
    care: dict[str, str]
    attributes: dict[str, DemoAttribute]
    shared: dict[str, dict[str, Any]]


def demo_catalogue() -> DemoCatalogue:
    """Reads the demo shop. Raises KeyError when a product line names an unknown leaf, brand or attribute."""
    categories = list(_categories(_read("categories.toml")))
    of_brands, known = _read("brands.toml"), _read("attributes.toml")
    brands = {name: DemoBrand(name, slug_of(name)) for name in of_brands}
    attributes = {attribute.name: attribute for attribute in _attributes(known)}
    lines: dict[str, list[dict[str, Any]]] = {category.name: [] for category in categories}
    for file in sorted((WORDS / "products").glob("*.toml")):
        for leaf, of_leaf in _read(file).items():
            lines[leaf] += of_leaf
    words = _Words(_read("tones.toml"), _read("care.toml"), attributes, known["shared"] | of_brands)
    products = [
        product
        for category in categories
        for line in lines[category.name]
        for product in _variants(line, category, brands[line["brand"]], words)
    ]
    return DemoCatalogue(categories, list(brands.values()), list(attributes.values()), products)


def _read(file: str | Path) -> dict[str, Any]:
    with (WORDS / file).open("rb") as words:
        return tomllib.load(words, parse_float=Decimal)


def _categories(tree: dict[str, dict[str, list[str]]]) -> Iterator[DemoCategory]:
    for department, groups in tree.items():
        yield DemoCategory(department, slug_of(department), None)
        for group, leaves in groups.items():
            yield DemoCategory(group, slug_of(group), slug_of(department))
            for leaf in leaves:
                yield DemoCategory(leaf, slug_of(leaf), slug_of(group))


def _attributes(words: dict[str, Any]) -> Iterator[DemoAttribute]:
    yield from (DemoAttribute(name, AttributeKind.TEXT, "") for name in words["text"])
    yield from (DemoAttribute(name, AttributeKind.NUMBER, unit) for name, unit in words["number"].items())
    yield from (DemoAttribute(name, AttributeKind.BOOLEAN, "") for name in words["boolean"])


def _inputs(values: dict[str, Any], words: _Words) -> Iterator[AttributeInput]:
    """The attributes of a product. Several values of one stand in a list."""
    for name, value in values.items():
        attribute = words.attributes[name]
        if attribute.kind == AttributeKind.NUMBER:
            yield AttributeInput(name, number=Decimal(value), unit=attribute.unit)
        elif attribute.kind == AttributeKind.BOOLEAN:
            yield AttributeInput(name, boolean=value)
        else:
            yield from (AttributeInput(name, text=text) for text in ([value] if isinstance(value, str) else value))


def _option(line: dict[str, Any], variant: str, words: _Words) -> dict[str, Any]:
    """What tells a variant from the others of its line: its colour, or what the line's `option` names."""
    name = line.get("option", "Colour")
    if words.attributes[name].kind == AttributeKind.NUMBER:
        return {name: _NUMBER.findall(variant)[0]}
    return {name: variant[:1].upper() + variant[1:]}


def _variants(line: dict[str, Any], category: DemoCategory, brand: DemoBrand, words: _Words) -> Iterator[DemoProduct]:
    launch = _draw(slug_of(line["name"]), "launch", DAYS - VARIANT_DAYS)
    group = line.get("group") or _VARIANT_IN_NAME.sub("", line["name"])
    values: dict[str, Any] = {}
    for key in (category.name, brand.name, line.get("care", "")):
        values |= words.shared.get(key, {})
    for variant, price in line["prices"].items():
        name = line["name"].format(variant)
        slug = slug_of(name)
        sentences = [line["text"].format(variant)]
        if line.get("tones", True) and variant in words.tones:
            sentences.append(words.tones[variant])
        if "care" in line:
            sentences.append(words.care.get(line["care"], line["care"]))
        archived = variant in line.get("archived", ())
        yield DemoProduct(
            name=name,
            slug=slug,
            sku=f"{line['sku']}-{_variant_code(variant)}" if "sku" in line else None,
            description=" ".join(sentences),
            category_slug=category.slug,
            brand_slug=brand.slug,
            price=price,
            compare_at_price=_price_before(slug_of(line["name"]), price),
            quantity=0 if archived else _quantity(slug, price),
            rating=_rating(slug),
            is_active=not archived,
            created_at=_created_at(slug, launch),
            group=group,
            attributes=tuple(_inputs(values | line["attributes"] | _option(line, variant, words), words)),
        )


def _variant_code(variant: str) -> str:
    """The end of a SKU: "28 cm" → 28, "0.5 l" → 05, "brushed brass" → BB, "walnut" → WL."""
    if number := _NUMBER.search(variant):
        return number[0].replace(".", "")
    words: list[str] = re.findall(r"[a-z]+", fold(variant))
    if len(words) > 1:
        return "".join(word[0] for word in words[:2]).upper()
    consonants = re.sub(r"[aeiou]", "", words[0][1:])
    return (words[0][0] + consonants[0]).upper()


def _draw(slug: str, what: str, below: int) -> int:
    """A number from 0 to below - 1 that depends on the arguments alone, so it is the same on every machine."""
    return int.from_bytes(hashlib.sha256(f"{what}:{slug}".encode()).digest()[:8], "big") % below


def _quantity(slug: str, price: Decimal) -> int:
    """Units in stock. Of a hundred products 8 are sold out and 14 nearly. Of the others, cheap ones have more."""
    kind = _draw(slug, "stock", 100)
    if kind < 8:
        return 0
    if kind < 22:
        return 1 + _draw(slug, "last units", 4)
    shelf = next((size for below, size in SHELVES if price < below), SMALLEST_SHELF)
    return 5 + _draw(slug, "units", shelf - 4)


def _price_before(line: str, price: Decimal) -> Decimal | None:
    """What a product of a reduced line cost before: 15 to 40 percent more, in whole units less ten cents."""
    if _draw(line, "reduced", 100) >= REDUCED_PERCENT:
        return None
    return (price * (115 + _draw(line, "reduction", 26)) / 100).quantize(Decimal(1), ROUND_UP) - Decimal("0.10")


def _rating(slug: str) -> float | None:
    """Stars from 0 to 5 in tenths; None for a product without ratings."""
    if _draw(slug, "reviewed", 100) < UNRATED_PERCENT:
        return None
    kind = _draw(slug, "liked", 100)
    for share, low, high in RATINGS:
        if kind < share:
            return (low + _draw(slug, "stars", high - low + 1)) / 10
        kind -= share
    raise AssertionError("RATINGS must add up to 100")


def _created_at(slug: str, launch: int) -> datetime:
    """A time in office hours, up to VARIANT_DAYS after the line's launch."""
    day = LAST_DAY - timedelta(days=DAYS - launch - _draw(slug, "day", VARIANT_DAYS))
    return day + timedelta(hours=7, seconds=_draw(slug, "second", 11 * 3600))
