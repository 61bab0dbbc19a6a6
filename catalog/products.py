"""Reading products by id, with the relations that the caller wants: rows, then one IN for each relation."""

from collections.abc import Iterable, Sequence

from catalog.images.reading import attach_images
from catalog.models import Brand, Category, Product
from catalog.tree import CategoryTree

# Stored keys are for the database alone.
COLUMNS = (
    *("id", "name", "slug", "sku", "description", "category_id", "brand_id", "price", "quantity", "rating"),
    *("is_active", "created_at", "updated_at"),
)


def read_products(
    ids: Sequence[int],
    *,
    categories: bool = False,
    brands: bool = False,
    images: bool = False,
    renditions: bool = True,
    tree: CategoryTree | None = None,
    archived: bool = False,
) -> list[Product]:
    """The products of the ids that exist, in the order of the ids.

    With `categories`, `brands` or `images`, these are attached: from the tree when there is one already, else by one
    query each; READY images only, by one more query with their `renditions`. Archived products are left out unless
    `archived`.
    """
    if not ids:
        return []
    rows = Product.objects.filter(pk__in=ids).only(*COLUMNS)
    if not archived:
        rows = rows.filter(is_active=True)
    by_id = {row.pk: row for row in rows}
    products = [by_id[pk] for pk in ids if pk in by_id]
    return attach_relations(
        products, categories=categories, brands=brands, images=images, renditions=renditions, tree=tree
    )


def attach_relations(
    products: list[Product],
    *,
    categories: bool = False,
    brands: bool = False,
    images: bool = False,
    renditions: bool = True,
    tree: CategoryTree | None = None,
) -> list[Product]:
    """Attaches what is wanted to products that were read already. Answers those whose relations are still there."""
    if products and categories:
        products = attach_categories(products, tree)
    if products and brands:
        products = attach_brands(products)
    if products and images:
        attach_images(products, renditions=renditions)
    return products


def attach_categories(products: Iterable[Product], tree: CategoryTree | None = None) -> list[Product]:
    """Sets each product's category: from the tree, or by one query. Answers those whose category is still there."""
    products = list(products)
    wanted = {product.category_id for product in products}
    known = tree.by_id if tree is not None and wanted <= tree.by_id.keys() else None
    if known is None:
        known = {row.pk: row for row in Category.objects.filter(pk__in=wanted).only("id", "name", "slug", "parent_id")}
    there = [product for product in products if product.category_id in known]
    for product in there:
        product.category = known[product.category_id]
    return there


def attach_brands(products: Iterable[Product]) -> list[Product]:
    """Sets each product's brand, by one query. Answers those whose brand is still there."""
    products = list(products)
    wanted = {product.brand_id for product in products}
    known = {row.pk: row for row in Brand.objects.filter(pk__in=wanted).only("id", "name", "slug")}
    there = [product for product in products if product.brand_id in known]
    for product in there:
        product.brand = known[product.brand_id]
    return there
