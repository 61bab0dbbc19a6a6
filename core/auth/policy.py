"""Decides who may do what: active members of the staff, by Django's permissions.

GraphQL, REST and the admin all ask here, so a permission that is given or taken in the admin counts in all three. What
an app allows is in its own policy.py.
"""

from dataclasses import dataclass
from typing import Literal

from django.contrib.auth import get_permission_codename
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, PermissionsMixin
from django.db.models import Model

from core.errors import ErrorCode, InvalidInput

Action = Literal["add", "change", "delete", "view"]


class System:
    """The program itself: commands on the server and the worker. Nobody can sign in as it."""

    is_active = is_staff = is_authenticated = True

    def has_perm(self, permission: str) -> bool:
        # Whoever can run commands on the server has full access to the database anyway.
        return True


SYSTEM = System()
Actor = AbstractBaseUser | AnonymousUser | System


def is_staff(actor: Actor) -> bool:
    """Whether the actor is an active member of the staff, with or without permissions."""
    return bool(getattr(actor, "is_active", False) and getattr(actor, "is_staff", False))


@dataclass(frozen=True)
class Permission:
    """Django's permission for an action on a model. Superusers have all. The permission to change includes viewing."""

    action: Action
    model: type[Model]

    def __str__(self) -> str:
        """As Django names it, such as "catalog.add_product"."""
        return _codename(self.action, self.model)

    def is_held_by(self, actor: Actor) -> bool:
        """Whether the actor is staff with this permission."""
        actions = ("view", "change") if self.action == "view" else (self.action,)
        return (
            is_staff(actor)
            and isinstance(actor, PermissionsMixin | System)
            and any(actor.has_perm(_codename(action, self.model)) for action in actions)
        )

    def check(self, actor: Actor) -> None:
        """Raises InvalidInput (FORBIDDEN) when the actor does not have the permission."""
        if not self.is_held_by(actor):
            message = f"This needs the permission {self}: ask whoever keeps the shop's accounts."
            raise InvalidInput.at(message=message, code=ErrorCode.FORBIDDEN)


def _codename(action: str, model: type[Model]) -> str:
    return f"{model._meta.app_label}.{get_permission_codename(action, model._meta)}"
