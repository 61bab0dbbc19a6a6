"""What the admin's pages of rows with names and slugs share: slugs, searching, choices of categories and others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib.admin.widgets import AutocompleteSelect
from django.db import models
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from catalog.category_tree import CategoryTree, path_text
from catalog.models import Category
from catalog.slugs import normal_form
from catalog.text import plain
from core.admin.versions import VersionedAdmin, VersionedForm
from core.auth.admin import PolicyAdmin
from core.http.admin_input import CheckedInputAdmin


class CheckedAutocompleteSelect(AutocompleteSelect):
    """Django's autocomplete box. It is shown empty for a value that is not an id, while Django's would fail."""

    def optgroups(self, name: str, value: Sequence[str], attr: dict[str, Any] | None = None) -> Any:
        ids = [text for text in value if re.fullmatch(r"[0-9]{1,18}", str(text))]
        return super().optgroups(name, ids, attr)


class CategorySelect(CheckedAutocompleteSelect):
    """An autocomplete box of categories, each with the path that leads to it."""

    def get_url(self) -> str:
        return reverse("admin:catalog_category_choices")


class CategoryField(forms.ModelChoiceField):
    """The choice of one category, shown with its path."""

    def label_from_instance(self, obj: Any) -> str:
        return path_text(CategoryTree.load(), obj)


class NamedAdmin(PolicyAdmin, VersionedAdmin, CheckedInputAdmin):
    """Rows with a name and a slug. The search ignores case and accents; a category is chosen in a box that searches."""

    # By the APIs too: see core.admin.autocomplete.
    names_are_public = True
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
            kwargs |= {"form_class": CategoryField, "widget": CategorySelect(db_field, self.admin_site)}
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


class SlugForm(VersionedForm):
    """A form of a row with a slug, which is compared in the form in which it is stored."""

    def clean_slug(self) -> str:
        return normal_form(self.cleaned_data["slug"])


class PositionForm(VersionedForm):
    """A row of the list, in which the position alone is edited."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["position"].widget.attrs["aria-label"] = f"Position of {self.instance}"
