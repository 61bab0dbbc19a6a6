"""A row of an attribute and a value in a product's page, and what rows say as texts."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from catalog.admin.named import CheckedAutocompleteSelect
from catalog.attributes.models import VALUE_LENGTH, Attribute, AttributeKind, ProductAttribute
from catalog.attributes.writing import AttributeInput

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
# By the key of an attribute: the texts of its rows.
Texts = dict[int, set[str]]
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


def texts_of(pairs: Iterable[tuple[int, str]]) -> Texts:
    texts: Texts = defaultdict(set)
    for attribute, text in pairs:
        texts[attribute].add(text)
    return dict(texts)


def json_of(texts: Texts) -> str:
    return json.dumps(sorted((attribute, text) for attribute, some in texts.items() for text in some))


def input_of(row: ProductAttribute) -> AttributeInput:
    text = row.value.text if row.value else None
    return AttributeInput(row.attribute.slug, text=text, number=row.number, boolean=row.boolean)
