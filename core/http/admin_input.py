"""Checks the input of the admin's URLs and forms before it reaches a query."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.db.models import ForeignKey, ManyToManyField, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from core.admin.again import again
from core.admin.history import HistoryAdmin


class CheckedInputAdmin(HistoryAdmin):
    """The base of every ModelAdmin. Django itself accepts any lookup on the model's fields, and any text for a key."""

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """True for the lookups of the list's own links. Raises IncorrectLookupParameters, which shows the plain list.

        No page of the admin uses others. Some are slow (`name__regex`), some are not even valid (`pk__range`).
        """
        if lookup not in self._own_lookups(request):
            raise IncorrectLookupParameters(lookup)
        return True

    def _own_lookups(self, request: HttpRequest) -> Iterator[str]:
        for list_filter in self.get_list_filter(request):
            if not isinstance(list_filter, str):
                yield list_filter.parameter_name  # type: ignore[union-attr]
                continue
            field: Any = self.opts.get_field(list_filter)
            yield from (f"{list_filter}__exact", f"{list_filter}__isnull")
            if isinstance(field, ForeignKey | ManyToManyField):
                yield f"{list_filter}__{field.target_field.name}__exact"
        if self.date_hierarchy:
            yield from (f"{self.date_hierarchy}__{part}" for part in ("year", "month", "day"))

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        # Django does not handle a date or a number that is out of range. It is treated as a wrong filter.
        try:
            return super().get_changelist_instance(request)
        except OverflowError:
            raise IncorrectLookupParameters from None

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """As Django's; None also for a key that no row can have."""
        if from_field is None and not self._can_be_key(object_id):
            return None
        return super().get_object(request, object_id, from_field)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        view = partial(super().changeform_view, request, *args, **kwargs)
        return again(request, view) if request.method == "POST" else view()

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any], *args: Any) -> HttpResponse | None:
        if not all(map(self._can_be_key, request.POST.getlist(ACTION_CHECKBOX_NAME))):
            message = "Nothing was done: what was selected is not in this list. Choose again."
            self.message_user(request, message, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        return super().response_action(request, queryset, *args)

    def _can_be_key(self, text: str) -> bool:
        field: Any = self.opts.pk
        while field.is_relation:
            field = field.target_field
        try:
            field.run_validators(field.to_python(text))
        except ValidationError:
            return False
        return True
