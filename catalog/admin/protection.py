"""What is in use cannot be deleted in the admin, and the page says by how much it is used."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib import admin, messages
from django.db import IntegrityError, models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect


class ProtectedAdmin(admin.ModelAdmin):
    """Tells the number of rows that protect an object, not each of them: it may be all of the shop."""

    # What to do instead; it follows the number.
    instead = ""

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """As Django's, unless rows of other models use one of the objects; then only their number."""
        used = [f"{text}{self.instead}" for text in self._users([obj.pk for obj in objs])]
        return ([], {}, set(), used) if used else super().get_deleted_objects(objs, request)

    def _users(self, keys: Sequence[Any]) -> Iterator[str]:
        for relation in self.opts.related_objects:
            model = relation.related_model
            if relation.on_delete is not models.PROTECT or model is self.model:
                continue
            used = model._default_manager.filter(**{f"{relation.field.name}__in": keys}).count()
            if used:
                yield f"{used} {model._meta.verbose_name if used == 1 else model._meta.verbose_name_plural}"

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """As Django's; what comes into use between the look and the deletion is told too."""
        try:
            return super().delete_view(request, object_id, extra_context)
        except (IntegrityError, models.ProtectedError):
            return self._kept(request)

    def response_action(self, request: HttpRequest, queryset: QuerySet, *args: Any) -> HttpResponse | None:
        """As Django's, likewise for the deletion of many."""
        try:
            return super().response_action(request, queryset, *args)
        except (IntegrityError, models.ProtectedError):
            return self._kept(request)

    def _kept(self, request: HttpRequest) -> HttpResponse:
        self.message_user(request, "Nothing was deleted: it has come into use just now.", messages.ERROR)
        return HttpResponseRedirect(request.path)
