"""The base of every admin page and inline, which checks permissions by the policy, as GraphQL and REST do."""

from typing import Any

from django.contrib.admin.options import BaseModelAdmin
from django.http import HttpRequest

import core.patches.django_admin  # noqa: F401 - links of read-only fields ask the policy, too
from core.auth.policy import Permission


class PolicyAdmin(BaseModelAdmin):
    """Must be the first base class of a ModelAdmin or an inline."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return Permission("view", self.model).is_held_by(request.user)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return Permission("add", self.model).is_held_by(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return Permission("change", self.model).is_held_by(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return Permission("delete", self.model).is_held_by(request.user)


class ReadOnlyAdmin(PolicyAdmin):
    """For rows that the program alone writes."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
