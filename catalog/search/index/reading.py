"""What matching, suggestions and related products ask of one commit of the index."""

from collections.abc import Collection, Iterable, Sequence
from functools import cached_property

from catalog.search.index.facet_counts import columns_in_use
from catalog.search.index.grouping import groups_of
from catalog.search.index.lowering import lower
from catalog.search.index.ranking import best_ids, block_of
from catalog.search.index.snapshots import Snapshot
from catalog.search.matching.suggestions import MAX_CANDIDATES
from catalog.search.pages import by_score
from catalog.search.queries import Query, with_ids


class SnapshotWords:
    """Implements catalog.search.matching.vocabulary.Words."""

    def __init__(self, index: Snapshot) -> None:
        self._searcher = index.searcher

    def count(self, field: str, token: str) -> int:
        return int(self._searcher.doc_freq(field, token))

    def has(self, tokens: Iterable[tuple[str, str]]) -> bool:
        return any(self._searcher.doc_freq(field, token) for field, token in tokens)

    def beginning_with(self, field: str, prefix: str, limit: int) -> list[tuple[str, int]]:
        return self._searcher.terms_with_prefix(field, prefix, limit=limit)

    def finds(self, query: Query) -> bool:
        return bool(self._searcher.search(lower(query), 1, count=False).hits)

    def learn(self) -> bool:
        return False


class SnapshotIndex:
    """Implements `Index` of catalog.search.matching.resolving, suggestions and related."""

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

    def best_keys(self, *queries: tuple[Query, str]) -> list[list[int]]:
        return [self._best_keys(query, field) for query, field in queries]

    def _best_keys(self, query: Query, field: str) -> list[int]:
        searcher = self._index.searcher
        hits = searcher.search(lower(query), MAX_CANDIDATES, count=False).hits
        keys = searcher.fast_field_values(field, [address for _, address in hits])
        return by_score((score, int(key or 0)) for (score, _), key in zip(hits, keys, strict=True))

    def groups_of(self, ids: Sequence[int]) -> dict[int, int]:
        return groups_of(self._index, ids)

    def codes_of(self, pk: int) -> set[int]:
        searcher = self._index.searcher
        addresses = [address for _, address in searcher.search(lower(with_ids([pk])), 1, count=False).hits]
        columns = columns_in_use(self._index)
        return {int(code) for column in columns for code in searcher.fast_field_values(column, addresses) if code}
