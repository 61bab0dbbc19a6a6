"""The outbox: rows that fall due (core.jobs.job), sent one after the other by whoever has the turn.

A mail's way is DUE → CLAIMED → HANDING_OVER → SENT. HANDING_OVER is committed just before DATA: a worker that died
before it has certainly not sent the mail, one that died after it may have, so the mail is UNCERTAIN and left to people.
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
from django.utils import timezone

from core.jobs import job, lease
from core.jobs.job import DUE, FAILED, move
from users.mail.backends import Refused
from users.mail.content import message_of
from users.models import OutgoingMail, User

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 12
Status = OutgoingMail.Status
LEFT = "The worker ended between handing the mail over and the server's answer: it may have arrived or not."
UNHEARD = "The connection broke before the server's answer: the mail may have arrived or not."


class ClaimLost(Exception):
    """Another worker has the row now; this one must not send."""


def enqueue(kind: OutgoingMail.Kind, *, delay: timedelta = timedelta(), **fields: Any) -> OutgoingMail:
    """Writes a mail to be sent after the delay; in the caller's transaction."""
    return OutgoingMail.objects.create(kind=kind, due_at=timezone.now() + delay, **fields)


def send_again(mails: Any) -> int:
    """Makes failed and uncertain mails of a queryset due now; tells how many. Their Message-ID stays."""
    again = mails.filter(status__in=[Status.FAILED, Status.UNCERTAIN]).exclude(user=None)
    return again.update(status=DUE, due_at=timezone.now(), attempts=0, claim=None, reason="")


def sweep(*, seconds: float, stop: Event | None = None) -> int:
    """Sends what is due, at MAIL_RATE, until nothing is, the seconds are over or `stop` is set; tells how many.

    Does nothing while another worker has the turn.
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
    """Settles what the last holder of the turn left behind; it is dead, or will find its claims gone."""
    job.release(OutgoingMail, max_attempts=MAX_ATTEMPTS)
    left = OutgoingMail.objects.filter(status=Status.HANDING_OVER).update(status=Status.UNCERTAIN, reason=LEFT)
    if left:
        logger.error("%d mails are UNCERTAIN: %s", left, LEFT)


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
                # Whatever the way to the server is made of; the mails stay due, and none of them is at fault.
                logger.error("The mail server cannot be reached: %s", error)
                break
            started = time.monotonic()
            if job.claim(mail):
                sent += _send(mail, connection)
                # Before the turn goes on to somebody else, too: the rate holds over all workers.
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
    """Sends a claimed mail and writes down what became of it; whether it was sent."""
    try:
        user = _recipient(mail)
        message = message_of(mail, user) if user is not None else None
        if message is not None:
            message.message()  # so that what cannot be written is found out here
    except Exception as error:
        logger.exception("%s cannot be written", mail)
        job.retry(mail, f"It could not be written: {error}", pause=settings.MAIL_RETRY, max_attempts=MAX_ATTEMPTS)
        return False
    return message is not None and _deliver(mail, message, connection)


def _recipient(mail: OutgoingMail) -> User | None:
    """The account to write to; None when there is none, and the mail is settled."""
    if mail.asked_for:
        user = User.objects.filter(email_folded=mail.asked_for, is_active=True).first()
        if user is None:
            mail.delete()  # nobody's: no trace of who was asked for
        elif move(mail, mail.status, user=user, asked_for=""):
            return user
        return None
    user = User.objects.filter(pk=mail.user_id).first()
    if user is not None and user.is_active:
        return user
    move(mail, FAILED, reason="The account is deactivated." if user else "The account is deleted.")
    return None


def _deliver(mail: OutgoingMail, message: EmailMessage, connection: Any) -> bool:
    def hand_over() -> None:
        if not move(mail, Status.HANDING_OVER):
            raise ClaimLost

    try:
        _hand_to(connection, message, hand_over)
    except ClaimLost:
        logger.warning("%s is sent by another worker", mail)
    except Refused as refused:
        logger.warning("%s was refused: %s", mail, refused)
        if refused.final:
            move(mail, FAILED, also_from=(Status.UNCERTAIN,), reason=job.shortened(str(refused)))
        else:
            job.retry(mail, str(refused), pause=settings.MAIL_RETRY, max_attempts=MAX_ATTEMPTS)
    except Exception as error:
        # Certainly not sent before the handing over, and nobody knows after it.
        reason = f"{UNHEARD if mail.status == Status.HANDING_OVER else 'It could not be sent.'} ({error})"
        logger.exception("%s: %s", mail, reason)
        if mail.status == Status.HANDING_OVER:
            move(mail, Status.UNCERTAIN, reason=job.shortened(reason))
        else:
            job.retry(mail, reason, pause=settings.MAIL_RETRY, max_attempts=MAX_ATTEMPTS)
    else:
        # If it took so long that others gave it up as UNCERTAIN: now it is certain.
        move(mail, Status.SENT, also_from=(Status.UNCERTAIN,), sent_at=timezone.now(), reason="")
        return True
    if hasattr(connection, "reset"):
        connection.reset()
    return False


def _hand_to(connection: Any, message: EmailMessage, hand_over: Any) -> None:
    """Delivers by our own backends, which know the moment of handing over; by others it is just before the call."""
    if hasattr(connection, "deliver"):
        connection.deliver(message, hand_over)
    else:
        hand_over()
        connection.send_messages([message])
