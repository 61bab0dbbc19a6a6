"""The outbox against a real SMTP server: what becomes of a mail, whatever goes wrong in whatever moment."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import time_machine
from django.db import connections
from django.utils import timezone
from pytest_django import Settings

from core.models import Lease
from users.mail import outbox
from users.models import OutgoingMail, User
from users.tests.factories import UserFactory
from users.tests.smtp import HANG_UP, Server, free_port

pytestmark = pytest.mark.django_db
WELCOME = OutgoingMail.Kind.WELCOME


@pytest.fixture
def server(settings: Settings) -> Iterator[Server]:
    """The mail server that the outbox sends through."""
    server = Server()
    server.controller.start()
    settings.EMAIL_BACKEND = "users.mail.backends.SmtpBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", server.port, 5
    settings.MAIL_RATE = 1000
    yield server
    server.controller.stop()


class Clock(Event):
    """The outbox' clock and its pauses: time passes only while it waits, and while a mail is sent if that is said."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.mail_takes = 0.0, 0.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        """Seconds; looked at when a mail begins and when it is sent."""
        self.now += self.mail_takes
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        """Returns at once, so many seconds later."""
        self.pauses.append(timeout or 0.0)
        self.now += timeout or 0.0
        return False


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """In place of the machine's."""
    made = Clock()
    monkeypatch.setattr(outbox, "time", made)
    return made


@pytest.fixture
def due() -> OutgoingMail:
    """A mail that is due."""
    return outbox.enqueue(WELCOME, user=UserFactory(email="ann@example.com", first_name="Ann"))


def sweep() -> int:
    """One sweep, a minute or so at most."""
    return outbox.sweep(seconds=60)


def later(hours: float) -> time_machine.travel:
    """The clock so many hours on."""
    return time_machine.travel(timezone.now() + timedelta(hours=hours))


class TestSending:
    """A mail that nothing stands in the way of."""

    def test_a_due_mail_is_sent_once(self, server: Server, due: OutgoingMail) -> None:
        assert sweep() == 1
        due.refresh_from_db()
        assert (due.status, due.attempts, due.reason) == ("SENT", 1, "")
        assert due.sent_at is not None
        (mail,) = server.mails
        assert server.recipients == ["ann@example.com"]
        assert (mail["To"], mail["From"]) == ("ann@example.com", "Vitrine <shop@vitrine.example>")
        assert mail["Message-ID"] == f"<welcome.{due.uid}@vitrine.example>"
        assert mail["Auto-Submitted"] == "auto-generated"
        assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]
        assert "Hello Ann," in mail.get_body(("plain",)).get_content()
        assert sweep() == 0
        assert len(server.mails) == 1

    def test_not_before_it_is_due(self, server: Server) -> None:
        outbox.enqueue(WELCOME, user=UserFactory(), delay=timedelta(hours=24))
        with later(24 - 1 / 60):
            assert sweep() == 0
        with later(24 + 1 / 60):
            assert sweep() == 1

    def test_handing_over_is_written_just_before_data(self, server: Server, transactional_db: None) -> None:
        mail = outbox.enqueue(WELCOME, user=UserFactory())
        seen = []

        def watch(command: str) -> None:
            seen.append((command, OutgoingMail.objects.get(pk=mail.pk).status))
            connections.close_all()

        server.watch = watch
        assert sweep() == 1
        assert seen == [("MAIL", "CLAIMED"), ("RCPT", "CLAIMED"), ("DATA", "HANDING_OVER")]

    def test_the_oldest_first_and_at_the_rate(self, server: Server, settings: Settings, clock: Clock) -> None:
        settings.MAIL_RATE = 20
        for n in range(10):
            outbox.enqueue(WELCOME, user=UserFactory(email=f"a{n}@example.com"), delay=timedelta(seconds=-n))
        assert outbox.sweep(seconds=60, stop=clock) == 10
        assert server.recipients == [f"a{n}@example.com" for n in reversed(range(10))]
        # What a mail itself takes is part of its pause.
        clock.mail_takes = 0.02
        outbox.enqueue(WELCOME, user=UserFactory())
        assert outbox.sweep(seconds=60, stop=clock) == 1
        assert clock.pauses == pytest.approx([0.05] * 10 + [0.03])

    def test_it_stops_when_its_time_is_over(self, server: Server, settings: Settings, clock: Clock) -> None:
        settings.MAIL_RATE = 10
        for _ in range(5):
            outbox.enqueue(WELCOME, user=UserFactory())
        assert outbox.sweep(seconds=0.15, stop=clock) == 2

    def test_files(self, due: OutgoingMail, settings: Settings, tmp_path: Path) -> None:
        settings.EMAIL_BACKEND, settings.EMAIL_FILE_PATH = "users.mail.backends.FileBackend", str(tmp_path / "mail")
        assert sweep() == 1
        assert [file.name for file in (tmp_path / "mail").iterdir()] == [f"welcome.{due.uid}.eml"]

    @pytest.mark.parametrize("before", [None, 0o755])
    def test_nobody_else_reads_the_files(
        self, due: OutgoingMail, settings: Settings, tmp_path: Path, before: int | None
    ) -> None:
        folder = tmp_path / "mail"
        settings.EMAIL_BACKEND, settings.EMAIL_FILE_PATH = "users.mail.backends.FileBackend", str(folder)
        if before is not None:
            folder.mkdir(mode=before)
        umask = os.umask(0)
        try:
            assert sweep() == 1
        finally:
            os.umask(umask)
        (file,) = folder.iterdir()
        assert [oct(path.stat().st_mode & 0o777) for path in (folder, file)] == ["0o700", "0o600"]


