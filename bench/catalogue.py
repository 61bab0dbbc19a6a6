"""Makes a catalogue of any size, the same on every run; words, brands and categories follow Zipf's law."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Any

from django.db import connection, transaction
from django.db.models import Model

from catalog.models import Brand, Category, Product
from catalog.slugs import slug_of
from catalog.text import search_text_of, sort_key

BRANDS, WORDS, ROOTS, GROUPS, LEAVES = 2_000, 30_000, 12, 6, 5
ROWS = 2_000
KNOWN = (
    *("lamp", "chair", "table", "rug", "shelf", "vase", "mug", "plate", "sofa", "cushion", "blanket", "mirror"),
    *("oak", "linen", "brass", "wool", "walnut", "ceramic", "glass", "steel", "cotton", "leather", "marble", "cork"),
    *("blue", "green", "black", "white", "amber", "grey", "small", "large", "round", "tall", "soft", "folding"),
)
# In every description, as "made" or "quality" is in a real shop's.
EVERYWHERE = "handmade"
# In one description of fifty thousand.
RARE = "quixotic"
SYLLABLES = [
    "ka",
    "lo",
    "mi",
    "ne",
    "ru",
    "ta",
    "so",
    "vi",
    "be",
    "do",
    "fa",
    "gu",
    "hi",
    "ja",
    "le",
    "mo",
    "na",
    "po",
    "ri",
    "se",
    "tu",
    "va",
    "we",
    "xi",
    "yo",
    "zu",
    "bra",
    "cle",
    "dri",
    "flo",
    "gri",
    "plu",
]
COLUMNS = (
    *("id", "name", "slug", "sku", "description", "category_id", "brand_id", "price", "quantity", "rating"),
    *("is_active", "created_at", "updated_at", "name_key", "search_text"),
)


def vocabulary(chance: random.Random) -> list[str]:
    """The words, most common first: real ones, then words that only sound real."""
    words = dict.fromkeys(KNOWN)
    while len(words) < WORDS:
        words["".join(chance.choices(SYLLABLES, k=chance.randint(2, 4))) + chance.choice(("", "n", "r", "l", "s"))] = (
            None
        )
    return list(words)


def zipf(n: int, exponent: float = 1.0) -> list[float]:
    """Cumulative weights of the ranks 1 to n."""
    return list(accumulate(1 / rank**exponent for rank in range(1, n + 1)))


def rows(count: int, categories: list[int], brands: list[int]) -> Iterator[tuple[Any, ...]]:
    """Products 1 to `count` in the order of COLUMNS."""
    chance = random.Random(7)
    words = vocabulary(chance)
    by_word, by_brand, by_category = zipf(len(words)), zipf(len(brands), 0.8), zipf(len(categories), 0.6)
    start = datetime(2020, 1, 1, tzinfo=UTC)
    for key in range(1, count + 1):
        name = " ".join(chance.choices(words, cum_weights=by_word, k=chance.randint(2, 5))).capitalize()
        text = " ".join(chance.choices(words, cum_weights=by_word, k=chance.randint(10, 24)))
        description = f"{text.capitalize()}, {EVERYWHERE}{f' and {RARE}' if key % 50_000 == 77 else ''}."
        sku = f"SKU-{key:08}"
        moment = start + timedelta(minutes=chance.randrange(3_000_000))
        yield (
            *(key, name, f"{slug_of(name)}-{key}", sku, description),
            *(chance.choices(categories, cum_weights=by_category)[0], chance.choices(brands, cum_weights=by_brand)[0]),
            Decimal(round(chance.lognormvariate(3.7, 1.1) * 100)) / 100,
            0 if chance.random() < 0.1 else int(chance.expovariate(0.02)) + 1,
            None if chance.random() < 0.15 else chance.randint(10, 50) / 10,
            *(True, moment, moment, sort_key(name), search_text_of(name, sku, description)),
        )


def fill(count: int) -> None:
    """Writes the catalogue into the empty database, past the ORM: a million rows in minutes, not in an hour."""
    chance = random.Random(3)
    words = vocabulary(random.Random(7))
    with transaction.atomic():
        leaves = []
        for root in range(ROOTS):
            top = Category.objects.create(name=f"{words[root]} world".title(), slug=f"root-{root}")
            for group in range(GROUPS):
                name = " ".join(chance.choices(words[:500], k=2)).title()
                middle = Category.objects.create(name=name, slug=f"group-{root}-{group}", parent=top)
                for leaf in range(LEAVES):
                    slug = f"leaf-{root}-{group}-{leaf}"
                    name = " ".join(chance.choices(words[:2000], k=2)).title()
                    leaves.append(Category.objects.create(name=name, slug=slug, parent=middle).pk)
        brands = [
            Brand.objects.create(name=chance.choice(words[100:]).title() + f" {number}", slug=f"brand-{number}").pk
            for number in range(BRANDS)
        ]
        chance.shuffle(leaves)
    with without_indexes(Product), transaction.atomic(), connection.cursor() as cursor:
        insert = f"INSERT INTO catalog_product ({', '.join(COLUMNS)}) VALUES ({', '.join(['%s'] * len(COLUMNS))})"  # noqa: S608
        batch: list[tuple[Any, ...]] = []
        for row in rows(count, leaves, brands):
            batch.append(row)
            if len(batch) == ROWS:
                cursor.executemany(insert, batch)
                batch = []
        if batch:
            cursor.executemany(insert, batch)
    if connection.vendor == "mysql":
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE catalog_product ADD FULLTEXT INDEX bench_words (name, description)")


@contextmanager
def without_indexes(model: type[Model]) -> Iterator[None]:
    """Drops the model's indexes meanwhile: they are built from sorted rows far faster than row by row."""
    table, mysql = model._meta.db_table, connection.vendor == "mysql"

    def execute(statement: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            if statement.startswith("ANALYZE"):
                cursor.fetchall()

    if mysql:
        execute("SET SESSION foreign_key_checks = 0, unique_checks = 0")
    for index in model._meta.indexes:
        execute(f"ALTER TABLE {table} DROP INDEX {index.name}" if mysql else f"DROP INDEX {index.name}")
    yield
    with connection.schema_editor() as editor:
        for index in model._meta.indexes:
            editor.add_index(model, index)
    if mysql:
        execute("SET SESSION foreign_key_checks = 1, unique_checks = 1")
    execute(f"ANALYZE TABLE {table}" if mysql else f"ANALYZE {table}")
