"""The embedded engine's index as catalog.search.following sees it: generations on disk, and a writer of documents."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import tantivy
from django.conf import settings
from tantivy import Order, Query

from catalog.search import queries
from catalog.search.following import FOLLOWER, REBUILD
from catalog.search.index import snapshots, store
from catalog.search.index.lowering import lower
from catalog.search.index.schema import SCHEMA, fingerprint, tantivy_document
from catalog.search.log import State

THREADS = 2


class TantivyWriter:
    """Puts documents into a generation (catalog.search.applying.Writer)."""

    def __init__(self, generation: Path, writer: tantivy.IndexWriter, *, is_new: bool) -> None:
        self._generation, self._writer, self._is_new = generation, writer, is_new

    def begin(self, position: int) -> None:
        """Nothing: one process at a time writes."""

    def put_products(self, documents: Mapping[int, Any]) -> None:
        """As the protocol's."""
        self._put("id", documents)

    def delete_products(self, ids: Sequence[int]) -> None:
        """As the protocol's."""
        self._delete("id", ids)

    def put_named(self, documents: Mapping[int, Any]) -> None:
        """As the protocol's."""
        self._put("named", documents)

    def delete_named(self, keys: Sequence[int]) -> None:
        """As the protocol's."""
        self._delete("named", keys)

    def commit(self, state: State) -> None:
        """As the protocol's."""
        self._writer.commit()
        self._is_new = False
        store.write_state(self._generation, state.to_json())

    def _put(self, field: str, documents: Mapping[int, Any]) -> None:
        if not self._is_new:
            self._delete(field, [*documents])
        for document in documents.values():
            self._writer.add_document(tantivy_document(document))

    def _delete(self, field: str, keys: Sequence[int]) -> None:
        # By query, because deletion by term takes every int as signed and finds nothing in an unsigned field.
        if keys:
            self._writer.delete_documents_by_query(Query.term_set_query(SCHEMA, field, list(keys)))


class Generation:
    """One index (catalog.search.following.Index)."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def name(self) -> str:
        """As the protocol's."""
        return store.name_of(self.path)

    def state(self) -> State | None:
        """As the protocol's."""
        try:
            return State.from_json(store.read_state(self.path))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put_into_use(self) -> None:
        """As the protocol's."""
        store.switch_to(self.path)
        refresh()

    def remove(self) -> None:
        """As the protocol's."""
        store.remove(self.path)

    def digests(self, query: queries.Query, field: str, expected: int) -> dict[int, list[int]]:
        """As the protocol's. Raises IndexUnavailable."""
        searcher, lowered = snapshots.reader.refresh().searcher, lower(query)
        by_key: dict[int, list[int]] = {}
        limit, offset = expected + 1000, 0
        while True:
            hits = searcher.search(
                lowered, limit, count=False, order_by_field=field, order=Order.Asc, offset=offset
            ).hits
            digests = searcher.fast_field_values("digest", [address for _, address in hits])
            for (key, _), digest in zip(hits, digests, strict=True):
                by_key.setdefault(key, []).append(int(digest or 0))
            if len(hits) < limit:
                return by_key
            offset += limit

    @contextmanager
    def writer(self, *, bulk: bool = False) -> Iterator[TantivyWriter]:
        """As the protocol's."""
        heap = settings.SEARCH_INDEX_HEAP * 1_000_000 * THREADS if bulk else store.SMALL_HEAP_BYTES
        with store.writing(self.path, heap=heap, threads=THREADS if bulk else 1) as writer:
            yield TantivyWriter(self.path, writer, is_new=bulk)
        refresh()


def refresh() -> None:
    """Has the next search of this process find what this process has written."""
    with suppress(store.IndexUnavailable):
        snapshots.reader.refresh()


class Generations:
    """All indexes of this version in SEARCH_INDEX_DIR (catalog.search.following.Target)."""

    engine = "tantivy"

    def current(self) -> Generation | None:
        """As the protocol's."""
        try:
            snapshots.reader.refresh()
            generation = store.current()
        except store.IndexUnavailable:
            return None
        store.touch_state(generation)
        return Generation(generation)

    def new(self, begin: Callable[[str], State]) -> Generation:
        """As the protocol's."""
        generation = Generation(store.new_generation())
        store.write_state(generation.path, begin(generation.name).to_json())
        return generation

    @contextmanager
    def lock(self, name: str, *, wait: float = 0) -> Iterator[bool]:
        """As the protocol's."""
        with ExitStack() as stack:
            held = stack.enter_context(store.lock(f"{name}-{fingerprint()}.lock", wait=wait))
            if held and name in (FOLLOWER, REBUILD):
                stack.enter_context(store.lock(store.OTHERS_REBUILD))
            yield held

    def tidy(self) -> list[str]:
        """As the protocol's."""
        return store.remove_old()