class TestRefusals:
    """The server's own answers are certain."""

    @pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
    def test_for_the_time_being(self, server: Server, due: OutgoingMail, command: str) -> None:
        server.answers[command] = "451 4.7.1 Greylisted"
        other = outbox.enqueue(WELCOME, user=UserFactory())
        assert sweep() == 0
        for mail in (due, other):
            mail.refresh_from_db()
            assert (mail.status, mail.attempts) == ("DUE", 1)
            assert mail.reason.startswith("451 ")
            assert 20 < (mail.due_at - timezone.now()).total_seconds() < 40
        server.answers.clear()
        assert sweep() == 0
        with later(1):
            assert sweep() == 2

    def test_the_pauses_grow_and_end(self, server: Server, due: OutgoingMail) -> None:
        server.answers["RCPT"] = "450 Busy"
        pauses = []
        for _ in range(outbox.MAX_ATTEMPTS):
            due.refresh_from_db()
            pauses.append(due.due_at - timezone.now())
            with time_machine.travel(due.due_at + timedelta(seconds=1)):
                sweep()
        due.refresh_from_db()
        assert (due.status, due.attempts) == ("FAILED", outbox.MAX_ATTEMPTS)
        assert "450 Busy" in due.reason

    @pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
    def test_for_good(self, server: Server, due: OutgoingMail, command: str) -> None:
        server.answers[command] = "550 5.1.1 No such user"
        assert sweep() == 0
        due.refresh_from_db()
        assert (due.status, due.reason) == ("FAILED", "550 5.1.1 No such user")
        server.answers.clear()
        with later(100):
            assert sweep() == 0

    def test_a_refused_mail_does_not_hold_up_the_next(self, server: Server, due: OutgoingMail) -> None:
        outbox.enqueue(WELCOME, user=UserFactory(email="bob@example.com"))
        refused = iter(["550 No"])
        server.watch = lambda command: (
            server.answers.update(RCPT=next(refused, "250 OK")) if command == "RCPT" else None
        )
        assert sweep() == 1
        assert server.recipients == ["bob@example.com"]


class TestBrokenConnections:
    """What broke before DATA was not sent; what broke after it, nobody knows."""

    @pytest.mark.parametrize("command", ["MAIL", "RCPT"])
    def test_before_data(self, server: Server, due: OutgoingMail, command: str) -> None:
        server.answers[command] = HANG_UP
        assert sweep() == 0
        due.refresh_from_db()
        assert (due.status, due.attempts) == ("DUE", 1)
        server.answers.clear()
        with later(1):
            assert sweep() == 1

    def test_after_data_it_is_left_to_people(self, server: Server, due: OutgoingMail) -> None:
        server.answers["DATA"] = HANG_UP
        other = outbox.enqueue(WELCOME, user=UserFactory())
        sweep()
        for mail in (due, other):
            mail.refresh_from_db()
            assert mail.status == "UNCERTAIN"
            assert "may have arrived" in mail.reason
        server.answers.clear()
        with later(100):
            assert sweep() == 0
        assert outbox.send_again(OutgoingMail.objects.all()) == 2
        assert sweep() == 2
        assert server.mails[0]["Message-ID"] == f"<welcome.{due.uid}@vitrine.example>"

    def test_no_server_costs_no_attempt(
        self, server: Server, due: OutgoingMail, settings: Settings, caplog: Any
    ) -> None:
        settings.EMAIL_PORT = free_port()
        assert sweep() == 0
        due.refresh_from_db()
        assert (due.status, due.attempts) == ("DUE", 0)
        assert "cannot be reached" in caplog.text


