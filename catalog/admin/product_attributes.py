"""The attributes of a product in its page: rows of an attribute and a value, written as by the APIs."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import cached_property

from catalog import policy
from catalog.admin.named import CheckedAutocompleteSelect
from catalog.attributes.groups import options_clashes
from catalog.attributes.models import MAX_VALUES, VALUE_LENGTH, Attribute, AttributeKind, ProductAttribute, options_key
from catalog.attributes.options import options_of, values_of
from catalog.attributes.writing import AttributeInput, differs, resolve, stored_rows, write_options_keys, write_rows
from catalog.models import Product
from core.auth.admin import PolicyAdmin

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_BOOLEANS = {"yes": True, "no": False, "true": True, "false": False}


class AttributeSelect(CheckedAutocompleteSelect):
    """Django's autocomplete box for attributes. Its chosen ones are known without a query for each row."""

    known: dict[int, Attribute]

    def optgroups(self, name: str, value: Any, attr: dict[str, Any] | None = None) -> Any:
        options = [self.create_option(name, "", "", False, 0)]
        for pk in (int(text) for text in map(str, value) if text.isascii() and text.isdigit() and len(text) <= 18):
            if attribute := self.known.get(pk):
                option = self.create_option(name, str(pk), str(attribute), True, 1)
                option["attrs"] |= {"data-kind": attribute.kind, "data-unit": attribute.unit}
                options.append(option)
        return [(None, options, 0)]


class RowForm(forms.ModelForm):
    """One value of one attribute, typed as a text. The attribute's kind says how the text is read."""

    attribute = forms.CharField(required=False)
    text = forms.CharField(
        label="Value",
        required=False,
        max_length=VALUE_LENGTH,
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off", "aria-label": "Value"}),
    )
    known: dict[int, Attribute]
    given: AttributeInput | None = None

    class Meta:
        model = ProductAttribute
        fields: list[str] = []

    def clean_attribute(self) -> Attribute | None:
        text = self.cleaned_data["attribute"]
        if not text:
            return None
        attribute = self.known.get(int(text)) if text.isascii() and text.isdigit() and len(text) <= 18 else None
        if attribute is None:
            raise ValidationError("There is no such attribute. Choose another one.")
        return attribute

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        attribute, text = cleaned.get("attribute"), cleaned.get("text")
        if text and attribute is None and "attribute" not in self.errors:
            self.add_error("attribute", "Choose the attribute that has this value.")
        elif attribute is not None and "text" in cleaned:
            try:
                self.given = _parsed(attribute, text or "")
            except ValueError as error:
                self.add_error("text", str(error))
        return cleaned

    def _post_clean(self) -> None:
        # The formset checks all rows at once, and writes them.
        pass


def _parsed(attribute: Attribute, text: str) -> AttributeInput:
    """The typed value. Raises ValueError."""
    if not text:
        raise ValueError("Enter a value, or empty the row.")
    if attribute.kind == AttributeKind.TEXT:
        return AttributeInput(attribute.slug, text=text)
    if attribute.kind == AttributeKind.NUMBER:
        if not _NUMBER.fullmatch(text):
            raise ValueError("Enter a number, such as 40 or 1.5.")
        return AttributeInput(attribute.slug, number=Decimal(text))
    if text.casefold() not in _BOOLEANS:
        raise ValueError("Enter yes or no.")
    return AttributeInput(attribute.slug, boolean=_BOOLEANS[text.casefold()])


class AttributeFormSet(forms.BaseInlineFormSet):
    """All values of one product. They are replaced as a whole, so a row has no key of its own."""

    # Set by the inline. `original` is the product of which a variant is added.
    original: Product | None = None
    select: forms.Widget

    def __init__(self, data: Any = None, *args: Any, **kwargs: Any) -> None:
        self.known = {attribute.pk: attribute for attribute in Attribute.objects.all()}
        instance, prefix = kwargs.get("instance"), kwargs.get("prefix") or self.get_default_prefix()
        source = instance if instance is not None and instance.pk else self.original
        rows = values_of([source.pk])[source.pk] if source is not None else []
        self.stored = rows if source is instance else []
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
        """As Django's, with a digest of the values that the page shows: somebody else may change them meanwhile."""
        form = super().management_form
        form.fields["SEEN"] = forms.CharField(widget=forms.HiddenInput, required=False, initial=_digest(self.shown))
        return form

    @property
    def shown(self) -> set[tuple[int, str]]:
        """The stored values as the page shows them."""
        return {(row.attribute_id, row.text) for row in self.stored}

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
        rows: list[Any] = self.forms
        forms_given = [(form, form.given) for form in rows if form.given is not None]
        if any(form.errors for form in self.forms):
            return
        self._check_overtaken(
            {(form.cleaned_data["attribute"].pk, form.cleaned_data["text"]) for form in rows if form.given}
        )
        seen: set[Attribute] = set()
        for form, _ in forms_given:
            attribute = form.cleaned_data["attribute"]
            if attribute in seen and attribute.kind != AttributeKind.TEXT:
                form.add_error("text", f"There is another row of {attribute.name}: remove one of them.")
            seen.add(attribute)
        self.inputs = [given for _, given in forms_given]
        resolved = resolve({0: self.inputs}, create=False)
        for error in resolved.errors.get(0, ()):
            if not error.path:
                raise ValidationError(error.message)
            forms_given[int(error.path[0])][0].add_error("text", error.message)
        if 0 in resolved.rows:
            self._check_options(resolved.rows[0] if self.is_posted else self.stored)

    def _check_overtaken(self, posted: set[tuple[int, str]]) -> None:
        """Leaves values alone that were not edited. Raises ValidationError for an edit that somebody else overtook."""
        if not (seen := self.data.get(f"{self.prefix}-SEEN")) or not self.is_posted:
            return
        if _digest(posted) == seen:
            self.is_posted = False
        elif _digest(self.shown) != seen and posted != self.shown:
            raise ValidationError(
                "Somebody else has changed these attributes since you opened the page. Open it again to see them."
            )

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
        """Writes what differs, and tells the admin's history what it was."""
        self.new_objects, self.changed_objects, self.deleted_objects = [], [], []
        product: Product = self.instance
        if self.is_posted:
            rows = resolve({0: self.inputs}).rows[0]
            self.new_objects = [row for row in rows if differs(self.stored, [*self.stored, row])]
            self.deleted_objects = [row for row in self.stored if differs(rows, [*rows, row])]
            if write_rows({product.pk: rows}):
                product.save(update_fields=[])
        write_options_keys([product.pk])
        return self.new_objects


def _digest(values: Iterable[tuple[int, str]]) -> str:
    return blake2b(repr(sorted(values)).encode(), digest_size=16).hexdigest()


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
