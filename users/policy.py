"""Who may change whose account and rights. Otherwise accounts follow Django's permissions: core.auth.policy."""

from typing import Any

from core.auth import policy
from users.models import User


def may_give_rights(actor: Any) -> bool:
    """Whether the actor may make others staff, put them into groups and give permissions. Only superusers may."""
    return policy.is_staff(actor) and actor.is_superuser


def may_manage(actor: Any, account: User) -> bool:
    """Whether an actor who may change accounts may change this one. Only superusers may change accounts of staff.

    Whoever sets an account's address or password can sign in as that account, and then has its rights.
    """
    return may_give_rights(actor) or not account.is_staff
