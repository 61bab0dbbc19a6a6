"""Carts in Django's admin, to look at: only their users change them."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet, Sum
from django.http import HttpRequest

from cart.models import Cart, CartLine
from core.auth.admin import PolicyAdmin
from core.http.admin_input import CheckedInputAdmin


class _ReadOnly(PolicyAdmin):
    """Nothing can be added, changed or deleted."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False


class CartLineInline(_ReadOnly, admin.TabularInline):
    """A cart's lines, with what can be bought now."""

    model = CartLine
    fields = [
        "product",
        "quantity",
        "unit_price_when_added",
        "unit_price",
        "line_total",
        "availability",
    ]
    readonly_fields = [
        "product",
        "quantity",
        "unit_price_when_added",
        "unit_price",
        "line_total",
        "availability",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[CartLine]:
        """With the products."""
        return super().get_queryset(request).select_related("product", "cart")


@admin.register(Cart)
class CartAdmin(_ReadOnly, CheckedInputAdmin):
    """Carts, the last changed first."""

    list_display = ["user", "line_count", "unit_count", "version", "updated_at"]
    list_select_related = ["user"]
    list_per_page = 50
    show_full_result_count = False
    ordering = ["-updated_at", "-pk"]
    search_fields = ["user__email"]
    search_help_text = "Part of the user's e-mail address."
    fields = ["user", "version", "created_at", "updated_at"]
    readonly_fields = ["user", "version", "created_at", "updated_at"]
    inlines = [CartLineInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Cart]:
        """With the sums of the lines."""
        return super().get_queryset(request).annotate(line_count=Count("lines"), unit_count=Sum("lines__quantity"))

    @admin.display(description="lines", ordering="line_count")
    def line_count(self, cart: Any) -> int:
        """How many products."""
        return cart.line_count

    @admin.display(description="units", ordering="unit_count")
    def unit_count(self, cart: Any) -> int:
        """How many of them all."""
        return cart.unit_count or 0
