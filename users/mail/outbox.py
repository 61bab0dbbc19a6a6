"""The outbox: mails are jobs (core.jobs.job), sent one after the other by the worker that holds the lease.

A mail is DUE, then CLAIMED, HANDING_OVER and SENT. HANDING_OVER is committed just before SMTP's DATA. A worker that
died before it has not sent the mail. One that died after it may have: the mail is UNCERTAIN, and people decide.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db.models import QuerySet
from django.utils import timezone

from core.jobs import job, lease
from core.jobs.job import DUE, FAILED, move
from users.email_links import binding_of
from users.mail.backends import Refused
from users.mail.content import message_of
from users.mail.rendering import BrokenTemplateError
from users.models import OutgoingMail, User

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 12
# Kinds that go to an address of their own.
ADDRESSED = (OutgoingMail.Kind.EMAIL_CHANGE, OutgoingMail.Kind.EMAIL_CHANGED)
# How long a mail about the change of an address may be sent again, and its link used.
ADDRESS_KEPT = timedelta(days=1)
Status = OutgoingMail.Status
WORKER_ENDED = "The worker ended between handing the mail over and the server's answer: it may have arrived or not."
CONNECTION_BROKE = "The connection broke before the server's answer: the mail may have arrived or not."


class ClaimLost(Exception):
    """Another worker has the mail now, or it was deleted; this one must not send it."""


def enqueue(kind: OutgoingMail.Kind, *, delay: timedelta = timedelta(), **fields: Any) -> OutgoingMail:
    """Adds a mail that is due after the delay, in the caller's transaction."""
    return OutgoingMail.objects.create(kind=kind, due_at=timezone.now() + delay, **fields)


def send_again(mails: QuerySet[OutgoingMail]) -> int:
    """Makes the failed and uncertain mails of a queryset due now; returns their number. Keeps their Message-IDs."""
    again = mails.filter(status__in=[Status.FAILED, Status.UNCERTAIN]).exclude(user=None, asked_for="")
    again = again.exclude(kind__in=ADDRESSED, address="", is_sample=False)
    return again.update(status=DUE, due_at=timezone.now(), attempts=0, claim=None, reason="")


def forget_addresses() -> int:
    """Empties what the outbox still holds of changed addresses, ADDRESS_KEPT after the mail; returns how many.

    A mail that was given up before its account was looked up is deleted then, with the address that it was asked for.
    """
    over = (Status.SENT, Status.FAILED, Status.UNCERTAIN)
    mails = OutgoingMail.objects.filter(status__in=over, due_at__lt=timezone.now() - ADDRESS_KEPT)
    given_up, _ = mails.exclude(asked_for="").delete()
    return given_up + mails.exclude(address="").update(address="", binding="")


def sweep(*, seconds: float, stop: Event | None = None) -> int:
    """Sends due mails at MAIL_RATE, until there are none, time is up or `stop` is set. Returns how many it sent.

    Does nothing while another worker holds the lease.
    """
    if not _is_there_work():
        return 0
    with lease.hold("mail") as is_holder:
        if not is_holder:
            return 0
        _tidy_up()
        return _send_due(time.monotonic() + seconds, stop or Event())


def _is_there_work() -> bool:
    unfinished = OutgoingMail.objects.filter(status__in=[Status.CLAIMED, Status.HANDING_OVER])
    return job.due(OutgoingMail).exists() or unfinished.exists()


def _tidy_up() -> None:
    """Settles the mails that the last holder of the lease left unfinished. If it still lives, its claims are lost."""
    job.release(OutgoingMail, max_attempts=MAX_ATTEMPTS)
    uncertain = OutgoingMail.objects.filter(status=Status.HANDING_OVER).update(
        status=Status.UNCERTAIN, reason=WORKER_ENDED
    )
    if uncertain:
        logger.error("%d mails are UNCERTAIN: %s", uncertain, WORKER_ENDED)


def _send_due(end: float, stop: Event) -> int:
    sent = 0
    pause = 1 / settings.MAIL_RATE
    with _connection() as connection:
        while time.monotonic() < end and not stop.is_set():
            mail = job.due(OutgoingMail).first()
            if mail is None:
                break
            try:
                connection.open()
            except Exception as error:
                # The mails are not the cause, so all stay due and no attempt is counted.
                logger.error("The mail server cannot be reached: %s", error)
                break
            started = time.monotonic()
            if job.claim(mail):
                sent += _send(mail, connection)
                # Within the lease, so that the rate holds for all workers together.
                stop.wait(max(0.0, pause - (time.monotonic() - started)))
    return sent


