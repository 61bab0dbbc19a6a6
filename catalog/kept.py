"""Categories, brands and attributes, kept in this process under the revision of the catalogue (core.caching.kept).

The instances belong to all threads: nobody may change or save them. Outside of requests everything is read anew.
"""

from collections.abc import Mapping, Set
from typing import Any

from django.conf import settings

from catalog.category_tree import CategoryTree
from catalog.models import Attribute, Brand, Category
from core.caching import revision
from core.caching.kept import Kept, size_of
from core.db.prepared import Prepared, instances

store: Kept[Any] = Kept("catalogue", max_bytes=lambda: settings.CATALOG_KEPT_BYTES)

_CATEGORY, _BRAND = ("id", "name", "slug", "parent_id"), ("id", "name", "slug")
_categories = Prepared(lambda keys: Category.objects.filter(pk__in=keys).order_by().values_list(*_CATEGORY))
_brands = Prepared(lambda keys: Brand.objects.filter(pk__in=keys).order_by().values_list(*_BRAND))
_TREE = "tree"


def category_tree() -> CategoryTree:
    """The tree of all categories: at most one query."""
    # Each category stands in two mappings and a list.
    return store.get(_TREE, CategoryTree.load, lambda tree: size_of(tree.by_id.values()) * 3 // 2)  # type: ignore[no-any-return]


def kept_tree() -> CategoryTree | None:
    """The tree, if it is kept: no query for it."""
    at = revision.known()
    return None if at is None else store.find(at, _TREE)


def read_categories(ids: Set[int], *, tree: CategoryTree | None = None) -> Mapping[int, Category]:
    """The categories of these ids by id, and with a `tree` that has them all others too. At most one query."""
    tree = tree or kept_tree()
    if tree is not None and tree.by_id.keys() >= ids:
        return tree.by_id
    return store.get_many("category", ids, lambda keys: instances(Category, _CATEGORY, _categories(keys)), _size)


def read_brands(ids: Set[int]) -> Mapping[int, Brand]:
    """The brands of these ids by id: at most one query."""
    return store.get_many("brand", ids, lambda keys: instances(Brand, _BRAND, _brands(keys)), _size)


def brand_with_slug(slug: str) -> Brand | None:
    """The brand with this slug: at most one query. A slug that no brand has is not kept, since strangers choose it."""
    brand: Brand | None = store.get(("brand", slug), lambda: Brand.objects.filter(slug=slug).first(), _size)
    return brand


def attribute_with_key(key: int) -> Attribute | None:
    """The attribute with this primary key: at most one query."""
    attribute: Attribute | None = store.get(
        ("attribute of a node", key), lambda: Attribute.objects.filter(pk=key).first(), _size
    )
    return attribute


def _size(row: Category | Brand | Attribute) -> int:
    return size_of([row])
