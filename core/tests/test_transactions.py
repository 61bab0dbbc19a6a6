"""Transactions that the database undoes are run again, and only those."""

import sqlite3
import subprocess
import sys
import threading
from typing import Any

import pytest
from django.db import DataError, IntegrityError, OperationalError, connection, connections, transaction

from catalog.models import Brand
from catalog.tests.factories import BrandFactory
from core.db import transactions
from core.db.transactions import is_transient, run_in_transaction


def failing(times: int, error: Exception) -> Any:
    """Work that makes a brand and then fails so many times; it counts its runs."""

    def work() -> int:
        work.runs += 1
        BrandFactory()
        if work.runs <= times:
            raise error
        return work.runs

    work.runs = 0
    return work


class TestAfterAnError:
    """What is run again, how often, and what is left of the runs that failed."""

    @pytest.fixture(autouse=True)
    def _no_pauses(self, monkeypatch):
        monkeypatch.setattr(transactions, "FIRST_PAUSE_SECONDS", 0)

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("arguments", [(1213, "Deadlock found"), (1205, "Lock wait"), ("database is locked",)])
    def test_a_transient_one_is_run_again(self, arguments):
        assert run_in_transaction(failing(3, OperationalError(*arguments))) == 4
        assert Brand.objects.count() == 1

    @pytest.mark.django_db(transaction=True)
    def test_at_last_it_is_raised(self):
        work = failing(99, OperationalError(1213, "Deadlock found"))
        with pytest.raises(OperationalError):
            run_in_transaction(work)
        assert (work.runs, Brand.objects.count()) == (transactions.ATTEMPTS, 0)

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("error", [OperationalError(2006, "gone away"), IntegrityError(1062), ValueError()])
    def test_another_one_is_raised_at_once(self, error):
        work = failing(1, error)
        with pytest.raises(type(error)):
            run_in_transaction(work, again_on=(DataError,))
        assert (work.runs, Brand.objects.count()) == (1, 0)

    @pytest.mark.django_db
    def test_a_named_one_is_run_again_also_inside_a_transaction(self):
        work = failing(1, IntegrityError(1062))
        assert run_in_transaction(work, again_on=(IntegrityError,)) == 2
        assert Brand.objects.count() == 1

    @pytest.mark.django_db
    def test_inside_a_transaction_a_deadlock_has_undone_that_too(self):
        work = failing(1, OperationalError(1213, "Deadlock found"))
        with pytest.raises(OperationalError):
            run_in_transaction(work)
        assert work.runs == 1


def test_what_counts_as_transient():
    assert is_transient(OperationalError("database table is locked: x"))
    assert not is_transient(OperationalError())
    assert not is_transient(IntegrityError(1213))


@pytest.mark.mysql
@pytest.mark.django_db(transaction=True)
class TestMySQL:
    """Real deadlocks and real waits."""

    def test_a_deadlock_is_nobodys_error(self):
        first, second = BrandFactory(name="A"), BrandFactory(name="B")
        gate = threading.Barrier(2, timeout=20)
        runs: list[int] = []

        def rename(one: Brand, other: Brand) -> None:
            def work() -> None:
                runs.append(one.pk)
                Brand.objects.filter(pk=one.pk).update(name="x")
                if len(runs) <= 2:
                    gate.wait()
                Brand.objects.filter(pk=other.pk).update(name="y")

            try:
                run_in_transaction(work)
            finally:
                connections.close_all()

        threads = [threading.Thread(target=rename, args=pair) for pair in ((first, second), (second, first))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(runs) == 3
        assert set(Brand.objects.values_list("name", flat=True)) == {"x", "y"}

    def test_a_lock_waited_for_too_long_is_waited_for_again(self):
        brand = BrandFactory(name="A")
        locked, done = threading.Event(), threading.Event()

        def hold() -> None:
            with transaction.atomic():
                Brand.objects.select_for_update().get(pk=brand.pk)
                locked.set()
                done.wait(20)
            connections.close_all()

        runs: list[int] = []

        def work() -> None:
            runs.append(1)
            if len(runs) == 2:
                done.set()
                holder.join()
            Brand.objects.filter(pk=brand.pk).update(name="x")

        holder = threading.Thread(target=hold)
        holder.start()
        locked.wait(20)
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION innodb_lock_wait_timeout = 1")
        try:
            run_in_transaction(work)
        finally:
            connection.close()
        assert len(runs) == 2
        assert Brand.objects.get().name == "x"


BUSY = """
import django
django.setup()
from django.core.management import call_command
from django.db import connection
call_command("migrate", verbosity=0)
connection.close()
connection.settings_dict["OPTIONS"]["timeout"] = 0.05
from catalog.models import Brand
from core.db.transactions import run_in_transaction
runs = []
def work():
    runs.append(1)
    Brand.objects.create(name="x", slug="x")
print("ready", flush=True)
input()
run_in_transaction(work)
print(Brand.objects.count(), len(runs))
"""


@pytest.mark.slow
def test_a_busy_sqlite_is_waited_for(tmp_path, monkeypatch):
    file = tmp_path / "db.sqlite3"
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{file}")
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "core.settings")
    child = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout.readline() == "ready\n"
    with sqlite3.connect(file, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        child.stdin.write("\n")
        child.stdin.flush()
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(0.3)
        other.execute("COMMIT")
    out, _ = child.communicate(timeout=20)
    # Refused at BEGIN until the other was done; then run once.
    assert out == "1 1\n"
    assert child.returncode == 0
