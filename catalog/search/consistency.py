"""Compares the index with the database, document by document."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, islice

from catalog.models import Product
from catalog.search import log, updating
from catalog.search.documents import PRODUCT, Documents, named_digest, named_key
from catalog.search.following import Index
from catalog.search.queries import Range, with_ids
from catalog.search.rows import MODELS, documents, learn_values, product_rows

CHUNK_ROWS = 5_000
# Differences may be due to changes that are not applied yet. So they are compared again until all changes are applied,
# or until the timeout.
WAITING_TIMEOUT_SECONDS = 15.0
# The check ends with so many: an index that differs in more is rebuilt, whatever the rest is.
MAX_DIFFERENCES = 100_000


@dataclass(frozen=True)
class Drift:
    """A document that differs from the database: it is "missing", "stale", "left over" or "doubled"."""

    kind: str
    key: int
    what: str

    def __str__(self) -> str:
        return f"{self.kind} {self.key} is {self.what}"


class NothingToCompare(Exception):
    """No index can be compared. The message says why."""


def find_drift(progress: Callable[[int, int], object] = lambda done, total: None) -> list[Drift]:
    """The differences between index and database, up to MAX_DIFFERENCES. Raises IndexUnavailable.

    `progress` is called with the number of compared products and of all products.
    """
    until = time.monotonic() + WAITING_TIMEOUT_SECONDS
    differences = [*islice(chain(_product_drift(progress), _named_drift()), MAX_DIFFERENCES)]
    while differences and time.monotonic() < until and _is_behind():
        time.sleep(0.5)
        differences = _compared_again(differences)
    # Once more: rows and a commit that are read one after the other may belong to two moments.
    return _compared_again(differences) if differences else []


def _current() -> Index:
    target = updating.target()
    index = target.current() if target else None
    if index is None:
        raise NothingToCompare("there is no index yet" if target else "the database answers all searches")
    return index


def _is_behind() -> bool:
    """Whether the index in use lacks changes."""
    state = _current().state()
    return state is not None and (bool(state.broad) or log.oldest_after(state.position) is not None)


def _compared_again(differences: list[Drift]) -> list[Drift]:
    """The differences that remain among these products, and among all brands and categories."""
    keys = sorted({drift.key for drift in differences if drift.kind == PRODUCT})
    index, expected_documents = _current(), documents()
    products: list[Drift] = []
    for start in range(0, len(keys), CHUNK_ROWS):
        some = keys[start : start + CHUNK_ROWS]
        products += _compared(some, index.digests(with_ids(some), "id", len(some)), expected_documents)
    return [*products, *(_named_drift() if len(products) < len(differences) or not keys else [])]


def _product_drift(progress: Callable[[int, int], object]) -> Iterator[Drift]:
    """Compares one range of ids after the other, which also finds products that only the index has."""
    index, expected_documents = _current(), documents()
    total, done = Product.objects.filter(is_active=True).count(), 0
    progress(done, total)
    last = 0
    while True:
        ids = Product.objects.filter(is_active=True, pk__gt=last).order_by("id").values_list("id", flat=True)
        keys = list(ids[:CHUNK_ROWS])
        end = keys[-1] if len(keys) == CHUNK_ROWS else None
        indexed = index.digests(Range("id", last + 1, end), "id", CHUNK_ROWS)
        yield from _compared(keys, indexed, expected_documents)
        done += len(keys)
        progress(done, max(total, done))
        if end is None:
            return
        last = end


def _compared(keys: list[int], indexed: dict[int, list[int]], expected_documents: Documents) -> Iterator[Drift]:
    expected = {}
    for start in range(0, len(keys), 500):
        rows = product_rows(keys[start : start + 500])
        learn_values(expected_documents, rows)
        for row in rows:
            is_known = expected_documents.knows(row)
            expected[row.id] = expected_documents.product_digest(row) if is_known else None
    yield from _differences(PRODUCT, expected, indexed)


def _named_drift() -> Iterator[Drift]:
    """As `_product_drift`, of brands and categories, which share the field of their keys."""
    index = _current()
    for kind, model in MODELS.items():
        last: int | None = 0
        while last is not None:
            rows = [*model.objects.filter(pk__gt=last).order_by("pk").only("id", "name")[:CHUNK_ROWS]]
            end = rows[-1].pk if len(rows) == CHUNK_ROWS else None
            span = Range("named", named_key(kind, last + 1), None if end is None else named_key(kind, end))
            digests = index.digests(span, "named", 2 * CHUNK_ROWS)
            indexed = {key // 2: some for key, some in digests.items() if named_key(kind, key // 2) == key}
            yield from _differences(kind, {row.pk: named_digest(kind, row) for row in rows}, indexed)
            last = end


def _differences(kind: str, expected: dict[int, int | None], indexed: dict[int, list[int]]) -> Iterator[Drift]:
    for key in sorted(expected.keys() | indexed.keys()):
        if key not in indexed:
            yield Drift(kind, key, "missing")
        elif key not in expected:
            yield Drift(kind, key, "left over")
        elif len(indexed[key]) > 1:
            yield Drift(kind, key, "doubled")
        elif indexed[key] != [expected[key]]:
            yield Drift(kind, key, "stale")
