"""What the admin's front page says of mails."""

from collections.abc import Iterator

from core.admin import front_page
from core.admin.front_page import Entry, counted, list_of
from core.auth.policy import Actor, Permission
from users.mail import waiting
from users.models import OutgoingMail
from users.policy import SEND_MAIL

LIST, BUTTON = "users_outgoingmail", "Look, and send again"


def entries(actor: Actor) -> Iterator[Entry]:
    if SEND_MAIL.is_held_by(actor):
        mails = OutgoingMail.objects
        yield from counted(
            mails.filter(waiting.failed()),
            "mail could not be sent.",
            "mails could not be sent.",
            button=BUTTON,
            address=list_of(LIST, waiting="failed"),
        )
        yield from counted(
            mails.filter(waiting.uncertain()),
            "mail may have arrived or not.",
            "mails may have arrived or not.",
            button=BUTTON,
            address=list_of(LIST, waiting="uncertain"),
        )


def register() -> None:
    front_page.register(entries)
    front_page.register_job_page(
        "mail",
        "mails",
        address=lambda: list_of(LIST, status__exact=OutgoingMail.Status.DUE),
        may=Permission("view", OutgoingMail).is_held_by,
    )
