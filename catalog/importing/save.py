"""Saves a batch of rows in one transaction, or says what saving it would do."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db import DataError, IntegrityError
from django.utils import timezone

from catalog.attributes.models import Attribute
from catalog.importing.batch_facts import BatchFacts
from catalog.importing.identity import identify, seen_row
from catalog.importing.rows import ProductRow
from catalog.importing.seen_rows import SeenRow, SeenRows
from catalog.importing.taxonomy import brand_ids, category_ids
from catalog.models import Product
from core.db.transactions import run_in_transaction

ATTEMPTS = 4
# Where None means that the row does not say.
_OMITTED = {"quantity", "unlimited_stock", "created_at", "price"}
MAX_EXAMPLES = 10
COUNTS = ("created", "updated", "unchanged", "without_stock", "uncounted", "shared_skus", "renamed")


@dataclass
class Saved:
    """The outcome of a batch. `refused` are rows with their reasons, `seen` the others with their products.

    `without_stock`: new products whose row says nothing about stock. `uncounted`: products that got a quantity but
    are sold without limit. `shared_skus`: variants without a SKU, because another one has it.
    `renamed`: products that a row without a slug names otherwise, known by their SKU.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    without_stock: int = 0
    uncounted: int = 0
    shared_skus: int = 0
    renamed: int = 0
    refused: list[tuple[ProductRow, str]] = field(default_factory=list)
    seen: list[SeenRow] = field(default_factory=list)
    new_attributes: list[Attribute] = field(default_factory=list)
    """The attributes that the rows make."""
    examples: list[tuple[ProductRow, dict[str, tuple[Any, ...]]]] = field(default_factory=list)
    """The first changes: a row, and the fields with their old and new values."""


