"""Finds the columns and relations of products that a GraphQL query selects, so that nothing else is read."""

from collections.abc import Sequence
from dataclasses import replace

from graphql import GraphQLResolveInfo

from catalog.images.schema import FROM_RENDITIONS
from catalog.schema.context import allowances_of, known_tree, tree_of
from catalog.selectors import SIBLING_COLUMNS, Relations, SiblingRelations
from core.graphql.selection import Selection

# The columns that each field is made of. Fields that are made of relations have none.
_COLUMNS = {
    **{name: (name,) for name in ("name", "slug", "sku", "description", "price", "quantity", "rating")},
    **{"category": ("category_id",), "brand": ("brand_id",), "isActive": ("is_active",)},
    **{"inStock": ("quantity", "unlimited_stock"), "compareAtPrice": ("compare_at_price",)},
    **{"createdAt": ("created_at",), "updatedAt": ("updated_at",)},
    **{"group": ("group_id",), "related": ("name", "category_id", "group_id")},
}


def columns(nodes: Sequence[Selection]) -> tuple[str, ...]:
    """The columns that these selections of Product fields need, the id first."""
    wanted = {column for node in nodes for field in node for column in _COLUMNS.get(field, ())}
    return "id", *sorted(wanted)


def relations(info: GraphQLResolveInfo, nodes: Sequence[Selection]) -> Relations:
    """The relations that these selections of Product fields need. Reads the category tree if one of them shows it."""
    return at_work(info, selected_relations(nodes))


def selected_relations(nodes: Sequence[Selection]) -> Relations:
    """The same of the selections alone, as they can be kept with the document."""
    return replace(_own(nodes), siblings=_siblings(nodes))


def at_work(info: GraphQLResolveInfo, selected: Relations) -> Relations:
    """The relations with what this request has read and may still list."""
    siblings = selected.siblings
    if selected.ancestors or (siblings is not None and siblings.relations.ancestors):
        tree_of(info.context)
    tree = known_tree(info.context)
    if tree is None and not (selected.attributes or selected.group or siblings):
        return selected
    if siblings is not None and tree is not None:
        siblings = replace(siblings, relations=replace(siblings.relations, tree=tree))
    return replace(selected, siblings=siblings, tree=tree, allowances=allowances_of(info.context))


def group_siblings(info: GraphQLResolveInfo, group: Selection) -> SiblingRelations | None:
    """What this selection of ProductGroup fields needs of the group's products."""
    return at_work(info, Relations(siblings=_siblings([{"group": group}]))).siblings


def _own(nodes: Sequence[Selection]) -> Relations:
    """The relations without those of groups."""
    return Relations(
        category=any("category" in node for node in nodes),
        ancestors=any({"path", "parent", "children"} & node.get("category", {}).keys() for node in nodes),
        brand=any("brand" in node for node in nodes),
        images=any({"image", "images"} & node.keys() for node in nodes),
        renditions=any(FROM_RENDITIONS & node.get(field, {}).keys() for node in nodes for field in ("image", "images")),
        first_image=not any("images" in node for node in nodes),
        attributes=any("attributes" in node for node in nodes),
        group=any("group" in node for node in nodes),
    )


def _siblings(nodes: Sequence[Selection]) -> SiblingRelations | None:
    """What is selected of the products of groups, however deeply: all of them are read alike, by one query."""
    groups: list[Selection] = []
    products: list[Selection] = []
    waiting = [*nodes]
    while waiting:
        group = waiting.pop().get("group")
        if group is not None:
            groups.append(group)
            if "products" in group:
                products.append(group["products"])
                waiting.append(group["products"])
    if not any({"products", "options", "minPrice", "maxPrice"} & group.keys() for group in groups):
        return None
    return SiblingRelations(
        columns=("id", *sorted({*columns(products)[1:], *SIBLING_COLUMNS})),
        # They have the group that led to them, and their attributes are read with those of all others.
        relations=replace(_own(products), group=False, attributes=False),
        options=any({"products", "options"} & group.keys() for group in groups),
    )
