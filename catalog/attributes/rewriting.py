"""Changes or removes attribute rows of many products, in batches, so that it can be killed and continued."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.db import IntegrityError
from django.db.models import QuerySet

from catalog.attributes.models import ProductAttribute, options_key
from catalog.attributes.writing import stored_rows, taken_options, write_options_keys, write_rows
from catalog.models import Product
from core.db.transactions import run_in_transaction
from core.errors import InvalidInput

Rows = Sequence[ProductAttribute]
# Products changed in one transaction, and by one call. A call takes some ten seconds at most.
BATCH, MAX_PRODUCTS = 500, 20_000
# Pairs of products that an error names.
MAX_NAMED = 5
REMEDY = "Give them different values, or take one of them out of the group, and try again."
# Groups whose products are compared at once.
_GROUPS = 50


@dataclass(frozen=True, kw_only=True)
class Rewriting:
    """What is to become of attribute rows. `after` maps all rows of a product to those that it will have.

    `condition` finds the rows that go. They are gone after `after`, so what is left to do is always known.
    """

    condition: dict[str, Any]
    after: Callable[[Rows], list[ProductAttribute]]

    @property
    def rows(self) -> QuerySet[ProductAttribute]:
        return ProductAttribute.objects.filter(**self.condition)

    def count(self) -> int:
        """How many products have such rows."""
        return self.rows.order_by().values("product").distinct().count()

    def run(self) -> int:
        """Rewrites up to MAX_PRODUCTS products. Returns how many are left; call again until there are none.

        Raises InvalidInput, which names products of one group that would have the same options.
        """
        self.check()
        for _ in range(MAX_PRODUCTS // BATCH):
            if not run_in_transaction(self._rewrite_some, again_on=(IntegrityError,)):
                return 0
        return self.count()

    def _rewrite_some(self) -> bool:
        # In the order of the index. The rows that were rewritten are no longer found, so every batch makes progress.
        ids = sorted({*self.rows.order_by().values_list("product_id", flat=True)[:BATCH]})
        if not ids:
            return False
        products = Product.objects.select_for_update().filter(pk__in=ids).order_by("pk").only("group_id")
        groups = {product.pk: product.group_id for product in products}
        stored = stored_rows(groups)
        wanted = {pk: self.after(rows) for pk, rows in stored.items()}
        if taken_options({pk: (groups[pk], rows) for pk, rows in wanted.items()}, own=ids):
            # Somebody else changed a product after the check. The check says which.
            self.check()
        write_rows(wanted)
        write_options_keys(ids)
        return True

    def check(self) -> None:
        """Raises InvalidInput when products of one group would have the same options."""
        if clashes := self.clashes():
            raise InvalidInput.at(message=same_options(clashes))

    def clashes(self) -> list[tuple[int, int]]:
        """Pairs of products of one group that would have the same options: the first MAX_NAMED."""
        clashes: list[tuple[int, int]] = []
        grouped = self.rows.filter(product__group__isnull=False).order_by()
        group_ids = sorted(grouped.values_list("product__group", flat=True).distinct())
        for start in range(0, len(group_ids), _GROUPS):
            clashes += self._clashes_in(group_ids[start : start + _GROUPS])
            if len(clashes) >= MAX_NAMED:
                break
        return clashes[:MAX_NAMED]

    def _clashes_in(self, group_ids: Sequence[int]) -> Iterator[tuple[int, int]]:
        rows = ProductAttribute.objects.filter(product__group__in=group_ids).order_by("product")
        keys = {pk: options_key(self.after([*own])) for pk, own in groupby(rows, key=lambda row: row.product_id)}
        first: dict[tuple[int | None, str | None], int] = {}
        products = Product.objects.filter(group__in=group_ids).order_by("pk")
        for pk, group_id, key in products.values_list("pk", "group_id", "options_key"):
            other = first.setdefault((group_id, keys.get(pk, key)), pk)
            if other != pk:
                yield other, pk


def same_options(pairs: Sequence[tuple[int, int]]) -> str:
    """Says which products of a group would have the same options, and what to do."""
    return f"Products of one group would have the same options: {'; '.join(names_of(pairs))}. {REMEDY}"


def names_of(pairs: Sequence[tuple[int, int]]) -> list[str]:
    """Each pair of products by their names."""
    products = Product.objects.only("name", "sku").in_bulk({pk for pair in pairs for pk in pair})
    names = {pk: f"“{product.name}”" + (f" ({product.sku})" if product.sku else "") for pk, product in products.items()}
    return [f"{names[one]} and {names[other]}" for one, other in pairs]
