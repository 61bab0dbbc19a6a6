"""The admin's pages of attributes and their values."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html, format_html_join
from django.views.decorators.http import require_safe

from catalog import policy
from catalog.admin.attribute_values import page_of
from catalog.admin.named import NamedAdmin, PositionForm, SlugForm
from catalog.admin.services import ServiceAdmin, Unfinished, deletion
from catalog.attributes import services
from catalog.attributes.models import Attribute, AttributeKind, AttributeValue
from catalog.attributes.ordering import value_key
from catalog.slugs import slug_of

# Values that the page of an attribute shows, and that a product's page suggests.
MAX_SHOWN, MAX_SUGGESTED = 20, 20


class AttributeForm(SlugForm):
    """The form of an attribute. Its kind is fixed once products have values."""

    class Meta:
        model = Attribute
        fields = ["name", "slug", "kind", "unit", "position"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kind = self.fields.get("kind")
        if kind and self.instance.pk and self.instance.product_rows.exists():
            kind.disabled = True
            kind.help_text = "It cannot be changed, because products have values of this attribute."

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("unit") and cleaned.get("kind", AttributeKind.NUMBER) != AttributeKind.NUMBER:
            self.add_error("unit", "Only numbers have a unit.")
        return cleaned


class AttributeList(ChangeList):
    """The list of attributes. One query counts the values of the page's rows."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = {row.pk: row for row in self.result_list}
        values = AttributeValue.objects.filter(attribute__in=rows).order_by().values_list("attribute")
        counts = dict(values.annotate(Count("pk")))
        for pk, row in rows.items():
            row.value_count = counts.get(pk, 0)


@admin.register(Attribute)
class AttributeAdmin(ServiceAdmin, NamedAdmin):
    form = AttributeForm
    list_display = ["name", "slug", "kind", "unit", "values", "position"]
    list_editable = ["position"]
    list_filter = ["kind"]
    list_per_page = 100
    # They are deleted one at a time: the page says what products lose.
    actions = None

    class Media:
        css = {"all": ["catalog/attributes.css"]}

    fieldsets = [(None, {"fields": ["name", "slug", "kind", "unit", "position"]})]

    def get_fieldsets(self, request: HttpRequest, obj: Attribute | None = None) -> Any:
        if obj is None or obj.kind != AttributeKind.TEXT:
            return self.fieldsets
        return [*self.fieldsets, ("Values", {"fields": ["value_list"]})]

    def get_readonly_fields(self, request: HttpRequest, obj: Attribute | None = None) -> Any:
        return ["value_list"]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return AttributeList

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        return super().get_changelist_form(request, **{**kwargs, "form": PositionForm})

    def matches(self, word: str) -> Q:
        return Q(name__icontains=word) | Q(slug__contains=slug_of(word) or word)

    @admin.display(description="values")
    def values(self, attribute: Any) -> str:
        if attribute.kind != AttributeKind.TEXT:
            return "–"
        return format_html('<a href="{}">{}</a>', _list_of_values(attribute), f"{attribute.value_count:,}")

    @admin.display(description="values")
    def value_list(self, attribute: Attribute) -> str:
        """The first values, and links to all of them."""
        values = attribute.values.order_by("position", "order_key", "id")
        links = format_html_join(
            "", '<li><a href="{}">{}</a></li>', ((page_of(value), value.text) for value in values[:MAX_SHOWN])
        )
        add = reverse("admin:catalog_attributevalue_add") + f"?attribute={attribute.pk}"
        return format_html(
            '<ul class="values">{}</ul><p><a href="{}">All {} values</a> · <a href="{}">Add a value</a></p>',
            *(links, _list_of_values(attribute), f"{values.count():,}", add),
        )

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.suggestions_view)
        return [path("<int:pk>/suggestions/", view, name="catalog_attribute_suggestions"), *super().get_urls()]

    @method_decorator(require_safe)
    def suggestions_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What a product's page wants to know of an attribute: its kind and unit, and values that match `term`."""
        # Whoever may give a product attributes needs them, also without the permission to see the attributes' pages.
        gives = policy.CREATE_PRODUCTS.is_held_by(request.user) or policy.CHANGE_PRODUCTS.is_held_by(request.user)
        if not gives and not self.has_view_permission(request):
            raise PermissionDenied
        attribute = Attribute.objects.filter(pk=pk).first()
        if attribute is None:
            raise Http404
        values = attribute.values.order_by("position", "order_key", "id")
        values = values.filter(key__contains=value_key(request.GET.get("term", "")))
        texts = [*values.values_list("text", flat=True)[:MAX_SUGGESTED]]
        return JsonResponse({"kind": attribute.kind, "unit": attribute.unit, "values": texts})

    def save_model(self, request: HttpRequest, obj: Attribute, form: Any, change: bool) -> None:
        fields: Any = {name: form.cleaned_data[name] for name in form.changed_data}
        if not change:
            obj.pk = services.create_attribute(actor=request.user, fields=form.cleaned_data).pk
        elif fields:
            services.update_attribute(actor=request.user, attribute_id=obj.pk, fields=fields)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        (attribute,) = objs
        return deletion(
            request, services.deletion_of_attribute(attribute.pk), [f"Attribute: {attribute}, with all its values"]
        )

    def delete_model(self, request: HttpRequest, obj: Attribute) -> None:
        if left := services.delete_attribute(actor=request.user, attribute_id=obj.pk):
            raise Unfinished.after(left)


def _list_of_values(attribute: Attribute) -> str:
    return reverse("admin:catalog_attributevalue_changelist") + f"?attribute={attribute.pk}"
