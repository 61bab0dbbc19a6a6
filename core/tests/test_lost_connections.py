"""MySQL: what happens when the server closes a connection, between requests and within them."""

import time

import pytest
from django.core.signals import request_started
from django.db import DEFAULT_DB_ALIAS, OperationalError, ProgrammingError, connection, connections, transaction
from django.test import Client

from catalog.models import Brand
from catalog.tests.factories import BrandFactory
from core.auth import tokens
from core.db.prepared import Prepared
from core.telemetry.recording import recorded
from core.tests.clients import Api
from users.models import User
from users.tests.factories import UserFactory

pytestmark = [pytest.mark.mysql, pytest.mark.django_db(transaction=True)]
WRITE = f"UPDATE {User._meta.db_table} SET first_name = %s"  # noqa: S608


def lose() -> None:
    """The server kills the connection of this thread, and knows no more of it."""
    own = connection.connection.thread_id()
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute(f"KILL CONNECTION {own}")
            for _ in range(100):
                cursor.execute("SELECT 1 FROM information_schema.processlist WHERE id = %s", [own])
                if not cursor.fetchone():
                    return
                time.sleep(0.02)
    finally:
        other.close()


def a_request_begins() -> None:
    request_started.send(sender=None)


def test_a_request_that_reads_sends_no_ping(monkeypatch):
    api = Api(UserFactory())
    pings = []
    monkeypatch.setattr(connections[DEFAULT_DB_ALIAS], "is_usable", lambda: pings.append(1) or True)
    a_request_begins()
    assert api.graphql("{me {email}}")["me"]
    a_request_begins()
    with transaction.atomic():
        User.objects.update(first_name="x")
    assert not pings
    a_request_begins()
    for _ in range(2):
        with connection.cursor() as cursor:
            cursor.execute(WRITE, ["y"])
    assert len(pings) == 1


@pytest.mark.parametrize("times", [1, 3])
def test_a_request_after_a_lost_connection_is_answered(times):
    api = Api(UserFactory())
    for _ in range(times):
        lose()
        a_request_begins()
        assert api.graphql("{me {email}}")["me"]


