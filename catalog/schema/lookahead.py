"""Which relations of products a query selects, so that each is read by one query for all of them, or not at all."""

from collections.abc import Sequence
from typing import TypedDict

from graphql import GraphQLResolveInfo

from catalog.schema.images import FROM_RENDITIONS
from catalog.schema.types import known_tree, tree_of
from catalog.tree import CategoryTree
from core.graphql.selection import Selection


class Relations(TypedDict):
    """What `catalog.products` is to attach."""

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
