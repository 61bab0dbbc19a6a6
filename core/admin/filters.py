"""Filters that lists of several apps share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Q, QuerySet
from django.http import HttpRequest


class WaitingFilter(admin.SimpleListFilter):
    """What waits for a person, by the conditions of the front page: its links set this filter."""

    title = "waiting for you"
    parameter_name = "waiting"
    # By the parameter's value: what the filter calls it, and its condition.
    choices_by_value: ClassVar[dict[str, tuple[str, Callable[[], Q]]]]

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [(value, label) for value, (label, _) in self.choices_by_value.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        value = self.value()
        if value is None:
            return None
        if value not in self.choices_by_value:
            raise IncorrectLookupParameters
        return queryset.filter(self.choices_by_value[value][1]())
