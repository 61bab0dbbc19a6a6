"""Mails that wait for a person: conditions of the front page and of the list of mails."""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from core.admin.filters import WaitingFilter
from users.models import OutgoingMail

# For how long the front page speaks of a mail that nobody sends again: by then it would be out of place.
DAYS = 30


def failed() -> Q:
    return _unsent(OutgoingMail.Status.FAILED)


def uncertain() -> Q:
    return _unsent(OutgoingMail.Status.UNCERTAIN)


class MailWaitingFilter(WaitingFilter):
    choices_by_value = {
        "failed": (f"failed in the last {DAYS} days", failed),
        "uncertain": (f"uncertain in the last {DAYS} days", uncertain),
    }


def _unsent(status: str) -> Q:
    """Mails that "Send again" can send: those of an active account, or of one that was not looked up yet."""
    since = timezone.now() - timedelta(days=DAYS)
    return Q(status=status, due_at__gte=since) & (Q(user__is_active=True) | ~Q(asked_for=""))
