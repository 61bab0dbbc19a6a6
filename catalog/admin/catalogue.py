"""The catalogue in Django's admin: products, the category tree, brands."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import AutocompleteSelect
from django.db import models
from django.db.models import Q, QuerySet
from django.forms.models import ModelChoiceIterator
from django.http import HttpRequest
from django.utils.html import format_html

from catalog import services
from catalog.admin.protection import ProtectedAdmin
from catalog.category_tree import CategoryTree
from catalog.images.admin import ImageInline
from catalog.models import Brand, Category, Product
from catalog.text import fold
from core.auth.admin import PolicyAdmin
from core.http.admin_input import CheckedInputAdmin

admin.site.site_header = "Vitrine"
admin.site.site_title = "Vitrine admin"
admin.site.index_title = "The shop"

INDENT = "\N{EM SPACE}"


def walk(tree: CategoryTree) -> Iterator[tuple[Category, int]]:
    """Every category with its depth (roots 0), each right above its children; then any that a cycle cuts off."""
    seen: set[int] = set()
    waiting = [(root, 0) for root in reversed(tree.children(None))]
    while waiting:
        category, depth = waiting.pop()
        seen.add(category.pk)
        yield category, depth
        waiting += [(child, depth + 1) for child in reversed(tree.children(category.pk))]
    yield from ((category, 0) for category in tree.by_id.values() if category.pk not in seen)


class TreeIterator(ModelChoiceIterator):
    """The choices in tree order, indented by depth, of the categories that the field's queryset holds: one query."""

    def __iter__(self) -> Iterator[tuple[Any, str]]:
        """The choices, the empty one first."""
        if self.field.empty_label is not None:
            yield "", str(self.field.empty_label)
        rows = {row.pk: row for row in self.queryset}
        for category, depth in walk(CategoryTree(rows.values())):
            value, label = self.choice(category)
            yield value, f"{INDENT * depth * 2}{label}"


class TreeChoiceField(forms.ModelChoiceField):
    """A choice of one category, shown as a tree."""

    iterator = TreeIterator


class NamedAdmin(PolicyAdmin, CheckedInputAdmin):
    """What has a name and a slug: found without regard to case and accents, categories chosen from the tree."""

    prepopulated_fields = {"slug": ["name"]}
    search_fields = ["name", "slug"]
    search_help_text = "Words of the name, or of the slug."

    class Media:
        # After Django's own, which it replaces.
        js = ["admin/js/urlify.js", "catalog/slugs.js"]

    def formfield_for_foreignkey(
        self, db_field: models.ForeignKey, request: HttpRequest, **kwargs: Any
    ) -> forms.ModelChoiceField | None:
        """As Django's, with the tree for categories."""
        if db_field.related_model is Category:
            kwargs["form_class"] = TreeChoiceField
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field: models.Field, request: HttpRequest, **kwargs: Any) -> forms.Field | None:
        """As Django's; the script that fills the slug asks the form field whether letters of every script may stay."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and db_field.name == "slug":
            field.allow_unicode = True  # type: ignore[attr-defined]
        return field

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        """The rows in which every word occurs; the flag says that no row occurs twice."""
        for word in search_term.split():
            queryset = queryset.filter(self.matches(word))
        return queryset, False

    def matches(self, word: str) -> Q:
        """Where one word may occur."""
        return Q(folded_name__contains=fold(word)) | Q(slug__contains=word) | Q(slug__contains=word.lower())


class TreeChangeList(ChangeList):
    """The list in tree order, whichever page or search: the order of all from one query, then the page's rows."""

    def get_results(self, request: HttpRequest) -> None:
        """As Django's, with the page cut from the tree's order."""
        super().get_results(request)
        found = set(self.queryset.values_list("pk", flat=True))
        ordered = [(category.pk, depth) for category, depth in walk(CategoryTree.load()) if category.pk in found]
        if not (self.show_all and self.can_show_all):
            start = (self.page_num - 1) * self.list_per_page
            ordered = ordered[start : start + self.list_per_page]
        rows = self.queryset.in_bulk([pk for pk, _ in ordered])
        self.result_list = []
        for pk, depth in ordered:
            if pk in rows:
                rows[pk].depth = depth
                self.result_list.append(rows[pk])


