"""The admin's list of what people look for: the searches of some days, added up for each text, and as a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.core.paginator import InvalidPage, Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html

from catalog import policy
from catalog.admin.filters import ChoiceFilter
from catalog.importing.formulas import guarded
from catalog.models import SearchCount
from catalog.search.counts import SearchCountQuerySet, key_of
from catalog.search.steering.models import SynonymKind
from core.auth.admin import ReadOnlyAdmin
from core.http.admin_input import CheckedInputAdmin

HEADER = ["text", "searches", "found nothing", "hits"]


class DaysFilter(ChoiceFilter):
    """The last days, today included (UTC)."""

    title = "time"
    parameter_name = "days"
    DEFAULT = "30"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [("1", "Today"), ("7", "7 days"), ("30", "30 days"), ("90", "90 days")]

    def value(self) -> str:
        return super().value() or self.DEFAULT

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        choices = super().choices(changelist)
        # Django's choice "All": the whole table is no choice here.
        next(choices)
        yield from choices

    def condition(self, value: str) -> Q:
        today = timezone.now().date()
        return Q(day__gt=today - timedelta(days=int(value)), day__lte=today)


class ResultFilter(ChoiceFilter):
    """All texts, or those that found nothing. The sums decide, so TextList applies it."""

    title = "result"
    parameter_name = "result"
    FOUND_NOTHING = "nothing"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [(self.FOUND_NOTHING, "Found nothing")]

    def condition(self, value: str) -> Q:
        return Q()


class TextList(ChangeList):
    """The texts with the sums of their searches, the most searched first. Makes one query for all, one for a page."""

    queryset: SearchCountQuerySet
    found_nothing: bool
    # All texts of the list. They lack what `fill_in_latest` adds.
    texts: list[SearchCount]

    def get_results(self, request: HttpRequest) -> None:
        self.found_nothing = request.GET.get(ResultFilter.parameter_name) == ResultFilter.FOUND_NOTHING
        self.texts = self.queryset.top(without_hits=self.found_nothing)
        self.paginator = Paginator(self.texts, self.list_per_page)
        try:
            self.result_list = self.paginator.page(self.page_num).object_list
        except InvalidPage:
            raise IncorrectLookupParameters from None
        self.queryset.fill_in_latest(self.result_list)
        self.result_count = self.full_result_count = self.paginator.count
        self.show_full_result_count = self.show_admin_actions = self.can_show_all = False
        self.multi_page = self.paginator.num_pages > 1


@admin.register(SearchCount)
class SearchCountAdmin(ReadOnlyAdmin, CheckedInputAdmin):
    list_display = ["shown_text", "searches", "without_hits", "hits"]
    list_display_links = None
    list_filter = [DaysFilter, ResultFilter]
    list_per_page = 50
    sortable_by = []
    actions = None
    show_facets = admin.ShowFacets.NEVER
    empty_value_display = "unknown"
    search_fields = ["text"]
    search_help_text = "Part of a text."
    fields = ["day", "typed", "searches", "without_hits", "hits"]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Adds links to a new synonym and a new search rule for those who may make them."""
        links = {policy.CREATE_SYNONYMS: "new_synonym", policy.CREATE_RULES: "new_rule"}
        allowed = [link for permission, link in links.items() if permission.is_held_by(request.user)]
        return [*super().get_list_display(request), *allowed]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return TextList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[SearchCount], search_term: str
    ) -> tuple[QuerySet[SearchCount], bool]:
        """The texts that contain the term. The flag says that there are no duplicate rows."""
        return queryset.filter(text__contains=key_of(search_term)), False

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_csv"
        return [path("csv/", self.admin_site.admin_view(self.csv_view), name=name), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {"title": "What people look for", "days_kept": settings.SEARCH_COUNTS_DAYS}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def csv_view(self, request: HttpRequest) -> HttpResponse:
        """The list as a file, with all its pages. Takes the list's query string."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            texts = self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(reverse("admin:catalog_searchcount_changelist") + "?e=1")
        assert isinstance(texts, TextList)  # noqa: S101 - `get_changelist` says so
        texts.queryset.fill_in_latest(texts.texts)
        name = f"{'found-nothing' if texts.found_nothing else 'searches'}-{timezone.now().date()}.csv"
        response = HttpResponse(
            content_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'}
        )
        # Spreadsheets take a file without this mark for another encoding.
        response.write("\N{ZERO WIDTH NO-BREAK SPACE}")
        writer = csv.writer(response)
        writer.writerow(HEADER)
        writer.writerows([guarded(row.typed), row.searches, row.without_hits, row.hits] for row in texts.texts)
        return response

    @admin.display(description="text")
    def shown_text(self, row: SearchCount) -> str:
        # <bdi> keeps a text that reads from right to left from turning its row around.
        return format_html("<bdi>{}</bdi>", row.typed)

    @admin.display(description="")
    def new_synonym(self, row: SearchCount) -> str:
        query = urlencode({"kind": SynonymKind.ONE_WAY, "term": row.typed})
        return format_html('<a href="{}?{}">Synonym</a>', reverse("admin:catalog_synonym_add"), query)

    @admin.display(description="")
    def new_rule(self, row: SearchCount) -> str:
        query = urlencode({"query": row.typed})
        return format_html('<a href="{}?{}">Rule</a>', reverse("admin:catalog_searchrule_add"), query)
