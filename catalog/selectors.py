"""Reads products by id, and each selected relation by one query."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from catalog.category_tree import CategoryTree
from catalog.images.selectors import attach_images
from catalog.models import IN_STOCK, Brand, Category, Product
from core.db.prepared import Prepared, instances

# Everything that APIs show of a product. The stored keys are for the database alone.
COLUMNS = (
    *("id", "name", "slug", "sku", "description", "category_id", "brand_id", "price", "quantity", "rating"),
    *("compare_at_price", "unlimited_stock", "is_active", "created_at", "updated_at"),
)
# Of five. Products that are rated lower are not recommended.
MIN_RECOMMENDED_RATING = 3.0
_CATEGORY, _BRAND = ("id", "name", "slug", "parent_id"), ("id", "name", "slug")
_categories = Prepared(lambda keys: Category.objects.filter(pk__in=keys).order_by().values_list(*_CATEGORY))
_brands = Prepared(lambda keys: Brand.objects.filter(pk__in=keys).order_by().values_list(*_BRAND))


@dataclass(frozen=True, kw_only=True, slots=True)
class Relations:
    """Which relations to read with products. `images` are the READY ones, `renditions` their files.

    Pass a `tree` that was read already to save the query for categories.
    """

    category: bool = False
    brand: bool = False
    images: bool = False
    renditions: bool = False
    tree: CategoryTree | None = None


@lru_cache(maxsize=16)
def _products(columns: tuple[str, ...], archived: bool) -> Prepared:
    products = Product.objects.order_by() if archived else Product.objects.filter(is_active=True).order_by()
    return Prepared(lambda keys: products.filter(pk__in=keys).values_list(*columns))


def read_products(
    ids: Sequence[int],
    *,
    columns: tuple[str, ...] = COLUMNS,
    relations: Relations = Relations(),
    archived: bool = False,
) -> list[Product]:
    """The products of the ids that exist, in the order of the ids; archived ones only when `archived` is true.

    Other fields than the `columns`, of which the first is "id", are deferred.
    """
    if not ids:
        return []
    by_id = instances(Product, columns, _products(columns, archived)(ids))
    return attach_relations([by_id[pk] for pk in ids if pk in by_id], relations)


def attach_relations(products: list[Product], relations: Relations) -> list[Product]:
    """Sets the relations on the products. Leaves out products whose category or brand was just deleted."""
    if relations.category:
        products = _attach(products, "category", _categories_of(products, relations.tree))
    if relations.brand:
        ids = sorted({product.brand_id for product in products})
        products = _attach(products, "brand", instances(Brand, _BRAND, _brands(ids)))
    if relations.images and products:
        attach_images(products, renditions=relations.renditions)
    return products


def _categories_of(products: list[Product], tree: CategoryTree | None) -> Mapping[int, Category]:
    ids = {product.category_id for product in products}
    if tree is not None and tree.by_id.keys() >= ids:
        return tree.by_id
    return instances(Category, _CATEGORY, _categories(sorted(ids)))


def _attach(products: list[Product], name: str, related: Mapping[int, Category | Brand]) -> list[Product]:
    """Sets a foreign key's object without the checks and signals of `setattr`. Returns the products that have one."""
    complete = []
    for product in products:
        key = getattr(product, f"{name}_id")
        if key in related:
            product._state.fields_cache[name] = related[key]
            complete.append(product)
    return complete


def recommended_products(*, limit: int) -> list[Product]:
    """The best rated products in stock, the best first, and among equals the newest."""
    rows = Product.objects.filter(IN_STOCK, is_active=True, rating_low__gte=MIN_RECOMMENDED_RATING)
    return list(rows.order_by("-rating_low", "-id")[:limit])
