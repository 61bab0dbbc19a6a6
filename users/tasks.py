"""What the worker does for accounts; beat calls (CELERY_BEAT_SCHEDULE)."""

import logging
from threading import Event
from typing import Any

from celery import shared_task
from celery.signals import worker_shutting_down
from django.conf import settings

from core.throttling import attempts
from users import refresh_tokens
from users.mail import outbox

logger = logging.getLogger(__name__)

# A sweep works on until the next one is called, or at least so many seconds.
SHORTEST_SWEEP = 30
_stopping = Event()


@worker_shutting_down.connect
def _stop(**_: Any) -> None:
    """A worker told to stop finishes the mail at hand, not the queue."""
    _stopping.set()


@shared_task
def send_due_mail() -> None:
    """Sends the mail that is due."""
    sent = outbox.sweep(seconds=max(SHORTEST_SWEEP, settings.MAIL_SWEEP.total_seconds()), stop=_stopping)
    if sent:
        logger.info("%d mails sent", sent)


@shared_task
def clear_expired_tokens() -> None:
    """Deletes refresh tokens whose life is over, and counters of attempts whose window is."""
    logger.info("%d expired refresh tokens cleared", refresh_tokens.clear_expired())
    logger.info("%d expired counters of attempts cleared", attempts.clear_expired())
