"""Reads products by id, and each selected relation by one query."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import cast

from catalog.attributes.selectors import Allowances, attach_attributes, read_groups, read_members, siblings_of
from catalog.category_tree import CategoryTree
from catalog.images.selectors import attach_images
from catalog.kept import read_brands, read_categories
from catalog.models import IN_STOCK, Brand, Category, Product, ProductGroup
from core.db.prepared import Prepared, instances

# Everything that APIs show of a product. The stored keys are for the database alone.
COLUMNS = (
    *("id", "name", "slug", "sku", "description", "category_id", "brand_id", "group_id", "price", "quantity", "rating"),
    *("compare_at_price", "unlimited_stock", "is_active", "created_at", "updated_at"),
)
# What the products of groups must have: by these they are told apart, shown and priced.
SIBLING_COLUMNS = ("group_id", "is_active", "price")
# Of five. Products that are rated lower are not recommended.
MIN_RECOMMENDED_RATING = 3.0


@dataclass(frozen=True, kw_only=True, slots=True)
class SiblingRelations:
    """What to read of the products of groups. `options` puts them in order, for which their attributes are read too."""

    columns: tuple[str, ...]
    relations: "Relations"
    options: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Relations:
    """Which relations to read with products. `images` are the READY ones, `renditions` their files, with
    `first_image` those of the first one alone.

    Pass a `tree` that was read already to save the query for categories, and the `allowances` of the answer.
    `ancestors` says that categories are shown with others of the tree; who reads the products reads the tree then.
    """

    category: bool = False
    ancestors: bool = False
    brand: bool = False
    images: bool = False
    renditions: bool = False
    first_image: bool = False
    attributes: bool = False
    group: bool = False
    siblings: SiblingRelations | None = None
    tree: CategoryTree | None = None
    allowances: Allowances | None = None


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
    """Sets the relations on the products: one query each, however many products there are.

    Leaves out products whose category or brand was just deleted. Raises LimitExceeded when groups are too large.
    """
    if relations.category:
        products = _attach(products, "category", partial(read_categories, tree=relations.tree))
    if relations.brand:
        products = _attach(products, "brand", read_brands)
    if relations.images and products:
        attach_images(products, renditions=relations.renditions, first_only=relations.first_image)
    if not (relations.attributes or relations.group):
        return products
    allowances = relations.allowances or Allowances()
    others = products if relations.attributes else []
    if relations.group:
        groups = read_groups({product.group_id for product in products if product.group_id is not None})
        if relations.siblings:
            attach_siblings(groups, relations.siblings, allowances, others=others)
            others = []
            groups = {pk: group for pk, group in groups.items() if hasattr(group, "siblings")}
        for product in products:
            product.shown_group = groups.get(product.group_id) if product.group_id is not None else None
    attach_attributes(others, allowances.values)
    return products


def attach_siblings(
    groups: Mapping[int, ProductGroup],
    wanted: SiblingRelations,
    allowances: Allowances,
    *,
    others: Sequence[Product] = (),
) -> None:
    """Sets the `siblings` of each group that has a product. One query for the products, and one for each relation.

    The same query for attributes reads those of `others`. Raises LimitExceeded.
    """
    active: list[Product] = []
    archived: list[Product] = []
    for product in read_members(groups, wanted.columns, allowances.siblings):
        (active if product.is_active else archived).append(product)
    active = attach_relations(active, wanted.relations)
    members: dict[int, list[Product]] = defaultdict(list)
    for product in (*active, *archived):
        product.shown_group = group = groups[cast(int, product.group_id)]
        members[group.pk].append(product)
    attach_attributes([*others, *(active if wanted.options else ())], allowances.values)
    for group_id, products in members.items():
        groups[group_id].siblings = siblings_of(products, options=wanted.options)


def read_group(key: int, wanted: SiblingRelations | None, allowances: Allowances) -> ProductGroup | None:
    """The group of this key with its `siblings`. None when there is no group, or no product in it."""
    groups = read_groups([key])
    wanted = wanted or SiblingRelations(columns=("id", *SIBLING_COLUMNS), relations=Relations(), options=False)
    attach_siblings(groups, wanted, allowances)
    group = groups.get(key)
    return group if hasattr(group, "siblings") else None


def _attach(
    products: list[Product], name: str, read: Callable[[Set[int]], Mapping[int, Category | Brand]]
) -> list[Product]:
    """Sets a foreign key's object without the checks and signals of `setattr`. Returns the products that have one."""
    attname = f"{name}_id"
    # A foreign key's descriptor, which `getattr` calls, is Python code.
    keys: list[int] = [product.__dict__.get(attname) or getattr(product, attname) for product in products]
    related = read({*keys})
    complete = []
    for product, key in zip(products, keys, strict=True):
        row = related.get(key)
        if row is not None:
            product._state.fields_cache[name] = row
            complete.append(product)
    return complete


def recommended_products(*, limit: int) -> list[Product]:
    """The best rated products in stock, the best first, and among equals the newest."""
    rows = Product.objects.filter(IN_STOCK, is_active=True, rating_low__gte=MIN_RECOMMENDED_RATING)
    return list(rows.order_by("-rating_low", "-id")[:limit])
