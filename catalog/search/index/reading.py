"""What the matching of texts asks of one commit of the index."""

from collections.abc import Collection
from functools import cached_property

from catalog.search.index.lowering import lower
from catalog.search.index.ranking import best_ids, block_of
from catalog.search.index.snapshots import Snapshot
from catalog.search.queries import Query


class SnapshotWords:
    """Implements catalog.search.matching.vocabulary.Words."""

    def __init__(self, index: Snapshot) -> None:
        self._searcher = index.searcher

    def count(self, field: str, token: str) -> int:
        return int(self._searcher.doc_freq(field, token))

    def beginning_with(self, field: str, prefix: str, limit: int) -> list[tuple[str, int]]:
        return self._searcher.terms_with_prefix(field, prefix, limit=limit)

    def finds(self, query: Query) -> bool:
        return bool(self._searcher.search(lower(query), 1, count=False).hits)

    def learn(self) -> bool:
        return False


class SnapshotIndex:
    """Implements catalog.search.matching.resolving.Index."""

    def __init__(self, index: Snapshot) -> None:
        self._index = index
        self.state = (index.generation.name, index.opstamp)

    @cached_property
    def words(self) -> SnapshotWords:
        return SnapshotWords(self._index)

    def block_of(self, query: Query) -> list[int]:
        return block_of(self._index, query)

    def best_ids(self, query: Query, excluded: Collection[int], size: int) -> list[int]:
        return best_ids(self._index, query, excluded, size)
