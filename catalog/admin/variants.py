"""Variants in a product's page: the other products of its group, and the button that copies a product."""

from __future__ import annotations

import re
from typing import Any

from django.contrib import admin, messages
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from catalog.attributes.groups import group_of
from catalog.attributes.models import ProductGroup
from catalog.attributes.options import options_of, shown, values_of
from catalog.models import SLUG_LENGTH, Product
from catalog.slugs import free_slug, slug_of
from core.admin.versions import VersionedForm
from core.errors import InvalidInput

# Products of a group that a page shows. A link leads to all of them.
MAX_SHOWN = 100
# What a variant has of the product that it is added to.
COPIED = ["name", "description", "category", "brand", "price", "group"]


def product_rows(group: ProductGroup) -> list[dict[str, Any]]:
    """The first MAX_SHOWN products of a group with their options as a text. Five queries."""
    products = Product.objects.filter(group=group).order_by("name", "id")
    page = [*products.only("name", "sku", "price", "quantity", "unlimited_stock", "is_active")[:MAX_SHOWN]]
    values, options = values_of([product.pk for product in page]), options_of([group.pk])[group.pk]
    return [{"product": product, "options": shown(values[product.pk], options)} for product in page]


def products_table(group: ProductGroup, **context: Any) -> SafeString:
    """The products of a group as a table."""
    context |= {"group": group, "rows": product_rows(group), "count": group.products.count()}
    return render_to_string("catalog/group_products.html", context)


class VariantForm(VersionedForm):
    """The form of a product. A variant needs no slug: without one it gets a free one, made from its name."""

    variant_of: Product | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.variant_of is not None and "slug" in self.fields:
            self.fields["slug"].required = False
            self.fields["slug"].help_text = "Empty: made from the name."

    def clean_slug(self) -> str:
        slug: str = self.cleaned_data["slug"]
        name: str = self.cleaned_data.get("name", "")
        # The page fills in what the name alone makes, which is taken as long as the name is that of the other product.
        if self.variant_of is not None and slug in ("", slug_of(name)):
            slug = free_slug(Product.objects, name, SLUG_LENGTH, "product")
        return slug


class Variants(admin.ModelAdmin):
    """Adds the group's products to a product's page, and the button "Add variant"."""

    change_form_template = "catalog/product_form.html"
    form = VariantForm

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Tells what a service refuses, such as options that another process wrote at the same moment."""
        try:
            response: HttpResponse = super().changeform_view(request, *args, **kwargs)
            return response
        except InvalidInput as error:
            told = str(error)
        except IntegrityError:
            told = "Somebody else is changing the same at this moment. Nothing was saved: try again."
        self.message_user(request, told, messages.ERROR)
        return HttpResponseRedirect(request.get_full_path())

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        pk = request.GET.get("variant_of", "")
        original = Product.objects.filter(pk=pk).first() if re.fullmatch("[0-9]{1,18}", pk) else None
        request.variant_of = original  # type: ignore[attr-defined]
        if original is not None:
            extra_context = {
                "title": f"Add variant of {original.name}",
                "variant_of": original,
                **(extra_context or {}),
            }
        return super().add_view(request, form_url, extra_context)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        original = getattr(request, "variant_of", None)
        copied = {name: getattr(original, name) for name in COPIED} if original is not None else {}
        return {**super().get_changeform_initial_data(request), **copied}

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        original = getattr(request, "variant_of", None)
        return form if original is None else type(form.__name__, (form,), {"variant_of": original})

    def save_model(self, request: HttpRequest, obj: Product, form: Any, change: bool) -> None:
        original = getattr(request, "variant_of", None)
        if original is not None and original.group_id is None and obj.group_id is None:
            obj.group = group_of(actor=request.user, product_id=original.pk)
        if "group" in form.changed_data or not change:
            # Written with the attributes: until then another product of the group may have this key.
            obj.options_key = None
        super().save_model(request, obj, form, change)

    @admin.display(description="products of the group")
    def siblings(self, product: Product) -> str:
        return products_table(product.group, current=product) if product.group else "–"

    @admin.display(description="attributes")
    def attribute_list(self, product: Product) -> str:
        return shown(values_of([product.pk])[product.pk]) or "–"