@dataclass(frozen=True)
class Saver:
    """Saves the rows of one file.

    `fields`: those that the file has columns for; an update changes no others. `why_no_new`: why no product is made, if
    none is to be made. `place`: which file, for messages.
    `on_saved` is called within the transaction of each batch. `is_dry_run`: nothing is written or locked for long.
    """

    fields: frozenset[str]
    seen: SeenRows
    why_no_new: str = ""
    place: str = ""
    is_dry_run: bool = False
    on_saved: Callable[[Saved], object] = lambda saved: None

    def save(self, rows: list[ProductRow]) -> Saved:
        """Writes the rows in one transaction.

        When another process creates one of the slugs or SKUs at the same time, the batch is tried again, in the end
        row by row, so that only the conflicting rows are refused. Raises OperationalError when the database stays
        locked. Then no row of the batch is written.
        """
        again_on = (IntegrityError, DataError)
        try:
            saved = run_in_transaction(lambda: self._save(rows), again_on=again_on, attempts=ATTEMPTS)
        except again_on as error:
            if len(rows) == 1:
                saved = Saved(refused=[(rows[0], f"the database refused it: {error}")])
                run_in_transaction(lambda: self.on_saved(saved))
                return saved
            return self._save_one_by_one(rows)
        self.seen.add(saved.seen)
        return saved

    def _save_one_by_one(self, rows: list[ProductRow]) -> Saved:
        total = Saved()
        for row in rows:
            saved = self.save([row])
            for name in (*COUNTS, "refused", "examples"):
                setattr(total, name, getattr(total, name) + getattr(saved, name))
        return total

    def _save(self, rows: list[ProductRow]) -> Saved:
        facts = BatchFacts(rows, self.seen, self.is_dry_run, self.place)
        refused = facts.refused_alone()
        lines = {row.line for row, _ in refused}
        rows = [row for row in rows if row.line not in lines]
        identified = identify(rows, self.seen, with_skus="sku" in self.fields, why_no_new=self.why_no_new)
        same = facts.refused_beside_others(identified.accepted)
        lines = {row.line for row, _ in same}
        accepted = [each for each in identified.accepted if each[0].line not in lines]
        saved = Saved(refused=refused + identified.refused + same, shared_skus=identified.shared_skus)
        saved.new_attributes = facts.new_attributes(accepted)
        facts.make(accepted)
        # A refused row creates no category or brand. A dry run creates none.
        paths = (row.category for row, _, product in accepted if product is None or "category" in self.fields)
        categories = category_ids(paths, create=not self.is_dry_run)
        names = (row.brand for row, _, product in accepted if product is None or "brand" in self.fields)
        brands = brand_ids(names, create=not self.is_dry_run)
        created: list[Product] = []
        updated: list[Product] = []
        with_facts: list[tuple[ProductRow, Product]] = []
        changed_fields: set[str] = set()
        for row, slug, product in accepted:
            values = _values(row, product, categories.get(row.category), brands.get(row.brand))
            place = f"line {row.line}{self.place}"
            seen = seen_row(row, slug, product, place, with_skus="sku" in self.fields)
            if options := facts.options(row):
                seen = seen._replace(group=options[0], options=options[1])
            saved.seen.append(seen)
            if product is None:
                created.append(Product(slug=slug, **values))
                facts.fill(row, created[-1])
                with_facts.append((row, created[-1]))
                saved.without_stock += row.quantity is None and not row.unlimited_stock
                continue
            saved.uncounted += (
                product.unlimited_stock and row.quantity is not None and "unlimited_stock" not in self.fields
            )
            changed = self._change(product, row, values)
            facts_changed = facts.changes(row)
            if changed or facts_changed:
                saved.renamed += "name" in changed and not row.slug
                changed_fields |= changed.keys()
                updated.append(product)
                saved.examples.append((row, {**changed, **facts_changed}))
                if facts_changed:
                    with_facts.append((row, product))
                    if facts.fill(row, product):
                        changed_fields |= {"group", "options_key"}
            else:
                saved.unchanged += 1
        saved.created, saved.updated = len(created), len(updated)
        saved.examples = saved.examples[:MAX_EXAMPLES]
        if not self.is_dry_run:
            _write(created, updated, changed_fields)
            facts.write(with_facts)
            self.on_saved(saved)
        return saved

    def _change(self, product: Product, row: ProductRow, values: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
        """Sets the fields that the file has columns for. Returns those that were different, with both values."""
        changed = {
            name: (getattr(product, name), value)
            for name, value in values.items()
            if (field := name.removesuffix("_id")) in self.fields
            and field not in row.unsaid
            and getattr(product, name) != value
        }
        for name, (_, value) in changed.items():
            setattr(product, name, value)
        return changed


def _write(created: list[Product], updated: list[Product], changed_fields: set[str]) -> None:
    now = timezone.now()
    for product in (*created, *updated):
        product.updated_at = now
        product.fill_keys()
    if updated:
        fields = sorted(changed_fields | Product.following(changed_fields) | {"updated_at"})
        # Products may swap SKUs, and options within a group.
        Product.objects.update_each(updated, fields, clear={"sku", "options_key"} & changed_fields)
    Product.objects.bulk_create(created)
    if any(product.pk is None for product in created):  # MySQL does not return the keys of rows.
        pks = dict(Product.objects.filter(slug__in=[each.slug for each in created]).values_list("slug", "pk"))
        for product in created:
            product.pk = pks[product.slug]


def _values(row: ProductRow, product: Product | None, category: int | None, brand: int | None) -> dict[str, Any]:
    """The row as model fields, without those that it does not say.

    The category or brand is None when an update does not change it, or when a dry run would create it.
    """
    before, price = row.compare_at_price, row.price
    if price is None:  # The file has the price before alone.
        price = product.price if product else Decimal(0)
    values = {
        "name": row.name,
        "sku": row.sku,
        "description": row.description,
        "category_id": category,
        "brand_id": brand,
        "price": row.price,
        "compare_at_price": None if before is not None and before <= price else before,
        "quantity": row.quantity,
        "unlimited_stock": row.unlimited_stock,
        "rating": row.rating,
        "is_active": row.is_active,
        "created_at": row.created_at,
    }
    # A blank SKU takes away the SKU of a product that the row names by its slug, not of one that is found by its name.
    omitted = _OMITTED if row.slug else _OMITTED | {"sku"}
    return {name: value for name, value in values.items() if value is not None or name not in omitted}
