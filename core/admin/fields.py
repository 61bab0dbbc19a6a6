"""The field of a form that knows which value its page showed. core.admin.versions says what for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.forms.boundfield import BoundField
from django.forms.models import ModelChoiceField, ModelMultipleChoiceField
from django.forms.utils import flatatt
from django.utils.functional import cached_property
from django.utils.html import format_html

if TYPE_CHECKING:
    from core.admin.versions import VersionedForm

_UNREADABLE = object()


class VersionedField(BoundField):
    """A field with the value that the page showed, as JSON in a hidden input beside it."""

    form: VersionedForm

    def as_hidden(self, attrs: Any = None, **kwargs: Any) -> Any:
        if not (kwargs.get("only_initial") and self.form.is_versioned):
            return super().as_hidden(attrs, **kwargs)
        value = self.current
        is_told = self.name in self.form.conflicts or self.name in self.form.overtaken
        if self.form.is_bound and self.seen is not _UNREADABLE and not is_told:
            # The page is shown again. What was edited is still an edit of what it showed before.
            value = self.seen
        text = json.dumps(value, cls=DjangoJSONEncoder)
        attrs = flatatt({"id": self.html_initial_id} if self.auto_id else {})
        # A template for each would take most of the time of a list that is edited in place.
        return format_html('<input type="hidden" name="{}" value="{}"{}>', self.html_initial_name, text, attrs)

    def value(self) -> Any:
        """As Django's; what somebody else has changed is shown as it is now when the page is shown again."""
        return self.field.prepare_value(self.initial) if self.name in self.form.overtaken else super().value()

    @property
    def current(self) -> Any:
        """The stored value as a form posts it: a text, a list of texts, a boolean or None."""
        value = self.field.prepare_value(self.initial)
        if isinstance(self.field, forms.MultiValueField):
            value = self.field.widget.decompress(value)
        if isinstance(value, models.QuerySet | list | tuple | set):
            return [getattr(item, "pk", item) for item in value]
        return value

    @cached_property
    def seen(self) -> Any:
        """The value that the page showed; _UNREADABLE where the page sent none."""
        try:
            value = json.loads(self.form.data.get(self.html_initial_name, ""))
        except (ValueError, TypeError, RecursionError):
            return _UNREADABLE
        return value if _fits(self.field, value) else _UNREADABLE

    def differs(self, value: Any, data: Any) -> bool:
        """Whether the data are another value, in whatever form either is written."""
        field = self.field
        if not isinstance(field, ModelChoiceField | forms.MultiValueField):
            try:
                value = field.to_python(value)
            except (ValidationError, TypeError, ValueError):
                return True
        if isinstance(value, str) and isinstance(data, str):
            # Browsers send the lines of a text with other ends than they got.
            value, data = one_line_end(value), one_line_end(data)
        return field.has_changed(value, data)

    @property
    def is_overtaken(self) -> bool:
        """Whether the stored value is no longer the one that the page showed."""
        return self.seen is not _UNREADABLE and self.differs(self.current, self.seen)

    def _has_changed(self) -> bool:
        if not (self.form.is_versioned and self.field.show_hidden_initial):
            return super()._has_changed()  # type: ignore[misc, no-any-return]
        return self.differs(self.current if self.seen is _UNREADABLE else self.seen, self.data)


def _fits(field: forms.Field, value: Any) -> bool:
    """Whether the value has the shape that a page sends for such a field. Whoever forges one gets no error of ours."""
    if isinstance(field, forms.MultiValueField):
        return (
            isinstance(value, list)
            and len(value) == len(field.fields)
            and all(item is None or isinstance(item, str) for item in value)
        )
    if isinstance(field, ModelMultipleChoiceField):
        return isinstance(value, list) and all(isinstance(item, str | int) for item in value)
    return value is None or isinstance(value, str | int | float)


def one_line_end(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
