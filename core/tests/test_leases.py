"""One holder at a time, whatever the clocks of the hosts say: the database's clock counts."""

import threading
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
import time_machine
from django.db import connection, connections
from django.utils import timezone

from core.db import clock
from core.jobs import heartbeat, lease
from core.jobs.job import claim, due, release
from core.models import Lease
from users.models import OutgoingMail

pytestmark = pytest.mark.django_db(transaction=True)
NAME = "a lease"
HOURS = [timedelta(hours=5), timedelta(hours=-5)]


def is_free() -> bool:
    """Whether another process would get the lease."""
    with lease.hold(NAME) as is_holder:
        return is_holder


@pytest.mark.parametrize("wrong_by", HOURS)
def test_a_host_with_a_wrong_clock_steals_nothing(wrong_by: timedelta) -> None:
    with lease.hold(NAME) as is_holder:
        assert is_holder
        with time_machine.travel(timezone.now() + wrong_by):
            assert not is_free()
    assert is_free()


@pytest.mark.parametrize("wrong_by", HOURS)
def test_a_host_with_a_wrong_clock_keeps_nothing(wrong_by: timedelta) -> None:
    with time_machine.travel(timezone.now() + wrong_by), lease.hold(NAME) as is_holder:
        assert is_holder
        until = Lease.objects.get(name=NAME).until
    assert abs(until - timezone.now() - lease.DURATION) < timedelta(seconds=2)
    assert is_free()


def test_a_renewed_lease_moves_on_by_the_databases_clock() -> None:
    renewed = threading.Event()
    with patch.object(lease, "RENEWAL_SECONDS", 0.01), lease.hold(NAME):
        first = Lease.objects.get(name=NAME).until
        with time_machine.travel(timezone.now() + timedelta(hours=5)):
            for _ in range(500):
                until = Lease.objects.get(name=NAME).until
                if until > first:
                    break
                renewed.wait(0.01)
    assert timedelta() < until - first < timedelta(seconds=10)


@pytest.mark.mysql
class TestClock:
    """What Python compares is told by the server's clock too."""

    @pytest.fixture(autouse=True)
    def _wrong(self, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(clock, "_lacking", timedelta())
        monkeypatch.setattr(clock, "_measured_at", float("-inf"))
        monkeypatch.setattr(timezone, "now", lambda: datetime.now(UTC) + timedelta(hours=5))
        connections.close_all()
        connection.ensure_connection()

    def test_it_is_the_servers(self) -> None:
        assert abs(clock.now() - clock.database_now()) < timedelta(milliseconds=200)

    def test_the_sessions_time_zone_does_not_matter(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET time_zone = '+03:00'")
        Lease.objects.create(name="zone", holder="0" * 32, until=clock.now())
        Lease.objects.update(until=clock.DatabaseNow())
        assert abs(Lease.objects.get(name="zone").until - clock.database_now()) < timedelta(milliseconds=200)
        connections.close_all()

    def test_a_claim_and_a_heartbeat_are_no_hours_old(self) -> None:
        mail = OutgoingMail.objects.create(kind="WELCOME", due_at=clock.now())
        assert claim(mail)
        assert abs(OutgoingMail.objects.get().claimed_at - clock.database_now()) < timedelta(milliseconds=200)  # type: ignore[operator]
        assert not release(OutgoingMail, max_attempts=5, claimed_before=clock.now() - timedelta(minutes=1))
        heartbeat.write(["celery"])
        age = heartbeat.ages(["celery"])["celery"]
        assert age is not None
        assert age < timedelta(seconds=1)

    def test_what_falls_due_in_an_hour_is_not_due(self) -> None:
        OutgoingMail.objects.create(kind="WELCOME", due_at=clock.database_now() + timedelta(hours=1))
        assert not due(OutgoingMail)
