"""The admin's pages of the values of attributes."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from catalog import policy
from catalog.admin.filters import AttributeFilter
from catalog.admin.named import CheckedAutocompleteSelect, PositionForm
from catalog.admin.services import ServiceAdmin, Unfinished, deletion, products_text
from catalog.attributes import services
from catalog.attributes.models import Attribute, AttributeKind, AttributeValue, ProductAttribute
from catalog.attributes.ordering import value_key
from core.errors import InvalidInput


def page_of(value: AttributeValue) -> str:
    """The path of a value's page."""
    return reverse("admin:catalog_attributevalue_change", args=[value.pk])


class ValueForm(forms.ModelForm):
    """The form of a value. A spelling that another value has is refused, with a link that merges both."""

    class Meta:
        model = AttributeValue
        fields = ["attribute", "text", "position"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        attribute = cleaned.get("attribute") or getattr(self.instance, "attribute", None)
        if "text" in cleaned and attribute is not None:
            same = services.same_spelling(
                AttributeValue(pk=self.instance.pk, attribute=attribute, text=cleaned["text"])
            )
            if same is not None:
                self.add_error("text", ValidationError(self._same(same)))
        return cleaned

    def _same(self, same: AttributeValue) -> str:
        told = format_html('“{}” is spelled so already: <a href="{}">look at it</a>', same.text, page_of(same))
        if not self.instance.pk:
            return format_html("{}.", told)
        merge = reverse("admin:catalog_attributevalue_merge", args=[self.instance.pk]) + f"?into={same.pk}"
        return format_html('{}, or <a href="{}">merge this value into it</a>.', told, merge)


class MergeForm(forms.Form):
    """Into which value to merge another one."""

    def __init__(self, value: AttributeValue, site: admin.AdminSite, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        others = AttributeValue.objects.filter(attribute=value.attribute_id).exclude(pk=value.pk)
        widget = ValueSelect(ProductAttribute._meta.get_field("value"), site, attribute_id=value.attribute_id)
        self.fields["into"] = forms.ModelChoiceField(others, label="Merge into", widget=widget)


class ValueSelect(CheckedAutocompleteSelect):
    """Django's autocomplete box for the values of one attribute."""

    def __init__(self, *args: Any, attribute_id: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.attribute_id = attribute_id

    def get_url(self) -> str:
        return f"{super().get_url()}?attribute={self.attribute_id}"


class ValueList(ChangeList):
    """The list of values. One query counts the products of the page's rows."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = {row.pk: row for row in self.result_list}
        having = ProductAttribute.objects.filter(value__in=rows).order_by().values_list("value")
        counts = dict(having.annotate(Count("pk")))
        for pk, row in rows.items():
            row.product_count = counts.get(pk, 0)


@admin.register(AttributeValue)
class AttributeValueAdmin(ServiceAdmin):
    form = ValueForm
    change_form_template = "catalog/value_form.html"
    list_display = ["text", "attribute", "products", "position"]
    list_editable = ["position"]
    list_filter = [AttributeFilter]
    list_select_related = ["attribute"]
    list_per_page = 50
    show_full_result_count = False
    search_fields = ["text"]
    search_help_text = "Searches the values; case does not count."
    autocomplete_fields = ["attribute"]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ValueList

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        return super().get_changelist_form(request, **{**kwargs, "form": PositionForm})

    def get_readonly_fields(self, request: HttpRequest, obj: AttributeValue | None = None) -> Any:
        return [] if obj is None else ["attribute", "products"]

    def get_fields(self, request: HttpRequest, obj: AttributeValue | None = None) -> Any:
        return ["attribute", "text", "position", *([] if obj is None else ["products"])]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs["queryset"] = Attribute.objects.filter(kind=AttributeKind.TEXT)
        kwargs["widget"] = CheckedAutocompleteSelect(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """The values in which every word occurs; those of `attribute` for a box that is about one attribute."""
        attribute = request.GET.get("attribute", "")
        if attribute.isascii() and attribute.isdigit() and len(attribute) <= 18:
            queryset = queryset.filter(attribute=attribute)
        for word in value_key(search_term).split():
            queryset = queryset.filter(key__contains=word)
        return queryset, False

    @admin.display(description="products")
    def products(self, value: Any) -> str:
        count = getattr(value, "product_count", None)
        if count is None:
            count = value.product_rows.count()
        link = reverse("admin:catalog_product_changelist") + f"?value={value.pk}"
        return format_html('<a href="{}">{}</a>', link, f"{count:,}") if count else "0"

    def save_model(self, request: HttpRequest, obj: AttributeValue, form: Any, change: bool) -> None:
        given = form.cleaned_data
        fields: Any = {name: given[name] for name in ("text", "position") if not change or name in form.changed_data}
        if not change:
            attribute = given["attribute"].pk
            obj.pk = services.create_value(actor=request.user, attribute_id=attribute, fields=fields).pk
        elif fields:
            services.update_value(actor=request.user, value_id=obj.pk, fields=fields)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        values = [*objs[: services.MAX_DELETED + 1]]
        if len(values) > services.MAX_DELETED:
            return [], {}, set(), [f"At most {services.MAX_DELETED:,} values are deleted at once: choose fewer."]
        rewriting = services.deletion_of_values({value.pk for value in values})
        return deletion(request, rewriting, [f"{value.attribute}: {value}" for value in values])

    def delete_model(self, request: HttpRequest, obj: AttributeValue) -> None:
        self.delete_queryset(request, [obj])

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        values = [*queryset]
        if left := services.delete_values(actor=request.user, ids={value.pk for value in values}):
            raise Unfinished.after(left)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.merge_view)
        return [path("<path:object_id>/merge/", view, name="catalog_attributevalue_merge"), *super().get_urls()]

    def merge_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks into which value to merge this one, says what becomes of products, and does it."""
        may = policy.CHANGE_VALUES.is_held_by(request.user) and policy.DELETE_VALUES.is_held_by(request.user)
        if not may:
            raise PermissionDenied
        value = self.get_object(request, unquote(object_id))
        if value is None:
            raise Http404
        form = MergeForm(value, self.admin_site, request.POST or None, initial={"into": request.GET.get("into")})
        if request.method == "POST" and form.is_valid():
            into = form.cleaned_data["into"]
            try:
                if left := services.merge_values(actor=request.user, value_id=value.pk, into_id=into.pk):
                    raise Unfinished.after(left)
            except InvalidInput as error:
                if not isinstance(error, Unfinished):
                    form.add_error(None, str(error))
                else:
                    self.message_user(request, str(error), messages.WARNING)
                    return HttpResponseRedirect(f"{request.path}?into={into.pk}")
            else:
                self.message_user(request, f"“{value.text}” is “{into.text}” now.", messages.SUCCESS)
                return HttpResponseRedirect(page_of(into))
        context = {
            **self.admin_site.each_context(request),
            **{"opts": self.opts, "title": f"Merge “{value.text}”", "value": value, "form": form},
            **{"media": self.media + form.media, "products": products_text(value.product_rows.count())},
        }
        return TemplateResponse(request, "catalog/value_merge.html", context)
