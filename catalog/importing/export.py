"""Writes products as CSV that imports again unchanged: the dialect "Vitrine's export" (dialects/vitrine.toml)."""

import csv
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from catalog.attributes.models import Attribute, ProductAttribute, ProductGroup, text_of
from catalog.category_tree import CategoryTree
from catalog.importing.attribute_names import heading
from catalog.importing.cell_lists import VALUES, category_cell, joined
from catalog.importing.formulas import guarded
from catalog.models import Brand, Product
from catalog.text import squeeze

COLUMNS = [
    *("name", "slug", "sku", "description", "category", "brand", "price", "compare_at_price", "quantity"),
    *("unlimited_stock", "rating", "is_active", "created_at", "group", "group_name"),
]
# Products that are read at once: by five statements at most.
PAGE_ROWS = 1_000
# Spreadsheets take a file without this mark for another encoding.
BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"


def csv_chunks(products: QuerySet[Product]) -> Iterator[str]:
    """The file of these products in the order of their ids, in pieces of PAGE_ROWS: memory does not grow with them.

    A product that changes meanwhile is in the file once, as it was before or as it is after. An attribute that no
    product had at the start has no column.
    """
    attributes = _attributes(products)
    yield BYTE_ORDER_MARK + _text([[*COLUMNS, *map(heading, attributes)]])
    tree = CategoryTree.load()
    relations = ("category", "brand", "group", "group_name")
    columns = [*(name for name in COLUMNS if name not in relations), "category_id", "brand_id", "group_id", "pk"]
    rows = products.select_related(None).order_by("pk").values_list(*columns, named=True)
    last = 0
    while page := list(rows.filter(pk__gt=last)[:PAGE_ROWS]):
        last = page[-1].pk
        brands = dict(Brand.objects.filter(pk__in={row.brand_id for row in page}).values_list("pk", "name"))
        if any(row.category_id not in tree.by_id for row in page):
            # A category that is newer than the tree.
            tree = CategoryTree.load()
        groups = ProductGroup.objects.in_bulk({row.group_id for row in page} - {None})
        values = _values([row.pk for row in page])
        yield _text(
            [
                *_cells(row, tree, brands),
                *_group_cells(groups.get(row.group_id)),
                *(values.get((row.pk, attribute.pk), "") for attribute in attributes),
            ]
            for row in page
        )


def _attributes(products: QuerySet[Product]) -> list[Attribute]:
    """The attributes that some of these products have, in an order that is the same in a shop that imports the file."""
    some = ProductAttribute.objects.filter(attribute=OuterRef("pk"), product__in=products.order_by().values("pk"))
    return [*Attribute.objects.filter(Exists(some)).order_by("slug")]


def _values(product_ids: list[int]) -> dict[tuple[int, int], str]:
    """The cells of these products' values, by the keys of the product and the attribute."""
    columns = ("product_id", "attribute_id", "value__text", "number", "boolean")
    rows = ProductAttribute.objects.filter(product__in=product_ids).order_by("value__order_key", "value__key")
    texts: dict[tuple[int, int], list[str]] = {}
    cells: dict[tuple[int, int], str] = {}
    for product, attribute, text, number, boolean in rows.values_list(*columns):
        if text is not None:
            texts.setdefault((product, attribute), []).append(_clean(text))
        else:
            cells[product, attribute] = _yes_or_no(boolean) if number is None else text_of(None, number, None)
    return cells | {key: guarded(joined(several, VALUES)) for key, several in texts.items()}


def _group_cells(group: ProductGroup | None) -> list[str]:
    return [guarded(group.slug), guarded(_clean(squeeze(group.name)))] if group else ["", ""]


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
