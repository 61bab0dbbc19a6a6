"""The pages of categories and brands in Django's admin."""

from __future__ import annotations

import re
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.views.decorators.http import require_safe

from catalog.admin.named import NamedAdmin
from catalog.admin.protection import ProtectedAdmin
from catalog.category_tree import CategoryTree, path_text, walk
from catalog.models import Brand, Category
from catalog.text import plain
from core.admin.versions import VersionedForm

# Before a category in a list of them, for each level.
INDENT = "\N{EM SPACE}"
# What a box suggests at once, and the longest text that it searches for.
MAX_SUGGESTED, MAX_TERM_LENGTH = 20, 200


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


class CategoryForm(VersionedForm):
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

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.choices_view)
        return [path("choices/", view, name="catalog_category_choices"), *super().get_urls()]

    @method_decorator(require_safe)
    def choices_view(self, request: HttpRequest) -> HttpResponse:
        """A page of the categories whose path has every word of `term`, as select2 wants it, for all of the staff."""
        words, tree = plain(request.GET.get("term", "")[:MAX_TERM_LENGTH]).split(), CategoryTree.load()
        paths = ((category, path_text(tree, category)) for category, _ in walk(tree))
        matches = [(category, text) for category, text in paths if all(word in plain(text) for word in words)]
        # Those that have the words in their own name come first.
        matches.sort(key=lambda match: not all(word in match[0].folded_name for word in words))
        number = request.GET.get("page", "1")
        start = (int(number) - 1) * MAX_SUGGESTED if re.fullmatch("[1-9][0-9]{0,4}", number) else 0
        page = matches[start : start + MAX_SUGGESTED]
        results = [{"id": str(category.pk), "text": text} for category, text in page]
        more = start + MAX_SUGGESTED < len(matches)
        return JsonResponse({"results": results, "pagination": {"more": more}})

    @admin.display(description="name")
    def in_tree(self, category: Category) -> str:
        return format_html("{}{}", INDENT * 2 * category.depth, category.name)


@admin.register(Brand)
class BrandAdmin(ProtectedAdmin, NamedAdmin):
    fields = ["name", "slug"]
    list_display = ["name", "slug"]
    # There is an index of slugs, which are made from names.
    ordering = ["slug"]
    sortable_by = ["slug"]
    show_full_result_count = False
