"""Compares the index with the database, document by document."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tantivy import Order, Query, Searcher

from catalog.models import Product
from catalog.search.changes import IndexChange
from catalog.search.index import store
from catalog.search.index.documents import PRODUCT, SCHEMA, Documents, named_digest, named_key
from catalog.search.index.filters import within
from catalog.search.index.writing import MODELS, documents, learn_values, product_rows

CHUNK_ROWS = 5_000
# Differences may be due to changes that are not applied yet. So they are compared again until all changes are applied,
# or until the timeout.
WAITING_TIMEOUT_SECONDS = 15.0


@dataclass(frozen=True)
class Drift:
    """A document that differs from the database: it is "missing", "stale", "left over" or "doubled"."""

    kind: str
    key: int
    what: str

    def __str__(self) -> str:
        return f"{self.kind} {self.key} is {self.what}"


def find_drift(progress: Callable[[int, int], object] = lambda done, total: None) -> list[Drift]:
    """Every difference between index and database. Raises IndexUnavailable.

    `progress` is called with the number of compared products and of all products.
    """
    until = time.monotonic() + WAITING_TIMEOUT_SECONDS
    differences = [*_product_drift(progress), *_named_drift()]
    while differences and time.monotonic() < until and IndexChange.objects.filter(applied=False).exists():
        time.sleep(0.5)
        differences = _compared_again(differences)
    # Once more: rows and a commit that are read one after the other may belong to two moments.
    return _compared_again(differences) if differences else []


def _compared_again(differences: list[Drift]) -> list[Drift]:
    """The differences that remain among these products, and among all brands and categories."""
    keys = sorted({drift.key for drift in differences if drift.kind == PRODUCT})
    searcher, expected_documents = store.reader.snapshot().searcher, documents()
    products: list[Drift] = []
    for start in range(0, len(keys), CHUNK_ROWS):
        some = keys[start : start + CHUNK_ROWS]
        query = Query.term_set_query(SCHEMA, "id", some)
        products += _compared(some, _indexed(searcher, query, "id", len(some)), expected_documents)
    return [*products, *(_named_drift() if len(products) < len(differences) or not keys else [])]


def _product_drift(progress: Callable[[int, int], object]) -> Iterator[Drift]:
    """Compares one range of ids after the other, which also finds products that only the index has."""
    searcher, expected_documents = store.reader.snapshot().searcher, documents()
    total, done = Product.objects.filter(is_active=True).count(), 0
    progress(done, total)
    last = 0
    while True:
        ids = Product.objects.filter(is_active=True, pk__gt=last).order_by("id").values_list("id", flat=True)
        keys = list(ids[:CHUNK_ROWS])
        end = keys[-1] if len(keys) == CHUNK_ROWS else None
        span = within("id", last + 1, end)
        indexed = _indexed(searcher, span, "id", CHUNK_ROWS)
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
    searcher = store.reader.snapshot().searcher
    for kind, model in MODELS.items():
        rows = model.objects.order_by().only("id", "name")
        expected: dict[int, int | None] = {row.pk: named_digest(kind, row) for row in rows}
        query = Query.term_query(SCHEMA, "kind", kind)
        indexed = _indexed(searcher, query, "named", max(1, len(expected)))
        by_pk = {key // 2: digests for key, digests in indexed.items() if named_key(kind, key // 2) == key}
        yield from _differences(kind, expected, by_pk)


def _indexed(searcher: Searcher, query: Query, field: str, expected: int) -> dict[int, list[int]]:
    """The digests in the index, by key. A doubled document has more than one."""
    digests_by_key: dict[int, list[int]] = {}
    limit, offset = expected + 1000, 0
    while True:
        hits = searcher.search(query, limit, count=False, order_by_field=field, order=Order.Asc, offset=offset).hits
        digests = searcher.fast_field_values("digest", [address for _, address in hits])
        for (key, _), digest in zip(hits, digests, strict=True):
            digests_by_key.setdefault(key, []).append(int(digest or 0))
        if len(hits) < limit:
            return digests_by_key
        offset += limit


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
