"""The catalogue's GraphQL mutations, for staff."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import graphene
from graphql import GraphQLResolveInfo

from catalog import inventory, models, services
from catalog.attributes.writing import AttributeInput
from catalog.schema.attributes import ProductAttributeInput
from catalog.schema.context import require_user
from catalog.schema.lookahead import relations
from catalog.schema.types import Product
from catalog.selectors import attach_relations
from core.errors import InvalidInput
from core.graphql.connections import list_of
from core.graphql.errors import UserError, user_errors
from core.graphql.ids import key_of
from core.graphql.scalars import DateTime
from core.graphql.scalars import Decimal as DecimalScalar
from core.graphql.selection import at, selection

GROUP = (
    "The slug of a group of products that differ in their attributes. A new slug makes the group, whose name is the "
    "words of the slug until staff rename it in the admin."
)
SLUG = "Letters, digits, hyphens and underscores."


class ProductCreateInput(graphene.InputObjectType):
    """A new product. The category and the brand are given by their slugs."""

    name = graphene.String(required=True)
    slug = graphene.String(description=f"{SLUG} Default: made from the name.")
    sku = graphene.String()
    description = graphene.String()
    category = graphene.String(required=True)
    brand = graphene.String(required=True)
    price = graphene.InputField(DecimalScalar, required=True)
    compare_at_price = graphene.InputField(DecimalScalar, description="What it cost before. Must be above the price.")
    quantity = graphene.Int(description="Default: 0.")
    rating = graphene.Float()
    attributes = graphene.List(
        graphene.NonNull(ProductAttributeInput), description="At most 50 attributes. A text may be one of several."
    )
    group = graphene.String(description=GROUP)


class ProductUpdateInput(graphene.InputObjectType):
    """The fields to change. What is left out keeps its value.

    Null clears sku, rating, compareAtPrice and group only.
    """

    id = graphene.ID(required=True)
    name = graphene.String()
    slug = graphene.String(description=SLUG)
    sku = graphene.String()
    description = graphene.String()
    category = graphene.String()
    brand = graphene.String()
    price = graphene.InputField(DecimalScalar)
    compare_at_price = graphene.InputField(
        DecimalScalar,
        description="What it cost before. Must be above the price. If only the price is given, and rises to it or "
        "above, it is cleared.",
    )
    quantity = graphene.Int()
    rating = graphene.Float()
    is_active = graphene.Boolean(description="False archives the product, true brings it back.")
    attributes = graphene.List(
        graphene.NonNull(ProductAttributeInput), description="Replaces all that the product has."
    )
    group = graphene.String(description=f"{GROUP} Null leaves the group.")
    expected_updated_at = graphene.InputField(
        DateTime,
        description="`updatedAt`, sent back as the text that you read: a Date of JavaScript keeps milliseconds only, "
        "which two changes may share. Nothing is changed, and the error is VERSION_CONFLICT, if the product was "
        "changed after it.",
    )


class ProductDeleteInput(graphene.InputObjectType):
    """The product to archive."""

    id = graphene.ID(required=True)


class ProductPayload(graphene.ObjectType):
    """The product after the mutation. If there are errors, it is null and nothing was changed."""

    product = graphene.Field(Product)
    errors = graphene.Field(list_of(UserError))


class InventoryItemInput(graphene.InputObjectType):
    """A product by its SKU or its slug, one of the two, and what to set. What is left out keeps its value."""

    sku = graphene.String()
    slug = graphene.String()
    quantity = graphene.Int(description="The units there are. Not together with `change`.")
    change = graphene.Int(description="How many units more, or fewer when it is below 0.")
    price = graphene.InputField(DecimalScalar)
    compare_at_price = graphene.InputField(
        DecimalScalar,
        description="What it cost before. Must be above the price; null clears it. If only the price is given, and "
        "rises to it or above, it is cleared.",
    )


class InventoryUpdateInput(graphene.InputObjectType):
    """Up to 1,000 items. Each product may be named once."""

    items = graphene.InputField(list_of(InventoryItemInput))
    idempotency_key = graphene.String(
        description="Up to 64 characters. The items are applied once within 24 hours for the same key, and a repeat is "
        "answered as the first time. Give one with every `change`."
    )


class InventoryPayload(graphene.ObjectType):
    """How many products changed. If there are errors, nothing was changed; at most 100 are listed."""

    updated = graphene.Int(required=True, description="Products that have other values than before.")
    unchanged = graphene.Int(required=True, description="Products that had these values already.")
    errors = graphene.Field(list_of(UserError))


class CatalogMutation(graphene.ObjectType):
    """The catalogue's mutations."""

    product_create = graphene.Field(
        ProductPayload,
        input=ProductCreateInput(required=True),
        description="Creates a product. For staff with the permission to add products.",
    )
    product_update = graphene.Field(
        ProductPayload,
        input=ProductUpdateInput(required=True),
        description="Changes a product. For staff with the permission to change products.",
    )
    product_delete = graphene.Field(
        ProductPayload,
        input=ProductDeleteInput(required=True),
        description="Archives a product: it leaves the shop, but stays in the database and in carts. "
        "For staff with the permission to delete products.",
    )

    inventory_update = graphene.Field(
        InventoryPayload,
        input=InventoryUpdateInput(required=True),
        description="Sets units and prices of up to 1,000 products: all items or none, each error with its row. "
        "For staff with the permission to change products.",
    )

    @staticmethod
    def resolve_inventory_update(root: None, info: GraphQLResolveInfo, input: dict[str, Any]) -> InventoryPayload:
        require_user(info)
        try:
            outcome = inventory.update_inventory(actor=info.context.user, **input)
        except InvalidInput as error:
            return InventoryPayload(updated=0, unchanged=0, errors=user_errors(error.field_errors))
        return InventoryPayload(updated=outcome.updated, unchanged=outcome.unchanged, errors=[])

    @staticmethod
    def resolve_product_create(root: None, info: GraphQLResolveInfo, input: dict[str, Any]) -> ProductPayload:
        return _mutation(info, services.create_product, fields=_fields(input))

    @staticmethod
    def resolve_product_update(root: None, info: GraphQLResolveInfo, input: dict[str, Any]) -> ProductPayload:
        fields = _fields(input)
        return _mutation(
            info,
            services.update_product,
            product_id=key_of(fields.pop("id"), "Product"),
            expected_updated_at=fields.pop("expected_updated_at", None),
            fields=fields,
        )

    @staticmethod
    def resolve_product_delete(root: None, info: GraphQLResolveInfo, input: dict[str, Any]) -> ProductPayload:
        return _mutation(info, services.archive_product, product_id=key_of(input["id"], "Product"))


def _mutation(info: GraphQLResolveInfo, change: Callable[..., models.Product], **arguments: Any) -> ProductPayload:
    """The changed product, or every error of the input. Raises UNAUTHENTICATED."""
    require_user(info)
    try:
        product = change(actor=info.context.user, **arguments)
    except InvalidInput as error:
        return ProductPayload(errors=user_errors(error.field_errors))
    selected = at(selection(info), "product")
    if selected:
        # Resolvers read the images, since staff see all of them here.
        attach_relations([product], replace(relations(info, [selected]), images=False, renditions=False))
    return ProductPayload(product=product, errors=[])


def _fields(input: dict[str, Any]) -> dict[str, Any]:
    """The fields of a product as the services take them."""
    fields = dict(input)
    if fields.get("attributes") is not None:
        fields["attributes"] = [_attribute(given) for given in fields["attributes"]]
    return fields


def _attribute(given: dict[str, Any]) -> AttributeInput:
    number = given.get("number")
    return AttributeInput(
        attribute=given["attribute"],
        text=given.get("text"),
        # As it is written: Decimal(0.1) would have 55 digits.
        number=None if number is None else Decimal(repr(number)),
        boolean=given.get("boolean"),
        unit=given.get("unit") or "",
    )
