"""Making an account through both APIs."""

import pytest
from django.utils import timezone

from core.tests.clients import Api
from users.models import OutgoingMail, RefreshToken, User
from users.tests.factories import UserFactory
from users.tests.operations import PASSWORD, REGISTER, codes, holds, refresh, register

pytestmark = pytest.mark.django_db


def test_an_account_is_made_and_signed_in(nobody: Api) -> None:
    payload = register(nobody, " Ann@Example.com ", firstName="Ann", lastName="  Berg ")
    assert payload["errors"] == []
    assert payload["user"] == {"email": "Ann@Example.com", "firstName": "Ann", "lastName": "Berg"}
    assert holds(payload["token"])
    assert refresh(nobody, payload["refreshToken"])["token"]
    user = User.objects.get()
    assert user.password.startswith(("argon2", "md5"))
    assert user.check_password(PASSWORD)


def test_rest(nobody: Api) -> None:
    response = nobody.send("auth/register/", email="ann@example.com", password=PASSWORD, first_name="Ann")
    assert response.status_code == 201
    answer = response.json()
    assert answer.keys() == {"user", "token", "refresh_token", "expires_at"}
    assert answer["user"]["first_name"] == "Ann"
    assert holds(answer["token"])
    assert nobody.send("auth/token/refresh/", refresh_token=answer["refresh_token"]).status_code == 200


def test_the_welcome_mail_is_written_with_the_account_and_due_a_day_later(nobody: Api) -> None:
    before = timezone.now()
    register(nobody)
    mail = OutgoingMail.objects.get()
    assert (mail.kind, mail.status, mail.user.email) == ("WELCOME", "DUE", "ann@example.com")
    assert 86_399 < (mail.due_at - before).total_seconds() < 86_410


@pytest.mark.parametrize("email", ["ann@example.com", "ANN@Example.COM", " Ann@example.com"])
def test_an_address_is_one_account_whatever_its_case(nobody: Api, email: str) -> None:
    UserFactory(email="Ann@example.com")
    payload = register(nobody, email)
    assert codes(payload) == [("email", "ALREADY_EXISTS")]
    assert (payload["token"], payload["refreshToken"], payload["user"]) == (None, None, None)
    response = nobody.send("auth/register/", email=email, password=PASSWORD)
    assert response.status_code == 400
    assert response.json()["errors"][0] | {"detail": ""} == {"code": "already_exists", "detail": "", "attr": "email"}
    assert User.objects.count() == 1
    assert not OutgoingMail.objects.exists()
    assert not RefreshToken.objects.exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email": ""}, "email"),
        ({"email": "no address"}, "email"),
        ({"email": "a@b"}, "email"),
        ({"email": "ann@example.com\nBcc: bob@example.com"}, "email"),
        ({"email": '"\x01"@example.com'}, "email"),
        ({"email": "jörg@example.com"}, "email"),
        ({"email": f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 20}.com"}, "email"),
        ({"firstName": "a" * 151}, "firstName"),
        ({"firstName": "Ann\r\nBcc: bob@example.com"}, "firstName"),
        ({"lastName": "Berg\x1b[31m"}, "lastName"),
        ({"lastName": "Ber\u2028g"}, "lastName"),
        ({"password": ""}, "password"),
        ({"password": "short"}, "password"),
        ({"password": "password123"}, "password"),
        ({"password": "4839205718"}, "password"),
        ({"password": "ann.example"}, "password"),
        ({"password": "x1" * 600}, "password"),
    ],
    ids=str,
)
def test_what_cannot_be_is_named(nobody: Api, changes: dict[str, str], field: str) -> None:
    account = {"email": "ann.example@example.com", "password": PASSWORD, **changes}
    payload = nobody.graphql(REGISTER, input=account)["register"]
    assert set(codes(payload)) == {(field, "INVALID")}
    rest = {"firstName": "first_name", "lastName": "last_name"}
    response = nobody.send("auth/register/", **{rest.get(name, name): text for name, text in account.items()})
    assert response.status_code == 400
    assert {error["attr"] for error in response.json()["errors"]} == {rest.get(field, field)}
    assert not User.objects.exists()


def test_every_mistake_is_told_at_once(nobody: Api) -> None:
    payload = register(nobody, "x", "y", firstName="\x07")
    assert {field for field, _ in codes(payload)} == {"email", "password", "firstName"}


def test_a_weak_password_says_nothing_about_the_address(nobody: Api) -> None:
    UserFactory(email="ann@example.com")
    assert codes(register(nobody, password="short")) == codes(register(nobody, "bob@example.com", "short"))


def test_names_may_be_absent_null_or_of_any_script(nobody: Api) -> None:
    account = {"email": "ann@example.com", "password": PASSWORD, "firstName": None, "lastName": "O’Brien-Ямада 🦆"}
    user = nobody.graphql(REGISTER, input=account)["register"]["user"]
    assert (user["firstName"], user["lastName"]) == ("", "O’Brien-Ямада 🦆")
