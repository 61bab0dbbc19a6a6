"""The history of a row in its page of the admin: what core.history has recorded, by whatever API.

Of other models, which only the admin writes, Django's own log of the admin is kept and shown.
"""

import re
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import PAGE_VAR
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils.text import capfirst

from core.history import reading
from core.history.recording import tracked

CHANGES_ON_A_PAGE = 50
# By the first word of Change.via, such as "import" of "import 12": the name of the page of what made the change.
_pages: dict[str, str] = {}


def link_via(word: str, page: str) -> None:
    """Links what is recorded as "WORD 12" with the page of this name, such as "admin:catalog_importjob_change"."""
    _pages[word] = page


def page_of(via: str) -> str:
    """The path of the page of what made a change; "" when there is none."""
    match = re.search(r"(\w+) (\d+)$", via)
    if match is None or match[1] not in _pages:
        return ""
    try:
        return reverse(_pages[match[1]], args=[match[2]])
    except NoReverseMatch:
        return ""


class HistoryAdmin(admin.ModelAdmin):
    """A ModelAdmin whose History page shows what core.history has recorded."""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None if tracked(self.model) else super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None if tracked(self.model) else super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        return None if tracked(self.model) else super().log_deletions(request, queryset)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        context["is_tracked"] = tracked(self.model) is not None
        return super().render_change_form(request, context, *args, **kwargs)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if tracked(self.model) is None:
            return super().history_view(request, object_id, extra_context)
        row = self.get_object(request, unquote(object_id))
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined, no-any-return]
        if not self.has_view_or_change_permission(request, row):
            raise PermissionDenied
        paginator = self.get_paginator(request, reading.history_of(row), CHANGES_ON_A_PAGE)
        page = paginator.get_page(request.GET.get(PAGE_VAR))
        entries = reading.entries(self.model, page.object_list)
        context = {
            **self.admin_site.each_context(request),
            "title": f"History of {row}",
            "subtitle": None,
            "entries": [(entry, page_of(entry.via)) for entry in entries],
            "page": page,
            "page_range": paginator.get_elided_page_range(page.number),
            "page_var": PAGE_VAR,
            "module_name": str(capfirst(self.opts.verbose_name_plural)),
            "object": row,
            "opts": self.opts,
            **(extra_context or {}),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "core/history.html", context)
