"""Products of which the first of each group stands for the others."""

from typing import Any

from django.db.models import Count, F, Q, QuerySet, Window
from django.db.models.functions import Coalesce, RowNumber

from catalog.models import Product
from catalog.search.pages import MAX_RANKED


def group_key(prefix: str = "") -> Coalesce:
    """What products of one group have in common, and no other product has. `prefix` leads to the product."""
    return Coalesce(F(f"{prefix}group_id"), F(f"{prefix}id") * -1)


def counted(prefix: str = "", *, grouped: bool, condition: Q | None = None) -> Count:
    """Counts products, or groups and products without one. `prefix` leads to the product."""
    return Count(group_key(prefix) if grouped else f"{prefix}id", distinct=grouped, filter=condition)


def first_of_groups(products: QuerySet[Product], *order: Any) -> QuerySet[Product]:
    """Those of the products that come first in their groups, in the given order."""
    place = Window(RowNumber(), partition_by=[group_key()], order_by=list(order))
    first = products.order_by().annotate(place_in_group=place).filter(place_in_group=1)
    # In a query around it, so that further conditions do not change which one is first.
    return Product.objects.filter(pk__in=first.values("pk"))


def first_ranked_ids(ranked: QuerySet[Product], start: int, stop: int) -> list[int]:
    """The ids of those of the ranked products that come first in their groups, of which they alone are counted by rank.

    They are found here, because SQLite refuses to number rows by an expression as long as a rank.
    """
    first: dict[int, int] = {}
    for pk, key in ranked.annotate(group_key=group_key()).values_list("id", "group_key")[:MAX_RANKED].iterator():
        first.setdefault(key, pk)
        if len(first) == stop:
            break
    return [*first.values()][start:stop]
