"""The catalogue's GraphQL queries."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import graphene
from graphene.utils.str_converters import to_snake_case
from graphql import GraphQLResolveInfo

from catalog import brands, models, policy
from catalog.images.schema import image_node
from catalog.images.selectors import attach_images
from catalog.kept import attribute_with_key, brand_with_slug, read_brands
from catalog.schema import filters, types
from catalog.schema.context import allowances_of, may_read_catalogue, require_catalogue, shown, tree_of
from catalog.schema.lookahead import at_work, columns, group_siblings, relations, selected_relations
from catalog.schema.suggestions import Suggestion, with_objects
from catalog.search.counting import count_search
from catalog.search.cursors import encode_cursor
from catalog.search.engine import engine, suggestions
from catalog.search.facets import Facets
from catalog.search.pages import NO_HITS, parse_page
from catalog.search.steering.selectors import redirect_of
from catalog.selectors import Relations, read_group, read_products
from catalog.slugs import normal_form
from core.errors import InvalidInput
from core.graphql.connections import PAGE_ARGUMENTS, Connection, Edge, list_of
from core.graphql.ids import key_of
from core.graphql.selection import Selection, at, derived, selection

DEFAULT_SUGGESTIONS = 8
# Who may read the catalogue, at the end of each query's description.
CATALOGUE_RULE = "Needs a token, unless the catalogue is public (`shop.catalogIsPublic`)."

# The queries whose answers follow from the catalogue, the index and `policy.view_of` alone, so that they can be kept. A
# query that reads anything else of its viewer or of the time must not be among them.
CATALOGUE_FIELDS = frozenset({"product", "products", "category", "categories", "brand", "brands", "suggestions"})


@dataclass(slots=True)
class ProductEdge(Edge):
    """A product that a search found, with its highlighted name."""

    highlighter: Callable[[str], str] | None

    @property
    def highlight(self) -> str | None:
        return self.highlighter(self.node.name) if self.highlighter else None


class ProductConnection(Connection):
    """One page of products, with the facets of all pages and the category that staff redirect the text to."""

    def __init__(
        self,
        page: Sequence[tuple[str, Any]],
        *,
        facets: Facets,
        redirect: Callable[[], models.Category | None],
        **arguments: Any,
    ) -> None:
        super().__init__(page, **arguments)
        self.facets = facets
        self._redirect = redirect

    @property
    def redirect(self) -> models.Category | None:
        return self._redirect()


class CatalogQuery(graphene.ObjectType):
    """The catalogue's queries."""

    product = graphene.Field(
        types.Product,
        id=graphene.ID(),
        slug=graphene.String(),
        description="One product, by its id or its slug. Give one of the two. Null when it is unknown, or archived and "
        f"the caller no staff, who find it by its id. {CATALOGUE_RULE}",
    )
    products = graphene.Field(
        types.ProductConnection,
        required=True,
        search=graphene.String(
            description="Words to look for in name, brand, category, attributes, sku and description. Typos are "
            "tolerated, and the last word may be incomplete."
        ),
        filter=filters.ProductFilter(),
        sort_by=filters.ProductSort(description="Default: RELEVANCE with `search`, else CREATED_AT DESC."),
        group_by=graphene.Argument(
            filters.ProductGrouping,
            default_value=filters.ProductGrouping.NONE,
            description="GROUP: of products that differ in options only (a shirt in its sizes), the first one found "
            "stands for all; totalCount and facets count so too.",
        ),
        **PAGE_ARGUMENTS,
        description=f"Searches, filters, sorts and pages the active products. {CATALOGUE_RULE}",
    )
    category = graphene.Field(
        types.Category,
        slug=graphene.String(required=True),
        description=f"One category, by its slug; null when it is unknown. {CATALOGUE_RULE}",
    )
    brand = graphene.Field(
        types.Brand,
        slug=graphene.String(required=True),
        description=f"One brand, by its slug; null when it is unknown. {CATALOGUE_RULE}",
    )
    suggestions = graphene.Field(
        list_of(Suggestion),
        query=graphene.String(required=True),
        first=graphene.Int(default_value=DEFAULT_SUGGESTIONS),
        description="Completions for a search box, the best first: product names, SKUs, brands and categories. "
        f"`first` is 1 to 100. {CATALOGUE_RULE}",
    )
    categories = graphene.Field(
        list_of(types.Category),
        parent=graphene.String(description="A category's slug."),
        description=f"The root categories, or the children of `parent`. {CATALOGUE_RULE}",
    )
    brands = graphene.Field(
        types.BrandConnection,
        required=True,
        search=graphene.String(description="Words to look for in the name."),
        **PAGE_ARGUMENTS,
        description=f"The brands, sorted by name. {CATALOGUE_RULE}",
    )

    @staticmethod
    def resolve_product(
        root: None, info: GraphQLResolveInfo, id: str | None = None, slug: str | None = None
    ) -> models.Product | None:
        require_catalogue(info)
        if (id is None) == (slug is None):
            raise InvalidInput.at("id", message="Give either the id or the slug.")
        if id is not None:
            key = key_of(id, "Product")
        else:
            products = models.Product.objects.filter(slug=normal_form(slug or ""), is_active=True)
            key = products.values_list("id", flat=True).first()
        product = product_node(info, key) if key is not None else None
        if product is not None and slug is not None and {"image", "images"} & selection(info).keys():
            # By slug, even staff see the product as shoppers do, with its READY images only.
            attach_images([product])
        return product

    @staticmethod
    def resolve_products(root: None, info: GraphQLResolveInfo, **arguments: Any) -> Connection:
        # The engine finds ids; the rows come from the database, with the columns and relations that are selected.
        require_catalogue(info)
        page_arguments = {name: arguments.pop(name, None) for name in PAGE_ARGUMENTS}
        criteria = filters.criteria_of(info, **arguments)
        page = parse_page(criteria, **page_arguments)
        wanted = derived(info, _wanted)
        search = engine().resolve(criteria, page.position)
        hits = NO_HITS
        if wanted.hits:
            hits = search.page(page)
            count_search(criteria, page, hits)
        products = read_products(hits.ids, columns=wanted.columns, relations=at_work(info, wanted.relations))
        by_id = {product.id: product for product in products}
        return ProductConnection(
            [
                (encode_cursor(criteria.digest, position) if wanted.cursors else "", by_id.get(position.id))
                for position in hits.positions
            ],
            edge=partial(ProductEdge, highlighter=search.highlight if criteria.text and wanted.highlight else None),
            has_next=hits.has_next,
            has_previous=hits.has_previous,
            count=search.total,
            facets=search.facets(lambda: tree_of(info.context), wanted.facets),
            redirect=lambda: redirect_of(criteria, lambda: tree_of(info.context)),
        )

    @staticmethod
    def resolve_category(root: None, info: GraphQLResolveInfo, slug: str) -> models.Category | None:
        require_catalogue(info)
        return tree_of(info.context).with_slug(slug)

    @staticmethod
    def resolve_brand(root: None, info: GraphQLResolveInfo, slug: str) -> models.Brand | None:
        require_catalogue(info)
        return brand_with_slug(normal_form(slug))

    @staticmethod
    def resolve_suggestions(
        root: None, info: GraphQLResolveInfo, query: str, first: int | None
    ) -> list[dict[str, Any]]:
        require_catalogue(info)
        return with_objects(info, suggestions(query, DEFAULT_SUGGESTIONS if first is None else first))

    @staticmethod
    def resolve_categories(root: None, info: GraphQLResolveInfo, parent: str | None = None) -> list[models.Category]:
        require_catalogue(info)
        tree = tree_of(info.context)
        if parent is None:
            return shown(info, tree.children(None))
        category = tree.with_slug(parent)
        if category is None:
            raise InvalidInput.at("parent", message=f"There is no category “{parent[:100]}”.")
        return shown(info, tree.children(category.pk))

    @staticmethod
    def resolve_brands(
        root: None, info: GraphQLResolveInfo, search: str | None = None, **page_arguments: Any
    ) -> Connection:
        require_catalogue(info)
        page = brands.search(search, **page_arguments)
        return Connection(page.edges, has_next=page.has_next, has_previous=page.has_previous, count=page.count)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a query selects of a page of products. `hits`: anything of the page, which a total or facets are not."""

    hits: bool
    cursors: bool
    highlight: bool
    facets: tuple[str, ...]
    columns: tuple[str, ...]
    relations: Relations


def _wanted(selected: Selection) -> _Wanted:
    nodes = [node for path in (("nodes",), ("edges", "node")) if (node := at(selected, *path))]
    highlight = at(selected, "edges", "highlight") is not None
    if highlight:
        # It is made of the name.
        nodes.append({"name": {}})
    return _Wanted(
        hits=not selected.keys() <= {"totalCount", "facets", "redirect", "__typename"},
        cursors="cursor" in selected.get("edges", {})
        or not selected.get("pageInfo", {}).keys().isdisjoint({"startCursor", "endCursor"}),
        highlight=highlight,
        facets=tuple(to_snake_case(name) for name in at(selected, "facets") or ()),
        columns=columns(nodes),
        relations=selected_relations(nodes),
    )


def product_node(info: GraphQLResolveInfo, key: int) -> models.Product | None:
    """The product with this primary key. Archived products are for staff only."""
    if not may_read_catalogue(info):
        return None
    # Resolvers read the images, since staff see all of them here.
    wanted = replace(relations(info, [selection(info)]), images=False, renditions=False)
    return next(iter(read_products([key], relations=wanted, archived=policy.sees_hidden(info.context.user))), None)


def category_node(info: GraphQLResolveInfo, key: int) -> models.Category | None:
    """The category with this primary key."""
    return tree_of(info.context).by_id.get(key) if may_read_catalogue(info) else None


def brand_node(info: GraphQLResolveInfo, key: int) -> models.Brand | None:
    """The brand with this primary key."""
    return read_brands({key}).get(key) if may_read_catalogue(info) else None


def attribute_node(info: GraphQLResolveInfo, key: int) -> models.Attribute | None:
    """The attribute with this primary key."""
    return attribute_with_key(key) if may_read_catalogue(info) else None


def group_node(info: GraphQLResolveInfo, key: int) -> models.ProductGroup | None:
    """The group with this primary key, if the viewer sees a product of it."""
    if not may_read_catalogue(info):
        return None
    group = read_group(key, group_siblings(info, selection(info)), allowances_of(info.context))
    if group is None or not (group.siblings.products or policy.sees_hidden(info.context.user)):
        return None
    return group


def product_image_node(info: GraphQLResolveInfo, key: int) -> models.ProductImage | None:
    """The image with this primary key."""
    return image_node(info, key) if may_read_catalogue(info) else None


NODES = {
    "Product": product_node,
    "Category": category_node,
    "Brand": brand_node,
    "Attribute": attribute_node,
    "ProductGroup": group_node,
    "ProductImage": product_image_node,
}
