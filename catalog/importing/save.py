"""A batch of rows → the database, in one transaction: products are made, changed or left alone, as the slug tells."""

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
# Which stored keys follow which fields (Product.fill_keys).
_KEYED = {"name", "sku", "description"}


@dataclass
class Saved:
    """What became of a batch."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: list[tuple[ProductRow, str]] = field(default_factory=list)


def save_batch(rows: list[ProductRow], columns: frozenset[str]) -> Saved:
    """Writes the rows (no slug twice) in one transaction; an update touches the fields in `columns` only.

    When another process made the same slug or SKU in the meantime, the batch is looked at afresh and tried again, at
    last row by row, so that only the rows in conflict are refused. Raises OperationalError when the database stays
    locked; then nothing of the batch is written.
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
    # Locked in the order of ids: what is compared below is what is overwritten.
    products = Product.objects.select_for_update().filter(slug__in=[row.slug for row in rows]).order_by("pk")
    existing = {product.slug: product for product in products}
    refused = _sku_conflicts(rows) if "sku" in columns else {}
    accepted = [row for row in rows if row.slug not in refused]
    saved = Saved(refused=[(row, refused[row.slug]) for row in rows if row.slug in refused])
    # Only what survives so far may leave a new category or brand behind.
    categories = category_ids(row.category for row in accepted if row.slug not in existing or "category" in columns)
    brands = brand_ids(row.brand for row in accepted if row.slug not in existing or "brand" in columns)
    created: list[Product] = []
    updated: list[Product] = []
    touched: set[str] = set()
    for row in accepted:
        values = _values(row, categories.get(row.category), brands.get(row.brand))
        product = existing.get(row.slug)
        if product is None:
            created.append(Product(slug=row.slug, **values))
        elif changed := _change(product, values, columns):
            touched |= changed
            updated.append(product)
        else:
            saved.unchanged += 1
    _write(created, updated, touched)
    saved.created, saved.updated = len(created), len(updated)
    return saved


def _write(created: list[Product], updated: list[Product], touched: set[str]) -> None:
    """The one place where an import writes products; what must be written with them goes here, in this transaction."""
    now = timezone.now()
    for product in (*created, *updated):
        product.updated_at = now
        product.fill_keys()
    if updated:
        if "sku" in touched:
            # Two products may trade SKUs; the unique index is checked row by row, so all let go first.
            Product.objects.filter(pk__in=[product.pk for product in updated]).update(sku=None)
        keys = {"name_key", "search_text"} if touched & _KEYED else set()
        fields = sorted(touched | keys | {"updated_at"})
        # One statement compares every row with every new value: many small ones are faster.
        Product.objects.bulk_update(updated, fields, batch_size=UPDATE_ROWS)
    Product.objects.bulk_create(created)


def _values(row: ProductRow, category: int | None, brand: int | None) -> dict[str, Any]:
    """The row as model fields; no category or brand where an update leaves them alone."""
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
    """Sets the fields that the file speaks of; those that were different."""
    changed = {
        name
        for name, value in values.items()
        if name.removesuffix("_id") in columns and getattr(product, name) != value
    }
    for name in changed:
        setattr(product, name, values[name])
    return changed


def _sku_conflicts(rows: list[ProductRow]) -> dict[str, str]:
    """Which rows (by slug) cannot have the SKU they want, and why.

    A SKU is free when nobody has it, or when its holder gives it up in this very batch. A refused row keeps its
    old SKU, which may take it from another row: so it is worked out again until nothing changes.
    """
    holders = dict(Product.objects.filter(sku__in=[row.sku for row in rows if row.sku]).values_list("sku", "slug"))
    by_slug = {row.slug: row for row in rows}
    refused: dict[str, str] = {}
    while True:
        before = len(refused)
        owners = {
            sku: slug
            for sku, slug in holders.items()
            if slug not in by_slug or slug in refused or by_slug[slug].sku == sku
        }
        for row in rows:
            if not row.sku or row.slug in refused:
                continue
            owner = owners.setdefault(row.sku, row.slug)
            if owner in by_slug and owner not in refused and owner != row.slug:
                refused[row.slug] = f"the SKU {shown(row.sku)} is used already in line {by_slug[owner].line}"
            elif owner != row.slug:
                refused[row.slug] = f"the SKU {shown(row.sku)} belongs to the product {shown(owner)}"
        if len(refused) == before:
            return refused