class TestDeadWorkers:
    """What a worker left behind when it died."""

    def left(self, status: str, **fields: Any) -> OutgoingMail:
        mail = outbox.enqueue(WELCOME, user=UserFactory(), status=status, **fields)
        OutgoingMail.objects.filter(pk=mail.pk).update(claim=mail.uid, claimed_at=timezone.now())
        return mail

    def test_claimed_is_sent(self, server: Server) -> None:
        self.left("CLAIMED", attempts=1)
        assert sweep() == 1

    def test_claimed_again_and_again_may_be_what_kills_them(self, server: Server) -> None:
        mail = self.left("CLAIMED", attempts=outbox.MAX_ATTEMPTS)
        assert sweep() == 0
        mail.refresh_from_db()
        assert mail.status == "FAILED"

    def test_handing_over_is_uncertain(self, server: Server) -> None:
        mail = self.left("HANDING_OVER", attempts=1)
        assert sweep() == 0
        mail.refresh_from_db()
        assert mail.status == "UNCERTAIN"
        assert server.mails == []

    def test_a_worker_that_only_slept_does_not_send_what_was_taken_from_it(
        self, server: Server, transactional_db: None
    ) -> None:
        mail = outbox.enqueue(WELCOME, user=UserFactory())

        def take_over(command: str) -> None:
            if command == "RCPT":
                OutgoingMail.objects.filter(pk=mail.pk).update(status="SENT", claim=None)
            connections.close_all()

        server.watch = take_over
        assert sweep() == 0
        assert server.mails == []

    def test_an_answer_that_came_after_all_is_certain(self, server: Server, transactional_db: None) -> None:
        mail = outbox.enqueue(WELCOME, user=UserFactory())

        def give_up(command: str) -> None:
            if command == "DATA":
                OutgoingMail.objects.filter(pk=mail.pk).update(status="UNCERTAIN")
            connections.close_all()

        server.watch = give_up
        assert sweep() == 1
        mail.refresh_from_db()
        assert (mail.status, mail.reason) == ("SENT", "")


class TestLease:
    """One worker sends at a time; a dead one's lease ends soon."""

    def test_another_has_the_lease(self, server: Server, due: OutgoingMail) -> None:
        Lease.objects.create(name="mail", holder=due.uid, until=timezone.now() + timedelta(seconds=4))
        assert sweep() == 0
        with time_machine.travel(timezone.now() + timedelta(seconds=5)):
            assert sweep() == 1

    def test_a_lease_of_a_wrong_clock_is_no_lease(self, server: Server, due: OutgoingMail) -> None:
        Lease.objects.create(name="mail", holder=due.uid, until=timezone.now() + timedelta(days=1))
        assert sweep() == 1


class TestRecipients:
    """Mail is for accounts that are there."""

    def test_a_deactivated_account(self, server: Server, due: OutgoingMail) -> None:
        User.objects.update(is_active=False)
        assert sweep() == 0
        due.refresh_from_db()
        assert (due.status, due.reason) == ("FAILED", "The account is deactivated.")

    def test_a_deleted_account(self, server: Server, due: OutgoingMail) -> None:
        User.objects.all().delete()
        assert sweep() == 0
        due.refresh_from_db()
        assert (due.status, due.reason) == ("FAILED", "The account is deleted.")
        assert outbox.send_again(OutgoingMail.objects.all()) == 0

    def test_what_cannot_be_written_does_not_hold_up_the_next(
        self, server: Server, due: OutgoingMail, settings: Settings
    ) -> None:
        User.objects.update(email="ann@example.com\nBcc: bob@example.com")
        outbox.enqueue(WELCOME, user=UserFactory(email="bob@example.com"))
        assert sweep() == 1
        due.refresh_from_db()
        assert (due.status, due.attempts) == ("DUE", 1)
        assert due.reason.startswith("It could not be written")
        assert server.recipients == ["bob@example.com"]
