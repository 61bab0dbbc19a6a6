"""What a storefront must know of the shop before it may read the catalogue."""

import graphene
from django.conf import settings
from graphql import GraphQLResolveInfo

from core.money import currency_digits


class Shop(graphene.ObjectType):
    """The shop's name, its currency, and what it lets visitors do without an account."""

    name = graphene.String(required=True)
    currency = graphene.String(required=True, description="ISO 4217.")
    currency_digits = graphene.Int(
        required=True,
        description="Digits after the point that prices of this currency are shown with: 2, 0 (JPY), 3 (KWD).",
    )
    catalog_is_public = graphene.Boolean(required=True, description="Whether the catalogue needs no token.")
    guest_carts = graphene.Boolean(
        required=True, description="Whether `guestTokenCreate` gives visitors without an account a cart."
    )


class ShopQuery(graphene.ObjectType):
    """The query that needs no token, whatever the catalogue wants."""

    shop = graphene.Field(
        Shop,
        required=True,
        description="What a storefront must know before its first product. Needs no token, even if the catalogue does.",
    )

    @staticmethod
    def resolve_shop(root: None, info: GraphQLResolveInfo) -> Shop:
        return Shop(
            name=settings.SHOP_NAME,
            currency=settings.CURRENCY,
            currency_digits=currency_digits(),
            catalog_is_public=settings.CATALOG_PUBLIC,
            guest_carts=settings.GUEST_CARTS,
        )
