"""The base of admin pages that write through services."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from catalog.attributes.rewriting import REMEDY, Rewriting, names_of
from core.auth.admin import PolicyAdmin
from core.errors import InvalidInput
from core.http.admin_input import CheckedInputAdmin


def products_text(count: int) -> str:
    """ "1 product", "2,000 products"."""
    return f"{count:,} product{'' if count == 1 else 's'}"


class Unfinished(InvalidInput):
    """A deletion or merger that was stopped at its bound. What is done stays done."""

    @classmethod
    def after(cls, left: int) -> "Unfinished":
        message = f"This takes several steps: {products_text(left)} are left. Confirm again to go on."
        return cls.at(message=message)  # type: ignore[return-value]


class ServiceAdmin(PolicyAdmin, CheckedInputAdmin):
    """Tells what a service refuses, such as when somebody else's change came between the form and its saving."""

    delete_confirmation_template = "catalog/delete.html"
    delete_selected_confirmation_template = "catalog/delete_selected.html"

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            response: HttpResponse = super().changeform_view(request, *args, **kwargs)
        except InvalidInput as error:
            return self.refuse(request, error)
        return response

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            # Not in a transaction as in Django: services commit after each batch.
            response: HttpResponse = self._delete_view(request, object_id, extra_context)  # type: ignore[attr-defined]
        except InvalidInput as error:
            return self.refuse(request, error)
        return response

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any], *args: Any) -> HttpResponse | None:
        try:
            return super().response_action(request, queryset, *args)
        except InvalidInput as error:
            return self.refuse(request, error)

    def refuse(self, request: HttpRequest, error: InvalidInput) -> HttpResponse:
        self.message_user(request, str(error), messages.WARNING if isinstance(error, Unfinished) else messages.ERROR)
        return HttpResponseRedirect(request.get_full_path())


def deletion(
    request: HttpRequest, rewriting: Rewriting, rows: Any
) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
    """What Django's page asks about a deletion: what goes, how many rows, which rights lack, what stands in the way."""
    if request.POST.get("post"):
        # Confirmed: the service checks, and tells, what stands in the way.
        return [], {}, set(), []
    if clashes := rewriting.clashes():
        told = "Products of one group would have the same options. " + REMEDY
        return [], {}, set(), [told, names_of(clashes)]
    count = rewriting.count()
    loss = f"{products_text(count)} will lose what they have of this." if count else "No product has it."
    return [*map(str, rows), loss], {}, set(), []
