"""Prevents the deletion of rows that are in use, in the admin, and says how many rows use them."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib import admin, messages
from django.db import IntegrityError, models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect


class ProtectedAdmin(admin.ModelAdmin):
    """Says how many rows use the objects to delete. Django would list every row, which may be the whole shop."""

    # What staff should do instead. It is shown after the number.
    instead = ""
    # Whether the page that asks lists what goes with a row. The files of a product's images would fill pages.
    shows_parts = True

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        protected = [f"{users}{self.instead}" for users in self._users([obj.pk for obj in objs])]
        if protected or not self.shows_parts:
            return [*map(str, objs)], {}, set(), protected
        return super().get_deleted_objects(objs, request)

    def _users(self, keys: Sequence[Any]) -> Iterator[str]:
        """The rows of each other model that use these, such as "3 cart lines"."""
        for relation in self.opts.related_objects:
            model = relation.related_model
            if relation.on_delete is not models.PROTECT or model is self.model:
                continue
            count = model._default_manager.filter(**{f"{relation.field.name}__in": keys}).count()
            if count:
                yield f"{count} {model._meta.verbose_name if count == 1 else model._meta.verbose_name_plural}"

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except (IntegrityError, models.ProtectedError):
            return self._refuse(request)

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any], *args: Any) -> HttpResponse | None:
        try:
            return super().response_action(request, queryset, *args)
        except (IntegrityError, models.ProtectedError):
            return self._refuse(request)

    def _refuse(self, request: HttpRequest) -> HttpResponse:
        """The response when a row came into use between Django's check and the deletion."""
        self.message_user(request, "Nothing was deleted: something else has just started to use it.", messages.ERROR)
        return HttpResponseRedirect(request.path)
