"""What happens at once is decided by the database: real threads, each with a connection of its own, on MySQL."""

import re
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core import mail
from django.db import connections
from graphql_relay import to_global_id
from pytest_django import Settings

from cart.models import Cart
from catalog.tests.factories import ProductFactory
from core.models import IdempotencyKey
from core.tests.clients import Api
from users import email_links
from users.mail import outbox
from users.mail.content import content_of
from users.models import OutgoingMail, RefreshToken, TokenFamily, User
from users.tests.factories import UserFactory
from users.tests.operations import (
    CHANGE,
    FACTORY_PASSWORD,
    PASSWORD,
    RESET,
    codes,
    refresh,
    register,
    sign_in,
    with_token,
)
from users.tests.test_account_delete import ADD, DELETE
from users.tests.test_own_account import CONFIRM, PROFILE, REQUEST

pytestmark = [pytest.mark.mysql, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _not_counted(settings: Settings) -> None:
    """Attempts are something else's matter."""
    settings.THROTTLE_REGISTER = settings.THROTTLE_SIGN_IN = settings.THROTTLE_RESET = None


def at_once(work: Callable[[int], Any], number: int = 8) -> list[Any]:
    """What each of so many threads answers, all let loose in the same moment."""
    gate = threading.Barrier(number)
    answers: list[Any] = []

    def run(n: int) -> None:
        gate.wait()
        try:
            answers.append(work(n))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == number
    return answers


@pytest.fixture(params=range(3))
def again(request: Any) -> Iterator[int]:
    """Three times: a race won once proves little."""
    return request.param


def test_one_address_registered_at_once_is_one_account(again: int) -> None:
    payloads = at_once(lambda n: register(Api(), ["ann@example.com", "Ann@Example.com"][n % 2]))
    assert sorted(map(str, map(codes, payloads))) == sorted(["[]"] + [str([("email", "ALREADY_EXISTS")])] * 7)
    assert (User.objects.count(), OutgoingMail.objects.count(), RefreshToken.objects.count()) == (1, 1, 1)


def test_many_registrations_at_once(again: int) -> None:
    payloads = at_once(lambda n: register(Api(), f"ann{n}@example.com"))
    assert all(payload["errors"] == [] for payload in payloads)
    assert OutgoingMail.objects.count() == 8


def test_a_token_refreshed_at_once_is_spent_once_and_serves_all_tabs(again: int) -> None:
    user = UserFactory()
    token = sign_in(Api(), user.email)["refreshToken"]
    payloads = at_once(lambda n: refresh(Api(), token), 20)
    assert all(payload["errors"] == [] for payload in payloads)
    (successor,) = {payload["refreshToken"] for payload in payloads}
    assert (
        RefreshToken.objects.exclude(spent_at=None).count() == RefreshToken.objects.filter(spent_at=None).count() == 1
    )
    assert TokenFamily.objects.get().revoked_at is None
    assert refresh(Api(), successor)["errors"] == []


def test_two_tabs_that_go_on_at_once_end_with_one_token(again: int) -> None:
    """Each refreshes what it was told last, several times."""
    user = UserFactory()
    token = sign_in(Api(), user.email)["refreshToken"]

    def tab(n: int) -> str:
        mine = token
        for _ in range(4):
            payload = refresh(Api(), mine)
            assert payload["errors"] == []
            mine = payload["refreshToken"]
        return mine

    assert at_once(tab, 2)
    assert RefreshToken.objects.filter(spent_at=None).count() == 1
    assert TokenFamily.objects.get().revoked_at is None


def test_without_grace_one_wins_and_the_family_ends(again: int, settings: Settings) -> None:
    settings.JWT_REFRESH_GRACE *= 0
    user = UserFactory()
    token = sign_in(Api(), user.email)["refreshToken"]
    payloads = at_once(lambda n: refresh(Api(), token))
    (winner,) = [payload for payload in payloads if not payload["errors"]]
    assert codes(refresh(Api(), winner["refreshToken"])) == [("refreshToken", "INVALID_TOKEN")]


@pytest.mark.parametrize("soft", [None, (6, 900)], ids=["one address", "many addresses"])
def test_guesses_at_once_never_pass_the_limit(again: int, settings: Settings, soft: tuple[int, int] | None) -> None:
    """From one address six are looked at; from many, six and the one that goes first afterwards."""
    settings.THROTTLE_SIGN_IN, settings.THROTTLE_SIGN_IN_ACCOUNT = (6, 900), soft
    user = UserFactory()

    def guess(n: int) -> Any:
        api = Api()
        api.client.defaults["REMOTE_ADDR"] = f"10.{n}.0.1" if soft else "10.0.0.1"
        return codes(sign_in(api, user.email, "wrong"))[0][1]

    outcomes = at_once(guess, 20)
    assert set(outcomes) == {"INVALID_CREDENTIALS", "THROTTLED"}
    assert outcomes.count("INVALID_CREDENTIALS") in ([6] if soft is None else [6, 7])


def test_a_reset_link_used_at_once_sets_one_password(again: int) -> None:
    user = UserFactory()
    url = re.search(r"http\S+", content_of(OutgoingMail(kind=OutgoingMail.Kind.PASSWORD_RESET), user).text)[0]
    link = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}

    def reset(n: int) -> Any:
        return Api().graphql(RESET, input={**link, "newPassword": f"{PASSWORD}{n}"})

    outcomes = [codes(answer["passwordReset"]) for answer in at_once(reset)]
    assert outcomes.count([]) == 1


