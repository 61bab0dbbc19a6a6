"""Who may change whose account and rights. Otherwise accounts follow Django's permissions: core.auth.policy."""

from core.auth.policy import Actor, Permission, is_staff
from users.models import OutgoingMail, User

# To send a failed or uncertain mail again, and to send oneself a sample.
SEND_MAIL = Permission("change", OutgoingMail)


def may_give_rights(actor: Actor) -> bool:
    """Whether the actor may make others staff, put them into groups and give permissions. Only superusers may."""
    return is_staff(actor) and isinstance(actor, User) and actor.is_superuser


def may_manage(actor: Actor, account: User) -> bool:
    """Whether an actor who may change accounts may change this one. Only superusers may change accounts of staff.

    Whoever sets an account's address or password can sign in as that account, and then has its rights. An account that
    its owner deleted stays as it is.
    """
    return account.deleted_at is None and (may_give_rights(actor) or not account.is_staff)
