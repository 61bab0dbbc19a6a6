"""The admin's pages of synonyms and search rules, with a preview of what they change."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Count, Q, QuerySet
from django.forms import ModelChoiceField
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html_join

from catalog.admin.named import CategoryField, CategorySelect
from catalog.admin.steering_forms import RuleForm, SynonymForm, stored_rule
from catalog.images.admin import preview as picture
from catalog.images.selectors import first_image
from catalog.models import Product, SearchRule, Synonym
from catalog.search.steering import services
from catalog.search.steering.models import RuleAction
from catalog.search.steering.preview import Preview, Side, preview_rule, preview_synonym
from catalog.text import fold
from core.auth.admin import PolicyAdmin
from core.errors import InvalidInput
from core.http.admin_input import CheckedInputAdmin


class SteeringAdmin(PolicyAdmin, CheckedInputAdmin):
    """The base of both pages: changes go through the services, and a preview shows them before."""

    change_form_template = "catalog/steering_form.html"
    search_help_text = "Searches all that shoppers type; case and accents do not count."
    list_per_page = 100

    class Media:
        css = {"all": ["catalog/steering.css"]}
        js = ["catalog/steering.js"]

    def preview(self, form: Any, text: str, replaced: int | None) -> Preview:
        """What the form's values change. Raises InvalidInput."""
        raise NotImplementedError

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.preview_view)
        urls: list[URLPattern] = super().get_urls()
        return [path("preview/", view), path("<path:object_id>/preview/", view), *urls]

    def preview_view(self, request: HttpRequest, object_id: str | None = None) -> HttpResponse:
        """A part of a page: the results today beside those with the form's values. It writes nothing."""
        row = None if object_id is None else self.get_object(request, object_id)
        allowed = self.has_add_permission(request) if object_id is None else self.has_change_permission(request, row)
        if not allowed:
            raise PermissionDenied
        if object_id is not None and row is None:
            raise Http404
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        form: Any = self.get_form(request, row, change=row is not None)(request.POST, instance=row)
        context: dict[str, Any] = {"form": form}
        if form.is_valid():
            try:
                preview = self.preview(form, request.POST.get("preview") or form.example, row and row.pk)
                context |= {"preview": preview, "sides": [_shown(preview.today), _shown(preview.edited)]}
            except InvalidInput as error:
                context["error"] = str(error)
        return TemplateResponse(request, "catalog/steering_preview.html", context)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            response: HttpResponse = super().changeform_view(request, *args, **kwargs)
        except InvalidInput as error:
            # The form was valid, and somebody else's change came between.
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        return response

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """The rows in which every word occurs: there are so few that Python compares them, the same on any database."""
        words = fold(search_term).split()
        if not words:
            return queryset, False
        ids = [row.pk for row in queryset if all(word in fold(str(row)) for word in words)]
        return queryset.filter(pk__in=ids), False


@admin.register(Synonym)
class SynonymAdmin(SteeringAdmin):
    form = SynonymForm
    fieldsets = [(None, {"fields": ["kind", "term", "terms", "is_active"]})]
    list_display = ["__str__", "direction", "is_active", "updated_at"]
    list_filter = ["kind", "is_active"]
    search_fields = ["term", "terms"]

    @admin.display(description="direction", ordering="kind")
    def direction(self, synonym: Synonym) -> str:
        return synonym.get_kind_display().partition(":")[0]

    def preview(self, form: SynonymForm, text: str, replaced: int | None) -> Preview:
        return preview_synonym(text, form.synonym, replaced=replaced)

    def save_model(self, request: HttpRequest, obj: Synonym, form: Any, change: bool) -> None:
        if change:
            version = form.cleaned_data["version"]
            services.update_synonym(actor=request.user, synonym_id=obj.pk, version=version, synonym=form.synonym)
        else:
            obj.pk = services.create_synonym(actor=request.user, synonym=form.synonym).pk

    def delete_model(self, request: HttpRequest, obj: Synonym) -> None:
        services.delete_synonyms(actor=request.user, ids=[obj.pk])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Synonym]) -> None:
        services.delete_synonyms(actor=request.user, ids=list(queryset.values_list("pk", flat=True)))


