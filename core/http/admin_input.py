"""What comes in by the admin's addresses and forms: what cannot be is refused before it becomes a query."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.db.models import ForeignKey, ManyToManyField, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect


class CheckedInputAdmin(admin.ModelAdmin):
    """The base of every ModelAdmin. Django takes any lookup on the model's fields, and keys that are none, on trust."""

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """True for what the list's own links ask. Raises IncorrectLookupParameters, which shows the plain list.

        Others are no use to anybody and some are dear (`name__regex`) or no query at all (`pk__range`).
        """
        if lookup not in self._own_lookups(request):
            raise IncorrectLookupParameters(lookup)
        return True

    def _own_lookups(self, request: HttpRequest) -> Iterator[str]:
        for each in self.get_list_filter(request):
            if not isinstance(each, str):
                yield each.parameter_name  # type: ignore[union-attr]
                continue
            field: Any = self.opts.get_field(each)
            yield from (f"{each}__exact", f"{each}__isnull")
            if isinstance(field, ForeignKey | ManyToManyField):
                yield f"{each}__{field.target_field.name}__exact"
        if self.date_hierarchy:
            yield from (f"{self.date_hierarchy}__{part}" for part in ("year", "month", "day"))

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """As Django's; a date or number far beyond what there is counts as a wrong filter, which Django forgets."""
        try:
            return super().get_changelist_instance(request)
        except OverflowError:
            raise IncorrectLookupParameters from None

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """As Django's; None, too, for a key that no row can have."""
        if from_field is None and not self._can_be_key(object_id):
            return None
        return super().get_object(request, object_id, from_field)

    def response_action(self, request: HttpRequest, queryset: QuerySet, *args: Any) -> HttpResponse | None:
        """As Django's, when each of the selected keys can be one."""
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
