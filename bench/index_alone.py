"""Builds the index of ten million products like bench/catalogue.py's without their rows in a database.

To fill a database with them and their eighty million values takes hours, and to build the index minutes. So the
database has categories, brands and attributes only, and documents are made of the rows as they are generated. Products
of a group share name, description, brand and category, as variants in a shop do.
"""

import json
import random
import resource
import sys
import time
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from copy import copy
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings

from bench import attributes, catalogue
from catalog.category_tree import CategoryTree
from catalog.models import AttributeValue, Brand, Category, Product
from catalog.search import documents, log
from catalog.search.analysis.tokens import Tokens
from catalog.search.applying import Applier
from catalog.search.attribute_codes import Held
from catalog.search.cursors import Position
from catalog.search.documents import ProductRow
from catalog.search.index.writing import Generations
from catalog.search.log import State
from catalog.search.price_ranges import SCALE
from catalog.text import sort_key

# Products after which the progress is told.
STEP = 500_000
STEPS = [int(bound * 100) for bound in SCALE]


def build(size: int) -> dict[str, Any]:
    """Builds the index, and stores beside it the positions and the product that the searches begin at."""
    leaves, brands = catalogue.fill_names()
    kinds = attributes.kinds_by_category(random.Random(11), CategoryTree.load())
    prices, sample = array("q"), {}
    started = time.perf_counter()
    indexes = Generations()
    index = indexes.new(lambda name: log.register(name, indexes.engine))
    with index.writer(bulk=True) as writer:
        applier = Applier(writer)
        applier.put_all_named()
        maker = _Copies(applier._documents)
        maker.documents.learn(dict(AttributeValue.objects.values_list("id", "text")))
        for row in rows(size, leaves, brands, kinds):
            writer.put_products({row.id: maker.product(row)})
            prices.append(int(row.price * 100))
            if row.id == size // 3:
                sample = {"id": row.id, "name": row.name, "category_id": row.category_id, "group_id": row.group_id}
            if not row.id % STEP:
                took = time.perf_counter() - started
                print(f"  {row.id:,} of {size:,} in {took:,.0f} s", file=sys.stderr, flush=True)
        writer.commit(State(str(log.current().epoch), log.current().last))
    index.put_into_use()
    took = time.perf_counter() - started
    ordered = sorted(prices)
    first, count = size // 2, min(100_000, size // 10)
    places = [min(500_000, size // 2), first, first + count // 2, first + count]
    told = {"product": sample, "prices": [ordered[place] for place in places]}
    (settings.VAR_DIR / "begin.json").write_text(json.dumps(told))
    used = sum(path.stat().st_size for path in index.path.iterdir())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"took": took, "reading": 0.0, "making": 0.0, "bytes": used, "peak": peak}


class _Copies:
    """Makes documents of a group's products from copies of what they have in common, in a third of the time."""

    # So many documents are compared with those of the application.
    COMPARED = 200

    def __init__(self, maker: documents.Documents) -> None:
        self.documents = maker
        self._group: int | None = None
        self._made = 0

    def product(self, row: ProductRow) -> documents.Document:
        if row.group_id != self._group:
            self._group, self._common = row.group_id, self._common_of(row)
        document = self._own(row)
        self._made += 1
        if self._made <= self.COMPARED:
            made, expected = (_content(it) for it in (document, self.documents.product(row)))
            assert made == expected, (made, expected)  # noqa: S101
        return document

    def _common_of(self, row: ProductRow) -> documents.Document:
        of = self.documents
        brand = of._tokens_of(of._brands[row.brand_id])
        path = of._tokens_of(of._path(row.category_id).replace("\x1f", " "))
        named, described = documents.tokens_of(row.name), documents.tokens_of(row.description)
        self._in_name = {*named.stems.split(), *named.words.split()}
        self._stems, self._words = path.stems, f"{brand.words} {path.words}"
        self._texts: dict[Held, Tokens] = {}
        common: documents.Document = {}
        common["category"] = row.category_id
        common["brand"] = row.brand_id
        common["group"] = documents.group_key(row.id, row.group_id)
        common["kind"] = documents.PRODUCT
        common["name_key"] = documents.name_term(sort_key(row.name))
        common["name"] = named.stems
        common["brand_name"] = brand.stems
        common["description"] = described.stems
        common["subject"] = documents.subject_of(row.name)
        common["name_words"] = named.words
        common["description_words"] = described.words
        common["name_ends"] = documents.reversed_tokens(named)
        return common

    def _own(self, row: ProductRow) -> documents.Document:
        document = copy(self._common)
        price = int(row.price * 100)
        document["id"] = row.id
        document["price"] = price
        document["price_step"] = bisect_right(STEPS, price)
        document["quantity"] = row.quantity
        document["in_stock"] = int(row.quantity > 0)
        document["on_sale"] = int(row.compare_at_price is not None)
        document["rating_low"] = documents.UNRATED_LOW if row.rating is None else row.rating
        document["rating_high"] = documents.UNRATED_HIGH if row.rating is None else row.rating
        document["created"] = (row.created_at - documents.EPOCH) // documents.MICROSECOND
        # No row can be compared with it, but it must be as random as a digest.
        document["digest"] = row.id * 0x9E3779B97F4A7C15 & (1 << 63) - 1
        document["sku"] = documents.sku_tokens(row.sku or "")
        tokens = [self._tokens(held) for held in row.attributes]
        document["context"] = " ".join([self._stems, *(some.stems for some in tokens)])
        document["context_words"] = " ".join([self._words, *(some.words for some in tokens)])
        document |= documents.attribute_fields(row.attributes)
        return document

    def _tokens(self, held: Held) -> Tokens:
        if held not in self._texts:
            of = self.documents
            self._texts[held] = documents._without(of._tokens_of(of._text(held)), self._in_name)
        return self._texts[held]


def _content(document: documents.Document) -> documents.Document:
    return {name: value for name, value in document.items() if name != "digest"}


def rows(
    size: int, leaves: list[int], brands: list[int], kinds: dict[int, attributes.Kinds], first: int = 1, seed: int = 7
) -> Iterator[ProductRow]:
    """Products from the key `first` on, of which the first begins a group."""
    chance = random.Random(seed)
    words = catalogue.vocabulary(random.Random(7))
    by_word, by_brand = catalogue.zipf(len(words)), catalogue.zipf(len(brands), 0.8)
    by_category = catalogue.zipf(len(leaves), 0.6)
    start = datetime(2020, 1, 1, tzinfo=UTC)
    for begin in range(first, first + size, attributes.GROUP_SIZE):
        name = " ".join(chance.choices(words, cum_weights=by_word, k=chance.randint(2, 5))).capitalize()
        text = " ".join(chance.choices(words, cum_weights=by_word, k=chance.randint(10, 24))).capitalize()
        rare = f" and {catalogue.RARE}" if begin % 50_000 == 77 else ""
        description = f"{text}, {catalogue.EVERYWHERE}{rare}."
        (category,) = chance.choices(leaves, cum_weights=by_category)
        (brand,) = chance.choices(brands, cum_weights=by_brand)
        keys = range(begin, min(begin + attributes.GROUP_SIZE, first + size))
        for pk, held in zip(keys, kinds[category].rows_of_group(chance, len(keys)), strict=True):
            price = Decimal(round(chance.lognormvariate(3.7, 1.1) * 100)) / 100
            yield ProductRow(
                *(pk, name, f"SKU-{pk:08}", description, category, brand, price),
                0 if chance.random() < 0.1 else int(chance.expovariate(0.02)) + 1,
                None if chance.random() < 0.15 else chance.randint(10, 50) / 10,
                start + timedelta(minutes=chance.randrange(3_000_000)),
                *(False, price + 5 if pk % 5 == 0 else None, begin // attributes.GROUP_SIZE + 1),
                tuple(_held(*columns) for columns in held),
            )


def rows_of_database() -> Iterator[ProductRow]:
    """The first million products once more, all different from those of the index that `build` made."""
    leaves = [*Category.objects.filter(slug__startswith="leaf").order_by("id").values_list("id", flat=True)]
    brands = [*Brand.objects.order_by("id").values_list("id", flat=True)]
    texts: dict[int, list[int]] = {}
    for attribute, value in AttributeValue.objects.order_by("id").values_list("attribute", "id"):
        texts.setdefault(attribute, []).append(value)
    kinds = dict.fromkeys(leaves, attributes.kinds_of(texts))
    return rows(1_000_000, leaves, brands, kinds, seed=8)


def _held(attribute: int, value: int | None, number: float | None, boolean: bool | None, slot: int) -> Held:
    return Held(attribute, value, None if number is None else Decimal(str(number)), boolean)


def begin() -> tuple[Product, list[Position]]:
    """What `build` stored: the product with a third of the keys before it, and positions by price."""
    told = json.loads((settings.VAR_DIR / "begin.json").read_text())
    return Product(**told["product"]), [Position(Decimal(price).scaleb(-2), 0) for price in told["prices"]]
