"""The arguments of a search in GraphQL, and the criteria that they make."""

from typing import Any

import graphene
from graphql import GraphQLResolveInfo

from catalog.schema.context import tree_of
from catalog.search import attribute_conditions, criteria
from catalog.search.criteria import OPEN, Range, SearchCriteria
from catalog.search.validation import MAX_IDS, SearchInput, parse_criteria
from core.graphql.enums import described
from core.graphql.ids import key_of
from core.graphql.scalars import DateTime, Decimal

# A primary key that no row has. It replaces ids that are not ids of products.
NO_KEY = 0

SortField = described(
    criteria.SortField,
    "What to sort by.",
    type_name="ProductSortField",
    RELEVANCE="How well a product matches `search`.",
    RATING="Unrated products come last in both directions.",
)


class SortDirection(graphene.Enum):
    """Ascending or descending."""

    ASC = "ASC"
    DESC = "DESC"


class ProductGrouping(graphene.Enum):
    """Whether the first product of a group stands for all that match. Then totals and facets count it once."""

    NONE = "NONE"
    GROUP = "GROUP"


class _Input(graphene.InputObjectType):
    """An input whose values are plain dicts. graphene's own also set an attribute for each field there is."""

    class Meta:
        abstract = True

    @classmethod
    def __init_subclass_with_meta__(cls, **options: Any) -> None:
        super().__init_subclass_with_meta__(container=dict, **options)


class DecimalRange(_Input):
    """A range that includes both ends. It has no limit where an end is missing."""

    min = graphene.InputField(Decimal)
    max = graphene.InputField(Decimal)


class IntRange(_Input):
    """A range that includes both ends. It has no limit where an end is missing."""

    min = graphene.Int()
    max = graphene.Int()


class FloatRange(_Input):
    """A range that includes both ends. It has no limit where an end is missing."""

    min = graphene.Float()
    max = graphene.Float()


class DateTimeRange(_Input):
    """A range that includes both ends. It has no limit where an end is missing."""

    from_ = graphene.InputField(DateTime, name="from")
    to = graphene.InputField(DateTime)


class AttributeFilter(_Input):
    """What products must have of an attribute: any of `values` (TEXT), a number from `min` to `max` (NUMBER), or `is`.

    Which of these it is depends on the kind of the attribute. Any other, and an unknown attribute, is BAD_USER_INPUT.
    """

    attribute = graphene.String(required=True, description="The slug of the attribute.")
    values = graphene.List(graphene.NonNull(graphene.String), description="Values as in facets: any of them.")
    min = graphene.Float()
    max = graphene.Float()
    is_ = graphene.InputField(graphene.Boolean, name="is")


class ProductFilter(_Input):
    """Conditions that products must meet, all of them."""

    ids = graphene.List(graphene.NonNull(graphene.ID), description="Any of these ids. Unknown ids match nothing.")
    category = graphene.List(
        graphene.NonNull(graphene.String), description="Category slugs: any of them. Each includes its whole subtree."
    )
    brand = graphene.List(graphene.NonNull(graphene.String), description="Brand slugs: any of them.")
    price = graphene.InputField(DecimalRange)
    quantity = graphene.InputField(IntRange)
    rating = graphene.InputField(FloatRange)
    created_at = graphene.InputField(DateTimeRange)
    in_stock = graphene.Boolean(description="As `Product.inStock`.")
    on_sale = graphene.Boolean(description="True: reduced from their `compareAtPrice`. False: all others.")
    slugs = graphene.List(graphene.NonNull(graphene.String), description="Any of these. Unknown slugs match nothing.")
    attributes = graphene.List(
        graphene.NonNull(AttributeFilter), description="All of these, each with any of its values or in its range."
    )


class ProductSort(_Input):
    """What to sort by. The id breaks ties. Unrated products come last."""

    field = graphene.InputField(SortField, required=True)
    direction = graphene.InputField(
        SortDirection,
        description="Default: DESC for RELEVANCE, else ASC. RELEVANCE needs `search`, and cannot be ASC.",
    )


def criteria_of(
    info: GraphQLResolveInfo,
    search: str | None = None,
    filter: dict[str, Any] | None = None,
    sort_by: dict[str, Any] | None = None,
    group_by: ProductGrouping | None = None,
) -> SearchCriteria:
    """The validated arguments. Raises InvalidInput."""
    filter, sort_by = filter or {}, sort_by or {}

    def bounds(name: str, low: str = "min", high: str = "max") -> Range[Any]:
        ends = filter.get(name)
        return Range(ends.get(low), ends.get(high)) if ends else OPEN

    # One id above the limit is enough for parse_criteria to refuse them.
    ids = None if filter.get("ids") is None else filter["ids"][: MAX_IDS + 1]
    direction = sort_by.get("direction")
    search_input = SearchInput(
        text=search,
        slugs=filter.get("slugs"),
        ids=None if ids is None else [key_of(value, "Product") or NO_KEY for value in ids],
        categories=filter.get("category"),
        brands=filter.get("brand"),
        price=bounds("price"),
        quantity=bounds("quantity"),
        rating=bounds("rating"),
        created=bounds("created_at", "from_", "to"),
        in_stock=filter.get("in_stock"),
        on_sale=filter.get("on_sale"),
        attributes=[attribute_conditions.AttributeFilter(**given) for given in filter.get("attributes") or ()],
        grouped=group_by == ProductGrouping.GROUP,
        sort=criteria.SortField(sort_by["field"]) if sort_by else None,
        descending=None if direction is None else direction == SortDirection.DESC,
    )
    return parse_criteria(search_input, tree=lambda: tree_of(info.context))
