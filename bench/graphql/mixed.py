"""A shop's day: questions of many kinds by Zipf's law, and prices that change meanwhile.

The 1,000 questions are 60 % lists with filters, 15 % product pages, 15 % lists with facets and the exact total, and 10 %
lists with three levels of categories. Of the lists with filters, half ask for 20 products, the others for 1 to 100, each
size as likely as any other. A filter names a category (60 %), a brand (15 %), prices (40 %), a rating (15 %), what is in
stock (30 %); categories and brands follow Zipf's law too. Half are sorted by price, 15 % by price downwards, the others
by age. Which question is the most common is drawn. Texts and suggestions are left out: Node has no search engine.
"""

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate
from typing import Any

from bench.graphql.client import ask, load, shown
from bench.graphql.documents import body_of, http_request
from bench.graphql.shop import Shop
from bench.graphql.variants import ROOT, Variant

NAME = "mixed load"
# One of so many requests is followed by a write.
REQUESTS_PER_WRITE = 100
_CARD = "id name slug price { amount currency } inStock rating category { name slug } brand { name slug }"
_ARGUMENTS = "$first: Int!, $filter: ProductFilter, $sortBy: ProductSort"
_GIVEN = "first: $first, filter: $filter, sortBy: $sortBy"
LIST = f"query List({_ARGUMENTS}) {{ products({_GIVEN}) {{ edges {{ cursor node {{ {_CARD} }} }} pageInfo {{ hasNextPage endCursor }} }} }}"
FACETS = f"""query Facets({_ARGUMENTS}) {{ products({_GIVEN}) {{ totalCount edges {{ node {{ {_CARD} }} }}
 facets {{ inStock brands(first: 10) {{ count brand {{ name slug }} }} }} }} }}"""
DEEP = f"""query Levels({_ARGUMENTS}) {{ products({_GIVEN}) {{ edges {{ node {{ name
 category {{ name parent {{ name parent {{ name }} }} }} }} }} }} }}"""
PRODUCT = """query Product($slug: String!) { product(slug: $slug) { id name slug sku description price { amount currency }
 quantity inStock rating createdAt category { name slug parent { name slug parent { name slug } } } brand { name slug } } }"""


@lru_cache
def _zipf(count: int, exponent: float = 1.0) -> list[float]:
    """Cumulative weights of the ranks 1 to `count`."""
    return list(accumulate(1 / rank**exponent for rank in range(1, count + 1)))


def questions(count: int, shop: Shop) -> list[bytes]:
    """The requests, the most common first."""
    chance = random.Random(11)
    made: dict[bytes, None] = {}
    while len(made) < count:
        kind = chance.choices((LIST, PRODUCT, FACETS, DEEP), (60, 15, 15, 10))[0]
        made[http_request(body_of(kind, _variables(kind, chance, shop)), shop.token)] = None
    return list(made)


def _variables(kind: str, chance: random.Random, shop: Shop) -> dict[str, Any]:
    if kind is PRODUCT:
        return {"slug": chance.choice(shop.products)}
    sort = chance.choices(({"field": "PRICE"}, {"field": "PRICE", "direction": "DESC"}, None), (50, 15, 35))[0]
    size = chance.randint(1, 100) if kind is LIST and chance.random() < 0.5 else 20
    return {"first": size, "filter": _filter(chance, shop, brand=kind is not FACETS), "sortBy": sort}


def _filter(chance: random.Random, shop: Shop, *, brand: bool) -> dict[str, Any]:
    conditions: dict[str, Any] = {}
    if chance.random() < 0.6:
        conditions["category"] = chance.choices(shop.categories, cum_weights=_zipf(len(shop.categories)))
    if brand and chance.random() < 0.15:
        conditions["brand"] = chance.choices(shop.brands, cum_weights=_zipf(len(shop.brands), 0.8))
    if chance.random() < 0.4:
        low = chance.randint(0, 80)
        conditions["price"] = {"min": f"{low}.00", "max": f"{low + chance.randint(5, 100)}.00"}
    if chance.random() < 0.15:
        conditions["rating"] = {"min": chance.randint(2, 4)}
    if chance.random() < 0.3:
        conditions["inStock"] = True
    return conditions


class Writer:
    """Another process that changes a product's price by Vitrine's service, and brings the index up to date."""

    def __init__(self, products: int) -> None:
        command = [sys.executable, "-m", "bench.graphql.writer", str(products)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.wait()

    def _tell(self, line: str) -> None:
        print(line, file=self._process.stdin, flush=True)

    def change(self) -> None:
        """Asks for a change, and does not wait for it."""
        self._tell("")

    def wait(self) -> None:
        """Returns when all changes are done and in the index."""
        self._tell("done?")
        if not next(iter(self._process.stdout or ()), ""):
            sys.exit("The process that writes has ended.")

    def close(self) -> None:
        """Ends the process."""
        self._process.communicate(timeout=30)


def _drawn(asked: list[bytes], chance: random.Random, writer: Writer, count: int) -> Iterator[bytes]:
    """So many requests by Zipf's law, with writes between them."""
    for number, request in enumerate(chance.choices(asked, cum_weights=_zipf(len(asked)), k=count), 1):
        yield request
        if number % REQUESTS_PER_WRITE == 0:
            writer.change()


def check_same(variants: list[Variant], asked: list[bytes]) -> None:
    """Ends the bench unless all give the same answers to all questions."""
    for request in asked:
        answers = [json.loads(ask(variant.port, request)) for variant in variants]
        texts = [json.dumps(shown(answer.get("data"))) for answer in answers]
        for variant, text, answer in zip(variants, texts, answers, strict=True):
            if text != texts[0] or "errors" in answer:
                sys.exit(f"{variant.name} differs\n{request.decode()}\n{texts[0][:1500]}\n{json.dumps(answer)[:1500]}")


def measure(variants: list[Variant], options: argparse.Namespace, shop: Shop) -> None:
    """Fills the variants' runs, in turns. All must answer alike before, and again after the writes."""
    asked = questions(options.questions, shop)
    check_same(variants, asked)
    writer = Writer(len(shop.products))
    for number in range(options.rounds):
        for variant in variants[number % len(variants) :] + variants[: number % len(variants)]:
            # All are asked the same in a round. The first tenth is not counted.
            chance = random.Random(number)
            load(variant.port, _drawn(asked, chance, writer, options.requests // 10))
            before, started = variant.cpu(), time.perf_counter()
            taken = load(variant.port, _drawn(asked, chance, writer, options.requests))
            rate = len(taken) / (time.perf_counter() - started)
            cost = (variant.cpu() - before) * 1000 / len(taken)
            variant.runs.setdefault(NAME, []).append((rate, taken, cost))
            writer.wait()
    writer.close()
    check_same(variants, asked[:: max(1, len(asked) // 200)])
