"""The choices of the admin's autocomplete boxes."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class Autocomplete(AutocompleteJsonView):
    """Django's view wants the permission to view the choices' own model: a product's box for brands would stay empty.

    What the shop shows to everybody (`names_are_public`) is shown to all members of the staff. Accounts and groups are
    not: that somebody may see a cart opens no list of all addresses.
    """

    def has_perm(self, request: HttpRequest, obj: Any = None) -> bool:
        return getattr(self.model_admin, "names_are_public", False) or super().has_perm(request, obj)


def autocomplete(request: HttpRequest) -> HttpResponseBase:
    return Autocomplete.as_view(admin_site=admin.site)(request)
