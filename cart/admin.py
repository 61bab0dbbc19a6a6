"""Carts in Django's admin, read-only: only their users change them."""

from decimal import Decimal
from typing import Any, Protocol

from django.conf import settings
from django.contrib import admin
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.http import HttpRequest, HttpResponse

from cart.models import Availability, Cart, CartLine
from core.auth.admin import ReadOnlyAdmin
from core.http.admin_input import CheckedInputAdmin
from core.money import money


class CartLineInline(ReadOnlyAdmin, admin.TabularInline):
    model = CartLine
    template = "cart/lines.html"
    readonly_fields = ("product", "quantity")

    def get_queryset(self, request: HttpRequest) -> QuerySet[CartLine]:
        return super().get_queryset(request).select_related("product", "cart")


class _CountedCart(Protocol):
    """A cart of the list, with its annotations."""

    line_count: int | None
    unit_count: int | None
    # Of what can be bought now.
    amount: Decimal | None


@admin.register(Cart)
class CartAdmin(ReadOnlyAdmin, CheckedInputAdmin):
    list_display = ["owner", "sum", "line_count", "unit_count", "updated_at"]
    list_select_related = ["user"]
    list_per_page = 50
    show_full_result_count = False
    ordering = ["-updated_at", "-pk"]
    search_fields = ["user__email"]
    search_help_text = "Part of the user's e-mail address; guests have none."
    fields = readonly_fields = ("owner", "total", "created_at", "updated_at", "version")
    inlines = [CartLineInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Cart]:
        """The carts with their sums, which the database computes for the rows of a page alone."""
        lines = CartLine.objects.filter(cart=OuterRef("pk")).order_by().values("cart")
        in_stock = Q(product__unlimited_stock=True) | Q(product__quantity__gte=F("quantity"))
        available = lines.filter(in_stock, product__is_active=True)
        carts: QuerySet[Cart] = super().get_queryset(request)
        return carts.annotate(
            line_count=Subquery(lines.annotate(count=Count("pk")).values("count")),
            unit_count=Subquery(lines.annotate(units=Sum("quantity")).values("units")),
            amount=Subquery(available.annotate(sum=Sum(F("quantity") * F("product__price"))).values("sum")),
        )

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Cart | None:
        """The cart with its lines, as the shopper sees it."""
        cart: Cart | None = super().get_object(request, object_id, from_field)
        if cart is not None:
            cart.contents = list(cart.lines.select_related("product", "cart"))
        return cart

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"currency": settings.CURRENCY, **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    @admin.display(description="user", ordering="user")
    def owner(self, cart: Cart) -> object:
        """The account, or what is shown in its place."""
        return cart.user or "a guest"

    @admin.display(description="sum")
    def total(self, cart: Cart) -> str:
        """What the shopper would pay now, and how much cannot be bought."""
        left_out = len([line for line in cart.contents if line.availability != Availability.AVAILABLE])
        note = f", without {left_out} that cannot be bought now" if left_out else ""
        return f"{money(cart.subtotal)} for {cart.total_quantity} units{note}"

    @admin.display(description="sum")
    def sum(self, cart: "_CountedCart") -> str:
        return money(cart.amount or Decimal(0))

    @admin.display(description="products")
    def line_count(self, cart: "_CountedCart") -> int:
        return cart.line_count or 0

    @admin.display(description="units")
    def unit_count(self, cart: "_CountedCart") -> int:
        return cart.unit_count or 0
