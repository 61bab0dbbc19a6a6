"""What users change of their own account: names and e-mail address."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.core import mail
from django.utils import timezone
from pytest_django import Settings

from core.tests.clients import Api
from users.mail import outbox
from users.models import OutgoingMail, User
from users.tests.factories import UserFactory
from users.tests.operations import (
    ASK,
    CHANGE,
    FACTORY_PASSWORD,
    ME,
    PASSWORD,
    REVOKE_ALL,
    codes,
    register,
    sign_in,
    with_token,
)

pytestmark = pytest.mark.django_db
USER = "user { email firstName lastName } errors { field message code retryAfter }"
PROFILE = f"mutation($input: ProfileUpdateInput!) {{ payload: profileUpdate(input: $input) {{ {USER} }} }}"
REQUEST = """mutation($input: EmailChangeRequestInput!) {
  payload: emailChangeRequest(input: $input) { requested errors { field message code } } }"""
CONFIRM = f"mutation($token: String!) {{ payload: emailChangeConfirm(token: $token) {{ {USER} }} }}"
REFUSED = [("token", "INVALID_TOKEN")]


@pytest.fixture
def ann() -> User:
    return UserFactory(email="ann@example.com", first_name="Ann")


@pytest.fixture
def api(ann: User) -> Api:
    return Api(ann)


def request(api: Api, new_email: str, password: str = FACTORY_PASSWORD) -> dict[str, Any]:
    payload: dict[str, Any] = api.graphql(REQUEST, input={"newEmail": new_email, "password": password})["payload"]
    assert payload["requested"] == (not payload["errors"])
    return payload


def confirm(token: str, api: Api | None = None) -> dict[str, Any]:
    payload: dict[str, Any] = (api or Api()).graphql(CONFIRM, token=token)["payload"]
    return payload


def sent() -> dict[str, str]:
    """What is sent now: the texts by their recipients."""
    mail.outbox = []
    outbox.sweep(seconds=60)
    return {str(message.to[0]): str(message.body) for message in mail.outbox}


def link(text: str) -> str:
    """The token of the link in a mail."""
    (token,) = parse_qs(urlsplit(re.findall(r"http\S+", text)[0]).query)["token"]
    return token


def token_for(api: Api, new_email: str) -> str:
    assert request(api, new_email)["errors"] == []
    return link(sent()[new_email])


class TestProfile:
    def test_names_change_are_emptied_and_stay(self, api: Api, ann: User) -> None:
        for given, names in (
            ({"firstName": " Anna  Lena ", "lastName": "Øst"}, ("Anna Lena", "Øst")),
            ({"firstName": "灯"}, ("灯", "Øst")),
            ({"firstName": None}, ("", "Øst")),
            ({}, ("", "Øst")),
        ):
            user = api.graphql(PROFILE, input=given)["payload"]["user"]
            assert (user["firstName"], user["lastName"]) == names
        ann.refresh_from_db()
        assert (ann.first_name, ann.last_name, ann.email) == ("", "Øst", "ann@example.com")

    def test_every_mistake_is_named_and_nothing_is_changed(self, api: Api, ann: User) -> None:
        payload = api.graphql(PROFILE, input={"firstName": "x" * 151, "lastName": "a\nb"})["payload"]
        assert codes(payload) == [("firstName", "INVALID"), ("lastName", "INVALID")]
        assert codes(api.graphql(PROFILE, input={"firstName": "Bo", "lastName": "\u2028x"})["payload"])
        ann.refresh_from_db()
        assert ann.first_name == "Ann"

    def test_of_nobody(self, nobody: Api) -> None:
        assert nobody.error(PROFILE, input={"firstName": "x"})["code"] == "UNAUTHENTICATED"


class TestAddress:
    def test_changes_by_the_mailed_link_and_the_former_address_is_told(self, api: Api, ann: User) -> None:
        phone = with_token(sign_in(Api(), "ann@example.com")["token"])
        assert request(api, "Anna@BÜCHER.example") == {"requested": True, "errors": []}
        mails = sent()
        assert [*mails] == ["Anna@xn--bcher-kva.example"]
        assert api.graphql(ME)["me"]["email"] == "ann@example.com"
        token = link(mails["Anna@xn--bcher-kva.example"])
        assert "@" not in token
        assert confirm(token)["user"]["email"] == "Anna@BÜCHER.example"
        notice = sent()
        assert [*notice] == ["ann@example.com"]
        assert "new e-mail address" in notice["ann@example.com"]
        assert "BÜCHER" not in notice["ann@example.com"]
        # No device is signed out.
        assert phone.graphql(ME)["me"]["email"] == "Anna@BÜCHER.example"
        assert sign_in(Api(), "anna@bücher.example")["errors"] == []
        assert codes(sign_in(Api(), "ann@example.com")) == [(None, "INVALID_CREDENTIALS")]
        assert register(Api(), "ann@example.com")["errors"] == []

    def test_a_link_works_once_even_after_the_way_back(self, api: Api) -> None:
        first = token_for(api, "b@example.com")
        assert confirm(first)["errors"] == []
        assert codes(confirm(first)) == REFUSED
        assert confirm(token_for(api, "ann@example.com"))["errors"] == []
        assert codes(confirm(first)) == REFUSED
        assert api.graphql(ME)["me"]["email"] == "ann@example.com"

    def test_one_of_two_links_ends_the_other(self, api: Api) -> None:
        tokens = [token_for(api, email) for email in ("b@example.com", "c@example.com")]
        assert request(api, "d@example.com")["errors"] == []
        assert confirm(tokens[1])["user"]["email"] == "c@example.com"
        assert codes(confirm(tokens[0])) == REFUSED
        # What waited is not sent.
        assert [*sent()] == ["ann@example.com"]

    @pytest.mark.parametrize("document", [REVOKE_ALL, CHANGE])
    def test_a_link_ends_with_the_tokens_sent_or_not(self, api: Api, document: str) -> None:
        token = token_for(api, "b@example.com")
        assert request(api, "c@example.com")["errors"] == []
        api.graphql(document, input={"currentPassword": FACTORY_PASSWORD, "newPassword": PASSWORD})
        assert sent() == {}
        assert codes(confirm(token)) == REFUSED

    def test_a_link_expires_and_cannot_be_forged(self, api: Api, ann: User, settings: Settings) -> None:
        token = token_for(api, "b@example.com")
        with time_machine.travel(timezone.now() + timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT + 2)):
            assert codes(confirm(token)) == REFUSED
        uid, _, signature = token.partition(".")
        other = OutgoingMail.objects.create(kind="EMAIL_CHANGE", user=UserFactory(), address="x@example.com")
        for forged in ("", "x", "🎉", "x" * 100_000, uid, f"{other.uid.hex}.{signature}", token[:-1], f"{token}."):
            assert codes(confirm(forged)) == REFUSED
        User.objects.filter(pk=ann.pk).update(is_active=False)
        assert codes(confirm(token)) == REFUSED

    def test_a_known_address_is_answered_like_an_unknown_one_and_its_owner_is_told(self, api: Api) -> None:
        bob = UserFactory(email="Bob@example.com", first_name="Bob")
        payloads = [request(api, email) for email in ("bob@EXAMPLE.com", "new@example.com")]
        assert payloads[0] == payloads[1] == {"requested": True, "errors": []}
        mails = sent()
        assert [*mails] == ["bob@example.com", "new@example.com"]
        assert "has an account here already" in mails["bob@example.com"]
        assert "http://localhost" not in mails["bob@example.com"].replace(f"{bob}", "")[:200]
        assert "token" not in mails["bob@example.com"]
        assert "Ann" not in mails["bob@example.com"]

    def test_an_address_taken_meanwhile_is_told_to_whoever_has_the_link(self, api: Api) -> None:
        token = token_for(api, "b@example.com")
        other = UserFactory(email="B@example.com")
        assert codes(confirm(token)) == [("token", "ALREADY_EXISTS")]
        other.delete()
        assert confirm(token)["user"]["email"] == "b@example.com"

    def test_the_password_is_wanted_and_guesses_count_as_sign_ins(self, api: Api, settings: Settings) -> None:
        settings.THROTTLE_SIGN_IN = (2, 900)
        for code in ("INVALID_CREDENTIALS", "INVALID_CREDENTIALS", "THROTTLED"):
            (error,) = codes(request(api, "b@example.com", "wrong"))
            assert error == (("password", code) if code != "THROTTLED" else (None, code))
        assert codes(sign_in(Api(), "ann@example.com")) == [(None, "THROTTLED")]
        assert not OutgoingMail.objects.exists()

    def test_mails_to_one_address_are_counted_over_all_accounts(self, api: Api, settings: Settings) -> None:
        settings.THROTTLE_RESET = (2, 3600)
        for other in (api, Api(UserFactory())):
            assert request(other, "b@example.com")["errors"] == []
        assert codes(request(Api(UserFactory()), "B@example.com")) == [(None, "THROTTLED")]
        assert request(api, "c@example.com")["errors"] == []

    @pytest.mark.parametrize("new", ["", "x", "a@b", "a@example.com\nBcc: x@example.com", "ö@example.com", "x" * 255])
    def test_what_is_no_address_is_refused(self, api: Api, new: str) -> None:
        assert codes(request(api, new)) == [("newEmail", "INVALID")]

    def test_the_same_address_is_refused_and_another_spelling_is_not(self, api: Api) -> None:
        assert codes(request(api, "ann@example.com")) == [("newEmail", "INVALID")]
        assert confirm(token_for(api, "Ann@example.com"))["user"]["email"] == "Ann@example.com"

    def test_a_reset_link_to_the_former_address_ends(self, api: Api) -> None:
        Api().graphql(ASK, email="ann@example.com")
        reset = sent()["ann@example.com"]
        assert confirm(token_for(api, "b@example.com"))["errors"] == []
        given = {name: value for name, (value,) in parse_qs(urlsplit(re.findall(r"http\S+", reset)[0]).query).items()}
        document = """mutation($input: PasswordResetInput!) {
          passwordReset(input: $input) { errors { field code } } }"""
        assert codes(Api().graphql(document, input={**given, "newPassword": PASSWORD})["passwordReset"]) == REFUSED

    def test_the_outbox_forgets_addresses_after_a_day(self, api: Api) -> None:
        token = token_for(api, "b@example.com")
        assert outbox.forget_addresses() == 0
        with time_machine.travel(timezone.now() + timedelta(days=1, minutes=1)):
            assert outbox.forget_addresses() == 1
        assert not OutgoingMail.objects.exclude(address="").exists()
        assert codes(confirm(token)) == REFUSED
