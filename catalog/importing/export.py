"""Writes products as CSV that imports again unchanged: the dialect "Vitrine's export" (dialects/vitrine.toml)."""

import csv
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from catalog.category_tree import CategoryTree
from catalog.importing.cell_lists import category_cell
from catalog.importing.formulas import guarded
from catalog.models import Brand, Product
from catalog.text import squeeze

COLUMNS = [
    *("name", "slug", "sku", "description", "category", "brand", "price", "compare_at_price", "quantity"),
    *("unlimited_stock", "rating", "is_active", "created_at"),
]
# Products that are read at once: by three statements at most.
PAGE_ROWS = 1_000
# Spreadsheets take a file without this mark for another encoding.
BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"


def csv_chunks(products: QuerySet[Product]) -> Iterator[str]:
    """The file of these products in the order of their ids, in pieces of PAGE_ROWS: memory does not grow with them.

    A product that changes meanwhile is in the file once, as it was before or as it is after.
    """
    yield BYTE_ORDER_MARK + _text([COLUMNS])
    tree = CategoryTree.load()
    columns = [*(name for name in COLUMNS if name not in ("category", "brand")), "category_id", "brand_id", "pk"]
    rows = products.select_related(None).order_by("pk").values_list(*columns, named=True)
    last = 0
    while page := list(rows.filter(pk__gt=last)[:PAGE_ROWS]):
        last = page[-1].pk
        brands = dict(Brand.objects.filter(pk__in={row.brand_id for row in page}).values_list("pk", "name"))
        if any(row.category_id not in tree.by_id for row in page):
            # A category that is newer than the tree.
            tree = CategoryTree.load()
        yield _text(_cells(row, tree, brands) for row in page)


def _cells(row: Any, tree: CategoryTree, brands: dict[int, str]) -> list[str]:
    category = tree.by_id.get(row.category_id)
    return [
        guarded(_clean(row.name)),
        guarded(row.slug),
        guarded(_clean(row.sku or "")),
        guarded(_clean(row.description)),
        guarded(_clean(category_cell(each.name for each in tree.path(category)) if category else "")),
        guarded(_clean(squeeze(brands.get(row.brand_id, "")))),
        str(row.price),
        "" if row.compare_at_price is None else str(row.compare_at_price),
        str(row.quantity),
        _yes_or_no(row.unlimited_stock),
        "" if row.rating is None else format(Decimal(repr(row.rating + 0.0)), "f"),
        _yes_or_no(row.is_active),
        row.created_at.isoformat(),
    ]


def _clean(text: str) -> str:
    """The text without NUL, which no CSV reader takes."""
    return text.replace("\0", "")


def _yes_or_no(value: bool) -> str:
    return "true" if value else "false"


class _Lines:
    """Takes what the csv module writes."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.write = self.lines.append


def _text(rows: Iterable[list[str]]) -> str:
    lines = _Lines()
    csv.writer(lines).writerows(rows)
    return "".join(lines.lines)
