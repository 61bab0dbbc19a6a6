"""Makes the stored folded texts of all rows anew, after the way in which texts are folded has changed."""

from collections.abc import Callable
from functools import partial

from django.db.models import Model, QuerySet

from catalog.text import plain, search_text_of
from core.db.transactions import run_in_transaction

# Rows that are read and written in one transaction.
BATCH = 500


def refold(*, brand: type[Model], category: type[Model], product: type[Model]) -> int:
    """Makes the folded texts of these models' rows anew. Returns how many rows it changed.

    Rows whose texts are as they should be are only read, and each batch is a transaction. So it may be killed and run
    again.
    """
    changed = sum(_refold(model, "folded_name", ["name"], plain) for model in (brand, category))
    return changed + _refold(product, "search_text", ["name", "sku", "description"], search_text_of)


def _refold(model: type[Model], column: str, sources: list[str], fold: Callable[..., str]) -> int:
    last, changed = 0, 0
    while True:
        pks, changed_here = run_in_transaction(partial(_refold_batch, model, column, sources, fold, last))
        changed += changed_here
        if not pks:
            return changed
        last = pks[-1]


def _refold_batch(
    model: type[Model], column: str, sources: list[str], fold: Callable[..., str], after: int
) -> tuple[list[int], int]:
    """The ids of the next rows, and how many of them changed."""
    # A plain query set records no changes for the index, which holds none of these columns.
    rows: QuerySet[Model] = QuerySet(model)
    batch = list(rows.filter(pk__gt=after).order_by("pk").values_list("pk", column, *sources)[:BATCH])
    folded = [(pk, stored, fold(*texts)) for pk, stored, *texts in batch]
    # Rows that others write at this moment are left to them.
    changed = sum(
        rows.filter(pk=pk, **{column: stored}).update(**{column: text}) for pk, stored, text in folded if text != stored
    )
    return [pk for pk, *_ in batch], changed
