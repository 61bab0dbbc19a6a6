"""Who may do what: Django's permissions, held by active members of the staff.

GraphQL, REST and the admin ask these functions alike, so that a permission given or taken in the admin counts at once
in all three. What an app adds to this, such as who may read the catalogue, is in its own policy.py.
"""

from typing import Any, Literal

from django.contrib.auth import get_permission_codename
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import Model

from core.errors import ErrorCode, InvalidInput

Action = Literal["add", "change", "delete", "view"]


class System:
    """The program itself: commands on the server and the worker. Nobody signs in as it."""

    is_active = is_staff = is_authenticated = True

    def has_perm(self, permission: str) -> bool:
        """Always: whoever can start commands has the database anyway."""
        return True


SYSTEM = System()
Actor = AbstractBaseUser | AnonymousUser | System


def is_staff(actor: Any) -> bool:
    """Whether the actor is an active member of the staff, with whatever permissions."""
    return bool(getattr(actor, "is_active", False) and getattr(actor, "is_staff", False))


def may(actor: Any, action: Action, model: type[Model]) -> bool:
    """Whether the actor is staff with this permission on the model; superusers have all. Who may change may view."""
    actions = ("view", "change") if action == "view" else (action,)
    return is_staff(actor) and any(actor.has_perm(_permission(each, model)) for each in actions)


def check(actor: Any, action: Action, model: type[Model]) -> None:
    """Lets through who may. Raises InvalidInput (FORBIDDEN)."""
    if not may(actor, action, model):
        message = f"This needs the permission {_permission(action, model)}: ask whoever keeps the shop's accounts."
        raise InvalidInput.at(message=message, code=ErrorCode.FORBIDDEN)


def _permission(action: str, model: type[Model]) -> str:
    return f"{model._meta.app_label}.{get_permission_codename(action, model._meta)}"
