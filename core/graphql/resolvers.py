"""Tells core.execution which resolvers are graphene's default one, so that plans read attributes directly."""

from functools import partial

from graphene.types.resolver import dict_or_attr_resolver
from graphql import GraphQLObjectType, GraphQLSchema

from core.execution import Attribute


def declare_attributes(schema: GraphQLSchema) -> None:
    """Replaces graphene's default resolvers by the Attribute that does the same. Call it once the schema is made.

    graphene makes a partial of dict_or_attr_resolver, with a name and a default, for each field that has no resolver.
    """
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLObjectType):
            for field in kind.fields.values():
                resolve = field.resolve
                if isinstance(resolve, partial) and resolve.func is dict_or_attr_resolver and not resolve.keywords:
                    field.resolve = Attribute(*resolve.args)
