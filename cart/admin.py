"""Carts in Django's admin, read-only: only their users change them."""

from typing import Protocol

from django.contrib import admin
from django.db.models import Count, QuerySet, Sum
from django.http import HttpRequest

from cart.models import Cart, CartLine
from core.auth.admin import ReadOnlyAdmin
from core.http.admin_input import CheckedInputAdmin


class CartLineInline(ReadOnlyAdmin, admin.TabularInline):
    model = CartLine
    fields = readonly_fields = (
        "product",
        "quantity",
        "unit_price_when_added",
        "unit_price",
        "line_total",
        "availability",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[CartLine]:
        return super().get_queryset(request).select_related("product", "cart")


class _CountedCart(Protocol):
    """A cart of the list, with its annotations."""

    line_count: int
    unit_count: int | None


@admin.register(Cart)
class CartAdmin(ReadOnlyAdmin, CheckedInputAdmin):
    list_display = ["user", "line_count", "unit_count", "version", "updated_at"]
    list_select_related = ["user"]
    list_per_page = 50
    show_full_result_count = False
    ordering = ["-updated_at", "-pk"]
    search_fields = ["user__email"]
    search_help_text = "Part of the user's e-mail address."
    fields = readonly_fields = ("user", "version", "created_at", "updated_at")
    inlines = [CartLineInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Cart]:
        carts: QuerySet[Cart] = super().get_queryset(request)
        return carts.annotate(line_count=Count("lines"), unit_count=Sum("lines__quantity"))

    @admin.display(description="lines", ordering="line_count")
    def line_count(self, cart: "_CountedCart") -> int:
        return cart.line_count

    @admin.display(description="units", ordering="unit_count")
    def unit_count(self, cart: "_CountedCart") -> int:
        return cart.unit_count or 0
