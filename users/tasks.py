"""Tasks of accounts. Beat sends them (CELERY_BEAT_SCHEDULE)."""

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

# A sweep lasts until the next one is due, but at least this long.
MIN_SWEEP_SECONDS = 30
_stopping = Event()


@worker_shutting_down.connect
def _stop(**_: Any) -> None:
    """Lets a stopping worker finish the current mail, but not the queue."""
    _stopping.set()


@shared_task
def send_due_mail() -> None:
    sent = outbox.sweep(seconds=max(MIN_SWEEP_SECONDS, settings.MAIL_SWEEP.total_seconds()), stop=_stopping)
    if sent:
        logger.info("%d mails sent", sent)


@shared_task
def clear_expired_tokens() -> None:
    """Deletes expired refresh tokens, addresses that no mail needs, and counters of attempts whose window is over."""
    logger.info("%d expired refresh tokens cleared", refresh_tokens.clear_expired())
    logger.info("%d addresses forgotten", outbox.forget_addresses())
    logger.info("%d expired counters of attempts cleared", attempts.clear_expired())
