"""strawberry-django with its optimizer and both of strawberry's document caches."""

import decimal

import jwt
import strawberry
import strawberry_django
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from strawberry import relay
from strawberry.django.views import GraphQLView
from strawberry.extensions import ParserCache, ValidationCache
from strawberry_django.optimizer import DjangoOptimizerExtension
from strawberry_django.relay import DjangoCursorConnection

from cart import models as cart_models
from catalog import models
from users.models import User


def user_of(info) -> int:
    """The signed-in user's key."""
    token = info.context.request.headers["Authorization"][7:]
    key = int(jwt.decode(token, settings.JWT_SECRET_KEY, algorithms=["HS256"])["sub"])
    if not User.objects.filter(pk=key, is_active=True).exists():
        raise PermissionError("Sign in first.")
    return key


@strawberry.type
class Money:
    amount: decimal.Decimal
    currency: str


@strawberry_django.type(models.Category)
class Category(relay.Node):
    name: strawberry.auto
    slug: str
    parent: "Category | None"


@strawberry_django.type(models.Brand)
class Brand(relay.Node):
    name: strawberry.auto
    slug: str


@strawberry_django.type(models.Product)
class Product(relay.Node):
    name: strawberry.auto
    slug: str
    sku: str | None
    description: strawberry.auto
    quantity: strawberry.auto
    rating: strawberry.auto
    created_at: strawberry.auto
    category: Category
    brand: Brand

    @strawberry_django.field(only=["price"])
    def price(self) -> Money:
        return Money(amount=self.price, currency="EUR")

    @strawberry_django.field(only=["quantity", "unlimited_stock"])
    def in_stock(self) -> bool:
        return models.Product.in_stock.fget(self)

    @classmethod
    def get_queryset(cls, queryset, info, **kwargs):
        return queryset.filter(is_active__in=[True]).order_by("price", "id")


@strawberry_django.type(cart_models.CartLine)
class CartLine(relay.Node):
    quantity: strawberry.auto
    product: Product

    @strawberry_django.field
    def line_total(self) -> Money:
        return Money(amount=self.line_total, currency="EUR")


@strawberry.type
class Cart:
    lines: list[CartLine]
    total_quantity: int
    subtotal: Money


@strawberry.type
class UserError:
    message: str


@strawberry.type
class CartPayload:
    cart: Cart
    errors: list[UserError]


def cart_of(key):
    cart = cart_models.Cart.objects.get(pk=key)
    cart.contents = list(cart.lines.select_related("product"))
    money = Money(amount=cart.subtotal, currency="EUR")
    return Cart(lines=cart.contents, total_quantity=cart.total_quantity, subtotal=money)


@strawberry.input
class DecimalRange:
    min: decimal.Decimal
    max: decimal.Decimal


@strawberry.input
class ProductFilter:
    price: DecimalRange


@strawberry.type
class Query:
    @strawberry_django.connection(DjangoCursorConnection[Product])
    def products(self, info: strawberry.Info, filter: ProductFilter) -> list[Product]:
        user_of(info)
        between = {"price__gte": filter.price.min, "price__lte": filter.price.max}
        return models.Product.objects.filter(is_active__in=[True], **between).order_by("price", "id")

    @strawberry.field
    def cart(self, info: strawberry.Info) -> Cart:
        return cart_of(user_of(info))


@strawberry.input
class LineInput:
    line_id: strawberry.ID
    quantity: int


@strawberry.input
class LinesInput:
    lines: list[LineInput]


@strawberry.type
class Mutation:
    @strawberry.mutation
    def cart_lines_update(self, info: strawberry.Info, input: LinesInput) -> CartPayload:
        key = user_of(info)
        errors = []
        with transaction.atomic():
            cart = cart_models.Cart.objects.select_for_update().get(pk=key)
            for wanted in input.lines:
                line_key = relay.GlobalID.from_id(wanted.line_id).node_id
                line = cart.lines.select_related("product").get(pk=line_key)
                if not line.product.has_units(wanted.quantity):
                    errors.append(UserError(message="There are not so many."))
                    continue
                line.quantity = wanted.quantity
                line.save(update_fields=["quantity"])
            cart_models.Cart.objects.filter(pk=key).update(version=F("version") + 1)
        return CartPayload(cart=cart_of(key), errors=errors)


schema = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    extensions=[DjangoOptimizerExtension, lambda: ParserCache(maxsize=100), lambda: ValidationCache(maxsize=100)],
)
urlpatterns = [path("graphql/", csrf_exempt(GraphQLView.as_view(schema=schema)))]
