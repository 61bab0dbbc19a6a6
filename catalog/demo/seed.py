"""Writes the demo shop into the database, once, and leaves alone what is there already."""

from dataclasses import dataclass

from django.db import transaction

from catalog.demo.accounts import add_accounts
from catalog.demo.generator import DemoCatalogue, demo_catalogue
from catalog.demo.pictures import want_pictures
from catalog.models import Brand, Category, Product


@dataclass(frozen=True)
class Seeded:
    """What a run has added, and how many demo products it found already there."""

    products: int
    categories: int
    brands: int
    found: int
    accounts: list[str]
    pictures: int


@transaction.atomic
def seed_demo(*, only_if_empty: bool = False, with_accounts: bool = False) -> Seeded | None:
    """Adds the demo products that are missing and what they need; None: the shop was not empty and had to be.

    A product counts as there by its slug, or by its SKU when the shopkeeper has changed the slug. Nothing that exists
    is changed: no product, category, brand or account. All of it in one transaction.
    """
    if only_if_empty and Product.objects.exists():
        return None
    catalogue = demo_catalogue()
    # In the same transaction: a run cut short must not leave products, for which --if-empty would skip the accounts.
    accounts = add_accounts() if with_accounts else []
    return _add_catalogue(catalogue, accounts)


def _add_catalogue(catalogue: DemoCatalogue, accounts: list[str]) -> Seeded:
    slugs = {product.slug for product in catalogue.products}
    skus = {product.sku for product in catalogue.products if product.sku}
    slugs_there = set(Product.objects.filter(slug__in=slugs).values_list("slug", flat=True))
    skus_there = set(Product.objects.filter(sku__in=skus).values_list("sku", flat=True))
    missing = [p for p in catalogue.products if p.slug not in slugs_there and p.sku not in skus_there]

    categories_before, brands_before = Category.objects.count(), Brand.objects.count()
    category_ids = _category_ids(catalogue, {p.category_slug for p in missing})
    brand_ids = _brand_ids(catalogue, {p.brand_slug for p in missing})
    rows = [
        Product(
            name=p.name,
            slug=p.slug,
            sku=p.sku,
            description=p.description,
            category_id=category_ids[p.category_slug],
            brand_id=brand_ids[p.brand_slug],
            price=p.price,
            quantity=p.quantity,
            rating=p.rating,
            is_active=p.is_active,
            created_at=p.created_at,
        )
        for p in missing
    ]
    for row in rows:
        row.fill_keys()
    Product.objects.bulk_create(rows)
    # The first start waits for no picture: the worker draws them when the service is up.
    pictures = want_pictures(Product.objects.filter(slug__in=slugs))
    return Seeded(
        products=len(rows),
        categories=Category.objects.count() - categories_before,
        brands=Brand.objects.count() - brands_before,
        found=len(catalogue.products) - len(rows),
        accounts=accounts,
        pictures=pictures,
    )


def _category_ids(catalogue: DemoCatalogue, needed: set[str]) -> dict[str, int]:
    """The ids of the needed categories by slug; those missing, and the missing ones above them, are made."""
    parents = {category.slug: category.parent_slug for category in catalogue.categories}
    ids = dict(Category.objects.filter(slug__in=parents).values_list("slug", "id"))
    wanted: set[str] = set()
    for slug in needed:
        above: str | None = slug
        # An existing category ends the way up: where it hangs is the shopkeeper's choice.
        while above is not None and above not in ids:
            wanted.add(above)
            above = parents[above]
    for category in catalogue.categories:
        if category.slug in wanted:
            parent_id = ids[category.parent_slug] if category.parent_slug else None
            ids[category.slug] = Category.objects.create(name=category.name, slug=category.slug, parent_id=parent_id).pk
    return ids


def _brand_ids(catalogue: DemoCatalogue, needed: set[str]) -> dict[str, int]:
    """The ids of the needed brands by slug; those missing are made."""
    ids = dict(Brand.objects.filter(slug__in=needed).values_list("slug", "id"))
    for brand in catalogue.brands:
        if brand.slug in needed and brand.slug not in ids:
            ids[brand.slug] = Brand.objects.create(name=brand.name, slug=brand.slug).pk
    return ids
