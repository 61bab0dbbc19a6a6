"""Brings an index to its next state: writes the documents of rows that changed. It knows no engine.

A row is read after its change was committed, and always as it is then. So it does no harm to apply a change again.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from catalog.search.changes import IndexChange
from catalog.search.documents import PRODUCT, ProductRow, named_document, named_key
from catalog.search.log import Broad, State
from catalog.search.rows import (
    ATTRIBUTE,
    CHUNK_ROWS,
    MODELS,
    VALUE,
    affected,
    chunks,
    documents,
    end_of_window,
    learn_values,
    product_rows,
)

# Changes of brands, categories, attributes and values that affect more products than this are broad.
MAX_NARROW = CHUNK_ROWS
# Broad changes go through so many products at once, and in one round for so long. Other changes wait that long.
WINDOW_PRODUCTS, ROUND_PRODUCTS, ROUND_SECONDS = 2_000, 2_000, 0.5


class Writer(Protocol):
    """Writes to one index. What is not committed is lost."""

    def begin(self, position: int) -> None:
        """Is called before the writes of a round that ends at this position, a number that never gets smaller."""

    def put_products(self, documents: Mapping[int, Any]) -> None:
        """Writes products' documents, by id, in place of those that there are."""

    def delete_products(self, ids: Sequence[int]) -> None:
        """Deletes products' documents if there are any."""

    def put_named(self, documents: Mapping[int, Any]) -> None:
        """Writes documents of brands and categories, by `named_key`, in place of those that there are."""

    def delete_named(self, keys: Sequence[int]) -> None:
        """Deletes documents of brands and categories, by `named_key`, if there are any."""

    def commit(self, state: State) -> None:
        """Makes the writes visible and durable, and stores the state with the index, not before them."""


class Applier:
    """Puts rows into a writer. It reads categories and brands again when a row refers to a new one."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._documents = documents()

    def put_products(self, rows: Sequence[ProductRow]) -> set[int]:
        """Writes the products' documents. Returns the ids of those that are written."""
        learn_values(self._documents, rows)
        if not all(self._documents.knows(row) for row in rows):
            self._documents = documents()
            learn_values(self._documents, rows)
        # If they are still unknown, the product was changed after it was read. That change is recorded too.
        made = {row.id: self._documents.product(row) for row in rows if self._documents.knows(row)}
        self._writer.put_products(made)
        return {*made}

    def put_all_named(self) -> None:
        """Writes all brands and categories."""
        for kind, model in MODELS.items():
            for row in model.objects.order_by().only("id", "name").iterator(CHUNK_ROWS):
                self._writer.put_named({named_key(kind, row.pk): named_document(kind, row)})

    def advance(self, state: State, changes: Sequence[IndexChange]) -> State:
        """Applies the changes, and goes on with broad ones for a bounded time. Returns the state to be committed."""
        position = max([state.position, *(change.batch for change in changes if change.batch is not None)])
        self._writer.begin(position)
        pending = [*state.broad, *self._apply(changes, state.broad)]
        return State(state.epoch, position, self._go_on(pending))

    def _apply(self, changes: Sequence[IndexChange], pending: Sequence[Broad]) -> list[Broad]:
        """Applies changes. Returns those that affect too many products at once."""
        changed: dict[str, dict[int, IndexChange]] = {}
        for change in reversed(changes):
            changed.setdefault(change.kind, {})[change.key] = change
        for kind in MODELS:
            for keys in chunks(changed.get(kind, ())):
                self._replace_named(kind, keys)
        products, broad = {*changed.get(PRODUCT, ())}, []
        for kind in (*MODELS, ATTRIBUTE, VALUE):
            of_kind = changed.get(kind, {})
            for keys in chunks(of_kind):
                if (few := _few_affected(kind, keys)) is not None:
                    products |= few
                else:
                    broad += [Broad(kind, key, 0, of_kind[key].created_at.isoformat()) for key in keys]
        self._replace_products(products)
        # What is not begun yet has not read its rows either.
        waiting = {(entry.kind, entry.key) for entry in pending if not entry.is_begun}
        return [entry for entry in broad if (entry.kind, entry.key) not in waiting]

    def _replace_named(self, kind: str, keys: Sequence[int]) -> None:
        rows = MODELS[kind].objects.filter(pk__in=keys).only("id", "name")
        made = {named_key(kind, row.pk): named_document(kind, row) for row in rows}
        self._writer.delete_named([key for pk in keys if (key := named_key(kind, pk)) not in made])
        self._writer.put_named(made)

    def _replace_products(self, ids: Iterable[int]) -> None:
        for keys in chunks(ids):
            written = self.put_products(product_rows(keys))
            self._writer.delete_products([key for key in keys if key not in written])

    def _go_on(self, pending: list[Broad]) -> tuple[Broad, ...]:
        """Applies the oldest broad changes to the next products. Returns what is left to do."""
        until, done = time.monotonic() + ROUND_SECONDS, 0
        while pending and done < ROUND_PRODUCTS and time.monotonic() < until:
            first, end = pending[0], None
            ids = None if first.is_begun else _few_affected(first.kind, [first.key])
            if ids is None:
                end = end_of_window(first.after, WINDOW_PRODUCTS)
                ids = {*affected(first.kind, [first.key], after=first.after, until=end)}
            self._replace_products(ids)
            done += len(ids)
            pending = pending[1:] if end is None else [replace(first, after=end), *pending[1:]]
        return tuple(pending)


def _few_affected(kind: str, keys: Sequence[int]) -> set[int] | None:
    """The products that changes of these rows affect; None when they are too many."""
    ids = {*affected(kind, keys)[: MAX_NARROW + 1]}
    return ids if len(ids) <= MAX_NARROW else None