@admin.register(SearchRule)
class SearchRuleAdmin(SteeringAdmin):
    form = RuleForm
    fieldsets = [
        ("When somebody searches", {"fields": ["match", "query"]}),
        ("Show", {"fields": ["pinned", "hidden", "redirect"]}),
        ("In force", {"fields": ["is_active", "active_from", "active_until"]}),
    ]
    list_display = ["query", "when", "effect", "state", "updated_at"]
    list_filter = ["match", "is_active"]
    list_select_related = ["redirect"]
    search_fields = ["query"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        pinned, hidden = (Q(rule_products__action=action) for action in (RuleAction.PIN, RuleAction.HIDE))
        archived = Q(rule_products__product__is_active=False)
        rules: QuerySet[Any] = (
            super()
            .get_queryset(request)
            .annotate(
                pin_count=Count("rule_products", filter=pinned),
                archived_count=Count("rule_products", filter=pinned & archived),
                hide_count=Count("rule_products", filter=hidden),
            )
        )
        return rules

    def formfield_for_foreignkey(
        self, db_field: models.ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField[Any] | None:
        kwargs |= {"form_class": CategoryField, "widget": CategorySelect(db_field, self.admin_site)}
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @admin.display(description="when", ordering="match")
    def when(self, rule: SearchRule) -> str:
        return rule.match.lower()

    @admin.display(description="does")
    def effect(self, rule: Any) -> str:
        archived = f" ({rule.archived_count} archived)" if rule.archived_count else ""
        effects = [f"pins {rule.pin_count}{archived}"] if rule.pin_count else []
        effects += [f"hides {rule.hide_count}"] if rule.hide_count else []
        effects += [f"redirects to {rule.redirect}"] if rule.redirect else []
        return ", ".join(effects) or "⚠ nothing any more: what it named was deleted"

    @admin.display(description="in force", ordering="is_active")
    def state(self, rule: SearchRule) -> str:
        now = timezone.now()
        if not rule.is_active:
            return "no: not in use"
        if rule.active_until and rule.active_until <= now:
            return f"no: ended {_shown_date(rule.active_until)}"
        if rule.active_from and rule.active_from > now:
            return f"from {_shown_date(rule.active_from)}"
        return f"until {_shown_date(rule.active_until)}" if rule.active_until else "yes"

    # Read by those who may not change the rule: the form has fields of these names.
    @admin.display(description="pin to the top")
    def pinned(self, rule: SearchRule) -> str:
        return _names(stored_rule(rule).pinned)

    @admin.display(description="hide")
    def hidden(self, rule: SearchRule) -> str:
        return _names(stored_rule(rule).hidden)

    def preview(self, form: RuleForm, text: str, replaced: int | None) -> Preview:
        return preview_rule(text, form.rule, replaced=replaced)

    def save_model(self, request: HttpRequest, obj: SearchRule, form: Any, change: bool) -> None:
        if change:
            version = form.cleaned_data["version"]
            services.update_rule(actor=request.user, rule_id=obj.pk, version=version, rule=form.rule)
        else:
            obj.pk = services.create_rule(actor=request.user, rule=form.rule).pk

    def delete_model(self, request: HttpRequest, obj: SearchRule) -> None:
        services.delete_rules(actor=request.user, ids=[obj.pk])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[SearchRule]) -> None:
        services.delete_rules(actor=request.user, ids=list(queryset.values_list("pk", flat=True)))


def _names(ids: Any) -> str:
    products = Product.objects.only("name").in_bulk(ids)
    return format_html_join("", "<div>{}</div>", ((products[pk].name,) for pk in ids if pk in products)) or "–"


def _shown_date(moment: Any) -> str:
    return date_format(timezone.localtime(moment), "SHORT_DATETIME_FORMAT")


def _shown(side: Side) -> dict[str, Any]:
    """A side of the preview for its template: each row with its picture."""
    rows = [(row, picture(image) if (image := first_image(row.product)) else "") for row in side.rows]
    return {"side": side, "rows": rows}
