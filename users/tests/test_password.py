"""Changing the password, and setting a new one by mail."""

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
from users import tasks
from users.models import OutgoingMail, User
from users.tests.factories import UserFactory
from users.tests.operations import ASK, CHANGE, PASSWORD, RESET, codes, holds, refresh, sign_in, with_token

pytestmark = pytest.mark.django_db
LINK = [("token", "INVALID_TOKEN")]


@pytest.fixture(autouse=True)
def _fast(settings: Settings) -> None:
    """Mails in tests need not be spread."""
    settings.MAIL_RATE = 1000


@pytest.fixture
def ann() -> User:
    """An account."""
    return UserFactory(email="Ann@example.com")


def change(api: Api, current: str, new: str) -> dict[str, Any]:
    return api.graphql(CHANGE, input={"currentPassword": current, "newPassword": new})["passwordChange"]


def ask(api: Api, email: str) -> dict[str, Any]:
    return api.graphql(ASK, email=email)["passwordResetRequest"]


def reset(api: Api, link: dict[str, str], new: str = PASSWORD) -> dict[str, Any]:
    return api.graphql(RESET, input={**link, "newPassword": new})["passwordReset"]


def mailed_link(api: Api, email: str = "ann@example.com") -> dict[str, str]:
    """What the link of a reset mail carries."""
    mail.outbox.clear()
    assert ask(api, email) == {"requested": True, "errors": []}
    tasks.send_due_mail()
    (message,) = mail.outbox
    url = re.search(r"http://\S+/password-reset\?\S+", message.body)[0]
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


class TestChange:
    """By who knows the current one."""

    def test_a_change_ends_every_token(self, nobody: Api, ann: User) -> None:
        here, there = sign_in(nobody, ann.email), sign_in(nobody, ann.email)
        payload = change(with_token(here["token"]), "vitrine-demo", PASSWORD)
        assert payload["errors"] == []
        assert holds(payload["token"])
        assert refresh(nobody, payload["refreshToken"])["errors"] == []
        for old in (here, there):
            assert not holds(old["token"])
            assert codes(refresh(nobody, old["refreshToken"])) == [("refreshToken", "INVALID_TOKEN")]
        assert sign_in(nobody, ann.email, PASSWORD)["token"]
        assert codes(sign_in(nobody, ann.email)) == [(None, "INVALID_CREDENTIALS")]

    def test_the_current_one_must_be_right(self, ann: User) -> None:
        api = Api(ann)
        assert codes(change(api, "wrong", PASSWORD)) == [("currentPassword", "INVALID_CREDENTIALS")]
        assert api.graphql("{ me { id } }")["me"]

    def test_a_stolen_token_is_no_way_to_guess_on(self, ann: User, settings: Settings) -> None:
        settings.THROTTLE_SIGN_IN = (2, 900)
        api = Api(ann)
        for _ in range(2):
            change(api, "wrong", PASSWORD)
        assert codes(change(api, "vitrine-demo", PASSWORD)) == [(None, "THROTTLED")]

    @pytest.mark.parametrize("new", ["short", "password123", "ann@example.com"])
    def test_the_new_one_must_be_good(self, ann: User, new: str) -> None:
        assert set(codes(change(Api(ann), "vitrine-demo", new))) == {("newPassword", "INVALID")}

    def test_it_wants_a_token(self, nobody: Api) -> None:
        query = 'mutation { passwordChange(input: {currentPassword: "a", newPassword: "b"}) { token } }'
        assert nobody.error(query)["code"] == "UNAUTHENTICATED"


class TestReset:
    """By who reads the account's mail."""

    def test_a_reset_link_holds_once_and_ends_every_token(self, nobody: Api, ann: User) -> None:
        old = sign_in(nobody, ann.email)
        link = mailed_link(nobody, "ANN@EXAMPLE.COM")
        assert mail.outbox[0].to == ["Ann@example.com"]
        assert reset(nobody, link) == {"user": {"email": "Ann@example.com"}, "errors": []}
        assert not holds(old["token"])
        assert codes(refresh(nobody, old["refreshToken"])) == [("refreshToken", "INVALID_TOKEN")]
        assert sign_in(nobody, ann.email, PASSWORD)["token"]
        assert codes(reset(nobody, link, "another-horse-8")) == LINK

    def test_an_unknown_address_is_answered_the_same_and_leaves_no_trace(self, nobody: Api) -> None:
        assert ask(nobody, "nobody@example.com") == {"requested": True, "errors": []}
        tasks.send_due_mail()
        assert mail.outbox == []
        assert not OutgoingMail.objects.exists()

    def test_both_cases_cost_the_same_queries(
        self, nobody: Api, ann: User, django_assert_num_queries: Any, settings: Settings
    ) -> None:
        settings.THROTTLE_RESET = None
        for email in ("ann@example.com", "nobody@example.com"):
            with django_assert_num_queries(3):  # savepoint, row, release
                ask(nobody, email)

    def test_a_deactivated_account_gets_none(self, nobody: Api, ann: User) -> None:
        User.objects.update(is_active=False)
        assert ask(nobody, ann.email)["requested"]
        tasks.send_due_mail()
        assert mail.outbox == []

    def test_no_address_at_all(self, nobody: Api) -> None:
        payload = ask(nobody, "no address")
        assert not payload["requested"]
        assert codes(payload) == [("email", "INVALID")]

    def test_the_link_lives_an_hour(self, nobody: Api, ann: User) -> None:
        link = mailed_link(nobody)
        with time_machine.travel(timezone.now() + timedelta(hours=1, seconds=5)):
            assert codes(reset(nobody, link)) == LINK
        assert reset(nobody, link)["errors"] == []

    def test_a_sign_in_ends_the_link(self, nobody: Api, ann: User) -> None:
        link = mailed_link(nobody)
        sign_in(nobody, ann.email)
        assert codes(reset(nobody, link)) == LINK

    @pytest.mark.parametrize(
        "changes", [{"uid": ""}, {"uid": "x"}, {"uid": "OTk5OTk5"}, {"uid": "…"}, {"token": ""}, {"token": "a-b-c"}]
    )
    def test_a_forged_link(self, nobody: Api, ann: User, changes: dict[str, str]) -> None:
        assert codes(reset(nobody, {**mailed_link(nobody), **changes})) == LINK

    def test_another_accounts_link(self, nobody: Api, ann: User) -> None:
        other = mailed_link(nobody, UserFactory().email)
        link = {**mailed_link(nobody), "token": other["token"]}
        assert codes(reset(nobody, link)) == LINK

    def test_the_new_one_must_be_good_and_the_link_stays(self, nobody: Api, ann: User) -> None:
        link = mailed_link(nobody)
        assert set(codes(reset(nobody, link, "short"))) == {("newPassword", "INVALID")}
        assert reset(nobody, link)["errors"] == []
