"""Which product a row is about.

A slug decides if the row gives one, else a SKU that a product has, else the name. A row that is about no product makes
a new one. Its slug is made of the name, and it never takes the place of a product of another name.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from catalog.importing.errors import shown
from catalog.importing.rows import ProductRow
from catalog.importing.seen_rows import SeenRow, SeenRows
from catalog.models import SLUG_LENGTH, Product
from catalog.slugs import shortened, slug_of
from catalog.text import plain, sort_key, squeeze


@dataclass
class Identified:
    """The accepted rows with their slugs and products (None: new), and the refused ones with their reasons."""

    accepted: list[tuple[ProductRow, str, Product | None]] = field(default_factory=list)
    refused: list[tuple[ProductRow, str]] = field(default_factory=list)


def identify(rows: Sequence[ProductRow], seen: SeenRows, *, may_create: bool, with_skus: bool) -> Identified:
    """Finds each row's product, locked until the transaction ends. Makes four queries and two more for new products.

    `with_skus`: the rows set SKUs. A row whose product or SKU belongs to another row or product is refused.
    """
    products = _Products(rows)
    by_slug: dict[str, Product | None] = {row.slug: products.by_slug.get(row.slug) for row in rows if row.slug}
    claims = _Claims(seen, rows, {*products.by_slug, *by_slug})
    targets: list[tuple[ProductRow, str, Product | None]] = []
    adopted = {*claims.slugs}
    for row in rows:
        product = _product_of(row, by_slug, products, adopted)
        targets.append((row, product.slug if product else row.slug, product))
    unnamed = [row for row, slug, _ in targets if not slug and row.name] if may_create else []
    made = _made_slugs(unnamed)
    taken = products.with_slugs(slug for slugs in made.values() for slug in slugs)
    claims.slugs |= seen.by_slug({slug for slugs in made.values() for slug in slugs})
    identified = Identified()
    for row, slug, product in targets:
        reason = ""
        if product is None and not may_create:
            reason = f"there is no product with {_key_of(row)}, and this import only updates"
        elif not slug:
            slug, reason = _new_slug(row, made[row.line, row.name], taken, claims)
        reason = reason or claims.refusal(row, slug)
        if reason:
            identified.refused.append((row, reason))
        else:
            claims.add(row, slug)
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

    def with_slugs(self, slugs: Iterable[str]) -> dict[str, str]:
        """The names of the products that have these slugs."""
        wanted = set(slugs)
        return dict(Product.objects.filter(slug__in=wanted).values_list("slug", "name")) if wanted else {}


def _product_of(
    row: ProductRow, by_slug: dict[str, Product | None], products: _Products, adopted: set[str]
) -> Product | None:
    """The row's product, if there is one. `adopted`: slugs of products that have got a row with a SKU by their name."""
    holder = products.by_sku.get(row.sku or "")
    if row.slug:
        # What was imported when slugs were made by other rules is known by its SKU and name.
        renamed = holder if row.is_composed and holder and row.name in ("", holder.name) else None
        if renamed is not None and by_slug.get(renamed.slug):
            renamed = None
        return by_slug[row.slug] or renamed
    if holder is not None:
        return holder
    named = products.by_name.get(row.name, [])
    if row.sku is not None:
        named = [product for product in named if product.sku is None and product.slug not in adopted]
    if len(named) > 1:
        slug = slug_of(row.name)
        named = [product for product in named if product.slug == slug] or named
    if len(named) != 1:
        return None
    adopted.add(named[0].slug)
    return named[0]


class _Claims:
    """The slugs and SKUs that rows have used so far, in this batch and before it."""

    def __init__(self, seen: SeenRows, rows: Sequence[ProductRow], slugs: Iterable[str]) -> None:
        self.slugs = seen.by_slug(slugs)
        self._skus = seen.by_sku({row.sku for row in rows if row.sku})

    def refusal(self, row: ProductRow, slug: str) -> str:
        if row.sku and (other := self._skus.get(row.sku)):
            return f"the SKU {shown(row.sku)} is used already in {other.place}"
        if other := self.slugs.get(slug):
            return f"the slug {shown(slug)} is used already in {other.place}"
        return ""

    def add(self, row: ProductRow, slug: str) -> None:
        entry = SeenRow(slug, row.sku, row.name, f"line {row.line}")
        self.slugs[slug] = entry
        if row.sku:
            self._skus[row.sku] = entry


def _made_slugs(rows: Sequence[ProductRow]) -> dict[tuple[int, str], tuple[str, ...]]:
    """The slugs that a new product may have: of its name, and what tells it from others of nearly the same name."""
    made = {}
    for row in rows:
        base = slug_of(row.name) or "-".join(f"u{ord(c):x}" for c in row.name)
        digest = hashlib.sha256(f"{row.name}\n{row.sku or ''}".encode()).hexdigest()[:6]
        endings = [ending for ending in (slug_of(row.sku or ""), digest) if ending]
        slugs = [base, *(f"{shortened(base, SLUG_LENGTH - len(end) - 1)}-{end}" for end in endings)]
        made[row.line, row.name] = tuple(shortened(slug, SLUG_LENGTH) for slug in slugs if slug != "search")
    return made


def _new_slug(row: ProductRow, slugs: Sequence[str], taken: dict[str, str], claims: _Claims) -> tuple[str, str]:
    """The first slug that is free, or why there is none."""
    for slug in slugs:
        if slug not in taken and slug not in claims.slugs:
            return slug, ""
        if row.sku:
            continue
        if other := claims.slugs.get(slug):
            # Another row of this import: only a name that differs by more than case makes another product.
            if plain(other.name) == plain(row.name):
                return "", f"the slug {shown(slug)} is used already in {other.place}"
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
