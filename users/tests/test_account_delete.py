"""An account that its owner deletes: what ends, what is erased, what stays."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core import mail
from django.db import connection
from django.test import Client
from graphql_relay import to_global_id
from pytest_django import Settings

from cart.models import Cart, CartLine
from catalog.tests.factories import ProductFactory
from core.history.models import Change
from core.models import IdempotencyKey
from core.tests.actors import permission
from core.tests.clients import Api
from users import deletion, profile
from users.mail import outbox
from users.models import OutgoingMail, RefreshToken, TokenFamily, User
from users.tests.factories import UserFactory
from users.tests.operations import ASK, FACTORY_PASSWORD, ME, codes, holds, refresh, register, sign_in, with_token
from users.tests.smtp import Server

pytestmark = pytest.mark.django_db
DELETE = (
    "mutation($password: String!) { payload: accountDelete(password: $password) { requested errors { field code } } }"
)
ADD = """mutation($input: CartLinesAddInput!) {
  payload: cartLinesAdd(input: $input) { cart { version } errors { field code } } }"""
EMAIL_CHANGE = """mutation($password: String!) {
  payload: emailChangeRequest(input: {newEmail: "new@example.com", password: $password}) { errors { field code } } }"""


def delete(api: Api, password: str = FACTORY_PASSWORD) -> dict[str, Any]:
    payload: dict[str, Any] = api.graphql(DELETE, password=password)["payload"]
    assert payload["requested"] == (not payload["errors"])
    return payload


def personal_data(*texts: str) -> list[str]:
    """The tables that still say one of the texts in a column."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
            found += [
                table for row in cursor.fetchall() for value in row for text in texts if text in str(value).lower()
            ]
    return found


@pytest.fixture
def ann() -> User:
    """Somebody with something of everything."""
    user = UserFactory(email="Ann@example.com", first_name="Annegret", last_name="Øster")
    api = Api(user)
    line = {"productId": to_global_id("Product", ProductFactory().pk), "quantity": 2}
    api.graphql(ADD, input={"lines": [line], "idempotencyKey": "k"})
    assert api.graphql(EMAIL_CHANGE, password=FACTORY_PASSWORD)["payload"]["errors"] == []
    Api().graphql(ASK, email="ann@example.com")
    outbox.enqueue(OutgoingMail.Kind.WELCOME, user=user)
    profile.update_profile(user=user, last_name="Østergård")
    user.groups.add(Group.objects.create(name="Club"))
    user.user_permissions.add(permission("catalog.view_product"))
    OutgoingMail.objects.create(kind="PASSWORD_RESET", asked_for="ann@example.com", status="FAILED")
    OutgoingMail.objects.create(kind="EMAIL_CHANGED", user=user, address="ann.before@example.com", status="SENT")
    return user


def test_everything_ends_is_erased_and_the_address_is_free(ann: User) -> None:
    signed_in = sign_in(Api(), "ann@example.com")
    assert delete(with_token(signed_in["token"])) == {"requested": True, "errors": []}
    assert not holds(signed_in["token"])
    assert codes(refresh(Api(), signed_in["refreshToken"])) == [("refreshToken", "INVALID_TOKEN")]
    assert codes(sign_in(Api(), "ann@example.com")) == [(None, "INVALID_CREDENTIALS")]
    assert codes(sign_in(Api(), f"deleted account {ann.pk}")) == [(None, "INVALID_CREDENTIALS")]
    for model in (Cart, CartLine, IdempotencyKey, TokenFamily, RefreshToken):
        assert not model._default_manager.exists(), model
    assert personal_data("annegret", "øster", "ann@example", "ann.before@", "new@example") == []
    # That it happened stays, and who did it; values do not.
    assert Change.objects.filter(model="users.user", key=ann.pk, actor=ann, kind="CHANGE").exists()
    row = User.objects.get(pk=ann.pk)
    assert (str(row), row.is_active, row.last_login) == (f"deleted account {ann.pk}", False, None)
    assert (row.has_usable_password(), row.groups.count(), row.user_permissions.count()) == (False, 0, 0)
    assert row.date_joined == ann.date_joined
    # What was sent stays in the record, without the address.
    assert [each.status for each in row.mails.all()] == ["SENT"]
    outbox.sweep(seconds=60)
    assert mail.outbox == []
    again = register(Api(), "ann@example.com")
    assert again["errors"] == []
    assert User.objects.get(email="ann@example.com").pk != ann.pk
    assert delete(with_token(again["token"]), "correct-horse-7")["requested"]


