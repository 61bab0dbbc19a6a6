"""Bulk changes in the admin: the actions of the list of products, the page of each change, the list of them."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html

from catalog import policy
from catalog.admin.bulk_forms import form_of
from catalog.admin.services import products_text
from catalog.bulk import services
from catalog.bulk.models import BulkChange, Kind
from catalog.bulk.preview import description_of, details_of, left_lines, preview_of, stay_lines
from catalog.bulk.waiting import BulkWaitingFilter
from catalog.models import Product
from core.admin.history import link_via
from core.auth.admin import ReadOnlyAdmin
from core.errors import InvalidInput
from core.http.admin_input import CheckedInputAdmin
from core.jobs.progress import Progress, blocking, is_worker_seen

Phase, Status = BulkChange.Phase, BulkChange.Status
STATES = {
    (Phase.CHANGE, Status.DRAFT): "not confirmed",
    (Phase.CHANGE, Status.DUE): "waits",
    (Phase.CHANGE, Status.CLAIMED): "under way",
    (Phase.CHANGE, Status.DONE): "done",
    (Phase.CHANGE, Status.FAILED): "failed midway",
    (Phase.CHANGE, Status.CANCELLED): "cancelled",
    (Phase.UNDO, Status.DUE): "waits to be undone",
    (Phase.UNDO, Status.CLAIMED): "is being undone",
    (Phase.UNDO, Status.DONE): "undone",
    (Phase.UNDO, Status.FAILED): "undoing failed midway",
}
# What the button of a draft says, before "47 products".
VERBS = {
    Kind.ARCHIVE: "Archive",
    Kind.BRING_BACK: "Bring back",
    Kind.MOVE: "Move",
    Kind.SET_BRAND: "Set the brand of",
    Kind.CHANGE_PRICES: "Change the prices of",
}
# The parameter in which Django's pages keep the filters of the list that they came from.
FILTERS = "_changelist_filters"


def state_of(change: BulkChange) -> str:
    return STATES[Phase(change.phase), Status(change.status)]


class BulkActions(admin.ModelAdmin):
    """The bulk changes as actions of the list of products. Each leads to a page that shows it and asks."""

    def has_bulk_permission(self, request: HttpRequest) -> bool:
        return policy.may_change_in_bulk(request.user)

    @admin.action(description="Archive", permissions=["bulk"])
    def archive(self, request: HttpRequest, queryset: QuerySet[Product]) -> HttpResponse | None:
        return self._ask(request, queryset, Kind.ARCHIVE)

    @admin.action(description="Bring back into the shop", permissions=["bulk"])
    def bring_back(self, request: HttpRequest, queryset: QuerySet[Product]) -> HttpResponse | None:
        return self._ask(request, queryset, Kind.BRING_BACK)

    @admin.action(description="Move to a category", permissions=["bulk"])
    def move(self, request: HttpRequest, queryset: QuerySet[Product]) -> HttpResponse | None:
        return self._ask(request, queryset, Kind.MOVE)

    @admin.action(description="Set the brand", permissions=["bulk"])
    def set_brand(self, request: HttpRequest, queryset: QuerySet[Product]) -> HttpResponse | None:
        return self._ask(request, queryset, Kind.SET_BRAND)

    @admin.action(description="Change prices", permissions=["bulk"])
    def change_prices(self, request: HttpRequest, queryset: QuerySet[Product]) -> HttpResponse | None:
        return self._ask(request, queryset, Kind.CHANGE_PRICES)

    def _ask(self, request: HttpRequest, queryset: QuerySet[Product], kind: Kind) -> HttpResponse | None:
        ids = queryset.values_list("pk", flat=True)[: services.MAX_PRODUCTS + 1]
        try:
            change = services.draft_change(actor=request.user, kind=kind, product_ids=ids)
        except InvalidInput as error:
            self.message_user(request, str(error), messages.ERROR)
            return None
        filters = urlencode({FILTERS: request.GET.urlencode()}) if request.GET else ""
        return HttpResponseRedirect(f"{_page_of(change.pk)}?{filters}".rstrip("?"))


link_via("bulk", "admin:catalog_bulkchange_change")


@admin.register(BulkChange)
class BulkChangeAdmin(ReadOnlyAdmin, CheckedInputAdmin):
    """The list of bulk changes, and the page of each."""

    list_display = ["what", "state", "size", "changed", "user", "created_at", "undo"]
    list_filter = [BulkWaitingFilter]
    list_select_related = ["user"]
    list_per_page = 50
    show_full_result_count = False
    sortable_by = []
    actions = None

    class Media:
        css = {"all": ["core/admin.css"]}

    @admin.display(description="what")
    def what(self, change: BulkChange) -> str:
        return description_of(change)

    @admin.display(description="state")
    def state(self, change: BulkChange) -> str:
        return state_of(change)

    @admin.display(description="undo")
    def undo(self, change: BulkChange) -> str:
        if not change.can_be_undone:
            return "–"
        return format_html('<a class="button" href="{}#undo">Undo</a>', _page_of(change.pk))

    def get_queryset(self, request: HttpRequest) -> QuerySet[BulkChange]:
        """Drafts are in no list; each is shown to whoever asked for it."""
        changes: QuerySet[BulkChange] = super().get_queryset(request)
        if request.resolver_match and request.resolver_match.url_name == "catalog_bulkchange_changelist":
            return changes.exclude(status=Status.DRAFT)
        return changes.exclude(pk__in=BulkChange.objects.filter(status=Status.DRAFT).exclude(user=request.user.pk))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The page of a change: what it would do, how far it is, what it did."""
        change = self.get_object(request, object_id)
        if not self.has_view_permission(request, change):
            raise PermissionDenied
        if change is None:
            self.message_user(request, "This bulk change is not there any more.", messages.WARNING)
            return HttpResponseRedirect(reverse("admin:catalog_product_changelist"))
        form = form_of(change) if change.status == Status.DRAFT else None
        if request.method == "POST":
            if not policy.may_change_in_bulk(request.user):
                raise PermissionDenied
            if "choose" in request.POST and form is not None:
                form = form_of(change, request.POST)
            response = self._act(request, change, form)
            if response is not None:
                return response
        return TemplateResponse(request, "catalog/bulk_change.html", self._context(request, change, form))

    def _context(self, request: HttpRequest, change: BulkChange, form: Any) -> dict[str, Any]:
        is_draft, under_way = change.status == Status.DRAFT, change.is_under_way
        # What is chosen anew and wrong is not what the preview would show.
        is_shown = is_draft and change.is_chosen and not (form and form.is_bound)
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"{description_of(change)}: {products_text(change.size)}",
            "details": details_of(change),
            "verb": VERBS[Kind(change.kind)],
            "change": change,
            "state": state_of(change),
            "form": form,
            "preview": preview_of(change) if is_shown else None,
            "stays": stay_lines(change.stays),
            "left": left_lines(change) if change.phase == Phase.UNDO else [],
            "progress": _progress(change) if under_way else None,
            "blocking": blocking(change) if under_way else None,
            "is_worker_seen": is_worker_seen() if under_way else True,
            "may_change": policy.may_change_in_bulk(request.user),
            "list_url": _list_url(request),
            "media": self.media + form.media if form else self.media,
        }

    def _act(self, request: HttpRequest, change: BulkChange, form: Any) -> HttpResponse | None:
        """Does what a button says; None when the page should show the form with its errors."""
        buttons: dict[str, Callable[[], bool]] = {
            "confirm": lambda: services.confirm_change(
                actor=request.user, change_id=change.pk, version=_number(request.POST.get("version"))
            ),
            "cancel": lambda: services.cancel_change(actor=request.user, change_id=change.pk),
            "resume": lambda: services.resume_change(actor=request.user, change_id=change.pk),
            "undo": lambda: services.undo_change(actor=request.user, change_id=change.pk),
        }
        told = {
            "confirm": "This was started already. It is done once.",
            "cancel": "This had ended already.",
            "resume": "This is under way already, or done.",
            "undo": "This is being undone already. It is undone once.",
        }
        try:
            if "choose" in request.POST and form is not None:
                if not form.is_valid():
                    return None
                services.choose_options(actor=request.user, change_id=change.pk, options=form.options)
            for name, act in buttons.items():
                if name in request.POST and not act():
                    self.message_user(request, told[name], messages.WARNING)
        except InvalidInput as error:
            self.message_user(request, str(error), messages.ERROR)
        if not BulkChange.objects.filter(pk=change.pk).exists():
            self.message_user(request, "Nothing was changed.")
            return HttpResponseRedirect(_list_url(request))
        return HttpResponseRedirect(request.get_full_path())


def _progress(change: BulkChange) -> Progress:
    """How far the phase is. Undoing goes as far as the change came."""
    is_undo = change.phase == Phase.UNDO
    position, size = (change.undo_position, change.position) if is_undo else (change.position, change.size)
    return Progress(
        change,
        position=position,
        size=size,
        rows=position - change.started_from,
        started_at=change.started_at,
        started_from=change.started_from,
    )


def _list_url(request: HttpRequest) -> str:
    """The list of products with the filters with which it was left."""
    return f"{reverse('admin:catalog_product_changelist')}?{request.GET.get(FILTERS, '')}".rstrip("?")


def _number(text: str | None) -> int:
    """A form's number; -1 for what is none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 9 else -1


def _page_of(change_id: int) -> str:
    return reverse("admin:catalog_bulkchange_change", args=[change_id])
