"""The filters of the admin's list of products, and the indented list of categories."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from catalog.attributes.models import Attribute, AttributeKind, AttributeValue, ProductGroup
from catalog.category_tree import CategoryTree
from catalog.models import IN_STOCK, OUT_OF_STOCK, Category, Product

INDENT = "\N{EM SPACE}"


def walk(tree: CategoryTree) -> Iterator[tuple[Category, int]]:
    """Every category with its depth (0 for a root), parents before children. Categories in a cycle come last."""
    visited: set[int] = set()
    waiting = [(root, 0) for root in reversed(tree.children(None))]
    while waiting:
        category, depth = waiting.pop()
        visited.add(category.pk)
        yield category, depth
        waiting += [(child, depth + 1) for child in reversed(tree.children(category.pk))]
    yield from ((category, 0) for category in tree.by_id.values() if category.pk not in visited)


class ChoiceFilter(admin.SimpleListFilter):
    """A filter that accepts only its choices. For other values Django shows the list without filters."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Product]) -> QuerySet[Product] | None:
        value = self.value()
        if value is None:
            return None
        if value not in {str(choice) for choice, _ in self.lookup_choices}:
            raise IncorrectLookupParameters
        return queryset.filter(self.condition(value))

    def condition(self, value: str) -> Q:
        """The condition for one of the choices."""
        raise NotImplementedError


class CategoryFilter(ChoiceFilter):
    """Products of a category and all below it."""

    title = "category"
    parameter_name = "category"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        # Read once, for the choices here and for the condition.
        self.tree = CategoryTree.load()
        return [(str(category.pk), f"{INDENT * depth}{category.name}") for category, depth in walk(self.tree)]

    def condition(self, value: str) -> Q:
        return Q(category__in=self.tree.subtree([int(value)]))


class AttributeFilter(ChoiceFilter):
    """Values of one attribute."""

    title = "attribute"
    parameter_name = "attribute"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        attributes = Attribute.objects.filter(kind=AttributeKind.TEXT)
        return [(str(attribute.pk), attribute.name) for attribute in attributes]

    def condition(self, value: str) -> Q:
        return Q(attribute=value)


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


class RatingFilter(ChoiceFilter):
    title = "rating"
    parameter_name = "rating"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [*((str(stars), f"{stars} and up") for stars in (4, 3, 2, 1)), ("none", "Unrated")]

    def condition(self, value: str) -> Q:
        return Q(rating=None) if value == "none" else Q(rating__gte=int(value))