def test_the_password_is_wanted_and_guesses_count_as_sign_ins(ann: User, settings: Settings) -> None:
    settings.THROTTLE_SIGN_IN = (2, 900)
    api = Api(ann)
    assert Api().error(DELETE, password="x")["code"] == "UNAUTHENTICATED"
    for wrong in ("", "x" * 100_000):
        assert codes(delete(api, wrong)) == [("password", "INVALID_CREDENTIALS")]
    assert codes(delete(api)) == [(None, "THROTTLED")]
    assert api.graphql(ME)["me"]["email"] == "Ann@example.com"


def test_the_rest_of_the_document_is_nobodys(ann: User) -> None:
    document = """mutation($password: String!) {
      accountDelete(password: $password) { requested }
      profileUpdate(input: {firstName: "Ann"}) { errors { code } }
      cartClear { cart { id } } }"""
    answer = Api(ann).post(document, password=FACTORY_PASSWORD).json()
    assert answer["data"] == {"accountDelete": {"requested": True}, "profileUpdate": None, "cartClear": None}
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"UNAUTHENTICATED"}


def test_the_last_superuser_stays_and_other_staff_may_go() -> None:
    first, second = (UserFactory(is_staff=True, is_superuser=True) for _ in range(2))
    UserFactory(is_superuser=True, is_active=False)
    session = Client()
    session.force_login(first)
    assert delete(Api(first))["requested"]
    assert session.get("/admin/").status_code == 302
    assert codes(delete(Api(second))) == [(None, "FORBIDDEN")]
    assert delete(Api(UserFactory(is_staff=True)))["requested"]
    assert not User.objects.filter(is_staff=True).exclude(pk=second.pk).exists()


def test_all_or_nothing(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process dies at the last statement."""

    def die(*arguments: Any, **more: Any) -> None:
        raise SystemExit

    monkeypatch.setattr(User, "save", die)
    with pytest.raises(SystemExit):
        deletion.delete_account(user=ann, password=FACTORY_PASSWORD, address="192.0.2.1")
    assert (CartLine.objects.count(), ann.groups.count(), OutgoingMail.objects.count()) == (1, 1, 5)
    assert sign_in(Api(), "ann@example.com")["errors"] == []


@pytest.fixture
def server(settings: Settings) -> Iterator[Server]:
    server = Server()
    server.controller.start()
    settings.EMAIL_BACKEND = "users.mail.backends.SmtpBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", server.port, 5
    yield server
    server.controller.stop()


@pytest.mark.django_db(transaction=True)
def test_a_mail_that_a_worker_has_claimed_is_not_sent(server: Server, caplog: Any) -> None:
    """Between the claim and the hand-over the account is deleted: the worker finds its mail gone, and goes on."""
    user = UserFactory(email="ann@example.com")
    outbox.enqueue(OutgoingMail.Kind.WELCOME, user=user)
    outbox.enqueue(OutgoingMail.Kind.WELCOME, user=UserFactory(email="bob@example.com"))

    def watch(seen: str) -> None:
        if seen != "RCPT" or User.objects.filter(pk=user.pk, is_active=False).exists():
            return
        try:
            deletion.delete_account(user=user, password=FACTORY_PASSWORD, address="192.0.2.1")
        finally:
            connection.close()

    server.watch = watch
    assert outbox.sweep(seconds=60) == 1
    assert server.recipients == ["bob@example.com"]
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
    assert [each.status for each in OutgoingMail.objects.all()] == ["SENT"]


def test_the_admin_shows_it_and_changes_nothing(ann: User) -> None:
    assert delete(Api(ann))["requested"]
    client = Client()
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    page = client.get(f"/admin/users/user/{ann.pk}/change/")
    assert page.status_code == 200
    text = page.content.decode()
    assert f"deleted account {ann.pk}" in text
    assert "cannot be changed or brought back" in text
    assert 'name="_save"' not in text
    assert "deletelink" not in text
    form = {"email": "back@example.com", "is_active": "on", "first_name": "Ann"}
    for path in ("change", "delete", "password"):
        assert client.post(f"/admin/users/user/{ann.pk}/{path}/", {**form, "post": "yes"}).status_code == 403
    assert User.objects.get(pk=ann.pk).email == f"deleted account {ann.pk}"
    assert f"deleted account {ann.pk}" in client.get("/admin/users/user/").content.decode()
