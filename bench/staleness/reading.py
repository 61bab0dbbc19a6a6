"""Processes that ask over HTTP, and compare what they see with what was acknowledged before."""

import http.client
import json
import random
import re
import time

from bench.cart_server import Shop
from bench.staleness.rows import ROWS, Ledger

VERSIONED = re.compile(r"\b(product|category|brand|attribute|value|group|alt) (\d) v(\d+)( never)?")
PRICE = re.compile(r'"amount":"(\d+)\.0(\d)"')
PRODUCT = (
    "slug name price { amount } category { slug name path { name } } brand { slug name } group { slug name } "
    "attributes { text attribute { slug name } } images { alt }"
)
PAGE = f"{{ products(first: 20) {{ nodes {{ {PRODUCT} }} }} }}"
QUERIES = [
    PAGE,
    "{ categories { slug name children { name } } }",
    "{ brands(first: 20) { nodes { slug name } } }",
    *(f'{{ product(slug: "product-{n}") {{ {PRODUCT} }} }}' for n in range(ROWS)),
    *(f'{{ brand(slug: "brand-{n}") {{ name }} category(slug: "category-{n}") {{ name }} }}' for n in range(ROWS)),
]
SEARCH = '{ products(search: "moving") { nodes { slug } redirect { slug } } }'
REST = ["products/search/?limit=20", *(f"products/product-{n}/" for n in range(ROWS))]


class Reader:
    """Asks, and compares each answer with what was acknowledged before."""

    def __init__(self, shop: Shop, ledger: Ledger, number: int) -> None:
        self.shop, self.ledger, self.number = shop, ledger, number
        self.connection = http.client.HTTPConnection("127.0.0.1", shop.port, timeout=60)

    def run(self) -> None:
        random.seed()
        while True:
            before = list(self.ledger.acknowledged)
            asked, text = self.ask()
            if text is None:
                continue
            self.ledger.counts[self.number * 8 + 4] += 1
            for wrong in self.wrongs(asked, text, before):
                self.ledger.counts[self.number * 8 + 5] += 1
                print(f"STALE {asked[:100]}: {wrong}", flush=True)

    def ask(self) -> tuple[str, str | None]:
        """What was asked, and the text of the answer; None when its server was killed."""
        headers = {"Host": "127.0.0.1", "Content-Type": "application/json"}
        viewer = random.randrange(3)
        if viewer < 2:
            headers["Authorization"] = f"Bearer {self.shop.tokens[viewer]}"
        kind = random.random()
        asked = SEARCH if kind < 0.15 else random.choice(QUERIES)
        try:
            if kind > 0.8:
                asked = random.choice(REST)
                self.connection.request("GET", f"/api/v1/{asked}", headers=headers)
            else:
                self.connection.request("POST", "/graphql/", json.dumps({"query": asked}), headers)
            response = self.connection.getresponse()
            text = response.read().decode()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            self.ledger.counts[self.number * 8 + 6] += 1
            time.sleep(0.05)
            return asked, None
        if response.status != 200 or '"errors"' in text:
            self.ledger.counts[self.number * 8 + 7] += 1
            print(f"FAILED {response.status} {text[:300]}", flush=True)
            return asked, None
        return asked, text

    def wrongs(self, asked: str, text: str, before: list[int]) -> list[str]:
        """What is older than it may be, or never was."""
        seen = [(kind, int(row), int(version), never) for kind, row, version, never in VERSIONED.findall(text)]
        seen += [("price", int(row), int(version), "") for version, row in PRICE.findall(text)]
        found = []
        for kind, row, version, never in seen:
            place = Ledger.place(kind, row)
            if never or not before[place] <= version <= self.ledger.tried[place]:
                found.append(f"{kind} {row} v{version}{never}, acknowledged v{before[place]}")
        if asked == SEARCH:
            products = json.loads(text)["data"]["products"]
            shown = {"synonym": products["nodes"][0]["slug"] if len(products["nodes"]) == 1 else "several"}
            shown["redirect"] = (products["redirect"] or {"slug": "none"})["slug"]
            for kind, slug in shown.items():
                place = Ledger.place(kind, 0)
                allowed = range(before[place], self.ledger.tried[place] + 1)
                if slug.rpartition("-")[2] not in {str(version % ROWS) for version in allowed}:
                    found.append(f"{kind} {slug}, acknowledged v{before[place]} ({before[place] % ROWS})")
        elif not seen:
            found.append(f"nothing in {text[:200]}")
        return found
