"""Changes a product on one host and asks the other until it finds it; and a load of searches meanwhile."""

import random
import threading
import time
from collections import Counter, defaultdict
from typing import Any
from urllib.parse import quote

from bench.chaos.client import NoAnswer, Refused, Shop
from bench.two_hosts.hosts import Host

LETTERS = "bcdfghjkmnpqrstvwxz"
LIMIT_SECONDS, GIVEN_UP_SECONDS, POLL_SECONDS = 2.0, 30.0, 0.05
RENAME = "mutation TwoHostsRename($i: ProductUpdateInput!) { productUpdate(input: $i) { errors { code message } } }"
SEARCH = "query TwoHostsSearch($q: String!) { products(search: $q, first: 5) { nodes { name } } }"
PAGE = "query TwoHostsPage($q: String!) { products(search: $q) { totalCount nodes { id name price { amount } } } }"
WORDS = ["lamp", "vase", "oak", "linen", "steel", "chair", "shelf"]


class Tries:
    """Threads that each rename products of their own on one host and look for them on the other."""

    def __init__(self, hosts: list[Host], products: list[dict[str, Any]], threads: int) -> None:
        self.hosts, self.phase = hosts, "calm"
        # The hosts that can be asked now, and those that have an index to find changes with.
        self.usable = [True, True]
        # By phase: the seconds from the answer to the change until it was found.
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.late: list[str] = []
        self.failures: Counter[str] = Counter()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(products[number::threads],), daemon=True)
            for number in range(threads)
        ]

    def start(self) -> None:
        """Begins."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends when every try at hand has."""
        self._stop.set()
        for thread in self._threads:
            thread.join(GIVEN_UP_SECONDS + 30)

    def _work(self, products: list[dict[str, Any]]) -> None:
        while not self._stop.is_set():
            writer = random.randrange(2)
            if not (self.usable[writer] and self.usable[1 - writer]):
                # One host is down on purpose: the other one still has to find its own changes.
                writer = next((n for n in (0, 1) if self.usable[n]), 0)
                reader = writer
            else:
                reader = 1 - writer
            try:
                self._try(self.hosts[writer], self.hosts[reader], random.choice(products))
            except (NoAnswer, Refused) as error:
                self.failures[f"{self.phase}: {error!r}"[:160]] += 1
                for host in self.hosts:
                    host.find()
                self._stop.wait(0.5)

    def _try(self, writer: Host, reader: Host, product: dict[str, Any]) -> None:
        phase, by_rest = self.phase, random.random() < 0.5
        word = "".join(random.choices(LETTERS, k=12))
        name = f"Try {word}"
        payload = writer.graphql(RENAME, i={"id": product["id"], "name": name})["productUpdate"]
        if payload["errors"]:
            raise Refused(str(payload["errors"]))
        acknowledged = time.monotonic()
        while True:
            asked_at = time.monotonic()
            try:
                names = _names(reader, word, by_rest=by_rest)
            except NoAnswer:
                if phase == self.phase == "calm" or asked_at - acknowledged > GIVEN_UP_SECONDS:
                    raise
                reader.find()
                names = []
            if name in names:
                break
            if asked_at - acknowledged > GIVEN_UP_SECONDS:
                self.late.append(f"{phase}: {word} by host {writer.number + 1} was not found by {reader.number + 1}")
                return
            time.sleep(POLL_SECONDS)
        # What was asked before the limit and answered after it was found in time.
        needed = asked_at - acknowledged
        self.seconds[phase].append(needed)
        if needed > LIMIT_SECONDS:
            self.late.append(f"{phase}: host {writer.number + 1} to {reader.number + 1} took {needed:.1f} s")


def _names(shop: Shop, word: str, *, by_rest: bool) -> list[str]:
    if not by_rest:
        return [node["name"] for node in shop.graphql(SEARCH, q=word)["products"]["nodes"]]
    status, answer = shop.send("GET", f"/api/v1/products/search/?q={quote(word)}&limit=5")
    if status != 200:
        raise NoAnswer(str(status)) if status >= 500 else Refused(f"{status} {answer}")
    return [product["name"] for product in answer["results"]]


class Searches:
    """A steady load of searches through nginx. None of them may fail, ever."""

    def __init__(self, port: int, token: str, rate: float, threads: int = 4) -> None:
        self.port, self.token, self.pause = port, token, threads / rate
        self.phase = "calm"
        self.milliseconds: dict[str, list[float]] = defaultdict(list)
        self.failures: Counter[str] = Counter()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(threads)]

    def start(self) -> None:
        """Begins."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends."""
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _work(self) -> None:
        shop = Shop(self.port, self.token)
        while not self._stop.wait(random.uniform(0, 2 * self.pause)):
            phase, word, began = self.phase, random.choice(WORDS), time.monotonic()
            try:
                if random.random() < 0.5:
                    if shop.graphql(PAGE, q=word)["products"]["totalCount"] == 0:
                        raise Refused(f"{word} found nothing")
                elif not _names(shop, word, by_rest=True):
                    raise Refused(f"{word} found nothing")
            except (NoAnswer, Refused) as error:
                self.failures[f"{phase}: {error!r}"[:160]] += 1
            self.milliseconds[phase].append((time.monotonic() - began) * 1000)
