"""Which product a row is about.

A slug decides if the row gives one, else a SKU that a product has, else the name. A row that is about no product makes
a new one. Its slug is made of the name, and it never takes the place of a product of another name.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from catalog.attributes.models import ProductGroup
from catalog.importing.errors import shown
from catalog.importing.rows import GroupRow, ProductRow
from catalog.importing.seen_rows import SeenRow, SeenRows
from catalog.models import SLUG_LENGTH, Product
from catalog.slugs import shortened, slug_of
from catalog.text import plain, sort_key, squeeze


@dataclass
class Identified:
    """The accepted rows with their slugs and products (None: new), and the refused ones with their reasons."""

    accepted: list[tuple[ProductRow, str, Product | None]] = field(default_factory=list)
    refused: list[tuple[ProductRow, str]] = field(default_factory=list)
    shared_skus: int = 0


def identify(rows: Sequence[ProductRow], seen: SeenRows, *, with_skus: bool, why_no_new: str = "") -> Identified:
    """Finds each row's product, locked until the transaction ends.

    Makes four queries, one more for new products, and one for each handle whose slug another row has taken.
    `with_skus`: the rows set SKUs. A row whose product or SKU belongs to another row or product is refused; of variants
    that share a SKU, the first gets it. `why_no_new`: why no product is made, if none is to be made. The outcome
    does not depend on how rows are divided into batches, nor on whether earlier batches were written.
    """
    products = _Products(rows)
    made = _made_slugs(row for row in rows if not row.slug and row.name) if not why_no_new else {}
    new_slugs = {slug for slugs in made.values() for slug in slugs}
    taken = products.with_slugs(new_slugs)
    claims = _Claims(seen, rows, {*products.by_slug, *new_slugs, *(row.slug for row in rows if row.slug)})
    identified = Identified()
    for row in rows:
        slug, reason = claims.slug_by_key(row, products)
        product = products.by_slug.get(slug)
        if row.is_composed and not reason and (other := claims.slugs.get(slug)) and _are_others(other.name, row.name):
            # Handle "cap" with the option "Red", beside the handle "cap-red".
            slug = _with_ending(slug, _digest(row))
            product = products.with_slug(slug)
        if row.is_composed and claims.shares_sku(row, slug):
            row = replace(row, sku=None)
            identified.shared_skus += 1
        if not reason and product is None and slug not in claims.slugs and why_no_new:
            reason = f"there is no product with {_key_of(row)}, and {why_no_new}"
        elif not reason and not slug:
            slug, reason = _new_slug(row, made[row.line, row.name], taken, claims)
        if reason := reason or claims.refusal(row, slug):
            identified.refused.append((row, reason))
        else:
            claims.add(row, slug, product, with_skus=with_skus)
            identified.accepted.append((row, slug, product))
    if with_skus:
        _refuse_sku_conflicts(identified, products.by_sku, seen)
    return identified


class _Products:
    """The products that the rows may be about."""

    def __init__(self, rows: Sequence[ProductRow]) -> None:
        slugs = {row.slug for row in rows if row.slug}
        skus = {row.sku for row in rows if row.sku}
        ids = set(Product.objects.filter(slug__in=slugs).values_list("pk", flat=True)) if slugs else set()
        holders = dict(Product.objects.filter(sku__in=skus).values_list("sku", "pk")) if skus else {}
        # By name only what has neither. An index has the folded beginnings of names.
        names = {row.name for row in rows if not row.slug and row.sku not in holders and row.name}
        named: list[int] = []
        if names:
            keys = {sort_key(name) for name in names}
            alike = Product.objects.filter(is_active__in=(True, False), name_key__in=keys).values_list("pk", "name")
            named = [pk for pk, name in alike if squeeze(name) in names]
        # The lock keeps the rows as they are compared below. Locking in the order of ids rules out deadlocks.
        wanted = ids | set(holders.values()) | set(named)
        locked = Product.objects.select_for_update().filter(pk__in=wanted).order_by("pk") if wanted else ()
        self.by_slug: dict[str, Product] = {}
        self.by_sku: dict[str, Product] = {}
        self.by_name: dict[str, list[Product]] = defaultdict(list)
        for product in locked:
            self.by_slug[product.slug] = product
            self.by_name[product.name].append(product)
            if product.sku:
                self.by_sku[product.sku] = product

    def is_in(self, holder: Product, group: GroupRow | None) -> bool:
        """Whether the product, which has the SKU of a row, is in this group."""
        slug = None if holder.group_id is None else self._groups.get(holder.group_id)
        return slug is not None and group is not None and group.slug == slug

    @cached_property
    def _groups(self) -> dict[int, str]:
        """The slugs of the groups in which there are products with SKUs."""
        wanted = {product.group_id for product in self.by_sku.values() if product.group_id is not None}
        return dict(ProductGroup.objects.filter(pk__in=wanted).values_list("pk", "slug"))

    def with_slug(self, slug: str) -> Product | None:
        """The product with this slug, which none of the rows has named, locked."""
        return Product.objects.select_for_update().filter(slug=slug).first()

    def with_slugs(self, slugs: Iterable[str]) -> dict[str, str]:
        """The names of the products that have these slugs."""
        wanted = set(slugs)
        return dict(Product.objects.filter(slug__in=wanted).values_list("slug", "name")) if wanted else {}


class _Claims:
    """The slugs, SKUs and names that rows have used so far, in this batch and before it."""

    def __init__(self, seen: SeenRows, rows: Sequence[ProductRow], slugs: Iterable[str]) -> None:
        self.slugs = seen.by_slug(slugs)
        self._skus = seen.by_sku({row.sku for row in rows if row.sku})
        self._names = seen.by_name({row.name for row in rows if not row.slug and row.name})
        for row in self._skus.values():
            self.slugs[row.slug] = row
        for same in self._names.values():
            self.slugs |= {row.slug: row for row in same}

    def slug_by_key(self, row: ProductRow, products: _Products) -> tuple[str, str]:
        """The slug of the product that the row is about, "" for a new one without a slug; or why it cannot be told."""
        holder = products.by_sku.get(row.sku or "")
        if holder and (changed := self.slugs.get(holder.slug)) and changed.sku != row.sku:
            holder = None  # Another row took this SKU from it.
        if row.slug:
            # A variant whose options were respelled, or that was imported when slugs were made by other rules, is known
            # by its SKU. Without it, another row may have taken the product that has the slug.
            is_free = row.slug not in products.by_slug or row.slug in self.slugs
            if not (row.is_composed and holder and is_free) or holder.slug in self.slugs:
                return row.slug, ""
            is_same = row.name in ("", holder.name) or products.is_in(holder, row.group)
            return (holder.slug if is_same else row.slug), ""
        if row.sku and (other := self._skus.get(row.sku)):
            return other.slug, ""
        if holder:
            return holder.slug, ""
        return self._slug_by_name(row, products)

    def _slug_by_name(self, row: ProductRow, products: _Products) -> tuple[str, str]:
        unclaimed = [product for product in products.by_name.get(row.name, ()) if product.slug not in self.slugs]
        slugs = {product.slug for product in unclaimed if row.sku is None or product.sku is None}
        if row.sku is None:
            slugs |= {other.slug for other in self._names.get(row.name, ())}
        if len(slugs) > 1:
            slugs = slugs & {slug_of(row.name)} or slugs
        if len(slugs) > 1:
            return "", f"{len(slugs)} products have the name {shown(row.name)}: give the row a slug or a SKU"
        return next(iter(slugs), ""), ""

    def shares_sku(self, row: ProductRow, slug: str) -> bool:
        """Whether another row has used the SKU for another product."""
        other = self._skus.get(row.sku or "")
        return other is not None and other.slug != slug

    def refusal(self, row: ProductRow, slug: str) -> str:
        if row.sku and (other := self._skus.get(row.sku)):
            return f"the SKU {shown(row.sku)} is used already in {other.place}"
        if other := self.slugs.get(slug):
            name, value = ("slug", slug) if row.slug or row.sku else ("name", row.name)
            return f"the {name} {shown(value)} is used already in {other.place}"
        return ""

    def add(self, row: ProductRow, slug: str, product: Product | None, *, with_skus: bool) -> None:
        entry = seen_row(row, slug, product, f"line {row.line}", with_skus=with_skus)
        self.slugs[slug] = entry
        self._names.setdefault(entry.name, []).append(entry)
        if entry.sku:
            self._skus[entry.sku] = entry


def seen_row(row: ProductRow, slug: str, product: Product | None, place: str, *, with_skus: bool) -> SeenRow:
    """What the product's slug, SKU and name are after this row."""
    sku = row.sku if with_skus and (row.sku or row.slug or product is None) else product.sku if product else None
    return SeenRow(slug, sku, row.name or (product.name if product else ""), place)


