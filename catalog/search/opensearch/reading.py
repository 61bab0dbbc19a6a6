"""One moment of the index in the cluster: what matching, suggestions and related products ask of it."""

from collections.abc import Collection, Hashable, Sequence
from functools import cached_property
from typing import Any

from catalog.search.matching.suggestions import MAX_CANDIDATES
from catalog.search.opensearch.client import client
from catalog.search.opensearch.lowering import Body, filtered, lower
from catalog.search.opensearch.moments import Moment
from catalog.search.opensearch.vocabulary import ClusterWords
from catalog.search.pages import by_score
from catalog.search.queries import OneOf, Query, with_ids

# Hits are ranked in blocks of so many, as in the embedded index.
BLOCK = 200
BY_SCORE = [{"_score": "desc"}, {"id": "asc"}]


class Reading:
    """Implements `Index` of catalog.search.matching.resolving, suggestions and related."""

    def __init__(self, moment: Moment) -> None:
        self._moment = moment
        self.name = moment.name
        self.results = moment.results
        self.attribute_of = moment.attribute_of

    @property
    def state(self) -> Hashable:
        return self._moment.state

    @cached_property
    def words(self) -> ClusterWords:
        return ClusterWords(self.search, self._moment.words)

    def search(self, *bodies: Body, scored: bool = False) -> list[dict[str, Any]]:
        """What the searches find, by one request. Raises ClusterFailed when any of them failed on any shard.

        With `scored` all shards use the same statistics, as one index would.
        """
        return client().msearch(self.name, bodies, scored=scored)

    def count(self, query: Query) -> int:
        (response,) = self.search({"size": 0, "track_total_hits": True, "query": filtered([], [query])})
        return int(response["hits"]["total"]["value"])

    def block_of(self, query: Query) -> list[int]:
        return self.best_ids(query, (), BLOCK)

    def best_ids(self, query: Query, excluded: Collection[int], size: int) -> list[int]:
        if size <= 0:
            return []
        blocks = (size - 1) // BLOCK + 1
        (response,) = self.search(ranked_body(query, (), 0, blocks, excluded), scored=True)
        return ids_in_blocks(response)[:size]

    def best_keys(self, *queries: tuple[Query, str]) -> list[list[int]]:
        bodies = (_keys_body(query, field) for query, field in queries)
        return [by_score(_scored(response)) for response in self.search(*bodies, scored=True)]

    def groups_of(self, ids: Sequence[int]) -> dict[int, int]:
        return {pk: int(fields["group"][0]) for pk, fields in self._fields_of(ids, "group").items()}

    def codes_of(self, pk: int) -> set[int]:
        return {*map(int, self._fields_of([pk], "values").get(pk, {}).get("values", ()))}

    def _fields_of(self, ids: Sequence[int], field: str) -> dict[int, dict[str, Any]]:
        if not ids:
            return {}
        body = {
            "size": len(ids),
            "_source": False,
            "docvalue_fields": [field],
            "sort": ["id"],
            "query": filtered([], [with_ids(ids)]),
        }
        (response,) = self.search(body)
        return {hit["sort"][0]: hit.get("fields", {}) for hit in response["hits"]["hits"]}


def ranked_body(query: Query, filters: Sequence[Query], begin: int, end: int, excluded: Collection[int] = ()) -> Body:
    """A search for the blocks from `begin` to before `end`; its total is exact when it is less than they hold."""
    found = filtered([query], [*filters])
    if excluded:
        found["bool"]["must_not"] = [lower(OneOf("id", tuple(excluded)))]
    return {
        "from": begin * BLOCK,
        "size": (end - begin) * BLOCK,
        "track_total_hits": end * BLOCK,
        "track_scores": True,
        "_source": False,
        "sort": BY_SCORE,
        "query": found,
    }


def ids_in_blocks(response: dict[str, Any]) -> list[int]:
    """Ids by score, block after block."""
    scored = _scored(response)
    return [pk for start in range(0, len(scored), BLOCK) for pk in by_score(scored[start : start + BLOCK])]


def _keys_body(query: Query, field: str) -> Body:
    return {
        "size": MAX_CANDIDATES,
        "track_total_hits": False,
        "_source": False,
        "sort": [{"_score": "desc"}, {field: "asc"}],
        "query": lower(query),
    }


def _scored(response: dict[str, Any]) -> list[tuple[float, int]]:
    """The scores, the best first, and the keys."""
    return [(hit["sort"][0], int(hit["sort"][1])) for hit in response["hits"]["hits"]]
