"""Deletes the rows that are selected in a list: a bounded number, after a page that shows the first ten and asks."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.actions import delete_selected as django_delete_selected
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import model_ngettext
from django.db import router, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst

from core.history import reading
from core.history.models import Change
from core.history.recording import label_of

# Rows that are deleted at once. The page that asks sends each of them, and Django reads 1,000 fields of a form.
MAX_DELETED = 500
MAX_SHOWN = 10


class DeletionAdmin(admin.ModelAdmin):
    """Its action "Delete selected" stands last, and deletes at most MAX_DELETED rows."""

    delete_selected_confirmation_template = "core/delete_selected.html"

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        if "delete_selected" in actions:
            _, name, description = actions.pop("delete_selected")
            actions[name] = (delete_selected, name, description)
        return actions


def delete_selected(page: Any, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
    """Django's action, for a bounded number, and told what changed since the page that asked was opened."""
    with transaction.atomic(using=router.db_for_write(page.model)):
        keys = [*queryset.order_by("pk").values_list("pk", flat=True)[: MAX_DELETED + 1]]
        if len(keys) > MAX_DELETED:
            other = ", or archive them" if "archive" in page.get_actions(request) else ""
            told = f"Nothing was deleted: at most {MAX_DELETED:,} {page.opts.verbose_name_plural} are deleted at once."
            page.message_user(request, f"{told} Select fewer{other}.", messages.ERROR)
            return None
        rows = page.model._base_manager.filter(pk__in=keys)
        if "post" in request.POST:
            [*rows.select_for_update().order_by("pk").values_list("pk")]
            _tell_gone(page, request, len(keys))
            if _tell_changed(page, request, keys):
                posted = request.POST.copy()
                del posted["post"]
                request.POST = posted  # type: ignore[assignment]
        if not keys:
            return None
        response: Any = django_delete_selected(page, request, page.get_queryset(request).filter(pk__in=keys))
    if response is not None and not response.context_data["protected"]:
        response.context_data |= {
            "title": f"Delete {len(keys)} {model_ngettext(page.opts, len(keys))}",
            "first": rows.order_by("pk")[:MAX_SHOWN],
            "others": max(0, len(keys) - MAX_SHOWN),
            "count": len(keys),
            "seen": Change.objects.values_list("pk", flat=True).order_by("-pk").first() or 0,
        }
    return response  # type: ignore[no-any-return]


def _tell_gone(page: Any, request: HttpRequest, found: int) -> None:
    gone = len({*request.POST.getlist(ACTION_CHECKBOX_NAME)}) - found
    if gone > 0:
        told = f"{gone} of the selected {page.opts.verbose_name_plural} had been deleted meanwhile."
        page.message_user(request, told, messages.WARNING)


def _tell_changed(page: Any, request: HttpRequest, keys: list[Any]) -> bool:
    """Whether somebody changed one of the rows after the page that asked was opened."""
    seen = request.POST.get("seen", "")
    if not (seen.isascii() and seen.isdigit() and len(seen) <= 18):
        return False
    label = label_of(page.model)
    newer = Change.objects.filter(model=label, key__in=keys, pk__gt=int(seen), kind=Change.Kind.CHANGE)
    changes = [*newer.order_by("-pk")[:MAX_SHOWN]]
    names = page.model._base_manager.in_bulk({change.key for change in changes})
    for entry, change in zip(reading.entries(page.model, changes), changes, strict=True):
        who = "Somebody" if entry.who == reading.NOTHING else capfirst(entry.who)
        fields = ", ".join(field.label for field in entry.fields)
        told = f"Nothing was deleted. {who} has just changed “{names.get(change.key)}” ({fields}). Confirm again."
        page.message_user(request, told, messages.ERROR)
    return bool(changes)