class CategoryForm(forms.ModelForm):
    """A category; its parent is any category outside its own subtree."""

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
    """The tree, each category right above its children."""

    form = CategoryForm
    list_display = ["in_tree", "slug"]
    list_per_page = 200
    sortable_by = []

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The list that knows the tree."""
        return TreeChangeList

    @admin.display(description="name")
    def in_tree(self, category: Category) -> str:
        """The name, indented by its depth."""
        return format_html("{}{}", INDENT * 2 * getattr(category, "depth", 0), category.name)


@admin.register(Brand)
class BrandAdmin(ProtectedAdmin, NamedAdmin):
    """Brands by name."""

    fields = ["name", "slug"]
    list_display = ["name", "slug"]


class ChoiceFilter(admin.SimpleListFilter):
    """A filter whose value is one of its choices; any other sends the list back to where it was without."""

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet | None:
        """The products of the chosen value. Raises IncorrectLookupParameters, which the list knows to handle."""
        value = self.value()
        if value is None:
            return None
        if value not in {str(choice) for choice, _ in self.lookup_choices}:
            raise IncorrectLookupParameters
        return queryset.filter(self.chosen(value))

    def chosen(self, value: str) -> Q:
        """What the value asks for."""
        raise NotImplementedError


class CategoryFilter(ChoiceFilter):
    """One category with everything below it, chosen from the indented tree."""

    title = "category"
    parameter_name = "category"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        """The tree; read once for the choices and the subtree."""
        self.tree = CategoryTree.load()
        return [(str(category.pk), f"{INDENT * depth}{category.name}") for category, depth in walk(self.tree)]

    def chosen(self, value: str) -> Q:
        """The category's subtree."""
        return Q(category__in=self.tree.subtree([int(value)]))


class StockFilter(ChoiceFilter):
    """In stock, low, or sold out."""

    title = "stock"
    parameter_name = "stock"
    LOW = 5

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        """The three choices."""
        return [("some", "In stock"), ("low", f"Low (1 to {self.LOW})"), ("none", "Sold out")]

    def chosen(self, value: str) -> Q:
        """A range of units."""
        ranges = {"some": Q(quantity__gt=0), "low": Q(quantity__range=(1, self.LOW)), "none": Q(quantity=0)}
        return ranges[value]


class RatingFilter(ChoiceFilter):
    """Rated at least so well, or not at all."""

    title = "rating"
    parameter_name = "rating"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        """Four and up to one and up, and unrated."""
        return [*((str(stars), f"{stars} and up") for stars in (4, 3, 2, 1)), ("none", "Unrated")]

    def chosen(self, value: str) -> Q:
        """A least rating, or none."""
        return Q(rating=None) if value == "none" else Q(rating__gte=int(value))


class BrandSelect(AutocompleteSelect):
    """Django's completing box; shown again after a value that is no id, it stays empty instead of failing."""

    def optgroups(self, name: str, value: Sequence[str], attr: dict[str, Any] | None = None) -> Any:
        """The chosen brand as the box's only option."""
        return super().optgroups(name, [each for each in value if re.fullmatch(r"[0-9]{1,18}", str(each))], attr)


@admin.register(Product)
class ProductAdmin(ProtectedAdmin, NamedAdmin):
    """Products: what stands in the shop, and what is archived."""

    list_display = ["name", "sku", "category", "brand", "price", "quantity", "rating", "is_active", "created_at"]
    list_filter = ["is_active", StockFilter, RatingFilter, CategoryFilter, "brand"]
    list_select_related = ["category", "brand"]
    list_per_page = 50
    show_full_result_count = False
    date_hierarchy = "created_at"
    search_fields = ["name", "slug", "sku"]
    search_help_text = "Words of the name, the slug or the SKU."
    autocomplete_fields = ["brand"]
    readonly_fields = ["updated_at"]
    fieldsets = [
        (None, {"fields": ["name", "slug", "sku", "description"]}),
        ("Where it stands", {"fields": ["category", "brand"]}),
        ("Offer", {"fields": ["price", "quantity", "rating", "is_active"]}),
        ("Dates", {"fields": ["created_at", "updated_at"]}),
    ]
    actions = ["archive", "bring_back"]
    instead = ": archive the product instead"
    inlines = [ImageInline]

    class Media:
        css = {"all": ["core/admin.css"]}

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """As Django's, without the dates: their widget cannot take a string."""
        given = super().get_changeform_initial_data(request)
        return {name: value for name, value in given.items() if name != "created_at"}

    def formfield_for_foreignkey(
        self, db_field: models.ForeignKey, request: HttpRequest, **kwargs: Any
    ) -> forms.ModelChoiceField | None:
        """As above, with our own box for the brand."""
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs["widget"] = BrandSelect(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def matches(self, word: str) -> Q:
        """In the name's stored key, the whole name, the slug or the SKU."""
        name = Q(name_key__contains=fold(word)) | Q(name__icontains=word)
        return name | Q(slug__contains=word.lower()) | Q(sku__contains=word) | Q(sku__contains=word.upper())

    def _set_active(self, request: HttpRequest, queryset: QuerySet[Product], *, active: bool, what: str) -> None:
        ids = list(queryset.values_list("pk", flat=True))
        count = services.products_set_active(actor=request.user, ids=ids, active=active)
        self.message_user(request, f"{count} product{'' if count == 1 else 's'} {what}.")

    @admin.action(description="Archive: take the selected products out of the shop", permissions=["change"])
    def archive(self, request: HttpRequest, queryset: QuerySet[Product]) -> None:
        """Takes the selected products out of the shop; they stay in the database and in carts."""
        self._set_active(request, queryset, active=False, what="archived")

    @admin.action(description="Bring the selected products back into the shop", permissions=["change"])
    def bring_back(self, request: HttpRequest, queryset: QuerySet[Product]) -> None:
        """Puts the selected products back into the shop."""
        self._set_active(request, queryset, active=True, what="brought back")
