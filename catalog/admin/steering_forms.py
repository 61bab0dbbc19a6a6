"""The forms of synonyms and search rules, and the list of products in the latter."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import ValidationError
from django.utils.datastructures import MultiValueDict

from catalog.models import Product, RuleProduct, SearchRule, Synonym
from catalog.search.steering.checks import MAX_HIDDEN, MAX_PINNED, rule_errors, synonym_errors
from catalog.search.steering.inputs import RuleInput, SynonymInput
from catalog.search.steering.models import MAX_TERM_LENGTH, RuleAction, RuleMatch, SynonymKind
from catalog.search.steering.services import conflict
from core.errors import FieldError

_ID = re.compile(r"[0-9]{1,18}")


class ProductFinder(AutocompleteSelect):
    """Django's autocomplete box for products. It is always empty, for what is chosen goes into a list."""

    def build_attrs(self, base_attrs: dict[str, Any], extra_attrs: dict[str, Any] | None = None) -> dict[str, Any]:
        return {**super().build_attrs(base_attrs, extra_attrs), "data-placeholder": "Find a product to add"}

    def optgroups(self, name: str, value: Sequence[str], attr: dict[str, Any] | None = None) -> Any:
        return [(None, [self.create_option(name, "", "", False, 0)], 0)]


class ProductsWidget(forms.Widget):
    """A list of products: a box finds and adds one; each can be moved, if their order counts, and taken out."""

    template_name = "catalog/products_widget.html"

    def __init__(self, *, is_ordered: bool) -> None:
        super().__init__()
        self.is_ordered = is_ordered
        self.finder = ProductFinder(RuleProduct._meta.get_field("product"), admin.site)

    @property
    def media(self) -> forms.Media:
        own = forms.Media(css={"all": ["catalog/steering.css"]}, js=["catalog/steering.js"])
        return self.finder.media + own

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        # A refused form is shown again with what was sent.
        ids = [int(pk) for pk in map(str, value or ()) if _ID.fullmatch(pk)][: MAX_PINNED + MAX_HIDDEN]
        products = Product.objects.only("name", "sku", "is_active").in_bulk(ids)
        finder_attrs = {"id": f"{context['widget']['attrs'].get('id', name)}_finder"}
        context["widget"] |= {
            "products": [products[pk] for pk in dict.fromkeys(ids) if pk in products],
            "is_ordered": self.is_ordered,
            "finder": self.finder.render(f"{name}_finder", None, finder_attrs),
        }
        return context

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        values: list[str] = data.getlist(name) if isinstance(data, MultiValueDict) else data.get(name, [])
        return values

    def id_for_label(self, id_: str) -> str:
        return f"{id_}_finder"


class ProductsField(forms.Field):
    """Product ids, in order."""

    def to_python(self, value: Any) -> list[int]:
        if not all(_ID.fullmatch(pk) for pk in value):
            raise ValidationError("This is not a product. Choose products from the box.")
        return [int(pk) for pk in value]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return [str(pk) for pk in initial or ()] != list(data or ())


class SteeringForm(forms.ModelForm):
    """The base of both forms. It refuses what the services refuse, and a row that others changed meanwhile."""

    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["version"].initial = self.instance.version

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.instance.pk and cleaned.get("version") != self.instance.version:
            self.add_error(None, str(conflict()))
        # Fields that are not even of their type have their error already.
        elif not self.errors:
            for error in self.mistakes():
                self.add_error(error.path[0] if error.path else None, error.message)
        return cleaned

    def mistakes(self) -> Iterable[FieldError]:
        raise NotImplementedError


class SynonymForm(SteeringForm):
    kind = forms.ChoiceField(choices=SynonymKind.choices, initial=SynonymKind.BOTH_WAYS, widget=forms.RadioSelect)

    class Meta:
        model = Synonym
        fields = ["kind", "term", "terms", "is_active"]
        widgets = {"terms": forms.Textarea(attrs={"rows": 6, "cols": 40, "class": "vLargeTextField"})}
        help_texts = {
            "term": "One way only: what shoppers type, such as “tv”. Leave it empty for both ways.",
            "terms": f"Each on a line of its own: a word or a few, at most {MAX_TERM_LENGTH} characters.",
        }

    def clean_terms(self) -> str:
        terms: str = self.cleaned_data["terms"]
        return "\n".join(line for line in terms.splitlines() if line.strip())

    @property
    def synonym(self) -> SynonymInput:
        """The synonym as typed. To be asked when the form is valid."""
        cleaned = self.cleaned_data
        return SynonymInput(
            kind=SynonymKind(cleaned["kind"]),
            term=cleaned["term"],
            terms=cleaned["terms"].splitlines(),
            is_active=cleaned["is_active"],
        )

    def mistakes(self) -> Iterable[FieldError]:
        return synonym_errors(self.synonym)

    @property
    def example(self) -> str:
        """A text that the synonym changes."""
        return self.synonym.term or self.synonym.terms[0]


class RuleForm(SteeringForm):
    match = forms.ChoiceField(
        label="When", choices=RuleMatch.choices, initial=RuleMatch.EQUALS, widget=forms.RadioSelect
    )
    pinned = ProductsField(
        label="Pin to the top",
        required=False,
        widget=ProductsWidget(is_ordered=True),
        help_text=f"At most {MAX_PINNED}, the first one on top. Drag them, or use the arrows.",
    )
    hidden = ProductsField(
        label="Hide",
        required=False,
        widget=ProductsWidget(is_ordered=False),
        help_text=f"At most {MAX_HIDDEN}. They are found by other texts only.",
    )

    class Meta:
        model = SearchRule
        fields = ["match", "query", "redirect", "is_active", "active_from", "active_until"]
        help_texts = {
            "query": "What shoppers type. Case, accents and punctuation do not count; plurals do.",
            "redirect": "The storefront gets the category beside the results, and may open it instead.",
            "active_from": "Empty: at once.",
            "active_until": "Empty: for good.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            stored = stored_rule(self.instance)
            self.fields["pinned"].initial, self.fields["hidden"].initial = stored.pinned, stored.hidden

    @property
    def rule(self) -> RuleInput:
        """The rule as typed. To be asked when the form is valid."""
        cleaned = self.cleaned_data
        return RuleInput(
            match=RuleMatch(cleaned["match"]),
            query=cleaned["query"],
            pinned=cleaned["pinned"],
            hidden=cleaned["hidden"],
            redirect=cleaned["redirect"].pk if cleaned["redirect"] else None,
            is_active=cleaned["is_active"],
            active_from=cleaned["active_from"],
            active_until=cleaned["active_until"],
        )

    def mistakes(self) -> Iterable[FieldError]:
        return rule_errors(self.rule)

    @property
    def example(self) -> str:
        """A text that the rule is for."""
        return self.rule.query


def stored_rule(rule: SearchRule) -> RuleInput:
    """The rule with its products, by one query."""
    products = rule.rule_products.filter(action__in=RuleAction.values)
    return RuleInput.of(rule, products.values_list("product_id", "action"))
