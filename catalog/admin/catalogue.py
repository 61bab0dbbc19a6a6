"""The pages of products, categories and brands in Django's admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db import models
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from catalog import policy, services
from catalog.admin.filters import (
    INDENT,
    CategoryFilter,
    GroupFilter,
    RatingFilter,
    StockFilter,
    ValueFilter,
    walk,
)
from catalog.admin.named import CheckedAutocompleteSelect, NamedAdmin
from catalog.admin.product_attributes import AttributeInline
from catalog.admin.protection import ProtectedAdmin
from catalog.admin.services import products_text
from catalog.admin.variants import Variants
from catalog.attributes import groups
from catalog.category_tree import CategoryTree
from catalog.images.admin import ImageInline
from catalog.importing.admin import ExportAndImport
from catalog.models import Brand, Category, Product
from catalog.text import plain

admin.site.site_header = "Vitrine"
admin.site.site_title = "Vitrine admin"
admin.site.index_title = "The shop"


class TreeChangeList(ChangeList):
    """The list in tree order, also for searches. Makes one query for the tree and one for the page's rows."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        matching_ids = set(self.queryset.values_list("pk", flat=True))
        ordered = [(category.pk, depth) for category, depth in walk(CategoryTree.load()) if category.pk in matching_ids]
        if not (self.show_all and self.can_show_all):
            start = (self.page_num - 1) * self.list_per_page
            ordered = ordered[start : start + self.list_per_page]
        rows = self.queryset.in_bulk([pk for pk, _ in ordered])
        for pk, depth in ordered:
            if pk in rows:
                rows[pk].depth = depth
        self.result_list = [rows[pk] for pk, _ in ordered if pk in rows]


class CategoryForm(forms.ModelForm):
    """The form of a category. Its parent can be any category outside its own subtree."""

    class Meta:
        model = Category
        fields = ["name", "slug", "parent"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "parent" in self.fields:
            below = CategoryTree.load().subtree([self.instance.pk])
            self.fields["parent"].queryset = Category.objects.exclude(pk__in=below)  # type: ignore[attr-defined]


@admin.register(Category)
class CategoryAdmin(ProtectedAdmin, NamedAdmin):
    form = CategoryForm
    list_display = ["in_tree", "slug"]
    list_per_page = 200
    sortable_by = []

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return TreeChangeList

    @admin.display(description="name")
    def in_tree(self, category: Category) -> str:
        return format_html("{}{}", INDENT * 2 * category.depth, category.name)


@admin.register(Brand)
class BrandAdmin(ProtectedAdmin, NamedAdmin):
    fields = ["name", "slug"]
    list_display = ["name", "slug"]


@admin.register(Product)
class ProductAdmin(Variants, ExportAndImport, ProtectedAdmin, NamedAdmin):
    list_display = ["name", "sku", "category", "brand", "price", "stock", "rating", "is_active", "created_at"]
    list_filter = ["is_active", StockFilter, RatingFilter, CategoryFilter, "brand", GroupFilter, ValueFilter]
    list_select_related = ["category", "brand"]
    list_per_page = 50
    show_full_result_count = False
    date_hierarchy = "created_at"
    search_fields = ["name", "slug", "sku"]
    search_help_text = "Searches the name, the slug and the SKU."
    autocomplete_fields = ["brand", "group"]
    readonly_fields = ["updated_at", "siblings", "attribute_list"]
    fieldsets = [
        (None, {"fields": ["name", "slug", "sku", "description"]}),
        ("Category and brand", {"fields": ["category", "brand"]}),
        (
            "Price and stock",
            {"fields": ["price", "compare_at_price", "quantity", "unlimited_stock", "rating", "is_active"]},
        ),
        ("Dates", {"fields": ["created_at", "updated_at"]}),
    ]
    actions = ["archive", "bring_back", "take_out"]
    instead = ": archive the product instead"
    inlines = [AttributeInline, ImageInline]

    class Media:
        css = {"all": ["core/admin.css"]}

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        initial = super().get_changeform_initial_data(request)
        # The widget of dates cannot take the string of a URL.
        return {name: value for name, value in initial.items() if name != "created_at"}

    def get_fieldsets(self, request: HttpRequest, obj: Product | None = None) -> Any:
        group = ["group", *(["siblings"] if obj is not None and obj.group_id is not None else [])]
        may_change = obj is None or self.has_change_permission(request, obj)
        # Whoever may only look has no rows of attributes to edit.
        sections = [("Group", {"fields": group}), *([] if may_change else [(None, {"fields": ["attribute_list"]})])]
        return [*self.fieldsets[:3], *sections, *self.fieldsets[3:]]

    def formfield_for_foreignkey(
        self, db_field: models.ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> forms.ModelChoiceField[Any] | None:
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs["widget"] = CheckedAutocompleteSelect(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @admin.display(description="units in stock", ordering="quantity")
    def stock(self, product: Product) -> int | str:
        return "unlimited" if product.unlimited_stock else product.quantity

    def matches(self, word: str) -> Q:
        """The condition that a word occurs in the name or its stored key, the slug or the SKU."""
        name = Q(name_key__contains=plain(word)) | Q(name__icontains=word)
        return name | Q(slug__contains=word.lower()) | Q(sku__contains=word) | Q(sku__contains=word.upper())

    def _set_active(self, request: HttpRequest, queryset: QuerySet[Product], *, active: bool, verb: str) -> None:
        ids = list(queryset.values_list("pk", flat=True))
        count = services.set_products_active(actor=request.user, ids=ids, active=active)
        self.message_user(request, f"{count} product{'' if count == 1 else 's'} {verb}.")

    @admin.action(description="Archive: take the selected products out of the shop", permissions=["change"])
    def archive(self, request: HttpRequest, queryset: QuerySet[Product]) -> None:
        self._set_active(request, queryset, active=False, verb="archived")

    @admin.action(description="Bring the selected products back into the shop", permissions=["change"])
    def bring_back(self, request: HttpRequest, queryset: QuerySet[Product]) -> None:
        self._set_active(request, queryset, active=True, verb="brought back")

    @admin.action(description="Take the selected products out of their groups", permissions=["change_group"])
    def take_out(self, request: HttpRequest, queryset: QuerySet[Product]) -> None:
        count = groups.take_out(actor=request.user, ids=list(queryset.values_list("pk", flat=True)))
        self.message_user(request, f"{products_text(count)} taken out of a group.")

    def has_change_group_permission(self, request: HttpRequest) -> bool:
        return policy.CHANGE_GROUPS.is_held_by(request.user)