def test_a_connection_that_the_server_closed_for_idleness(monkeypatch):
    token = tokens.issue(UserFactory()).token
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION wait_timeout = 1")
    time.sleep(1.6)
    a_request_begins()
    answer = Client().post(
        "/graphql/", '{"query": "{me {email}}"}', "application/json", headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 200
    with connection.cursor() as cursor:
        cursor.execute("SELECT @@wait_timeout, @@sql_mode, @@character_set_connection")
        wait_timeout, sql_mode, charset = cursor.fetchone()
    assert wait_timeout > 1
    assert "STRICT_TRANS_TABLES" in sql_mode
    assert charset == "utf8mb4"


def test_a_prepared_select_needs_no_cursor_and_is_repeated(monkeypatch, django_assert_num_queries):
    key = UserFactory().pk
    read = Prepared(lambda keys: User.objects.filter(pk__in=keys).values_list("pk"))
    assert read([key]) == ((key,),)
    seen = []
    with (
        django_assert_num_queries(1),
        connection.execute_wrapper(lambda execute, *call: seen.append(1) or execute(*call)),
    ):
        assert read([key]) == ((key,),)
    assert seen == [1]
    lose()
    assert read([key]) == ((key,),)
    monkeypatch.setattr(connections[DEFAULT_DB_ALIAS], "cursor", None)
    with recorded() as recording:
        assert read([key]) == ((key,),)
    assert recording.queries == 1
    assert list(recording.statements) == [read._statement.sql % key]
    wrong = connections[DEFAULT_DB_ALIAS].read
    with recorded() as recording, pytest.raises(ProgrammingError):
        wrong("SELECT nothing FROM nowhere")
    assert recording.queries == 1


def test_a_select_between_others_is_repeated():
    user = UserFactory()
    assert User.objects.count() == 1
    lose()
    assert User.objects.get() == user


def test_a_transaction_begins_on_a_new_connection():
    user = UserFactory()
    for _ in range(2):
        lose()
        with transaction.atomic():
            User.objects.filter(pk=user.pk).update(first_name="A")
            with transaction.atomic():
                assert User.objects.get().first_name == "A"
    assert not connection.in_atomic_block
    assert connection.get_autocommit()


def test_callbacks_after_the_commit_are_called_once():
    calls = []
    UserFactory()
    lose()
    with transaction.atomic():
        transaction.on_commit(lambda: calls.append(1))
        User.objects.update(first_name="A")
        assert calls == []
    assert calls == [1]


@pytest.mark.parametrize("statement", ["first", "read", "write", "commit"])
def test_nothing_of_a_transaction_is_repeated(statement):
    user = UserFactory(first_name="before")
    before = User.objects.count()

    def work():
        with transaction.atomic():
            if statement == "first":
                lose()
            User.objects.filter(pk=user.pk).update(first_name="within")
            if statement in ("read", "write", "commit"):
                lose()
            if statement == "read":
                User.objects.get(pk=user.pk)
            if statement == "write":
                UserFactory()

    with pytest.raises(OperationalError):
        work()
    a_request_begins()
    assert User.objects.get(pk=user.pk).first_name == "before"
    assert User.objects.count() == before


def test_a_write_outside_a_transaction_is_not_repeated():
    UserFactory()
    lose()
    with pytest.raises(OperationalError), connection.cursor() as cursor:
        cursor.execute(WRITE, ["once"])
    a_request_begins()
    assert User.objects.get().first_name != "once"


def test_the_first_write_of_a_request_finds_a_checked_connection():
    UserFactory()
    lose()
    a_request_begins()
    with connection.cursor() as cursor:
        cursor.execute(WRITE, ["one"])
    lose()
    a_request_begins()
    with connection.cursor() as cursor:
        cursor.executemany(WRITE, [["two"], ["three"]])
    assert User.objects.get().first_name == "three"


@pytest.mark.parametrize(
    "query",
    ["SELECT GET_LOCK('x', 0)", "SELECT LAST_INSERT_ID()", "SELECT 1 INTO @a", "SELECT @a", "DO 1", "SET @a = 1"],
)
def test_what_is_more_than_reading_is_not_repeated(query):
    connection.ensure_connection()
    lose()
    with pytest.raises(OperationalError), connection.cursor() as cursor:
        cursor.execute(query)


def test_rows_that_were_fetched_can_be_read_on():
    UserFactory.create_batch(3)
    emails = []
    for user in User.objects.order_by("pk").iterator(chunk_size=1):
        lose()
        emails.append(User.objects.get(pk=user.pk).email)
    assert len(emails) == 3


def test_a_server_that_is_gone_is_an_error_and_the_next_request_tries_again(monkeypatch):
    UserFactory()
    lose()
    with monkeypatch.context() as away:
        away.setitem(connection.settings_dict, "PORT", "1")
        with pytest.raises(OperationalError):
            User.objects.count()
    a_request_begins()
    assert User.objects.count() == 1


def test_a_statement_that_worked_for_long_is_not_repeated(monkeypatch):
    connection.ensure_connection()
    monkeypatch.setattr("core.db.mysql.base.MAX_FAILED_SECONDS", -1)
    lose()
    with pytest.raises(OperationalError):
        User.objects.count()


def test_a_write_of_the_catalogue_outside_a_transaction_connects_again():
    """Its transaction begins after its cursor was made, which is one of the lost connection."""
    brand = BrandFactory()
    lose()
    a_request_begins()
    assert Brand._base_manager.filter(pk=brand.pk).update(name="New") == 1
    brand.refresh_from_db()
    assert brand.name == "New"


def test_a_write_whose_counter_fails_says_what_failed_first():
    @transaction.atomic
    def write() -> None:
        User.objects.exists()
        lose()
        BrandFactory()

    with pytest.raises(OperationalError) as caught:
        write()
    # Nothing was asked of the lost connection after its first error.
    assert caught.value.__context__.__context__ is None
    assert not Brand.objects.exists()
