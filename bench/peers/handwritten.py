"""The same answers from a Django view written by hand: token, user, values_list queries, orjson. No GraphQL at all."""

from base64 import b64decode, b64encode
from decimal import Decimal

import jwt
import orjson
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.http import HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from cart.models import Cart, CartLine
from catalog.models import Brand, Category, Product
from users.models import User

COLUMNS = (
    *("id", "name", "slug", "sku", "description", "price", "quantity", "rating", "created_at"),
    *("category_id", "brand_id", "unlimited_stock"),
)
LINE = (
    *("id", "quantity", "product__name", "product__slug", "product__price", "product__quantity", "product__is_active"),
)


def gid(kind: str, pk: int) -> str:
    """Relay's global id."""
    return b64encode(f"{kind}:{pk}".encode()).decode()


def user_of(request):
    claims = jwt.decode(request.headers["Authorization"][7:], settings.JWT_SECRET_KEY, algorithms=["HS256"])
    return User.objects.filter(pk=int(claims["sub"]), is_active=True).values_list("id", flat=True).first()


def listed(variables):
    """The active products between two prices, the cheapest first."""
    between = {"price__gte": Decimal(variables["min"]), "price__lte": Decimal(variables["max"])}
    return Product.objects.filter(is_active__in=[True], **between).order_by("price", "id")


def page(user, variables):
    first = variables["first"]
    rows = list(listed(variables).values_list(*COLUMNS)[: first + 1])
    more, rows = len(rows) > first, rows[:first]
    categories = {
        row[0]: {"id": gid("Category", row[0]), "name": row[1], "slug": row[2]}
        for row in Category.objects.filter(pk__in={row[9] for row in rows}).values_list("id", "name", "slug")
    }
    brands = {
        row[0]: {"id": gid("Brand", row[0]), "name": row[1], "slug": row[2]}
        for row in Brand.objects.filter(pk__in={row[10] for row in rows}).values_list("id", "name", "slug")
    }
    edges = [
        {
            "cursor": b64encode(orjson.dumps([1, str(row[5]), row[0]])).decode(),
            "node": {
                "id": gid("Product", row[0]),
                "name": row[1],
                "slug": row[2],
                "sku": row[3],
                "description": row[4],
                "price": {"amount": str(row[5]), "currency": "EUR"},
                "quantity": row[6],
                "inStock": row[6] > 0 or bool(row[11]),
                "rating": row[7],
                "createdAt": row[8].isoformat(),
                "category": categories[row[9]],
                "brand": brands[row[10]],
            },
        }
        for row in rows
    ]
    info = {"hasNextPage": more, "endCursor": edges[-1]["cursor"] if edges else None}
    return {"products": {"edges": edges, "pageInfo": info}}


def deep(user, variables):
    rows = list(listed(variables).values_list("name", "category_id")[:20])
    fields = "name", "parent_id", "parent__name", "parent__parent_id", "parent__parent__name"
    categories = {
        key: {
            "name": name,
            "parent": parent and {"name": above, "parent": root and {"name": top}},
        }
        for key, name, parent, above, root, top in Category.objects.filter(pk__in={row[1] for row in rows}).values_list(
            "id", *fields
        )
    }
    edges = [{"node": {"name": name, "category": categories[category]}} for name, category in rows]
    return {"products": {"edges": edges}}


def read_cart(user):
    """The cart's lines, the units of all and the sum of those that can be bought."""
    rows = list(CartLine.objects.filter(cart_id=user).order_by("id").values_list(*LINE))
    subtotal = sum((row[4] * row[1] for row in rows if row[6] and row[5] >= row[1]), Decimal(0))
    return rows, sum(row[1] for row in rows), subtotal


def cart(user, variables):
    rows, units, subtotal = read_cart(user)
    lines = [
        {
            "id": gid("CartLine", row[0]),
            "quantity": row[1],
            "product": {"name": row[2], "slug": row[3], "price": {"amount": str(row[4])}},
            "lineTotal": {"amount": str(row[4] * row[1])},
        }
        for row in rows
    ]
    return {"cart": {"lines": lines, "totalQuantity": units, "subtotal": {"amount": str(subtotal)}}}


def update(user, variables):
    errors = []
    with transaction.atomic():
        Cart.objects.select_for_update().filter(pk=user).values_list("version").first()
        line = int(b64decode(variables["line"]).partition(b":")[2])
        stock = CartLine.objects.filter(cart_id=user, pk=line).values_list("product__quantity", flat=True).first()
        if variables["quantity"] > stock:
            errors.append({"message": "There are not so many."})
        else:
            CartLine.objects.filter(pk=line).update(quantity=variables["quantity"])
        Cart.objects.filter(pk=user).update(version=F("version") + 1)
    _, units, subtotal = read_cart(user)
    payload = {"cart": {"totalQuantity": units, "subtotal": {"amount": str(subtotal)}}, "errors": errors}
    return {"cartLinesUpdate": payload}


ANSWERS = {"Page": page, "Deep": deep, "Cart": cart, "Update": update}


@csrf_exempt
def answer(request):
    """The answer to one of bench.graphql's operations, whatever its document says."""
    body = orjson.loads(request.body)
    user = user_of(request)
    if user is None:
        return HttpResponse(status=401)
    content = orjson.dumps({"data": ANSWERS[body["operationName"]](user, body["variables"])})
    return HttpResponse(content, content_type="application/json")


urlpatterns = [path("graphql/", answer)]
