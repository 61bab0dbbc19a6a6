"""What members of the staff do with mail: send some again, and send themselves a sample."""

from django.db import transaction
from django.db.models import QuerySet

from core.auth.policy import Actor
from core.db.transactions import run_in_transaction
from core.errors import InvalidInput
from core.jobs.notify import notify
from users import throttles
from users.mail import outbox
from users.models import OutgoingMail, User
from users.policy import SEND_MAIL

TASK = "users.tasks.send_due_mail"


def send_again(*, actor: Actor, mails: QuerySet[OutgoingMail]) -> int:
    """Makes the failed and uncertain mails of a queryset due now; returns their number. Raises InvalidInput."""
    SEND_MAIL.check(actor)
    count = run_in_transaction(lambda: outbox.send_again(mails))
    transaction.on_commit(lambda: notify(TASK))
    return count


def send_sample(*, actor: Actor, kind: OutgoingMail.Kind) -> OutgoingMail:
    """Enqueues a sample of this kind of mail to the actor's own address. Raises InvalidInput, Throttled."""
    SEND_MAIL.check(actor)
    if not isinstance(actor, User):
        raise InvalidInput.at(message="A sample goes to an account, and this is none.")
    throttles.count_sample_mail(actor.pk)
    mail = run_in_transaction(lambda: outbox.enqueue(kind, user=actor, is_sample=True))
    transaction.on_commit(lambda: notify(TASK))
    return mail