def _made_slugs(rows: Iterable[ProductRow]) -> dict[tuple[int, str], tuple[str, ...]]:
    """The slugs that a new product may have: of its name, and what tells it from others of nearly the same name."""
    made = {}
    for row in rows:
        base = slug_of(row.name) or "-".join(f"u{ord(c):x}" for c in row.name)
        endings = [ending for ending in (slug_of(row.sku or ""), _digest(row)) if ending]
        slugs = [shortened(base, SLUG_LENGTH), *(_with_ending(base, ending) for ending in endings)]
        made[row.line, row.name] = tuple(slug for slug in slugs if slug != "search")
    return made


def _digest(row: ProductRow) -> str:
    """What tells products apart whose names make one slug."""
    return hashlib.sha256(f"{row.name}\n{row.sku or ''}".encode()).hexdigest()[:6]


def _with_ending(base: str, ending: str) -> str:
    return f"{shortened(base, SLUG_LENGTH - len(ending) - 1)}-{ending}"


def _are_others(name: str, other: str) -> bool:
    """Whether two names differ by more than case and accents."""
    return plain(name) != plain(other)


def _new_slug(row: ProductRow, slugs: Sequence[str], taken: dict[str, str], claims: _Claims) -> tuple[str, str]:
    """The first slug that is free, or why there is none."""
    for slug in slugs:
        if slug not in taken and slug not in claims.slugs:
            return slug, ""
        if row.sku:
            continue
        if other := claims.slugs.get(slug):
            # Another row of this import: only a name that differs by more than case makes another product.
            if not _are_others(other.name, row.name):
                return "", f"the name {shown(row.name)} is used already in {other.place}"
        else:
            return "", (
                f"it would overwrite the product {shown(taken[slug])}: the name {shown(row.name)} makes the same slug. "
                "Give the row a slug or a SKU"
            )
    return "", f"no free slug can be made of the name {shown(row.name)}"