@contextmanager
def _connection() -> Iterator[Any]:
    connection = get_connection()
    try:
        yield connection
    finally:
        try:
            connection.close()
        except Exception as error:
            logger.warning("The mail server did not say goodbye: %s", error)


def _send(mail: OutgoingMail, connection: Any) -> bool:
    """Sends a claimed mail and stores the outcome. Returns whether it was sent."""
    try:
        user = _recipient(mail)
        message = message_of(mail, user) if user is not None else None
        if message is not None:
            message.message()  # raises here, not while sending, when the mail cannot be written
    except BrokenTemplateError as error:
        # Trying again helps only after people have mended the template; then they choose "Send again".
        logger.error("%s cannot be written: %s", mail, error)
        move(mail, FAILED, reason=job.shortened(str(error)))
        return False
    except Exception as error:
        logger.exception("%s cannot be written", mail)
        job.retry(mail, f"It could not be written: {error}", pause=settings.MAIL_RETRY, max_attempts=MAX_ATTEMPTS)
        return False
    return message is not None and _deliver(mail, message, connection)


def _recipient(mail: OutgoingMail) -> User | None:
    """The account to write to. Without one, settles the mail and returns None."""
    if mail.asked_for:
        user = User.objects.filter(email_folded=mail.asked_for, is_active=True).first()
        if user is None:
            mail.delete()  # there is no account: keep no trace of the address
        elif move(mail, mail.status, user=user, asked_for=""):
            return user
        return None
    user = User.objects.filter(pk=mail.user_id).first() if mail.user_id is not None else None
    if user is not None and user.is_active:
        if _is_outdated(mail, user):
            mail.delete()  # the link would not hold, or there is no address any more: keep no trace
            return None
        return user
    move(mail, FAILED, reason="The account is deactivated." if user else "The account is deleted.")
    return None


def _is_outdated(mail: OutgoingMail, user: User) -> bool:
    """Whether a mail of the change of an address has none, or the account has changed since it was asked for."""
    if mail.is_sample or mail.kind not in ADDRESSED:
        return False
    is_link = mail.kind == OutgoingMail.Kind.EMAIL_CHANGE
    return not mail.address or (is_link and mail.binding != binding_of(user))


def _deliver(mail: OutgoingMail, message: EmailMessage, connection: Any) -> bool:
    def hand_over() -> None:
        if not move(mail, Status.HANDING_OVER):
            raise ClaimLost

    try:
        _hand_to(connection, message, hand_over)
    except ClaimLost:
        logger.warning("%s is another worker's now, or was deleted with its account", mail)
    except Refused as refused:
        logger.warning("%s was refused: %s", mail, refused)
        if refused.final:
            move(mail, FAILED, also_from=(Status.UNCERTAIN,), reason=job.shortened(str(refused)))
        else:
            job.retry(mail, str(refused), pause=settings.MAIL_RETRY, max_attempts=MAX_ATTEMPTS)
    except Exception as error:
        # Before it was handed over, it was certainly not sent. After that, nobody knows.
        reason = f"{CONNECTION_BROKE if mail.status == Status.HANDING_OVER else 'It could not be sent.'} ({error})"
        logger.exception("%s: %s", mail, reason)
        if mail.status == Status.HANDING_OVER:
            move(mail, Status.UNCERTAIN, reason=job.shortened(reason))
        else:
            job.retry(mail, reason, pause=settings.MAIL_RETRY, max_attempts=MAX_ATTEMPTS)
    else:
        # Also from UNCERTAIN, because another worker may have given it up, but now the outcome is certain.
        move(mail, Status.SENT, also_from=(Status.UNCERTAIN,), sent_at=timezone.now(), reason="")
        return True
    if hasattr(connection, "reset"):
        connection.reset()
    return False


def _hand_to(connection: Any, message: EmailMessage, hand_over: Any) -> None:
    """Our own backends call `hand_over` just before DATA. For others it is called before the whole delivery."""
    if hasattr(connection, "deliver"):
        connection.deliver(message, hand_over)
    else:
        hand_over()
        connection.send_messages([message])
