"""Writes the demo shop into the database. Rows that exist already stay as they are."""

from dataclasses import dataclass

from django.db import transaction

from catalog.demo.accounts import add_accounts
from catalog.demo.attributes import add_attributes
from catalog.demo.generator import DemoCatalogue, demo_catalogue
from catalog.demo.pictures import want_pictures
from catalog.models import Brand, Category, Product


@dataclass(frozen=True)
class Seeded:
    """What a run has added: numbers of rows, addresses of accounts, pictures to draw."""

    products: int
    categories: int
    brands: int
    # Demo products that existed before.
    existing: int
    # Products that were given attributes and a group, existing ones included.
    with_attributes: int
    accounts: list[str]
    pictures: int


@transaction.atomic
def seed_demo(*, only_if_empty: bool = False, with_accounts: bool = False) -> Seeded | None:
    """Adds the demo products that are missing, with their categories and brands, in one transaction.

    A product exists when its slug does, or its SKU, for the shopkeeper may have changed the slug. Existing products,
    categories, brands and accounts are not changed, but a product without attributes and group is given them. Returns
    None when `only_if_empty` and the shop has products.
    """
    if only_if_empty and Product.objects.exists():
        return None
    catalogue = demo_catalogue()
    # In the same transaction: products alone would make --if-empty skip the accounts of an interrupted run.
    accounts = add_accounts() if with_accounts else []
    return _add_catalogue(catalogue, accounts)


def _add_catalogue(catalogue: DemoCatalogue, accounts: list[str]) -> Seeded:
    slugs = {product.slug for product in catalogue.products}
    skus = {product.sku for product in catalogue.products if product.sku}
    existing_slugs = set(Product.objects.filter(slug__in=slugs).values_list("slug", flat=True))
    existing_skus = set(Product.objects.filter(sku__in=skus).values_list("sku", flat=True))
    missing = [p for p in catalogue.products if p.slug not in existing_slugs and p.sku not in existing_skus]

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
            compare_at_price=p.compare_at_price,
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
    with_attributes = add_attributes(catalogue)
    # The worker draws the pictures, so that the first start does not wait for them.
    pictures = want_pictures(Product.objects.filter(slug__in=slugs))
    return Seeded(
        products=len(rows),
        categories=Category.objects.count() - categories_before,
        brands=Brand.objects.count() - brands_before,
        existing=len(catalogue.products) - len(rows),
        with_attributes=with_attributes,
        accounts=accounts,
        pictures=pictures,
    )


def _category_ids(catalogue: DemoCatalogue, needed: set[str]) -> dict[str, int]:
    """The ids of categories by slug. Creates the needed ones that are missing, with their missing ancestors."""
    parents = {category.slug: category.parent_slug for category in catalogue.categories}
    ids = dict(Category.objects.filter(slug__in=parents).values_list("slug", "id"))
    missing: set[str] = set()
    for slug in needed:
        ancestor: str | None = slug
        # An existing category stays where the shopkeeper has put it.
        while ancestor is not None and ancestor not in ids:
            missing.add(ancestor)
            ancestor = parents[ancestor]
    for category in catalogue.categories:
        if category.slug in missing:
            parent_id = ids[category.parent_slug] if category.parent_slug else None
            ids[category.slug] = Category.objects.create(name=category.name, slug=category.slug, parent_id=parent_id).pk
    return ids


def _brand_ids(catalogue: DemoCatalogue, needed: set[str]) -> dict[str, int]:
    """The ids of the needed brands by slug. Creates those that are missing."""
    ids = dict(Brand.objects.filter(slug__in=needed).values_list("slug", "id"))
    for brand in catalogue.brands:
        if brand.slug in needed and brand.slug not in ids:
            ids[brand.slug] = Brand.objects.create(name=brand.name, slug=brand.slug).pk
    return ids
