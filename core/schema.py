"""Joins the queries, mutations and costs of all apps to the GraphQL schema."""

from typing import Any

import graphene
from graphql import GraphQLResolveInfo

from cart.schema import NODES as CART_NODES
from cart.schema import CartMutation, CartQuery
from catalog.costs import COSTS as CATALOG_COSTS
from catalog.images.schema import ImagesMutation
from catalog.policy import view_of
from catalog.schema.mutations import CatalogMutation
from catalog.schema.queries import CATALOGUE_FIELDS, CatalogQuery
from catalog.schema.queries import NODES as CATALOG_NODES
from catalog.schema.taxonomy import TaxonomyMutation
from core.graphql.answers import CatalogueRules
from core.graphql.ids import parse_global_id
from core.graphql.nodes import Node
from core.graphql.resolvers import declare_attributes
from core.graphql.scalars import specify_scalars
from core.graphql.shop import ShopQuery
from core.throttling.budget import PASSWORD_COST
from users.schema import NODES as USER_NODES
from users.schema import UsersMutation, UsersQuery

NODES = {**CATALOG_NODES, **CART_NODES, **USER_NODES}


class Query(CatalogQuery, CartQuery, UsersQuery, ShopQuery, graphene.ObjectType):
    """Everything that can be read."""

    node = graphene.Field(
        Node,
        id=graphene.ID(required=True),
        description="The object of a global id. Null when it is unknown, or not for the caller: the catalogue needs a "
        "token unless it is public, and accounts and carts are their owners'.",
    )

    @staticmethod
    def resolve_node(root: None, info: GraphQLResolveInfo, id: str) -> Any:
        """The object of a global id; null when it is unknown, malformed or not visible to the viewer."""
        parsed = parse_global_id(id)
        if parsed is None or parsed[0] not in NODES:
            return None
        type_name, key = parsed
        return NODES[type_name](info, key)


class Mutation(UsersMutation, CartMutation, CatalogMutation, TaxonomyMutation, ImagesMutation, graphene.ObjectType):
    """Everything that can be changed."""


# The answers that are kept (core.graphql.answers): those of queries with no other root fields.
KEPT_ANSWERS = CatalogueRules(frozenset({*CATALOGUE_FIELDS, "shop"}), view_of)
schema = graphene.Schema(query=Query, mutation=Mutation)
declare_attributes(schema.graphql_schema)
specify_scalars(schema.graphql_schema)
# What costs more than its kind does (an object 1, a leaf nothing): it is counted or computed over all that is found, or
# hashes a password.
COSTS = {
    **CATALOG_COSTS,
    "Mutation.tokenAuth": PASSWORD_COST,
    # Signs a token.
    "Mutation.guestTokenCreate": 10,
    "Mutation.register": PASSWORD_COST,
    "Mutation.passwordChange": 2 * PASSWORD_COST,
    "Mutation.passwordReset": PASSWORD_COST,
    "Mutation.emailChangeRequest": PASSWORD_COST,
    "Mutation.accountDelete": PASSWORD_COST,
}
