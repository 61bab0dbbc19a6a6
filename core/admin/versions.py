"""Forms that overwrite nothing silently: each field carries the value that the page showed.

Only fields that were edited are written. A field that somebody else has changed meanwhile, too, is refused once, with
both values; saving again overwrites it. `VersionedForm` works in a ModelAdmin and in the rows of a list that is edited
in place (`get_changelist_form`); `VersionedAdmin` locks what is checked until it is saved.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import QuerySet
from django.forms.models import BaseModelFormSet, ModelChoiceField, ModelMultipleChoiceField
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.text import capfirst

from core.admin.again import again
from core.admin.deletion import DeletionAdmin
from core.admin.fields import VersionedField, one_line_end
from core.history import reading
from core.history.models import Change
from core.history.reading import Entry, FieldChange

# Characters of a value that a message shows.
MAX_SHOWN = 80
# Changes of a row that are looked through for who changed a field.
MAX_CHANGES = 50
# Rows of a list that were deleted while it was edited, which are told one by one.
MAX_GONE_TOLD = 10


class VersionedForm(forms.ModelForm):
    """A ModelForm that writes only what was edited, and never over what somebody else wrote meanwhile."""

    bound_field_class = VersionedField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conflicts: set[str] = set()
        # The fields that others alone have changed: they stay as they are.
        self.overtaken: list[str] = []
        self.is_versioned = self.instance.pk is not None
        if self.is_versioned:
            stored = {field.name for field in self._meta.model._meta.get_fields()}
            for name, field in self.fields.items():
                field.show_hidden_initial = name in stored and not field.disabled

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.is_versioned:
            return cleaned
        edited = {*self.changed_data}
        for name in [*cleaned]:
            bound: Any = self[name]
            if not bound.field.show_hidden_initial:
                continue
            if name not in edited:
                self._keep(cleaned, name)
            elif isinstance(cleaned[name], str):
                cleaned[name] = one_line_end(cleaned[name])
        for name in self.fields:
            bound = self[name]
            if not bound.field.show_hidden_initial or not bound.is_overtaken:
                continue
            if name not in edited:
                self.overtaken.append(name)
            elif bound.differs(bound.current, bound.data):
                self.conflicts.add(name)
        for name in self.conflicts:
            self.add_error(name, ValidationError(self._conflict(name), code="conflict"))
        return cleaned

    def _keep(self, cleaned: dict[str, Any], name: str) -> None:
        """What was not edited stays as it is by now."""
        field = self._meta.model._meta.get_field(name)
        if field.many_to_many:
            del cleaned[name]
        else:
            cleaned[name] = getattr(self.instance, name)

    @cached_property
    def others_changes(self) -> dict[str, tuple[Entry, FieldChange]]:
        """The last change of each field that others changed, by name. One query or two."""
        return last_changes(type(self.instance), self.instance.pk, {*self.conflicts, *self.overtaken})

    def _conflict(self, name: str) -> str:
        entry, change = self.others_changes.get(name, (None, None))
        bound: Any = self[name]
        now = (
            f"It is now: {quoted(change.new)}."
            if change and not isinstance(bound.field, ModelMultipleChoiceField)
            else f"It is now: {quoted(self._shown(bound.current, bound))}."
        )
        return f"{changed_by(entry)} {now} Your value stands here: save again to put it in its place."

    def _shown(self, value: Any, bound: Any) -> str:
        if isinstance(bound.field, ModelMultipleChoiceField):
            # The history has only what was gained or lost.
            return reading.shown(", ".join(sorted(map(str, getattr(self.instance, bound.name).all()))))
        if isinstance(bound.field, ModelChoiceField) and not isinstance(value, list):
            value = getattr(self.instance, bound.name, value)
            return reading.shown(value and str(value))
        return ", ".join(map(str, value)) if isinstance(value, list) else reading.shown(value)

    def news(self) -> list[str]:
        """A sentence for each field that others alone have changed since the page was opened."""
        sentences = []
        for name in self.overtaken:
            entry, change = self.others_changes.get(name, (None, None))
            bound: Any = self[name]
            is_one = change is not None and not isinstance(bound.field, ModelMultipleChoiceField)
            now = change.new if change is not None and is_one else self._shown(bound.current, bound)
            sentences.append(f"{capfirst(bound.label)}: {changed_by(entry, short=True)} to {quoted(now)}. It stays so.")
        return sentences


def last_changes(model: type[models.Model], key: Any, names: Collection[str]) -> dict[str, tuple[Entry, FieldChange]]:
    """The last recorded change of each of these fields of a row. Two queries."""
    changes: dict[str, Change] = {}
    for change in reading.changes_of(model, key)[:MAX_CHANGES] if names else ():
        for name in {*names} & change.changes.keys() - changes.keys():
            changes[name] = change
    by_id = {entry.id: entry for entry in reading.entries(model, {c.pk: c for c in changes.values()}.values())}
    return {
        name: (entry := by_id[change.pk], next(field for field in entry.fields if field.name == name))
        for name, change in changes.items()
    }


def deletion_of(model: type[models.Model], key: str) -> str | None:
    """Who deleted a row, and when; None when no deletion is recorded."""
    deletion = None
    if key.isascii() and key.isdigit() and len(key) <= 18:
        deletion = reading.changes_of(model, key).filter(kind=Change.Kind.DELETE).first()
    if deletion is None:
        return None
    entry = reading.entries(model, [deletion])[0]
    who = "Somebody" if entry.who == reading.NOTHING else capfirst(entry.who)
    name = next((field.old for field in entry.fields if field.name == "name"), f"{model._meta.verbose_name} {key}")
    return f"{who} deleted {quoted(name)} at {moment(entry.at)}."


def changed_by(entry: Entry | None, *, short: bool = False) -> str:
    """Who changed something since the page was opened, and when."""
    who = "somebody else" if entry is None or entry.who == reading.NOTHING else entry.who
    when = f" at {moment(entry.at)}" if entry else ""
    by = f" by {entry.by}" if entry and entry.by != "admin" else ""
    if short:
        return f"{who} has changed this{by}{when}"
    return f"{capfirst(who)} has changed this{by}{when}, after you opened the page."


def moment(at: datetime) -> str:
    """As every page of the admin writes a moment."""
    return date_format(timezone.localtime(at), "DATETIME_FORMAT")


def quoted(text: str) -> str:
    return f"“{text if len(text) <= MAX_SHOWN else f'{text[: MAX_SHOWN - 1]}…'}”"


class RowFormSet(BaseModelFormSet):
    """Rows of a list that are edited in place. One that was deleted meanwhile is left out; the others are saved."""

    @cached_property
    def forms(self) -> list[Any]:
        return [form for form in super().forms if not self.is_bound or form.instance.pk is not None]


class VersionedAdmin(DeletionAdmin):
    """Its forms must be VersionedForms. What they check is locked until it is saved.

    A row that was deleted, or changed before a deletion was confirmed, is told.
    """

    form = VersionedForm
    delete_confirmation_template = "core/delete_confirmation.html"

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        row = super().get_object(request, object_id, from_field)
        if row is None or request.method != "POST" or not transaction.get_connection().in_atomic_block:
            return row
        # Locked, and read again: it may have changed between both.
        if self.model._base_manager.select_for_update().filter(pk=row.pk).values_list("pk").first() is None:
            return None
        return super().get_object(request, object_id, from_field)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method == "POST" and "_save" in request.POST:
            # Django checks the rows outside of the transaction that saves them.
            response = again(request, partial(super().changelist_view, request, extra_context))
            rows = getattr(response, "context_data", {}).get("cl")
            if rows is not None and rows.formset is not None:
                # The rows of the forms, in their order: the list may have others by now.
                rows.result_list = [form.instance for form in rows.formset.forms]
            return response
        return super().changelist_view(request, extra_context)

    def _get_list_editable_queryset(self, request: HttpRequest, prefix: str) -> QuerySet[Any]:
        posted = self._get_edited_object_pks(request, prefix)
        keys = [int(key) for key in posted if key.isascii() and key.isdigit() and len(key) <= 18]
        rows: QuerySet[Any] = self.get_queryset(request).filter(pk__in=keys)
        found = {
            *self.model._base_manager.select_for_update()
            .filter(pk__in=rows.values("pk"))
            .order_by("pk")
            .values_list("pk", flat=True)
        }
        known = {str(key) for key in found}
        gone = [key for key in posted if key not in known]
        for key in gone[:MAX_GONE_TOLD]:
            told = deletion_of(self.model, key) or f"The {self.opts.verbose_name} {quoted(key)} is not there any more."
            self.message_user(request, f"{told} Nothing was saved of it.", messages.ERROR)
        if len(gone) > MAX_GONE_TOLD:
            told = f"{len(gone) - MAX_GONE_TOLD} other rows were deleted, too. Nothing was saved of them."
            self.message_user(request, told, messages.ERROR)
        return rows

    def get_changelist_formset(self, request: HttpRequest, **kwargs: Any) -> Any:
        return super().get_changelist_formset(request, **{"formset": RowFormSet, **kwargs})

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        return super().get_changelist_form(request, **{"form": VersionedForm, **kwargs})

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Writes only what was edited."""
        if isinstance(form, VersionedForm):
            for sentence in form.news():
                self.message_user(request, sentence, messages.WARNING)
        if not change or form.changed_data:
            super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        for formset in formsets:
            for sentence in getattr(formset, "news", list)():
                self.message_user(request, sentence, messages.WARNING)
        super().save_related(request, form, formsets, change)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        form = context["adminform"].form
        if request.method == "POST" and isinstance(form, VersionedForm):
            for sentence in form.news():
                self.message_user(request, sentence, messages.WARNING)
        return super().render_change_form(request, context, *args, **kwargs)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        return again(request, partial(self._checked_deletion, request, object_id, extra_context))

    def _checked_deletion(self, request: HttpRequest, object_id: str, extra_context: Any) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        version = reading.version_of(self.model, row.pk) if row is not None else 0
        seen = request.POST.get("version", "")
        if row is not None and seen.isdigit() and seen != str(version):
            newer = reading.changes_of(self.model, row.pk).filter(kind=Change.Kind.CHANGE).first()
            entry = reading.entries(self.model, [newer])[0] if newer is not None else None
            fields = f" ({', '.join(field.label for field in entry.fields)})" if entry else ""
            told = f"Nothing was deleted. {changed_by(entry)}{fields} Look at it, and confirm again."
            self.message_user(request, told, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        return super().delete_view(request, object_id, {**(extra_context or {}), "version": version})

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:
        told = deletion_of(self.model, unquote(object_id))
        if told is None:
            return super()._get_obj_does_not_exist_redirect(request, opts, object_id)  # type: ignore[misc, no-any-return]
        self.message_user(request, told + (" Nothing was saved." if request.method == "POST" else ""), messages.ERROR)
        return HttpResponseRedirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"))
