"""The GraphQL type of suggestions, and the products, brands and categories that they stand for."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import graphene
from graphql import GraphQLResolveInfo

from catalog.kept import read_brands, read_categories
from catalog.schema.context import known_tree, tree_of
from catalog.schema.lookahead import columns, relations
from catalog.schema.types import Brand, Category, Product
from catalog.search import engine
from catalog.selectors import read_products
from core.graphql.enums import described
from core.graphql.selection import Selection, selection

SuggestionKind = described(engine.SuggestionKind, "What a suggestion stands for.")


class Suggestion(graphene.ObjectType):
    """A completion for a search box: the text to show, and what it stands for.

    One of `product`, `category` and `brand` is there, as `kind` says. The others are null.
    """

    text = graphene.String(required=True)
    kind = graphene.Field(SuggestionKind, required=True)
    slug = graphene.String(required=True)
    product = graphene.Field(Product)
    category = graphene.Field(Category)
    brand = graphene.Field(Brand)


def with_objects(info: GraphQLResolveInfo, suggestions: Sequence[engine.Suggestion]) -> list[dict[str, Any]]:
    """The suggestions with those objects that the query selects: one statement for each kind, and one per relation.

    Leaves out a suggestion whose object went after the engine had found it.
    """
    wanted = selection(info)
    objects = {
        kind: read(info, {suggestion.id for suggestion in suggestions if suggestion.kind is kind}, wanted[field])
        for kind, (field, read) in _READERS.items()
        if field in wanted
    }
    shown = []
    for suggestion in suggestions:
        fields = {"text": suggestion.text, "kind": suggestion.kind, "slug": suggestion.slug}
        if suggestion.kind in objects:
            found = objects[suggestion.kind].get(suggestion.id)
            if found is None:
                continue
            fields[_READERS[suggestion.kind][0]] = found
        shown.append(fields)
    return shown


def _products(info: GraphQLResolveInfo, ids: set[int], wanted: Selection) -> Mapping[int, Any]:
    products = read_products(sorted(ids), columns=columns([wanted]), relations=relations(info, [wanted]))
    return {product.pk: product for product in products}


def _categories(info: GraphQLResolveInfo, ids: set[int], wanted: Selection) -> Mapping[int, Any]:
    tree = tree_of(info.context) if {"path", "parent", "children"} & wanted.keys() else known_tree(info.context)
    return read_categories(ids, tree=tree)


def _brands(info: GraphQLResolveInfo, ids: set[int], wanted: Selection) -> Mapping[int, Any]:
    return read_brands(ids)


_READERS: dict[
    engine.SuggestionKind, tuple[str, Callable[[GraphQLResolveInfo, set[int], Selection], Mapping[int, Any]]]
]
_READERS = {
    engine.SuggestionKind.PRODUCT: ("product", _products),
    engine.SuggestionKind.CATEGORY: ("category", _categories),
    engine.SuggestionKind.BRAND: ("brand", _brands),
}
