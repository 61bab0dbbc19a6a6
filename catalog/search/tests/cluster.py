"""The cluster of SEARCH_URL in tests: an index of the test's own with all products, brands and categories."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from django.test import override_settings

from catalog.search.index.writing import Applier, all_product_rows
from catalog.search.opensearch.client import client
from catalog.search.opensearch.mapping import alias, index_body, padded


class Lines:
    """Takes documents as the embedded index's writer does, and makes lines of a bulk request of them."""

    def __init__(self, index: str) -> None:
        self.index, self.lines = index, []

    def add_document(self, document: Any) -> None:
        fields = {name: values[0] if len(values) == 1 else values for name, values in document.to_dict().items()}
        kept = {name: value for name, value in fields.items() if not name.startswith("value_")}
        # All documents of a group are in one shard.
        self.lines += [{"index": {"_index": self.index, "routing": str(fields.get("group", 0))}}, padded(kept)]


def build() -> None:
    """Puts everything into a new index and puts that into use."""
    index, replaced = f"{alias()}-{uuid4().hex[:8]}", alias()
    lines = Lines(index)
    client().request("PUT", f"/{index}", {**index_body({"built": index}), "aliases": {}})
    applier = Applier(lines)
    applier.add_named()
    for rows in all_product_rows():
        start = len(lines.lines)
        applier.add_products(rows)
        for row, line in zip(rows, lines.lines[start + 1 :: 2], strict=True):
            line["attributes"] = [*{held.attribute for held in row.attributes}]
    for start in range(0, len(lines.lines), 2000):
        done = client().request("POST", "/_bulk", lines.lines[start : start + 2000])
        assert not done["errors"], [item for item in done["items"] if "error" in item["index"]][:2]
    client().request("POST", f"/{index}/_refresh")
    actions = [
        {"remove": {"index": "*", "alias": replaced, "must_exist": False}},
        {"add": {"index": index, "alias": replaced}},
    ]
    client().request("POST", "/_aliases", {"actions": actions})


@contextmanager
def cluster_index() -> Iterator[None]:
    """Indexes that end with the block, under a prefix that no other test has."""
    prefix = f"test-{uuid4().hex[:8]}"
    with override_settings(SEARCH_URL=os.environ["SEARCH_URL"], SEARCH_PREFIX=prefix):
        try:
            yield
        finally:
            client().request("DELETE", f"/{prefix}-*")
