"""The operator's view of the outbox."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

from core.tests.actors import holder
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


def test_a_shopper_is_linked_only_for_those_who_may_open_the_account(client: Client, admin_client: Any) -> None:
    one = mail()
    link = f"/admin/users/user/{one.user_id}/change/"
    assert link in admin_client.get(f"{MAILS}{one.pk}/change/").content.decode()
    client.force_login(holder("users.view_outgoingmail"))
    page = client.get(f"{MAILS}{one.pk}/change/").content.decode()
    assert link not in page
    assert str(one.user) in page


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


class TestSendAgain:
    """The button in the list and on a mail's page."""

    def test_the_page_has_it_where_it_does_something_and_no_save(self, admin_client: Any) -> None:
        for status in OutgoingMail.Status.values:
            page = admin_client.get(f"{MAILS}{mail(status).pk}/change/").content.decode()
            assert ("Send again" in page) == (status in {"FAILED", "UNCERTAIN"}), status
            assert "_save" not in page

    def test_it_makes_one_mail_due_and_goes_back(self, admin_client: Any) -> None:
        one, other = mail("UNCERTAIN"), mail("FAILED")
        page = f"{MAILS}{one.pk}/change/"
        assert f'formaction="{MAILS}{one.pk}/send-again/"' in admin_client.get(page).content.decode()
        assert f'formaction="{MAILS}{one.pk}/send-again/"' in admin_client.get(MAILS).content.decode()
        answer = admin_client.post(f"{MAILS}{one.pk}/send-again/", headers={"Referer": f"http://testserver{page}"})
        assert answer["Location"] == f"http://testserver{page}"
        assert dict(OutgoingMail.objects.values_list("pk", "status")) == {one.pk: "DUE", other.pk: "FAILED"}
        answer = admin_client.post(f"{MAILS}{one.pk}/send-again/", headers={"Referer": "https://evil.example/"})
        assert answer["Location"] == MAILS

    def test_it_wants_post_the_token_and_the_permission(self) -> None:
        one, viewer = mail("FAILED"), holder("users.view_outgoingmail")
        address = f"{MAILS}{one.pk}/send-again/"
        client = Client(enforce_csrf_checks=True)
        client.force_login(holder("users.change_outgoingmail"))
        assert (client.get(address).status_code, client.post(address).status_code) == (405, 403)
        client = Client()
        client.force_login(viewer)
        assert "Send again" not in client.get(MAILS).content.decode()
        assert "Send again" not in client.get(f"{MAILS}{one.pk}/change/").content.decode()
        assert client.post(address).status_code == 403
        assert OutgoingMail.objects.get().status == "FAILED"


class TestPreviews:
    """How each kind of mail looks, and "Send to me"."""

    @pytest.mark.parametrize("kind", OutgoingMail.Kind)
    def test_a_kind_is_shown_with_made_up_links(self, admin_client: Any, kind: OutgoingMail.Kind) -> None:
        address = f"{MAILS}preview/{kind.lower().replace('_', '-')}/"
        page = admin_client.get(address).content.decode()
        assert "Sample: " in page
        assert f'src="{address}html/"' in page
        frame = admin_client.get(f"{address}html/")
        assert "sandbox" in frame["Content-Security-Policy"]
        assert "script-src" not in frame["Content-Security-Policy"]
        assert frame["X-Frame-Options"] == "SAMEORIGIN"
        assert "Hello" in frame.content.decode()
        assert not OutgoingMail.objects.exists()

    def test_nothing_is_shown_of_an_unknown_kind_or_without_permission(self, admin_client: Any) -> None:
        assert admin_client.get(f"{MAILS}preview/spam/").status_code == 404
        assert admin_client.get(f"{MAILS}preview/")["Location"] == f"{MAILS}preview/welcome/"
        client = Client()
        client.force_login(holder("users.view_user"))
        for address in ("preview/", "preview/welcome/", "preview/welcome/html/"):
            assert client.get(MAILS + address).status_code == 403

    def test_a_broken_template_is_told(self, admin_client: Any, settings: Settings, tmp_path: Path) -> None:
        (tmp_path / "mail").mkdir()
        (tmp_path / "mail" / "welcome.html").write_text("{% hello %}")
        settings.MAIL_TEMPLATES_DIR = tmp_path
        page = admin_client.get(f"{MAILS}preview/welcome/")
        assert "welcome.html, line 1: Invalid block tag" in page.content.decode()
        assert admin_client.get(f"{MAILS}preview/welcome/html/").status_code == 404

    def test_a_sample_is_sent_to_oneself_some_times_an_hour(self, settings: Settings, mailoutbox: list[Any]) -> None:
        settings.THROTTLE_SAMPLE_MAIL = (2, 3600)
        user = holder("users.change_outgoingmail")
        client = Client()
        client.force_login(user)
        for _ in range(3):
            answer = client.post(f"{MAILS}preview/password-reset/send/", follow=True)
        assert "Too many attempts" in answer.content.decode()
        outbox.sweep(seconds=5)
        assert [(message.to, message.subject) for message in mailoutbox] == [
            ([user.email], "Sample: Your new password for Vitrine")
        ] * 2
        assert "token=sample" in mailoutbox[0].body, "nobody can set a password by it"

    def test_a_sample_wants_the_permission(self) -> None:
        client = Client()
        client.force_login(holder("users.view_outgoingmail"))
        assert "Send to me" not in client.get(f"{MAILS}preview/welcome/").content.decode()
        assert client.post(f"{MAILS}preview/welcome/send/").status_code == 403
        assert not OutgoingMail.objects.exists()
