"""The cluster of SEARCH_URL in tests: an index of the test's own with all products, brands and categories."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from django.test import override_settings

from catalog.search.documents import Document, named_document
from catalog.search.index.writing import MODELS, all_product_rows, documents, learn_values
from catalog.search.opensearch.client import client
from catalog.search.opensearch.mapping import alias, index_body, padded

CHUNK = 1_000


def build() -> None:
    """Puts all rows into a new index and puts that into use."""
    index = f"{alias()}-{uuid4().hex[:8]}"
    client().request("PUT", f"/{index}", index_body({"built": index}))
    every = [*all_documents()]
    for start in range(0, len(every), CHUNK):
        lines: list[Document] = []
        for document in every[start : start + CHUNK]:
            # All documents of a group are in one shard.
            lines += [{"index": {"_index": index, "routing": str(document.get("group", 0))}}, padded(document)]
        assert not client().request("POST", "/_bulk", lines)["errors"]
    client().request("POST", f"/{index}/_refresh")
    used = {"remove": {"index": f"{alias()}-*", "alias": alias(), "must_exist": False}}
    client().request("POST", "/_aliases", {"actions": [used, {"add": {"index": index, "alias": alias()}}]})


def all_documents() -> Iterator[Document]:
    maker = documents()
    for kind, model in MODELS.items():
        yield from (named_document(kind, row) for row in model.objects.order_by())
    for rows in all_product_rows():
        learn_values(maker, rows)
        yield from map(maker.product, rows)


@contextmanager
def cluster_index() -> Iterator[None]:
    """Indexes that end with the block, under a prefix that no other test has."""
    prefix = f"test-{uuid4().hex[:8]}"
    with override_settings(SEARCH_URL=os.environ["SEARCH_URL"], SEARCH_PREFIX=prefix):
        try:
            yield
        finally:
            client().request("DELETE", f"/{prefix}-*")
