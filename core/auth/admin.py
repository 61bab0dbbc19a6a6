"""The base of every admin page and inline: it asks the policy, as GraphQL and REST do."""

from typing import Any

from django.contrib.admin.options import BaseModelAdmin
from django.http import HttpRequest

from core.auth import policy


class PolicyAdmin(BaseModelAdmin):
    """To stand first among the base classes of a ModelAdmin or an inline."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may view, or change, the model."""
        return policy.may(request.user, "view", self.model)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may add to the model; an inline is asked with the object that it stands below."""
        return policy.may(request.user, "add", self.model)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may change the model."""
        return policy.may(request.user, "change", self.model)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may delete from the model."""
        return policy.may(request.user, "delete", self.model)
