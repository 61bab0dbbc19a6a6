"""The operator's view of the outbox."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command

from users.mail import outbox
from users.models import OutgoingMail, User
from users.tests.factories import UserFactory

pytestmark = pytest.mark.django_db
MAILS = "/admin/users/outgoingmail/"
DAY = timedelta(days=1)


def mail(status: str = "DUE", **fields: Any) -> OutgoingMail:
    return outbox.enqueue(OutgoingMail.Kind.WELCOME, user=UserFactory(), status=status, **fields)


def test_the_list_shows_states_and_reasons(admin_client: Any, django_assert_max_num_queries: Any) -> None:
    for status in OutgoingMail.Status.values:
        mail(status, reason=f"because {status}")
    with django_assert_max_num_queries(12):
        page = admin_client.get(MAILS).content.decode()
    assert all(f"because {status}" in page for status in OutgoingMail.Status.values)
    rows = admin_client.get(MAILS, {"status__exact": "UNCERTAIN"}).context["cl"].result_list
    assert [row.status for row in rows] == ["UNCERTAIN"]


def test_it_is_to_look_at_only(admin_client: Any) -> None:
    one = mail()
    assert admin_client.get(f"{MAILS}{one.pk}/change/").status_code == 200
    admin_client.post(f"{MAILS}{one.pk}/change/", {"status": "SENT"})
    one.refresh_from_db()
    assert one.status == "DUE"
    assert admin_client.get(f"{MAILS}add/").status_code == 403
    assert admin_client.post(f"{MAILS}{one.pk}/delete/", {"post": "yes"}).status_code == 403


def test_failed_and_uncertain_mails_are_sent_again(admin_client: Any) -> None:
    mails = [mail(status, attempts=12, reason="x") for status in OutgoingMail.Status.values]
    data = {"action": "send_again", "_selected_action": [one.pk for one in mails]}
    assert admin_client.post(MAILS, data).status_code == 302
    states = dict(OutgoingMail.objects.values_list("pk", "status"))
    assert [states[one.pk] for one in mails] == ["DUE", "CLAIMED", "HANDING_OVER", "SENT", "DUE", "DUE"]
    assert OutgoingMail.objects.get(pk=mails[-1].pk).attempts == 0


def test_an_account_with_mail_can_be_deleted(admin_client: Any) -> None:
    one = mail()
    assert admin_client.post(f"/admin/users/user/{one.user_id}/delete/", {"post": "yes"}).status_code == 302
    one.refresh_from_db()
    assert one.user is None


def test_accounts_are_deactivated_from_the_list(admin_client: Any) -> None:
    user = UserFactory()
    admin_client.post("/admin/users/user/", {"action": "deactivate", "_selected_action": [user.pk]})
    before, user = user, User.objects.get(pk=user.pk)
    assert (user.is_active, user.token_generation) == (False, before.token_generation + 1)


def test_mail_status(capsys: Any) -> None:
    call_command("mail_status")
    assert "Nothing is due now." in capsys.readouterr().out
    mail("SENT")
    mail(delay=DAY)
    oldest = mail(delay=-DAY)
    mail()
    call_command("mail_status")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[:4]] == [
        ["DUE", "3"],
        ["CLAIMED", "0"],
        ["HANDING_OVER", "0"],
        ["SENT", "1"],
    ]
    assert lines[-1].startswith(f"2 due now; the oldest since {oldest.due_at.isoformat()} (86400 s)")
