"""The GraphQL mutations of categories and brands, for staff."""

from collections.abc import Callable
from typing import Any

import graphene
from graphql import GraphQLResolveInfo

from catalog import models, taxonomy
from catalog.schema.context import forget_tree, require_user
from catalog.schema.types import Brand, Category
from core.errors import InvalidInput
from core.graphql.connections import list_of
from core.graphql.errors import UserError, refused
from core.graphql.ids import key_of

NEW_SLUG = "Letters, digits, hyphens and underscores. Default: made from the name."


class CategoryCreateInput(graphene.InputObjectType):
    """A new category."""

    name = graphene.String(required=True)
    slug = graphene.String(description=NEW_SLUG)
    parent = graphene.String(description="A category's slug. Null or none: a root.")


class CategoryUpdateInput(graphene.InputObjectType):
    """The fields to change. What is left out keeps its value."""

    id = graphene.ID(required=True)
    name = graphene.String()
    slug = graphene.String()
    parent = graphene.String(description="A category's slug; null makes it a root.")


class CategoryPayload(graphene.ObjectType):
    """The category after the mutation, or what it was. If there are errors, it is null and nothing was changed."""

    category = graphene.Field(Category)
    errors = graphene.Field(list_of(UserError))


class BrandCreateInput(graphene.InputObjectType):
    """A new brand."""

    name = graphene.String(required=True)
    slug = graphene.String(description=NEW_SLUG)


class BrandUpdateInput(graphene.InputObjectType):
    """The fields to change. What is left out keeps its value."""

    id = graphene.ID(required=True)
    name = graphene.String()
    slug = graphene.String()


class BrandPayload(graphene.ObjectType):
    """The brand after the mutation, or what it was. If there are errors, it is null and nothing was changed."""

    brand = graphene.Field(Brand)
    errors = graphene.Field(list_of(UserError))


class TaxonomyMutation(graphene.ObjectType):
    """What staff can do with categories and brands."""

    category_create = graphene.Field(
        CategoryPayload,
        input=CategoryCreateInput(required=True),
        description="Creates a category. For staff with the permission to add categories.",
    )
    category_update = graphene.Field(
        CategoryPayload,
        input=CategoryUpdateInput(required=True),
        description="Changes a category. For staff with the permission to change categories.",
    )
    category_delete = graphene.Field(
        CategoryPayload,
        id=graphene.ID(required=True),
        description="Deletes a category; refused while it has products or children. "
        "For staff with the permission to delete categories.",
    )
    brand_create = graphene.Field(
        BrandPayload,
        input=BrandCreateInput(required=True),
        description="Creates a brand. For staff with the permission to add brands.",
    )
    brand_update = graphene.Field(
        BrandPayload,
        input=BrandUpdateInput(required=True),
        description="Changes a brand. For staff with the permission to change brands.",
    )
    brand_delete = graphene.Field(
        BrandPayload,
        id=graphene.ID(required=True),
        description="Deletes a brand; refused while it has products. For staff with the permission to delete brands.",
    )

    @staticmethod
    def resolve_category_create(root: None, info: GraphQLResolveInfo, input: dict[str, Any]) -> CategoryPayload:
        return _category(info, taxonomy.create_category, fields=dict(input))

    @staticmethod
    def resolve_category_update(root: None, info: GraphQLResolveInfo, input: dict[str, Any]) -> CategoryPayload:
        key, fields = _key_and_fields(input, "Category")
        return _category(info, taxonomy.update_category, category_id=key, fields=fields)

    @staticmethod
    def resolve_category_delete(root: None, info: GraphQLResolveInfo, id: str) -> CategoryPayload:
        return _category(info, taxonomy.delete_category, category_id=key_of(id, "Category"))

    @staticmethod
    def resolve_brand_create(root: None, info: GraphQLResolveInfo, input: dict[str, Any]) -> BrandPayload:
        return _brand(info, taxonomy.create_brand, fields=dict(input))

    @staticmethod
    def resolve_brand_update(root: None, info: GraphQLResolveInfo, input: dict[str, Any]) -> BrandPayload:
        key, fields = _key_and_fields(input, "Brand")
        return _brand(info, taxonomy.update_brand, brand_id=key, fields=fields)

    @staticmethod
    def resolve_brand_delete(root: None, info: GraphQLResolveInfo, id: str) -> BrandPayload:
        return _brand(info, taxonomy.delete_brand, brand_id=key_of(id, "Brand"))


def _key_and_fields(input: dict[str, Any], type_name: str) -> tuple[int | None, dict[str, Any]]:
    fields = dict(input)
    return key_of(fields.pop("id"), type_name), fields


def _category(info: GraphQLResolveInfo, change: Callable[..., models.Category], **arguments: Any) -> CategoryPayload:
    """The category, or every error of the input. Raises UNAUTHENTICATED."""
    require_user(info)
    try:
        category = change(actor=info.context.user, **arguments)
    except InvalidInput as error:
        return CategoryPayload(errors=refused(info.context, error))
    # The next selection of this request must see the change.
    forget_tree(info.context)
    return CategoryPayload(category=category, errors=[])


def _brand(info: GraphQLResolveInfo, change: Callable[..., models.Brand], **arguments: Any) -> BrandPayload:
    """The brand, or every error of the input. Raises UNAUTHENTICATED."""
    require_user(info)
    try:
        return BrandPayload(brand=change(actor=info.context.user, **arguments), errors=[])
    except InvalidInput as error:
        return BrandPayload(errors=refused(info.context, error))
