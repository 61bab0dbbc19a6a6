"""Saves a batch of rows in one transaction. A row creates or updates the product with its slug."""

from dataclasses import dataclass, field
from typing import Any

from django.db import DataError, IntegrityError
from django.utils import timezone

from catalog.importing.rows import ProductRow, shown
from catalog.importing.taxonomy import brand_ids, category_ids
from catalog.models import Product
from core.db.transactions import run_in_transaction

ATTEMPTS = 4
UPDATE_ROWS = 200
# The fields that the stored keys are made of (Product.fill_keys).
_KEYED = {"name", "sku", "description"}


@dataclass
class Saved:
    """The outcome of a batch; `refused` are rows with their reasons."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: list[tuple[ProductRow, str]] = field(default_factory=list)


def save_batch(rows: list[ProductRow], columns: frozenset[str]) -> Saved:
    """Writes the rows, which have different slugs, in one transaction. An update changes the fields in `columns` only.

    When another process creates one of the slugs or SKUs at the same time, the batch is tried again, in the end row by
    row, so that only the conflicting rows are refused. Raises OperationalError when the database stays locked. Then no
    row of the batch is written.
    """
    again_on = (IntegrityError, DataError)
    try:
        return run_in_transaction(lambda: _save(rows, columns), again_on=again_on, attempts=ATTEMPTS)
    except again_on as error:
        reason = f"the database refused it: {error}"
    if len(rows) == 1:
        return Saved(refused=[(rows[0], reason)])
    total = Saved()
    for row in rows:
        saved = save_batch([row], columns)
        total.created += saved.created
        total.updated += saved.updated
        total.unchanged += saved.unchanged
        total.refused += saved.refused
    return total


def _save(rows: list[ProductRow], columns: frozenset[str]) -> Saved:
    # The lock keeps the rows as they are compared below. Locking them in the order of ids rules out deadlocks.
    products = Product.objects.select_for_update().filter(slug__in=[row.slug for row in rows]).order_by("pk")
    existing = {product.slug: product for product in products}
    refused = _sku_conflicts(rows) if "sku" in columns else {}
    accepted = [row for row in rows if row.slug not in refused]
    saved = Saved(refused=[(row, refused[row.slug]) for row in rows if row.slug in refused])
    # A refused row creates no category or brand.
    categories = category_ids(row.category for row in accepted if row.slug not in existing or "category" in columns)
    brands = brand_ids(row.brand for row in accepted if row.slug not in existing or "brand" in columns)
    created: list[Product] = []
    updated: list[Product] = []
    changed_fields: set[str] = set()
    for row in accepted:
        values = _values(row, categories.get(row.category), brands.get(row.brand))
        product = existing.get(row.slug)
        if product is None:
            created.append(Product(slug=row.slug, **values))
        elif changed := _change(product, values, columns):
            changed_fields |= changed
            updated.append(product)
        else:
            saved.unchanged += 1
    _write(created, updated, changed_fields)
    saved.created, saved.updated = len(created), len(updated)
    return saved


def _write(created: list[Product], updated: list[Product], changed_fields: set[str]) -> None:
    now = timezone.now()
    for product in (*created, *updated):
        product.updated_at = now
        product.fill_keys()
    if updated:
        if "sku" in changed_fields:
            # Products may swap SKUs, but the unique index is checked row by row, so all SKUs are cleared first.
            Product.objects.filter(pk__in=[product.pk for product in updated]).update(sku=None)
        keys = {"name_key", "search_text"} if changed_fields & _KEYED else set()
        fields = sorted(changed_fields | keys | {"updated_at"})
        # The statement compares every row with every new value, so several small ones are faster than a large one.
        Product.objects.bulk_update(updated, fields, batch_size=UPDATE_ROWS)
    Product.objects.bulk_create(created)


def _values(row: ProductRow, category: int | None, brand: int | None) -> dict[str, Any]:
    """The row as model fields. The category or brand is None when an update does not change it."""
    values = {
        "name": row.name,
        "sku": row.sku,
        "description": row.description,
        "category_id": category,
        "brand_id": brand,
        "price": row.price,
        "quantity": row.quantity,
        "rating": row.rating,
        "is_active": row.is_active,
    }
    return values if row.created_at is None else values | {"created_at": row.created_at}


def _change(product: Product, values: dict[str, Any], columns: frozenset[str]) -> set[str]:
    """Sets the fields that the file has columns for. Returns those that were different."""
    changed = {
        name
        for name, value in values.items()
        if name.removesuffix("_id") in columns and getattr(product, name) != value
    }
    for name in changed:
        setattr(product, name, values[name])
    return changed


def _sku_conflicts(rows: list[ProductRow]) -> dict[str, str]:
    """The slugs of the rows that cannot get their SKU, with the reason.

    Among the rows with one SKU, the row of the product that has it already comes first, else the first in the file. All
    others are refused. The first is refused too when another product has the SKU and keeps it. A product loses its SKU
    through an accepted row of this batch, so products can swap SKUs.
    """
    holders = Product.objects.filter(sku__in=[row.sku for row in rows if row.sku])
    sku_holders = {sku: slug for sku, slug in holders.values_list("sku", "slug") if sku}
    held_skus = {slug: sku for sku, slug in sku_holders.items()}
    by_slug = {row.slug: row for row in rows}
    with_sku = [(row, row.sku) for row in rows if row.sku]
    with_sku.sort(key=lambda pair: held_skus.get(pair[0].slug) != pair[1])  # Rows that keep their SKU come first.
    claims: dict[str, ProductRow] = {}
    refused: dict[str, str] = {}
    for row, sku in with_sku:
        first = claims.setdefault(sku, row)
        if sku in sku_holders and sku_holders[sku] not in by_slug:
            refused[row.slug] = _belongs(sku, sku_holders[sku])
        elif first is not row:
            refused[row.slug] = f"the SKU {shown(sku)} is used already in line {first.line}"
    # A product whose row is refused keeps its SKU. So a row that claims this SKU is refused too, and its product keeps
    # its own SKU, and so on.
    keeping = list(refused)
    while keeping:
        slug = keeping.pop()
        kept_sku = held_skus.get(slug, "")
        claim = claims.get(kept_sku)
        if claim is not None and claim.slug not in refused:
            refused[claim.slug] = _belongs(kept_sku, slug)
            keeping.append(claim.slug)
    return refused


def _belongs(sku: str, slug: str) -> str:
    return f"the SKU {shown(sku)} belongs to the product {shown(slug)}"
