"""The cluster of SEARCH_URL in tests: an index of the test's own with all products, brands and categories."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch
from uuid import uuid4

from django.test import override_settings

from catalog.search import following
from catalog.search.opensearch.client import client
from catalog.search.opensearch.indexes import ClusterIndexes
from core.jobs import lease


def build() -> None:
    """Puts everything into a new index and puts that into use."""
    following.rebuild(ClusterIndexes())


@contextmanager
def cluster_index() -> Iterator[None]:
    """Indexes that end with the block, under a prefix that no other test has."""
    prefix = f"test-{uuid4().hex[:8]}"
    # Leases are not renewed, because the test's transaction locks the database.
    never = patch.object(lease, "RENEWAL_SECONDS", 3600)
    with override_settings(SEARCH_URL=os.environ["SEARCH_URL"], SEARCH_PREFIX=prefix), never:
        try:
            yield
        finally:
            client().request("DELETE", f"/{prefix}-*")
