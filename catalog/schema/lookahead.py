"""What of products a query selects: their columns, and relations, each read by one query for all or not at all."""

from collections.abc import Sequence
from typing import TypedDict

from graphql import GraphQLResolveInfo

from catalog.category_tree import CategoryTree
from catalog.images.schema import FROM_RENDITIONS
from catalog.schema.types import known_tree, tree_of
from core.graphql.selection import Selection

# The column of a field, where that is not the field's own name; what has none is made of relations or of the request.
_COLUMNS = {
    **{name: name for name in ("name", "slug", "sku", "description", "price", "quantity", "rating")},
    **{"category": "category_id", "brand": "brand_id", "inStock": "quantity", "isActive": "is_active"},
    **{"createdAt": "created_at", "updatedAt": "updated_at"},
}


def columns(nodes: Sequence[Selection]) -> tuple[str, ...]:
    """The columns that any of these selections of Product fields shows."""
    wanted = {_COLUMNS[field] for node in nodes for field in node if field in _COLUMNS}
    return "id", *sorted(wanted)


class Relations(TypedDict):
    """What `catalog.selectors` is to attach."""

    categories: bool
    brands: bool
    images: bool
    renditions: bool
    tree: CategoryTree | None


def relations(info: GraphQLResolveInfo, nodes: Sequence[Selection]) -> Relations:
    """What any of these selections of Product fields needs; the tree is read when a category's place in it is."""
    if any({"path", "parent", "children"} & node.get("category", {}).keys() for node in nodes):
        tree_of(info.context)
    return Relations(
        categories=any("category" in node for node in nodes),
        brands=any("brand" in node for node in nodes),
        images=any({"image", "images"} & node.keys() for node in nodes),
        renditions=any(FROM_RENDITIONS & node.get(field, {}).keys() for node in nodes for field in ("image", "images")),
        tree=known_tree(info.context),
    )
