"""The attributes of a product in its page: rows of an attribute and a value, written as by the APIs."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import cached_property

from catalog import policy
from catalog.admin.attribute_rows import AttributeSelect, RowForm, Texts, input_of, json_of, texts_of
from catalog.attributes.groups import options_clashes
from catalog.attributes.models import MAX_VALUES, Attribute, AttributeKind, ProductAttribute, options_key
from catalog.attributes.options import options_of, values_of
from catalog.attributes.recording import PREFIX
from catalog.attributes.writing import differs, resolve, stored_rows, write_options_keys, write_rows
from catalog.models import Product
from core.admin.versions import changed_by, last_changes, quoted
from core.auth.admin import PolicyAdmin
from core.history.reading import NOTHING


class AttributeFormSet(forms.BaseInlineFormSet):
    """All values of one product. Those of an attribute are replaced as a whole, so a row has no key of its own."""

    # Set by the inline. `original` is the product of which a variant is added.
    original: Product | None = None
    select: forms.Widget

    def __init__(self, data: Any = None, *args: Any, **kwargs: Any) -> None:
        self.known = {attribute.pk: attribute for attribute in Attribute.objects.all()}
        instance, prefix = kwargs.get("instance"), kwargs.get("prefix") or self.get_default_prefix()
        source = instance if instance is not None and instance.pk else self.original
        rows = values_of([source.pk])[source.pk] if source is not None else []
        self.stored = rows if source is instance else []
        # The attributes that others alone have changed: they stay as they are.
        self.overtaken: set[int] = set()
        self.is_of_new_product = instance is None or instance.pk is None
        # A page that is posted without the rows leaves the values as they are.
        self.is_posted = data is None or f"{prefix}-TOTAL_FORMS" in data
        if data is None:
            kwargs["initial"] = self._initial(rows)
            self.extra = len(kwargs["initial"]) + 1
        elif not self.is_posted:
            data = data.copy()
            data.update({f"{prefix}-TOTAL_FORMS": "0", f"{prefix}-INITIAL_FORMS": "0"})
        kwargs["queryset"] = ProductAttribute.objects.none()
        super().__init__(data, *args, **kwargs)

    @cached_property
    def management_form(self) -> Any:
        """As Django's, with the values that the page shows: somebody else may change them meanwhile."""
        form = super().management_form
        form.fields["SEEN"] = forms.CharField(widget=forms.HiddenInput, required=False, initial=json_of(self.shown))
        return form

    @property
    def shown(self) -> Texts:
        """The stored values as the page shows them."""
        return texts_of((row.attribute_id, row.text) for row in self.stored)

    @cached_property
    def seen(self) -> Texts:
        """The values that the page showed; the stored ones where it sent none."""
        try:
            pairs = json.loads(self.data.get(f"{self.prefix}-SEEN", ""))
            return texts_of((int(attribute), str(text)) for attribute, text in pairs)
        except (ValueError, TypeError, OverflowError, RecursionError):
            return self.shown

    def _initial(self, rows: Collection[ProductAttribute]) -> list[dict[str, Any]]:
        """The rows to show. In a variant of a group's product the options are to be filled in."""
        options: Collection[Attribute] = ()
        if self.original is not None and self.original.group_id is not None:
            options = options_of([self.original.group_id])[self.original.group_id]
        initial: dict[tuple[int, str], dict[str, Any]] = {}
        for row in rows:
            text = "" if row.attribute in options else row.text
            initial[row.attribute_id, text] = {"attribute": row.attribute_id, "text": text}
        return [*initial.values()]

    def initial_form_count(self) -> int:
        return 0

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        form.known = self.known
        form.fields["attribute"].widget = select = _copied(self.select)
        _inner(select).known = self.known

    def clean(self) -> None:
        rows: list[Any] = [form for form in self.forms if form.given is not None]  # type: ignore[attr-defined]
        if any(form.errors for form in self.forms):
            return
        edited = self._edited(texts_of((form.cleaned_data["attribute"].pk, form.cleaned_data["text"]) for form in rows))
        rows = [form for form in rows if form.cleaned_data["attribute"].pk in edited]
        single: set[Attribute] = set()
        for form in rows:
            attribute = form.cleaned_data["attribute"]
            if attribute in single and attribute.kind != AttributeKind.TEXT:
                form.add_error("text", f"There is another row of {attribute.name}: remove one of them.")
            single.add(attribute)
        kept = [row for row in self.stored if row.attribute_id not in edited]
        self.inputs = [*(form.given for form in rows), *map(input_of, kept)]
        resolved = resolve({0: self.inputs}, create=False)
        for error in resolved.errors.get(0, ()):
            place = int(error.path[0]) if error.path else len(rows)
            if place >= len(rows):
                raise ValidationError(error.message)
            rows[place].add_error("text", error.message)
        if 0 in resolved.rows:
            self._check_options(resolved.rows[0] if self.is_posted else self.stored)

    def _edited(self, posted: Texts) -> set[int]:
        """The attributes that were edited: all others keep what they have by now.

        Raises ValidationError, once, for those that somebody else has edited meanwhile, too.
        """
        if not self.is_posted:
            return set()
        now, seen = self.shown, self.seen
        edited = {pk for pk in {**seen, **posted} if posted.get(pk) != seen.get(pk)}
        changed = {pk for pk in {**seen, **now} if now.get(pk) != seen.get(pk)}
        self.is_posted = bool(edited)
        self.overtaken = changed - edited
        conflicts = {pk for pk in changed & edited if now.get(pk) != posted.get(pk)}
        if conflicts:
            # Saving the page that is shown now overwrites them.
            told = {pk: texts for pk in {**seen, **now} if (texts := (now if pk in conflicts else seen).get(pk))}
            data: Any = self.data
            self.management_form.data = data = data.copy()
            data[f"{self.prefix}-SEEN"] = json_of(told)
            ending = "Your values stand here: save again to put them in their place."
            raise ValidationError([f"{sentence} {ending}" for sentence in self._told(conflicts)])
        return edited

    def news(self) -> list[str]:
        """A sentence for each attribute that others alone have changed since the page was opened."""
        return [f"{sentence} It stays so." for sentence in self._told(self.overtaken)]

    def _told(self, attributes: Collection[int]) -> Iterable[str]:
        """For each attribute who has changed it, and what it is now."""
        names = {pk: self.known[pk].name for pk in sorted(attributes) if pk in self.known}
        changes = last_changes(Product, self.instance.pk, [f"{PREFIX}{name}" for name in names.values()])
        for pk, name in names.items():
            entry, _ = changes.get(f"{PREFIX}{name}", (None, None))
            now = quoted(", ".join(sorted(self.shown.get(pk, ()))) or NOTHING)
            yield f"{name}: {changed_by(entry)} It is now: {now}."

    def _check_options(self, rows: list[ProductAttribute]) -> None:
        """Raises ValidationError when another product of the group has the same options."""
        product: Product = self.instance
        other = None
        if product.group_id is not None:
            clashes = options_clashes(product.group_id, {product.pk or 0: rows})
            other = Product.objects.only("name").get(pk=clashes[0][0]) if clashes else None
        elif self.original is not None and not self.original.group_id:
            stored = stored_rows([self.original.pk])[self.original.pk]
            other = self.original if options_key(stored) == options_key(rows) else None
        if other is not None:
            raise ValidationError(
                f"“{other.name}” of the same group has the same values. Change at least one, such as the size."
            )

    def validate_unique(self) -> None:
        """Rows that are there twice are one."""

    def save(self, commit: bool = True) -> Any:
        """Writes what differs."""
        self.new_objects, self.changed_objects, self.deleted_objects = [], [], []
        product: Product = self.instance
        if self.is_posted:
            rows = resolve({0: self.inputs}).rows[0]
            self.new_objects = [row for row in rows if differs(self.stored, [*self.stored, row])]
            self.deleted_objects = [row for row in self.stored if differs(rows, [*rows, row])]
            write_rows({product.pk: rows}, new_products=[product.pk] if self.is_of_new_product else ())
        write_options_keys([product.pk])
        return self.new_objects


