"""Finds the columns and relations of products that a GraphQL query selects, so that nothing else is read."""

from collections.abc import Sequence

from graphql import GraphQLResolveInfo

from catalog.images.schema import FROM_RENDITIONS
from catalog.schema.types import known_tree, tree_of
from catalog.selectors import Relations
from core.graphql.selection import Selection

# The columns that each field is made of. Fields that are made of relations have none.
_COLUMNS = {
    **{name: (name,) for name in ("name", "slug", "sku", "description", "price", "quantity", "rating")},
    **{"category": ("category_id",), "brand": ("brand_id",), "isActive": ("is_active",)},
    **{"inStock": ("quantity", "unlimited_stock"), "compareAtPrice": ("compare_at_price",)},
    **{"createdAt": ("created_at",), "updatedAt": ("updated_at",)},
}


def columns(nodes: Sequence[Selection]) -> tuple[str, ...]:
    """The columns that these selections of Product fields need, the id first."""
    wanted = {column for node in nodes for field in node for column in _COLUMNS.get(field, ())}
    return "id", *sorted(wanted)


def relations(info: GraphQLResolveInfo, nodes: Sequence[Selection]) -> Relations:
    """The relations that these selections of Product fields need. Reads the category tree if one of them shows it."""
    if any({"path", "parent", "children"} & node.get("category", {}).keys() for node in nodes):
        tree_of(info.context)
    return Relations(
        category=any("category" in node for node in nodes),
        brand=any("brand" in node for node in nodes),
        images=any({"image", "images"} & node.keys() for node in nodes),
        renditions=any(FROM_RENDITIONS & node.get(field, {}).keys() for node in nodes for field in ("image", "images")),
        tree=known_tree(info.context),
    )
