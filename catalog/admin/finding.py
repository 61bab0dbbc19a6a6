"""Finds products for the admin: by the shop's own search, by exact SKU or slug, and among archived ones by name."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Q

from catalog.models import Product
from catalog.search.engine import engine
from catalog.search.pages import Page
from catalog.search.validation import SearchInput, parse_criteria
from catalog.slugs import normal_form
from catalog.text import fold, sort_key, squeeze

# Of each search, the best hits that the list shows, and of archived products.
MAX_FOUND, MAX_ARCHIVED = 1_000, 200
# Products whose SKU begins with the text.
MAX_BY_SKU = 50
# Products with the very name.
MAX_BY_NAME = 50


@dataclass(frozen=True)
class Found:
    """Ids, best first, and how many hits the shop's search has in all."""

    ids: list[int]
    total: int
    # The products whose SKU is the text.
    by_sku: Sequence[int] = ()

    @property
    def is_cut(self) -> bool:
        return self.total > MAX_FOUND


def find_products(
    text: str, *, narrow: Mapping[str, Any] | None = None, active: bool | None = None, limit: int | None = None
) -> Found:
    """The products that a text finds; only active or only archived ones unless `active` is None.

    `narrow` are fields of SearchCriteria that filters set. Raises InvalidInput when the text is too long to search for.
    """
    criteria = parse_criteria(SearchInput(text=text))
    if criteria.text is None:
        return Found([], 0)
    # What staff pin and hide for shoppers is no concern of this list.
    steering = replace(criteria.steering, pinned=(), hidden=frozenset())
    by_sku = _with_sku(criteria.text)
    found = dict.fromkeys([*by_sku, *_exact(criteria.text)])
    total = 0
    if active is not False:
        search = engine().resolve(replace(criteria, steering=steering, **(narrow or {})))
        hits = search.page(Page(limit or MAX_FOUND))
        found |= dict.fromkeys(hits.ids)
        total = search.total() if hits.has_next else len(hits.ids)
    if active is not True:
        found |= dict.fromkeys(_archived(criteria.text))
    return Found([*found], total, by_sku)


def _spellings(text: str) -> set[str]:
    return {text, text.upper(), text.lower()}


def _with_sku(text: str) -> list[int]:
    return [*Product.objects.filter(sku__in=_spellings(text)).order_by("sku").values_list("pk", flat=True)]


def _exact(text: str) -> Iterable[int]:
    """The products with this slug or name, archived ones too, and those whose SKU begins with it."""
    products = Product.objects.order_by("sku")
    spellings = _spellings(text)
    slugs = {normal_form(spelling) for spelling in spellings}
    yield from products.filter(slug__in=slugs).values_list("pk", flat=True)
    key = sort_key(text)
    named = products.filter(is_active__in=(True, False), name_key=key).order_by("-is_active", "pk")[:MAX_BY_NAME]
    yield from (row.pk for row in named.only("pk", "name") if fold(row.name) == fold(text))
    begin = Q()
    for spelling in spellings:
        # Not startswith: for that, MySQL reads no index.
        begin |= Q(sku__gte=spelling, sku__lt=f"{spelling}\U0010ffff")
    yield from products.filter(begin).values_list("pk", flat=True)[:MAX_BY_SKU]


def _archived(text: str) -> Iterable[int]:
    """The first archived products by name whose name has every word. The index of names alone is read for it."""
    products = Product.objects.filter(is_active=False).order_by("name_key", "pk")
    for word in fold(squeeze(text)).split():
        products = products.filter(name_key__contains=word)
    return products.values_list("pk", flat=True)[:MAX_ARCHIVED]
