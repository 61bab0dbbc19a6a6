"""Reading products by id, with the relations that the caller wants: rows, then one IN for each relation."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from catalog.category_tree import CategoryTree
from catalog.images.selectors import attach_images
from catalog.models import Brand, Category, Product
from core.db.prepared import Prepared, instances

# Stored keys are for the database alone.
COLUMNS = (
    *("id", "name", "slug", "sku", "description", "category_id", "brand_id", "price", "quantity", "rating"),
    *("is_active", "created_at", "updated_at"),
)
_CATEGORY, _BRAND = ("id", "name", "slug", "parent_id"), ("id", "name", "slug")
_categories = Prepared(lambda keys: Category.objects.filter(pk__in=keys).order_by().values_list(*_CATEGORY))
_brands = Prepared(lambda keys: Brand.objects.filter(pk__in=keys).order_by().values_list(*_BRAND))


@lru_cache(maxsize=16)
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
    by_id = instances(Product, columns, _products(columns, archived)(ids))
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


def attach_categories(products: Sequence[Product], tree: CategoryTree | None = None) -> list[Product]:
    """Sets each product's category: from the tree, or by one query. Answers those whose category is still there."""
    keys = [product.category_id for product in products]
    if tree is not None and tree.by_id.keys() >= set(keys):
        return _attached(products, "category", keys, tree.by_id)
    return _attached(products, "category", keys, instances(Category, _CATEGORY, _categories(sorted(set(keys)))))


def attach_brands(products: Sequence[Product]) -> list[Product]:
    """Sets each product's brand, by one query. Answers those whose brand is still there."""
    keys = [product.brand_id for product in products]
    return _attached(products, "brand", keys, instances(Brand, _BRAND, _brands(sorted(set(keys)))))


def _attached(products: Sequence[Product], name: str, keys: list[int], known: Mapping[int, Any]) -> list[Product]:
    there = []
    for product, key in zip(products, keys, strict=True):
        if key in known:
            product._state.fields_cache[name] = known[key]
            there.append(product)
    return there
