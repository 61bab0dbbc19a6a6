"""strawberry-django with its optimizer and both of strawberry's document caches."""

import decimal

import jwt
import strawberry
import strawberry_django
from django.conf import settings
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from strawberry import relay
from strawberry.django.views import GraphQLView
from strawberry.extensions import ParserCache, ValidationCache
from strawberry_django.optimizer import DjangoOptimizerExtension
from strawberry_django.relay import DjangoCursorConnection

from catalog import models
from users.models import User


@strawberry.type
class Money:
    amount: decimal.Decimal
    currency: str


@strawberry_django.type(models.Category)
class Category(relay.Node):
    name: strawberry.auto
    slug: strawberry.auto


@strawberry_django.type(models.Brand)
class Brand(relay.Node):
    name: strawberry.auto
    slug: strawberry.auto


@strawberry_django.type(models.Product)
class Product(relay.Node):
    name: strawberry.auto
    slug: strawberry.auto
    sku: strawberry.auto
    description: strawberry.auto
    quantity: strawberry.auto
    rating: strawberry.auto
    created_at: strawberry.auto
    category: Category
    brand: Brand

    @strawberry_django.field(only=["price"])
    def price(self) -> Money:
        return Money(amount=self.price, currency="EUR")

    @strawberry_django.field(only=["quantity"])
    def in_stock(self) -> bool:
        return self.quantity > 0

    @classmethod
    def get_queryset(cls, queryset, info, **kwargs):
        return queryset.filter(is_active=True).order_by("price", "id")


@strawberry.type
class Query:
    @strawberry_django.connection(DjangoCursorConnection[Product])
    def products(self, info) -> list[Product]:
        claims = jwt.decode(
            info.context.request.headers["Authorization"][7:], settings.JWT_SECRET_KEY, algorithms=["HS256"]
        )
        if not User.objects.filter(pk=int(claims["sub"]), is_active=True).exists():
            raise PermissionError("Sign in first.")
        return models.Product.objects.filter(is_active=True).order_by("price", "id")


schema = strawberry.Schema(
    query=Query,
    extensions=[DjangoOptimizerExtension, lambda: ParserCache(maxsize=100), lambda: ValidationCache(maxsize=100)],
)
urlpatterns = [path("graphql/", csrf_exempt(GraphQLView.as_view(schema=schema)))]