def _copied(widget: forms.Widget) -> Any:
    # A copy of the wrapper copies the box within.
    return widget.__deepcopy__({})


def _inner(widget: Any) -> AttributeSelect:
    inner: AttributeSelect = getattr(widget, "widget", widget)
    return inner


class AttributeInline(PolicyAdmin, admin.TabularInline):
    """A product's attributes in its page. They are part of the product: whoever may change it may change them."""

    model = ProductAttribute
    form = RowForm
    formset = AttributeFormSet
    fields = ["attribute", "text"]
    max_num = MAX_VALUES
    verbose_name = "attribute"
    verbose_name_plural = "attributes"

    class Media:
        css = {"all": ["catalog/attributes.css"]}
        js = ["catalog/attributes.js"]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return (policy.CREATE_PRODUCTS if obj is None else policy.CHANGE_PRODUCTS).is_held_by(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """A formset class with the box for attributes, which can add one, and the product that is copied."""
        field: Any = ProductAttribute._meta.get_field("attribute")
        suggestions = reverse("admin:catalog_attribute_suggestions", args=[0])
        select = AttributeSelect(
            field, self.admin_site, attrs={"aria-label": "Attribute", "data-suggestions": suggestions}
        )
        may_add = policy.CREATE_ATTRIBUTES.is_held_by(request.user)
        wrapped = RelatedFieldWidgetWrapper(select, field.remote_field, self.admin_site, can_add_related=may_add)
        formset = super().get_formset(request, obj, **kwargs)
        original = getattr(request, "variant_of", None)
        return type(formset.__name__, (formset,), {"select": wrapped, "original": original})
