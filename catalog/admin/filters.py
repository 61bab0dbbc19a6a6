"""The filters of the admin's list of products. None lists all rows of another table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import AutocompleteSelect
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest

from catalog.admin.named import CategorySelect, CheckedAutocompleteSelect
from catalog.attributes.models import Attribute, AttributeValue, ProductGroup
from catalog.category_tree import CategoryTree, path_text
from catalog.models import IN_STOCK, OUT_OF_STOCK, Brand, Product, ProductImage
from catalog.search.criteria import Range


class ChoiceFilter(admin.SimpleListFilter):
    """A filter that accepts only its choices. For other values Django shows the list without filters."""

    def value(self) -> str | None:
        # A box that is sent without a choice is an empty text.
        return super().value() or None

    def queryset(self, request: HttpRequest, queryset: QuerySet[Product]) -> QuerySet[Product] | None:
        value = self.value()
        if value is None:
            return None
        if value not in {str(choice) for choice, _ in self.lookup_choices}:
            raise IncorrectLookupParameters
        return queryset.filter(self.condition(value))

    def narrow(self, value: str) -> dict[str, Any]:
        """The fields of SearchCriteria that leave out nothing that meets the condition."""
        return {}

    def condition(self, value: str) -> Q:
        """The condition for one of the choices."""
        raise NotImplementedError


class LinkedFilter(ChoiceFilter):
    """A filter with so many choices that links alone set it, and that is shown only while it is set."""

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        value = self.value()
        if value is None:
            return []
        choice = self.choice(int(value)) if re.fullmatch(r"[0-9]{1,18}", value) else None
        if choice is None:
            raise IncorrectLookupParameters
        return [(value, choice)]

    def choice(self, pk: int) -> str | None:
        """What the row of this key is called, if there is one."""
        raise NotImplementedError


class KnownChoices(AutocompleteSelect):
    """Makes a box show the choice that its filter has read already."""

    def optgroups(self, name: str, value: Any, attr: Any = None) -> Any:
        options: list[Any] = [
            self.create_option(name, key, label, str(key) in value, index)
            for index, (key, label) in enumerate(self.choices)
        ]
        return [(None, options, 0)]


class FilterBox(KnownChoices, CheckedAutocompleteSelect):
    pass


class CategoryBox(KnownChoices, CategorySelect):
    pass


class BoxFilter(LinkedFilter):
    """A filter with a box that searches its choices. There may be any number of them."""

    template = "catalog/filter_box.html"
    # The foreign key whose rows are the choices.
    field: Any
    widget: type[KnownChoices] = FilterBox

    def has_output(self) -> bool:
        return True

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        value = self.value()
        attrs = {"id": f"filter-{self.parameter_name}", "style": "width: 100%", "data-placeholder": "Any"}
        widget = self.widget(self.field, admin.site, attrs=attrs)
        widget.is_required = False
        widget.choices = [("", ""), *self.lookup_choices]
        yield {
            "id": attrs["id"],
            "box": widget.render(str(self.parameter_name), value),
            "others": [(name, text) for name, text in changelist.params.items() if name != self.parameter_name],
            "clear": changelist.get_query_string(remove=[str(self.parameter_name)]) if value else None,
        }


class CategoryFilter(BoxFilter):
    """Products of a category and all below it."""

    title = "category"
    parameter_name = "category"
    field, widget = Product._meta.get_field("category"), CategoryBox

    def choice(self, pk: int) -> str | None:
        # Read once, for the label here and for the condition.
        self.tree = CategoryTree.load()
        category = self.tree.by_id.get(pk)
        return path_text(self.tree, category) if category else None

    def condition(self, value: str) -> Q:
        return Q(category__in=self.tree.subtree([int(value)]))

    def narrow(self, value: str) -> dict[str, Any]:
        return {"categories": frozenset([int(value)]), "category_subtree": self.tree.subtree([int(value)])}


class BrandFilter(BoxFilter):
    title = "brand"
    parameter_name = "brand"
    field = Product._meta.get_field("brand")

    def choice(self, pk: int) -> str | None:
        return Brand.objects.filter(pk=pk).values_list("name", flat=True).first()

    def condition(self, value: str) -> Q:
        return Q(brand=value)

    def narrow(self, value: str) -> dict[str, Any]:
        return {"brands": frozenset([int(value)])}


class AttributeFilter(BoxFilter):
    """Values of one attribute."""

    title = "attribute"
    parameter_name = "attribute"
    field = AttributeValue._meta.get_field("attribute")

    def choice(self, pk: int) -> str | None:
        return Attribute.objects.filter(pk=pk).values_list("name", flat=True).first()

    def condition(self, value: str) -> Q:
        return Q(attribute=value)


class GroupFilter(LinkedFilter):
    """Products of a group."""

    title = "group"
    parameter_name = "group"

    def choice(self, pk: int) -> str | None:
        return ProductGroup.objects.filter(pk=pk).values_list("name", flat=True).first()

    def condition(self, value: str) -> Q:
        return Q(group=value)


class ValueFilter(LinkedFilter):
    """Products with a value of a TEXT attribute."""

    title = "attribute"
    parameter_name = "value"

    def choice(self, pk: int) -> str | None:
        value = AttributeValue.objects.select_related("attribute").filter(pk=pk).first()
        return None if value is None else f"{value.attribute.name}: {value.text}"

    def condition(self, value: str) -> Q:
        return Q(attribute_rows__value=value)


class StockFilter(ChoiceFilter):
    title = "stock"
    parameter_name = "stock"
    MAX_LOW = 5

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        low = f"Low (1 to {self.MAX_LOW})"
        return [("some", "In stock"), ("low", low), ("none", "Sold out"), ("unlimited", "Unlimited")]

    def condition(self, value: str) -> Q:
        conditions = {
            "some": IN_STOCK,
            "low": Q(quantity__range=(1, self.MAX_LOW), unlimited_stock=False),
            "none": OUT_OF_STOCK,
            "unlimited": Q(unlimited_stock=True),
        }
        return conditions[value]

    def narrow(self, value: str) -> dict[str, Any]:
        fields: dict[str, dict[str, Any]] = {
            "some": {"in_stock": True},
            "low": {"quantity": Range(1, self.MAX_LOW)},
            "none": {"in_stock": False},
        }
        return fields.get(value, {})


class SaleFilter(ChoiceFilter):
    title = "reduced"
    parameter_name = "sale"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [("yes", "On sale")]

    def condition(self, value: str) -> Q:
        return Q(compare_at_price__isnull=False)

    def narrow(self, value: str) -> dict[str, Any]:
        return {"on_sale": True}


class PictureFilter(ChoiceFilter):
    title = "pictures"
    parameter_name = "pictures"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [("none", "Without a picture"), ("some", "With pictures")]

    def condition(self, value: str) -> Q:
        has_images = Exists(ProductImage.objects.filter(product=OuterRef("pk")))
        return Q(~has_images if value == "none" else has_images)


class RatingFilter(ChoiceFilter):
    title = "rating"
    parameter_name = "rating"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [*((str(stars), f"{stars} and up") for stars in (4, 3, 2, 1)), ("none", "Unrated")]

    def condition(self, value: str) -> Q:
        # Of this column there is an index. It is below 0 without a rating.
        return Q(rating_low__lt=0) if value == "none" else Q(rating_low__gte=int(value))

    def narrow(self, value: str) -> dict[str, Any]:
        return {} if value == "none" else {"rating": Range(float(value), None)}
