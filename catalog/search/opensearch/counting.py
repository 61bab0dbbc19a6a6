"""What counts and groups ask of the cluster, and queries that only count."""

from collections.abc import Sequence
from typing import Any, Protocol

from catalog.search.matching.filters import PRODUCTS
from catalog.search.matching.search import Results
from catalog.search.opensearch.lowering import lower
from catalog.search.queries import Query


class Index(Protocol):
    """The index at one moment."""

    @property
    def results(self) -> Results: ...

    @property
    def attribute_of(self) -> dict[int, int]:
        """The attribute of each value that was counted."""
        ...

    def search(self, *searches: dict[str, Any]) -> list[dict[str, Any]]:
        """The answers of searches, which are asked for in one request. Raises when any shard fails or is late."""
        ...


# An aggregation of nothing that can only run over one part of a shard after the other. With it, all that are asked for
# together do. Else the parts of a shard have counts of their own, and a group may be in several: a script counts it in
# each. The index's setting `search.concurrent_segment_search.mode` would slow all other searches down.
_ONE_AFTER_ANOTHER = {
    "one after another": {
        "filter": {"match_none": {}},
        "aggs": {"some": {"sampler": {"shard_size": 1}, "aggs": {"none": {"value_count": {"field": "id"}}}}},
    }
}


def counting(queries: Sequence[Query], aggregations: dict[str, Any]) -> dict[str, Any]:
    """A search that lists nothing and counts the products that match all queries."""
    # Brands and categories have nothing that is counted, but no query leaves them out when there is none.
    filters = [lower(query) for query in queries or [PRODUCTS]]
    if _has_script(aggregations):
        aggregations = {**aggregations, **_ONE_AFTER_ANOTHER}
    return {"size": 0, "track_total_hits": False, "query": {"bool": {"filter": filters}}, "aggs": aggregations}


def _has_script(aggregations: dict[str, Any]) -> bool:
    return any("scripted_metric" in how or _has_script(how.get("aggs", {})) for how in aggregations.values())
