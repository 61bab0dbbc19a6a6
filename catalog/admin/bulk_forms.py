"""The forms of bulk changes: the category, the brand, and how prices change."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin

from catalog.admin.named import CategoryField, CategorySelect, CheckedAutocompleteSelect
from catalog.bulk.models import BulkChange, Kind
from catalog.bulk.prices import MAX_PERCENT, MIN_PERCENT, Direction, roundings
from catalog.bulk.rules import PriceBefore
from catalog.models import Brand, Category, Product


class MoveForm(forms.Form):
    place: forms.ModelChoiceField[Any] = CategoryField(
        label="Category",
        queryset=Category.objects.all(),
        widget=CategorySelect(Product._meta.get_field("category"), admin.site),
        error_messages={"required": "Choose one."},
    )

    @property
    def options(self) -> dict[str, Any]:
        """As catalog.bulk.rules.rule_of takes them. To be asked when the form is valid."""
        place = self.cleaned_data["place"]
        return {"id": place.pk, "name": place.name}

    @staticmethod
    def initial_of(options: dict[str, Any]) -> dict[str, Any]:
        """What the form shows of these options."""
        return {"place": options["id"]}


class BrandForm(MoveForm):
    place: forms.ModelChoiceField[Any] = forms.ModelChoiceField(
        label="Brand",
        queryset=Brand.objects.all(),
        widget=CheckedAutocompleteSelect(Product._meta.get_field("brand"), admin.site),
        error_messages={"required": "Choose one."},
    )


class PriceForm(forms.Form):
    way = forms.ChoiceField(label="Prices", choices=[("lower", "Lower"), ("raise", "Raise")], widget=forms.RadioSelect)
    percent = forms.DecimalField(label="By percent", min_value=0, max_value=MAX_PERCENT, max_digits=6, decimal_places=2)
    rounding = forms.ChoiceField(label="Round to")
    direction = forms.ChoiceField(label="Round", choices=Direction.choices)
    before = forms.ChoiceField(label="Price before", choices=PriceBefore.choices, widget=forms.RadioSelect)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(rounding.key, str(rounding)) for rounding in roundings()]
        self.fields["rounding"].choices = choices  # type: ignore[attr-defined]
        self.initial = {
            **{"way": "lower", "rounding": choices[0][0], "direction": Direction.NEAREST, "before": PriceBefore.KEEP},
            **self.initial,
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        percent = cleaned.get("percent")
        if percent is not None and cleaned.get("way") == "lower" and -percent < MIN_PERCENT:
            self.add_error("percent", f"At most {-MIN_PERCENT} %: no price is lowered to nothing.")
        return cleaned

    @property
    def options(self) -> dict[str, Any]:
        """As catalog.bulk.rules.PriceOptions takes them. To be asked when the form is valid."""
        given = self.cleaned_data
        percent = -given["percent"] if given["way"] == "lower" else given["percent"]
        return {"percent": str(percent), **{name: given[name] for name in ("rounding", "direction", "before")}}

    @staticmethod
    def initial_of(options: dict[str, Any]) -> dict[str, Any]:
        """What the form shows of these options."""
        percent = Decimal(options["percent"])
        return {**options, "way": "lower" if percent < 0 else "raise", "percent": abs(percent)}


FORMS: dict[Kind, type[MoveForm | PriceForm]] = {
    Kind.MOVE: MoveForm,
    Kind.SET_BRAND: BrandForm,
    Kind.CHANGE_PRICES: PriceForm,
}


def form_of(change: BulkChange, data: Any = None) -> MoveForm | PriceForm | None:
    """The form of what a draft will do, with what is chosen already; None when there is nothing to choose."""
    form = FORMS.get(Kind(change.kind))
    if form is None:
        return None
    return form(data, initial=form.initial_of(change.options) if change.is_chosen else None)
