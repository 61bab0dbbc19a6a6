"""The admin's pages of product groups."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from catalog.admin.named import NamedAdmin, SlugForm
from catalog.admin.services import ServiceAdmin, products_text
from catalog.admin.steering_forms import ProductsField, ProductsWidget
from catalog.admin.variants import products_table
from catalog.attributes import groups
from catalog.attributes.models import ProductGroup
from catalog.attributes.options import options_of
from catalog.models import Product
from catalog.slugs import slug_of
from core.errors import InvalidInput

# Products that the form adds at once.
MAX_ADDED = 100


class MembersWidget(forms.Widget):
    """The products of a group, each with a box to take it out."""

    group: ProductGroup

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        checked = {int(pk) for pk in map(str, value or ()) if pk.isascii() and pk.isdigit() and len(pk) <= 18}
        return products_table(self.group, field=name, checked=checked)

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        return list(data.getlist(name)) if hasattr(data, "getlist") else list(data.get(name, []))


class GroupForm(SlugForm):
    """The form of a group: its name, its products, and products to add."""

    remove = ProductsField(label="Products", required=False, widget=MembersWidget)
    add = ProductsField(
        label="Add products",
        required=False,
        widget=ProductsWidget(is_ordered=False),
        help_text=f"At most {MAX_ADDED} at once. They must differ in at least one value of their attributes.",
    )

    class Meta:
        model = ProductGroup
        fields = ["name", "slug"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "remove" in self.fields:
            self.fields["remove"].widget.group = self.instance

    def clean_add(self) -> list[int]:
        ids: list[int] = self.cleaned_data["add"]
        if len(ids) > MAX_ADDED:
            raise forms.ValidationError(f"At most {MAX_ADDED} products can be added at once.")
        return ids

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("add"):
            try:
                groups.check_moves(self.instance, add=cleaned["add"], remove=cleaned.get("remove", ()))
            except InvalidInput as error:
                self.add_error("add", str(error))
        return cleaned


class GroupList(ChangeList):
    """The list of groups. Four queries read the numbers of products and the options of the page's rows."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        keys = [group.pk for group in self.result_list]
        counts = dict(Product.objects.filter(group__in=keys).order_by().values_list("group").annotate(Count("pk")))
        options = options_of(keys)
        for group in self.result_list:
            group.product_count, group.option_names = counts.get(group.pk, 0), options[group.pk]


@admin.register(ProductGroup)
class ProductGroupAdmin(ServiceAdmin, NamedAdmin):
    form = GroupForm
    list_display = ["name", "products", "options", "slug"]
    list_per_page = 50
    show_full_result_count = False
    sortable_by = ["name", "slug"]

    class Media:
        css = {"all": ["catalog/attributes.css"]}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return GroupList

    def get_fields(self, request: HttpRequest, obj: ProductGroup | None = None) -> Any:
        if obj is None:
            return ["name", "slug", "add"]
        return ["name", "slug", *(["remove", "add"] if self.has_change_permission(request, obj) else ["members"])]

    def get_readonly_fields(self, request: HttpRequest, obj: ProductGroup | None = None) -> Any:
        return ["members"] if obj is not None and not self.has_change_permission(request, obj) else []

    def matches(self, word: str) -> Q:
        return Q(name__icontains=word) | Q(slug__contains=slug_of(word) or word)

    @admin.display(description="products")
    def products(self, group: Any) -> str:
        link = reverse("admin:catalog_product_changelist") + f"?group={group.pk}"
        return format_html('<a href="{}">{}</a>', link, f"{group.product_count:,}")

    @admin.display(description="options")
    def options(self, group: Any) -> str:
        return ", ".join(attribute.name for attribute in group.option_names) or "–"

    @admin.display(description="products")
    def members(self, group: ProductGroup) -> str:
        return products_table(group)

    def save_model(self, request: HttpRequest, obj: ProductGroup, form: Any, change: bool) -> None:
        given = form.cleaned_data
        fields: groups.GroupFields = {"name": given["name"], "slug": given["slug"]}
        if change:
            moved = {"add": given["add"], "remove": given["remove"]}
            groups.update_group(actor=request.user, group_id=obj.pk, fields=fields, **moved)
        else:
            obj.pk = groups.create_group(actor=request.user, fields=fields, add=given["add"]).pk

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        rows = [*objs[: groups.MAX_DELETED + 1]]
        if len(rows) > groups.MAX_DELETED:
            return [], {}, set(), [f"At most {groups.MAX_DELETED:,} groups are deleted at once: choose fewer."]
        count = Product.objects.filter(group__in=rows).count()
        listed = [f"Group: {group}" for group in rows]
        return [*listed, f"{products_text(count)} will stay, in no group."], {}, set(), []

    def delete_model(self, request: HttpRequest, obj: ProductGroup) -> None:
        self.delete_queryset(request, [obj])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ProductGroup] | list[ProductGroup]) -> None:
        rows = [*queryset]
        groups.delete_groups(actor=request.user, ids=[group.pk for group in rows])
