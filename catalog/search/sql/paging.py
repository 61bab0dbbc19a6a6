"""Pages of rows in a total order, by keyset."""

from typing import Any

from django.db.models import Q, QuerySet

from catalog.search.cursors import Position
from catalog.search.pages import Page


def positions_in_order(rows: QuerySet[Any], column: str, *, descending: bool, page: Page) -> list[Position]:
    """Up to `page.size + 1` positions of the rows by (column, id), read in the page's direction.

    MySQL reads a range of the index for this condition, but not for the shorter (a, b) > (x, y).
    """
    downward = descending != page.backward
    if page.position is not None:
        value, row_id = page.position.value, page.position.id
        compare = "lt" if downward else "gt"
        rows = rows.filter(
            Q(**{f"{column}__{compare}e": value})
            & (Q(**{f"{column}__{compare}": value}) | Q(**{f"id__{compare}": row_id}))
        )
    sign = "-" if downward else ""
    values = rows.order_by(f"{sign}{column}", f"{sign}id").values_list(column, "id")[: page.size + 1]
    return [Position(value, row_id) for value, row_id in values]
