"""Changes or removes attribute rows of many products, in batches, so that it can be killed and continued."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby
from time import monotonic
from typing import Any, NamedTuple

from django.db import IntegrityError
from django.db.models import QuerySet

from catalog.attributes.models import ProductAttribute, options_key
from catalog.attributes.writing import stored_rows, taken_options, write_options_keys, write_rows
from catalog.models import Product
from core.db.transactions import run_in_transaction
from core.errors import InvalidInput

# Products changed in one transaction.
BATCH = 500
# Seconds for which one call begins further batches. The request behind it must end before gunicorn's time limit.
MAX_SECONDS = 10
# Pairs of products that an error names.
MAX_NAMED = 5
REMEDY = "Give them different values, or take one of them out of the group, and try again."
# Groups whose products are compared at once.
_GROUPS = 100


class Row(NamedTuple):
    """What options are made of, of a stored row. Instances of the model would take three times as long."""

    product_id: int
    attribute_id: int
    value_id: int | None
    slot: int
    number: Decimal | None
    boolean: bool | None


# Rows of a product, of the model or as above.
Rows = Sequence[Any]


@dataclass(frozen=True, kw_only=True)
class Rewriting:
    """What is to become of attribute rows. `after` maps all rows of a product to those that it will have.

    `condition` finds the rows that go. They are gone after `after`, so what is left to do is always known. Products can
    come to have the same options only in groups that have rows of the condition `together`, too.
    """

    condition: dict[str, Any]
    after: Callable[[Rows], list[Any]]
    together: dict[str, Any] = field(default_factory=dict)

    @property
    def rows(self) -> QuerySet[ProductAttribute]:
        return ProductAttribute.objects.filter(**self.condition).order_by()

    def count(self) -> int:
        """How many products have such rows."""
        return self.rows.values("product").distinct().count()

    def run(self) -> int:
        """Rewrites products for about MAX_SECONDS. Returns how many are left; call again until there are none.

        Raises InvalidInput, which names products of one group that would have the same options.
        """
        self.check()
        began = monotonic()
        while run_in_transaction(self._rewrite_some, again_on=(IntegrityError,)):
            if monotonic() - began > MAX_SECONDS:
                return self.count()
        return 0

    def _rewrite_some(self) -> bool:
        # In the order of the index. The rows that were rewritten are no longer found, so every batch makes progress.
        ids = sorted({*self.rows.values_list("product_id", flat=True)[:BATCH]})
        if not ids:
            return False
        products = Product.objects.select_for_update().filter(pk__in=ids).order_by("pk").only("group_id")
        groups = {product.pk: product.group_id for product in products}
        stored = stored_rows(groups)
        wanted = {pk: self.after(rows) for pk, rows in stored.items()}
        grouped = [pk for pk, group in groups.items() if group is not None]
        if taken_options({pk: (groups[pk], wanted[pk]) for pk in grouped}, own=ids):
            # Somebody else changed a product after the check. The check says which.
            self.check()
        write_rows(wanted, stored)
        write_options_keys(grouped, wanted)
        return True

    def check(self) -> None:
        """Raises InvalidInput when products of one group would have the same options."""
        if clashes := self.clashes():
            raise InvalidInput.at(message=same_options(clashes))

    def clashes(self) -> list[tuple[int, int]]:
        """Pairs of products of one group that would have the same options: the first MAX_NAMED."""
        grouped = self.rows.filter(product__group__isnull=False)
        if self.together:
            others = ProductAttribute.objects.filter(**self.together, product__group__isnull=False).order_by()
            grouped = grouped.filter(product__group__in=others.values("product__group"))
        group_ids = sorted(grouped.values_list("product__group", flat=True).distinct())
        clashes: list[tuple[int, int]] = []
        for start in range(0, len(group_ids), _GROUPS):
            clashes += self._clashes_in(group_ids[start : start + _GROUPS])
            if len(clashes) >= MAX_NAMED:
                break
        return clashes[:MAX_NAMED]

    def _clashes_in(self, group_ids: Sequence[int]) -> Iterator[tuple[int, int]]:
        stored = ProductAttribute.objects.filter(product__group__in=group_ids).order_by("product")
        rows = map(Row._make, stored.values_list(*Row._fields))
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