def _key_of(row: ProductRow) -> str:
    name, value = next((pair for pair in (("slug", row.slug), ("SKU", row.sku)) if pair[1]), ("name", row.name))
    return f"the {name} {shown(value or '')}"


def _refuse_sku_conflicts(identified: Identified, holders: dict[str, Product], seen: SeenRows) -> None:
    """Refuses the rows whose SKU another product has and keeps.

    A product loses its SKU through an accepted row, so products can swap SKUs. A refused row's product keeps its own:
    then a row that claims that one is refused too, and its product keeps its own, and so on.
    """
    gives_up = {product.slug for _, _, product in identified.accepted if product}
    gave_up = {row.slug: row.sku for row in seen.by_slug([product.slug for product in holders.values()]).values()}
    claims = {row.sku: index for index, (row, _, _) in enumerate(identified.accepted) if row.sku}
    reasons: dict[int, str] = {}
    for index, (row, slug, _) in enumerate(identified.accepted):
        holder = holders.get(row.sku or "")
        if holder is None or holder.slug == slug or holder.slug in gives_up:
            continue
        if gave_up.get(holder.slug, row.sku) == row.sku:
            reasons[index] = f"the SKU {shown(row.sku or '')} belongs to the product {shown(holder.slug)}"
    keeping = list(reasons)
    while keeping:
        _, slug, product = identified.accepted[keeping.pop()]
        claim = claims.get(product.sku) if product and product.sku else None
        if claim is not None and claim not in reasons and identified.accepted[claim][1] != slug:
            sku = identified.accepted[claim][0].sku or ""
            reasons[claim] = f"the SKU {shown(sku)} belongs to the product {shown(slug)}"
            keeping.append(claim)
    identified.refused += [(identified.accepted[index][0], reason) for index, reason in reasons.items()]
    identified.accepted = [each for index, each in enumerate(identified.accepted) if index not in reasons]
