"""The pages of products in Django's admin."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IS_POPUP_VAR
from django.contrib.admin.views.main import ChangeList
from django.db import models
from django.db.models import Case, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from catalog import policy, services
from catalog.admin.bulk import BulkActions
from catalog.admin.filters import (
    BrandFilter,
    CategoryFilter,
    FilterBox,
    GroupFilter,
    PictureFilter,
    RatingFilter,
    SaleFilter,
    StockFilter,
    ValueFilter,
)
from catalog.admin.finding import find_products
from catalog.admin.named import CheckedAutocompleteSelect, NamedAdmin
from catalog.admin.product_attributes import AttributeInline
from catalog.admin.product_list import PriceInput, ProductList, ProductRowFormSet, RowForm
from catalog.admin.protection import ProtectedAdmin
from catalog.admin.services import products_text
from catalog.admin.variants import Variants
from catalog.attributes import groups
from catalog.images.admin import ImageInline, WithImages
from catalog.images.files import served
from catalog.importing.admin import ExportAndImport
from catalog.models import Product
from core.errors import InvalidInput
from core.money import money

# What a box suggests at once.
MAX_SUGGESTED = 20

admin.site.site_header = settings.SHOP_NAME
admin.site.site_title = f"{settings.SHOP_NAME} admin"
admin.site.index_title = "The shop"
# Our base template has a menu of its own, which a phone shows too.
admin.site.enable_nav_sidebar = False


def shop_page(product: Product) -> str:
    """The address of the product's page in the shop."""
    return settings.PRODUCT_URL.format(slug=quote(product.slug))


@admin.register(Product)
class ProductAdmin(WithImages, Variants, BulkActions, ExportAndImport, ProtectedAdmin, NamedAdmin):
    list_display = ["picture", "title", "sku", "place", "price", "quantity", "stars", "state"]
    list_display_links = ["title"]
    list_editable = ["price", "quantity"]
    list_filter = [
        *("is_active", StockFilter, SaleFilter, PictureFilter, RatingFilter, CategoryFilter, BrandFilter),
        *(GroupFilter, ValueFilter),
    ]
    list_per_page = 50
    sortable_by = ["title", "sku", "price", "price_shown", "quantity", "stock", "stars"]
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    search_fields = ["name", "slug", "sku"]
    search_help_text = (
        "Finds products in the shop as shoppers do, typos included; archived ones by words of their name; all by SKU."
    )
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
    actions = ["archive", "bring_back", "move", "set_brand", "change_prices", "take_out"]
    instead = ": archive the product instead"
    shows_parts = False
    inlines = [AttributeInline, ImageInline]

    @property
    def media(self) -> forms.Media:
        own = forms.Media(css={"all": ["catalog/product_list.css"]}, js=["catalog/product_list.js"])
        # The boxes of the filters need what a form's boxes need.
        return super().media + FilterBox(BrandFilter.field, self.admin_site).media + own

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ProductList

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        return super().get_changelist_form(request, **{**kwargs, "form": RowForm})

    def get_changelist_formset(self, request: HttpRequest, **kwargs: Any) -> Any:
        return super().get_changelist_formset(request, **{**kwargs, "formset": ProductRowFormSet})

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Without the permission to change, and in a popup, the price and the stock are texts."""
        if self.has_change_permission(request) and IS_POPUP_VAR not in request.GET:
            return self.list_display
        texts = {"price": "price_shown", "quantity": "stock"}
        return [texts.get(str(name), name) for name in self.list_display]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        try:
            response = super().changelist_view(request, extra_context)
        except InvalidInput as error:
            self.message_user(request, f"Nothing was saved. {error}", messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        products = getattr(response, "context_data", {}).get("cl")
        if products is not None and products.formset is not None and products.formset.is_bound:
            products.follow_forms()
        return response

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """The best hits, in order, for boxes that search products. The list searches by itself."""
        if not search_term.strip():
            return queryset, False
        try:
            ids = find_products(search_term, limit=MAX_SUGGESTED).ids[:MAX_SUGGESTED]
        except InvalidInput:
            ids = []
        order = Case(*(When(pk=pk, then=Value(place)) for place, pk in enumerate(ids)), default=Value(0))
        return queryset.filter(pk__in=ids).order_by(order), False

    def get_view_on_site_url(self, obj: Product | None = None) -> str | None:
        return shop_page(obj) if obj is not None and obj.is_active else None

    def save_model(self, request: HttpRequest, obj: Product, form: Any, change: bool) -> None:
        if not isinstance(form, RowForm):
            return super().save_model(request, obj, form, change)
        for sentence in form.news():
            self.message_user(request, f"{obj}: {sentence}", messages.WARNING)
        fields: Any = {name: form.cleaned_data[name] for name in form.changed_data}
        services.update_product(actor=request.user, product_id=obj.pk, fields=fields)

    def action_checkbox(self, obj: Product) -> SafeString:
        # As Django's, without a template for each row.
        return format_html(
            '<input type="checkbox" name="{}" value="{}" class="action-select" aria-label="Select {} for an action">',
            *(ACTION_CHECKBOX_NAME, obj.pk, obj.name),
        )

    @admin.display(description="picture")
    def picture(self, product: Any) -> str:
        image = product.thumbnail
        if image is None:
            return mark_safe('<span class="thumbnail"></span>')
        source = served().url(image.file.name) if image.file else image.placeholder
        return format_html(
            '<span class="thumbnail"><img src="{}" alt="" width="44" height="44" loading="lazy"></span>', source
        )

    @admin.display(description="name", ordering="name_key")
    def title(self, product: Product) -> str:
        return product.name

    @admin.display(description="price", ordering="price")
    def price_shown(self, product: Product) -> str:
        return money(product.price)

    @admin.display(description="units in stock", ordering="quantity")
    def stock(self, product: Product) -> int | str:
        return "unlimited" if product.unlimited_stock else product.quantity

    @admin.display(description="rating", ordering="rating_low", empty_value="–")
    def stars(self, product: Product) -> float | None:
        return product.rating

    @admin.display(description="state")
    def state(self, product: Product) -> str:
        if not product.is_active:
            return mark_safe('<span class="archived">Archived</span>')
        return format_html(
            '<a href="{}" aria-label="{} in the shop">In the shop <span aria-hidden="true">↗</span></a>',
            *(shop_page(product), product.name),
        )

    @admin.display(description="category and brand")
    def place(self, product: Product) -> str:
        return format_html("<span>{}<br><small>{}</small></span>", product.category.name, product.brand.name)

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

    def formfield_for_dbfield(
        self, db_field: models.Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> forms.Field | None:
        if db_field.name in ("price", "compare_at_price"):
            kwargs["widget"] = PriceInput(attrs={"inputmode": "decimal"})
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def formfield_for_foreignkey(
        self, db_field: models.ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> forms.ModelChoiceField[Any] | None:
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs["widget"] = CheckedAutocompleteSelect(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @admin.action(description="Take the selected products out of their groups", permissions=["change_group"])
    def take_out(self, request: HttpRequest, queryset: QuerySet[Product]) -> None:
        count = groups.take_out(actor=request.user, ids=list(queryset.values_list("pk", flat=True)))
        self.message_user(request, f"{products_text(count)} taken out of a group.")

    def has_change_group_permission(self, request: HttpRequest) -> bool:
        return policy.CHANGE_GROUPS.is_held_by(request.user)