def test_many_sweeps_at_once_send_each_mail_once(again: int, settings: Settings) -> None:
    settings.MAIL_RATE = 1000
    for _ in range(20):
        outbox.enqueue(OutgoingMail.Kind.WELCOME, user=UserFactory())
    assert sum(at_once(lambda n: outbox.sweep(seconds=30))) == 20
    assert len({message.to[0] for message in mail.outbox}) == len(mail.outbox) == 20


def test_a_link_to_a_new_address_used_at_once_works_once(again: int) -> None:
    user = UserFactory(email="ann@example.com")
    api = Api(user)
    assert api.graphql(REQUEST, input={"newEmail": "b@example.com", "password": FACTORY_PASSWORD})
    link = OutgoingMail.objects.get()
    outcomes = [
        codes(answer["payload"])
        for answer in at_once(lambda n: Api().graphql(CONFIRM, token=email_links.make_token(link)))
    ]
    assert sorted(outcomes) == [[], *[[("token", "INVALID_TOKEN")]] * 7]
    assert OutgoingMail.objects.filter(kind="EMAIL_CHANGED").count() == 1


def test_the_last_two_superusers_that_delete_themselves_at_once_leave_one(again: int) -> None:
    users = [UserFactory(is_staff=True, is_superuser=True) for _ in range(2)]
    outcomes = at_once(lambda n: codes(Api(users[n]).graphql(DELETE, password=FACTORY_PASSWORD)["payload"]), 2)
    assert sorted(outcomes) == [[], [(None, "FORBIDDEN")]]


def test_nothing_is_written_into_an_account_that_is_deleted_at_once(again: int) -> None:
    """Whatever else its devices are doing in the same moment."""
    user = UserFactory(email="ann@example.com")
    product = to_global_id("Product", ProductFactory().pk)
    writes: list[Callable[[Api], Any]] = [
        lambda api: api.graphql(DELETE, password=FACTORY_PASSWORD),
        lambda api: api.post(ADD, input={"lines": [{"productId": product, "quantity": 1}], "idempotencyKey": "k"}),
        lambda api: api.post(PROFILE, input={"firstName": "Ann"}),
        lambda api: api.post(REQUEST, input={"newEmail": "b@example.com", "password": FACTORY_PASSWORD}),
        lambda api: sign_in(api, "ann@example.com"),
        lambda api: api.post(CHANGE, input={"currentPassword": FACTORY_PASSWORD, "newPassword": PASSWORD}),
    ]
    apis = [Api(user) for _ in writes]
    at_once(lambda n: writes[n](apis[n]), len(writes))
    row = User.objects.get()
    if row.deleted_at is None:
        # The new password came first, and ended the token.
        assert with_token(sign_in(Api(), "ann@example.com", PASSWORD)["token"]).graphql(DELETE, password=PASSWORD)
        row.refresh_from_db()
    assert (row.email, row.first_name, row.last_login) == (f"deleted account {row.pk}", "", None)
    assert (Cart.objects.count(), IdempotencyKey.objects.count(), OutgoingMail.objects.count()) == (0, 0, 0)
