"""Gives the products of bench/catalogue.py attributes and groups, the same on every run.

A product has eight attributes: colour and size, which are the options of its group, and four more of TEXT, one NUMBER and
one BOOLEAN, which depend on the root of its category. A group has four products of one category, and one product of five
is on sale.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from typing import Any

from django.db import connection, transaction

from bench.catalogue import ROWS, vocabulary, without_indexes, zipf
from catalog.category_tree import CategoryTree
from catalog.models import Attribute, AttributeKind, AttributeValue, Product, ProductAttribute, ProductGroup
from catalog.slugs import slug_of
from core.db.rows import write_rows

TEXTS, NUMBERS, BOOLEANS = 22, 8, 8
TEXTS_OF_PRODUCT, VALUES_OF_TEXT = 4, 41
COLOURS = ("red", "blue", "green", "black", "white", "grey", "amber", "yellow", "pink", "brown", "beige", "orange")
SHADES = ("", "dark ", "light ", "pale ", "deep ")
SIZES = (*("M", "L", "S", "XL", "XS", "XXL", "3XL"), *map(str, range(34, 67)))
GROUP_SIZE = 4
COLUMNS = ("product_id", "attribute_id", "value_id", "number", "boolean", "slot")

# The columns from the second on.
Row = tuple[int, int | None, float | None, bool | None, int]


@dataclass(frozen=True)
class _Text:
    """An attribute of TEXT and its values, the most common first."""

    attribute: int
    values: list[int]
    weights: list[float]

    def row(self, value: int) -> Row:
        return self.attribute, value, None, None, value

    def some_row(self, chance: random.Random) -> Row:
        return self.row(chance.choices(self.values, cum_weights=self.weights)[0])


@dataclass(frozen=True)
class _Kinds:
    """The attributes of all products below a root of the categories."""

    colour: _Text
    size: _Text
    texts: list[_Text]
    number: int
    boolean: int

    def rows_of_group(self, chance: random.Random, count: int) -> Iterator[list[Row]]:
        """The rows of each product: two colours in two sizes, and what they have in common."""
        common: list[Row] = [text.some_row(chance) for text in self.texts]
        common.append((self.number, None, round(chance.lognormvariate(3, 1), 2), None, 0))
        common.append((self.boolean, None, None, chance.random() < 0.3, 0))
        colours, sizes = self._two(chance, self.colour), self._two(chance, self.size)
        for number in range(count):
            yield [self.colour.row(colours[number // 2]), self.size.row(sizes[number % 2]), *common]

    @staticmethod
    def _two(chance: random.Random, text: _Text) -> tuple[int, int]:
        place = chance.choices(range(len(text.values)), cum_weights=text.weights)[0]
        return text.values[place], text.values[(place + 1) % len(text.values)]


def fill() -> None:
    """Adds attributes and groups to a catalogue that has none, past the ORM: eight million rows in minutes."""
    chance = random.Random(11)
    categories = dict(Product.objects.order_by("id").values_list("id", "category"))
    tree = CategoryTree.load()
    with transaction.atomic():
        by_root = _kinds(chance, [root.pk for root in sorted(tree.children(None), key=lambda root: root.pk)])
    kinds = {key: by_root[tree.path(category)[0].pk] for key, category in tree.by_id.items()}
    groups = enumerate(_groups(categories), start=1)
    with without_indexes(ProductAttribute), transaction.atomic():
        while some := [*islice(groups, ROWS)]:
            ProductGroup.objects.bulk_create(
                ProductGroup(pk=pk, name=f"Group {pk}", slug=f"group-{pk}") for pk, _ in some
            )
            products, rows = [], []
            for pk, members in some:
                of_members = kinds[categories[members[0]]].rows_of_group(chance, len(members))
                for product, of_product in zip(members, of_members, strict=True):
                    products.append((product, pk, _options_key(of_product)))
                    rows += [(product, *row) for row in of_product]
            _write(sorted(products), sorted(rows))
        with connection.cursor() as cursor:
            cursor.execute("UPDATE catalog_product SET compare_at_price = price + 5 WHERE id % 5 = 0")


def _kinds(chance: random.Random, roots: Sequence[int]) -> dict[int, _Kinds]:
    words = vocabulary(random.Random(7))
    colour, size = _text("Colour", [f"{shade}{colour}" for shade in SHADES for colour in COLOURS]), _text("Size", SIZES)
    texts = [_text(words[200 + number], chance.sample(words[:5000], VALUES_OF_TEXT)) for number in range(TEXTS)]
    numbers = [_attribute(f"measure {number}", AttributeKind.NUMBER, "cm") for number in range(NUMBERS)]
    booleans = [_attribute(f"feature {number}", AttributeKind.BOOLEAN) for number in range(BOOLEANS)]
    return {
        root: _Kinds(
            colour, size, chance.sample(texts, TEXTS_OF_PRODUCT), numbers[at % NUMBERS], booleans[at % BOOLEANS]
        )
        for at, root in enumerate(roots)
    }


def _attribute(name: str, kind: AttributeKind, unit: str = "") -> int:
    return Attribute.objects.create(name=name.capitalize(), slug=slug_of(name), kind=kind, unit=unit).pk


def _text(name: str, texts: Sequence[str]) -> _Text:
    attribute = _attribute(name, AttributeKind.TEXT)
    values = [AttributeValue.objects.create(attribute_id=attribute, text=text).pk for text in texts]
    return _Text(attribute, values, zipf(len(values), 0.7))


def _groups(categories: dict[int, int]) -> Iterator[list[int]]:
    """Products of one category, four at a time, and what is left at the end."""
    waiting: dict[int, list[int]] = {}
    for product, category in categories.items():
        members = waiting.setdefault(category, [])
        members.append(product)
        if len(members) == GROUP_SIZE:
            yield waiting.pop(category)
    yield from waiting.values()


def _options_key(rows: Sequence[Row]) -> str:
    """As catalog.attributes.models.options_key, without instances."""
    parts = sorted(
        (attribute, slot, "" if number is None else f"{number:.6f}".rstrip("0").rstrip("."), boolean or False)
        for attribute, _, number, boolean, slot in rows
    )
    return blake2b(repr(parts).encode(), digest_size=16).hexdigest()


def _write(products: Sequence[Sequence[Any]], rows: Sequence[Sequence[Any]]) -> None:
    for start in range(0, len(products), ROWS):
        some = products[start : start + ROWS]
        write_rows(connection, Product._meta.db_table, ["id", "group_id", "options_key"], some)
    places = ", ".join(["%s"] * len(COLUMNS))
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO catalog_productattribute ({', '.join(COLUMNS)}) VALUES ({places})", rows)  # noqa: S608
