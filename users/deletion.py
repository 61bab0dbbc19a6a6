"""Ends an account at its owner's wish: personal data is erased, and the row stays for what refers to it."""

from django.contrib.admin.models import LogEntry
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils import timezone

from core.db.transactions import run_in_transaction
from core.errors import ErrorCode, InvalidInput
from core.history import recording as history
from core.models import IdempotencyKey
from users import profile, services
from users.models import OutgoingMail, User

Status = OutgoingMail.Status


def delete_account(*, user: User, password: str, address: str) -> None:
    """Erases the account, in one transaction. Its tokens and sessions end at once. Raises InvalidInput, Throttled.

    The address is free for a new account afterwards. Throttle counters stay: they are digests, and expire.
    """
    if not services.knows_password(user, user.email_folded, password, address):
        raise services.wrong_password("password")
    run_in_transaction(lambda: _erase(user))


def _erase(user: User) -> None:
    if user.is_superuser:
        # All of them are locked in one order, so that the last two cannot go at the same time.
        working = User.objects.select_for_update().filter(is_superuser=True, is_active=True, is_staff=True)
        superusers = working.exclude(password__startswith=UNUSABLE_PASSWORD_PREFIX).order_by("pk")
        if not {*superusers.values_list("pk", flat=True)} - {user.pk}:
            message = "You are the last superuser. Make another account a superuser first."
            raise InvalidInput.at(message=message, code=ErrorCode.FORBIDDEN)
    account = profile.locked(user)
    _delete_what_belongs_to(account)
    _delete_mails(account)
    # Past logs of the admin name the account by its address.
    LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(User), object_id=account.pk).delete()
    # No address, so nobody can register it. It is what the admin shows wherever something refers to the account.
    account.email = f"deleted account {account.pk}"
    account.first_name = account.last_name = ""
    account.is_active = account.is_staff = account.is_superuser = False
    account.last_login, account.deleted_at = None, timezone.now()
    account.set_unusable_password()
    account.save()
    # Last: the change above is in the history too.
    history.erase(User, account.pk)


def _delete_what_belongs_to(account: User) -> None:
    """The rows that go with the row of an account: cart, tokens, idempotency keys, groups, permissions."""
    # Before the cart, as its mutations claim a key before they lock it.
    IdempotencyKey.objects.filter(owner=account.pk).delete()
    for relation in User._meta.get_fields(include_hidden=True):
        model = relation.related_model
        is_owned = relation.auto_created and getattr(relation, "on_delete", None) is models.CASCADE
        # What an employee did in the admin stays.
        if is_owned and model is not LogEntry:
            model._base_manager.filter(**{relation.field.name: account}).delete()  # type: ignore[union-attr]


def _delete_mails(account: User) -> None:
    """Mails that are not sent; a worker that has claimed one finds it gone before it hands it over."""
    OutgoingMail.objects.filter(user=account).exclude(status=Status.SENT).delete()
    OutgoingMail.objects.filter(asked_for=account.email_folded).delete()
    OutgoingMail.objects.filter(user=account).exclude(address="").update(address="", binding="")
