"""What the admin's pages of rows with names and slugs share: slugs, searching, choices of categories and others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from django import forms
from django.contrib.admin.widgets import AutocompleteSelect
from django.db import models
from django.db.models import Q, QuerySet
from django.forms.models import ModelChoiceIterator
from django.http import HttpRequest

from catalog.admin.filters import INDENT, walk
from catalog.category_tree import CategoryTree
from catalog.models import Category
from catalog.slugs import normal_form
from catalog.text import plain
from core.auth.admin import PolicyAdmin
from core.http.admin_input import CheckedInputAdmin


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


class CheckedAutocompleteSelect(AutocompleteSelect):
    """Django's autocomplete box. It is shown empty for a value that is not an id, while Django's would fail."""

    def optgroups(self, name: str, value: Sequence[str], attr: dict[str, Any] | None = None) -> Any:
        ids = [text for text in value if re.fullmatch(r"[0-9]{1,18}", str(text))]
        return super().optgroups(name, ids, attr)


class SlugForm(forms.ModelForm):
    """A form of a row with a slug, which is compared in the form in which it is stored."""

    def clean_slug(self) -> str:
        return normal_form(self.cleaned_data["slug"])


class PositionForm(forms.ModelForm):
    """A row of the list, in which the position alone is edited."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["position"].widget.attrs["aria-label"] = f"Position of {self.instance}"
