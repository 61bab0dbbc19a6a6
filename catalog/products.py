"""Reading products by id, with the relations that the caller wants: rows, then one IN for each relation."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from catalog.images.reading import attach_images
from catalog.models import Brand, Category, Product
from catalog.tree import CategoryTree
from core.rows import Prepared, instances

# Stored keys are for the database alone.
COLUMNS = (
    *("id", "name", "slug", "sku", "description", "category_id", "brand_id", "price", "quantity", "rating"),
    *("is_active", "created_at", "updated_at"),
)
_CATEGORY, _BRAND = ("id", "name", "slug", "parent_id"), ("id", "name", "slug")
_categories = Prepared(lambda keys: Category.objects.filter(pk__in=keys).order_by().values_list(*_CATEGORY))
_brands = Prepared(lambda keys: Brand.objects.filter(pk__in=keys).order_by().values_list(*_BRAND))


@lru_cache(maxsize=64)
def _products(columns: tuple[str, ...], archived: bool) -> Prepared:
    products = Product.objects.order_by() if archived else Product.objects.filter(is_active=True).order_by()
    return Prepared(lambda keys: products.filter(pk__in=keys).values_list(*columns))


def read_products(
    ids: Sequence[int],
    *,
    columns: tuple[str, ...] = COLUMNS,
    categories: bool = False,
    brands: bool = False,
    images: bool = False,
    renditions: bool = True,
    tree: CategoryTree | None = None,
    archived: bool = False,
) -> list[Product]:
    """The products of the ids that exist, in the order of the ids, with their `columns` (the id is the first).

    With `categories`, `brands` or `images`, these are attached: from the tree when there is one already, else by one
    query each; READY images only, by one more query with their `renditions`. Archived products are left out unless
    `archived`.
    """
    if not ids:
        return []
    by_id = {row.pk: row for row in instances(Product, columns, _products(columns, archived)(ids))}
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
        known = {row.pk: row for row in instances(Category, _CATEGORY, _categories(sorted(wanted)))}
    there = [product for product in products if product.category_id in known]
    for product in there:
        product._state.fields_cache["category"] = known[product.category_id]
    return there


def attach_brands(products: Iterable[Product]) -> list[Product]:
    """Sets each product's brand, by one query. Answers those whose brand is still there."""
    products = list(products)
    wanted = {product.brand_id for product in products}
    known = {row.pk: row for row in instances(Brand, _BRAND, _brands(sorted(wanted)))}
    there = [product for product in products if product.brand_id in known]
    for product in there:
        product._state.fields_cache["brand"] = known[product.brand_id]
    return there
