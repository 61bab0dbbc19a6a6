"""The pages of products, categories and brands in Django's admin."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import AutocompleteSelect
from django.db import models
from django.db.models import Q, QuerySet
from django.forms.models import ModelChoiceIterator
from django.http import HttpRequest
from django.utils.html import format_html

from catalog import services
from catalog.admin.filters import INDENT, CategoryFilter, RatingFilter, StockFilter, walk
from catalog.admin.protection import ProtectedAdmin
from catalog.category_tree import CategoryTree
from catalog.images.admin import ImageInline
from catalog.importing.admin import ExportAndImport
from catalog.models import Brand, Category, Product
from catalog.text import plain
from core.auth.admin import PolicyAdmin
from core.http.admin_input import CheckedInputAdmin

admin.site.site_header = "Vitrine"
admin.site.site_title = "Vitrine admin"
admin.site.index_title = "The shop"


class TreeIterator(ModelChoiceIterator):
    """The categories of the field's queryset in tree order, indented by depth: one query."""

    def __iter__(self) -> Iterator[tuple[Any, str]]:
        if self.field.empty_label is not None:
            yield "", str(self.field.empty_label)
        rows = {row.pk: row for row in self.queryset}
        for category, depth in walk(CategoryTree(rows.values())):
            value, label = self.choice(category)
            yield value, f"{INDENT * depth * 2}{label}"


class TreeChoiceField(forms.ModelChoiceField):
    """A choice of one category from the indented tree."""

    iterator = TreeIterator


class NamedAdmin(PolicyAdmin, CheckedInputAdmin):
    """Rows with a name and a slug. The search ignores case and accents; categories are chosen from an indented tree."""

    prepopulated_fields = {"slug": ["name"]}
    search_fields = ["name", "slug"]
    search_help_text = "Searches the name and the slug."

    class Media:
        # slugs.js replaces the function of urlify.js, so it must come after it.
        js = ["admin/js/urlify.js", "catalog/slugs.js"]

    def formfield_for_foreignkey(
        self, db_field: models.ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> forms.ModelChoiceField[Any] | None:
        if db_field.related_model is Category:
            kwargs["form_class"] = TreeChoiceField
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(
        self, db_field: models.Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> forms.Field | None:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and db_field.name == "slug":
            # The script that fills in the slug reads this, and then keeps letters that are not ASCII.
            field.allow_unicode = True  # type: ignore[attr-defined]
        return field

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """The rows in which every word occurs. The flag says that there are no duplicate rows."""
        for word in search_term.split():
            queryset = queryset.filter(self.matches(word))
        return queryset, False

    def matches(self, word: str) -> Q:
        """The condition that a word occurs in a row."""
        return Q(folded_name__contains=plain(word)) | Q(slug__contains=word) | Q(slug__contains=word.lower())


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


class BrandSelect(AutocompleteSelect):
    """Django's autocomplete box. It is shown empty for a value that is not an id, while Django's would fail."""

    def optgroups(self, name: str, value: Sequence[str], attr: dict[str, Any] | None = None) -> Any:
        ids = [text for text in value if re.fullmatch(r"[0-9]{1,18}", str(text))]
        return super().optgroups(name, ids, attr)


@admin.register(Product)
class ProductAdmin(ExportAndImport, ProtectedAdmin, NamedAdmin):
    list_display = ["name", "sku", "category", "brand", "price", "stock", "rating", "is_active", "created_at"]
    list_filter = ["is_active", StockFilter, RatingFilter, CategoryFilter, "brand"]
    list_select_related = ["category", "brand"]
    list_per_page = 50
    show_full_result_count = False
    date_hierarchy = "created_at"
    search_fields = ["name", "slug", "sku"]
    search_help_text = "Searches the name, the slug and the SKU."
    autocomplete_fields = ["brand"]
    readonly_fields = ["updated_at"]
    fieldsets = [
        (None, {"fields": ["name", "slug", "sku", "description"]}),
        ("Category and brand", {"fields": ["category", "brand"]}),
        (
            "Price and stock",
            {"fields": ["price", "compare_at_price", "quantity", "unlimited_stock", "rating", "is_active"]},
        ),
        ("Dates", {"fields": ["created_at", "updated_at"]}),
    ]
    actions = ["archive", "bring_back"]
    instead = ": archive the product instead"
    inlines = [ImageInline]

    class Media:
        css = {"all": ["core/admin.css"]}

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        initial = super().get_changeform_initial_data(request)
        # The widget of dates cannot take the string of a URL.
        return {name: value for name, value in initial.items() if name != "created_at"}

    def formfield_for_foreignkey(
        self, db_field: models.ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> forms.ModelChoiceField[Any] | None:
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs["widget"] = BrandSelect(db_field, self.admin_site)
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
