"""Guessing is expensive: attempts count for both APIs together, and a right password still opens from elsewhere."""

import re
import socket
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.core.cache import cache, caches
from pytest_django import Settings

from core.models import Attempts
from core.tests.clients import Api
from core.throttling import budget_counters
from users.mail.content import content_of
from users.models import OutgoingMail
from users.tests.factories import UserFactory
from users.tests.operations import ASK, RESET, codes, refresh, register, sign_in

pytestmark = pytest.mark.django_db
WRONG = [(None, "INVALID_CREDENTIALS")]
THROTTLED = [(None, "THROTTLED")]


@pytest.fixture(autouse=True)
def clock():
    """Time stands still, so that no window ends in the middle of a test."""
    with time_machine.travel("2026-11-23T12:00:00Z", tick=False) as traveller:
        yield traveller


@pytest.fixture
def ann():
    """An account to guess at."""
    return UserFactory(email="ann@example.com")


def at(address: str) -> Api:
    """A client of this network address."""
    api = Api()
    api.client.defaults["REMOTE_ADDR"] = address
    return api


class TestSignIn:
    """Ten failures for an account and address, a hundred for an address, in 15 minutes."""

    def test_the_eleventh_guess_is_not_looked_at(self, nobody: Api, ann: Any, clock: Any) -> None:
        for _ in range(10):
            assert codes(sign_in(nobody, "ann@example.com", "wrong")) == WRONG
        clock.shift(timedelta(seconds=100))
        assert codes(sign_in(nobody, "ANN@example.com", "vitrine-demo")) == THROTTLED
        response = nobody.post('mutation { tokenAuth(email: "ann@example.com", password: "x") { token } }')
        assert (response.status_code, response.headers["Retry-After"]) == (200, "800")
        assert codes(sign_in(nobody, "bob@example.com", "wrong")) == WRONG
        clock.shift(timedelta(seconds=800))
        assert sign_in(nobody, "ann@example.com")["token"]

    def test_both_apis_and_the_admin_count_together(self, nobody: Api, ann: Any) -> None:
        for _ in range(5):
            sign_in(nobody, "ann@example.com", "wrong")
            nobody.send("auth/token/", email="Ann@example.com", password="wrong")
        response = nobody.send("auth/token/", email="ann@example.com", password="vitrine-demo")
        assert (response.status_code, response.headers["Retry-After"]) == (429, "900")
        assert response.json()["type"] == "client_error"
        assert response.json()["errors"][0]["code"] == "throttled"
        page = nobody.client.post("/admin/login/", {"username": "ann@example.com", "password": "vitrine-demo"})
        assert "Too many attempts" in page.content.decode()

    def test_right_credentials_from_elsewhere(self, ann: Any) -> None:
        for _ in range(11):
            sign_in(at("192.0.2.1"), "ann@example.com", "wrong")
        assert codes(sign_in(at("192.0.2.1"), "ann@example.com")) == THROTTLED
        assert sign_in(at("192.0.2.2"), "ann@example.com")["token"]

    def test_success_does_not_count(self, nobody: Api, ann: Any) -> None:
        for _ in range(30):
            assert sign_in(nobody, "ann@example.com")["token"]

    def test_an_address_that_tries_many_accounts(self, settings: Settings, nobody: Api, ann: Any) -> None:
        settings.THROTTLE_SIGN_IN = (2, 900)
        for n in range(20):
            assert codes(sign_in(nobody, f"shopper{n}@example.org", "wrong")) == WRONG
        assert codes(sign_in(nobody, "ann@example.com")) == THROTTLED

    def test_one_subscriber_has_many_ipv6_addresses(self, settings: Settings, ann: Any) -> None:
        settings.THROTTLE_SIGN_IN = (2, 900)
        for n in range(2):
            sign_in(at(f"2001:db8:0:1::{n}"), "ann@example.com", "wrong")
        assert codes(sign_in(at("2001:db8:0:1:ffff::"), "ann@example.com")) == THROTTLED
        assert sign_in(at("2001:db8:0:2::1"), "ann@example.com")["token"]

    def test_off(self, settings: Settings, nobody: Api, ann: Any) -> None:
        settings.THROTTLE_SIGN_IN = None
        for _ in range(120):
            assert codes(sign_in(nobody, "ann@example.com", "wrong")) == WRONG


def test_registrations_of_an_address(settings: Settings, nobody: Api) -> None:
    settings.THROTTLE_REGISTER = (3, 3600)
    for n in range(2):
        assert register(nobody, f"a{n}@example.com")["errors"] == []
    assert codes(register(nobody, "a0@example.com")) == [("email", "ALREADY_EXISTS")]
    assert codes(register(nobody, "weak@example.com", "short"))[0] == ("password", "INVALID")
    assert codes(register(nobody, "a3@example.com")) == THROTTLED
    response = nobody.send("auth/register/", email="a3@example.com", password="correct-horse-7")
    assert (response.status_code, response.headers["Retry-After"]) == (429, "3600")
    assert register(at("192.0.2.1"), "a3@example.com")["errors"] == []


def test_refreshes_of_an_address(settings: Settings, nobody: Api, ann: Any) -> None:
    settings.THROTTLE_REFRESH = (2, 60)
    for _ in range(2):
        refresh(nobody, "x")
    assert codes(refresh(nobody, "x")) == THROTTLED
    assert nobody.send("auth/token/refresh/", refresh_token="x").status_code == 429


def test_reset_mails_of_an_account_and_requests_of_an_address(settings: Settings, nobody: Api) -> None:
    settings.THROTTLE_RESET = (2, 3600)
    for api in (at("192.0.2.1"), at("192.0.2.2")):
        assert api.graphql(ASK, email="ann@example.com")["passwordResetRequest"]["requested"]
    assert codes(nobody.graphql(ASK, email="ANN@example.com")["passwordResetRequest"]) == THROTTLED
    guess = {"uid": "MQ", "token": "x-y", "newPassword": "correct-horse-7"}
    for _ in range(20):
        assert codes(nobody.graphql(RESET, input=guess)["passwordReset"]) == [("token", "INVALID_TOKEN")]
    assert codes(nobody.graphql(RESET, input=guess)["passwordReset"]) == THROTTLED


class TestAllAddresses:
    """Guesses from many addresses at one account are slow, and its owner gets in all the same."""

    HOME = "192.0.2.1"
    WAYS = {
        "one /64 after the other of a /48": lambda n: f"2001:db8:1:{n:x}::1",
        "many /48": lambda n: f"2001:db8:{n:x}::1",
        "many IPv4 networks": lambda n: f"10.{n}.0.1",
        "one IPv4 network": lambda n: f"10.0.0.{n}",
        "IPv4 written as IPv6": lambda n: f"::ffff:10.{n}.0.1",
    }

    @pytest.fixture(autouse=True)
    def fewer(self, settings: Settings) -> None:
        """The account is slowed after six failures, so that sixteen guesses are many."""
        settings.THROTTLE_SIGN_IN, settings.THROTTLE_SIGN_IN_ACCOUNT = (4, 900), (6, 900)

    def looked_at(self, addresses: list[str], email: str = "ann@example.com") -> int:
        """How many guesses were looked at."""
        outcomes = [codes(sign_in(at(address), email, "wrong")) for address in addresses]
        assert all(outcome in (WRONG, THROTTLED) for outcome in outcomes)
        return outcomes.count(WRONG)

    @pytest.fixture
    def addresses(self) -> list[str]:
        """Sixteen, from far."""
        return [self.WAYS["many IPv4 networks"](n) for n in range(16)]

    @pytest.mark.parametrize("way", WAYS)
    def test_many_guesses_from_many_addresses(self, ann: Any, way: str) -> None:
        addresses = [self.WAYS[way](n) for n in range(16)]
        assert 6 <= self.looked_at(addresses) <= 8

    @pytest.mark.parametrize("way", WAYS)
    def test_many_guesses_from_a_few_addresses(self, ann: Any, way: str) -> None:
        addresses = [self.WAYS[way](n) for n in range(4)]
        assert 6 <= self.looked_at(addresses * 4) <= 8

    def test_later_ones_come_one_at_a_time(self, ann: Any, addresses: list[str], clock: Any) -> None:
        self.looked_at(addresses)
        for _ in range(3):
            clock.shift(timedelta(seconds=10))
            assert self.looked_at(addresses) <= 2

    def test_an_address_without_an_account_is_told_the_same(self, ann: Any, addresses: list[str]) -> None:
        assert self.looked_at(addresses, "nobody@example.com") == self.looked_at(addresses)

    def test_the_owner_is_not_slowed_where_they_signed_in_before(self, ann: Any, addresses: list[str]) -> None:
        assert sign_in(at(self.HOME), "ann@example.com")["token"]
        for _ in range(2):
            self.looked_at(addresses)
            assert sign_in(at(self.HOME), "ANN@example.com")["token"]

    def test_the_owner_gets_in_from_elsewhere_in_a_moment(self, ann: Any, addresses: list[str], clock: Any) -> None:
        self.looked_at(addresses)
        owner = at("198.51.100.7")
        refused = owner.send("auth/token/", email="ann@example.com", password="vitrine-demo")
        if refused.status_code == 429:
            assert int(refused.headers["Retry-After"]) <= 2
            clock.shift(timedelta(seconds=2))
            # Guesses from where there were some already do not take this moment away.
            self.looked_at(addresses[:6])
            assert sign_in(owner, "ann@example.com")["token"]
        # From now on the place is known.
        self.looked_at(addresses)
        assert sign_in(owner, "ann@example.com")["token"]

    def test_a_reset_link_opens_from_anywhere(self, ann: Any, addresses: list[str]) -> None:
        self.looked_at([*addresses, "203.0.113.9"])
        text = content_of(OutgoingMail(kind=OutgoingMail.Kind.PASSWORD_RESET), ann).text
        link = {name: values[0] for name, values in parse_qs(urlsplit(re.search(r"http\S+", text)[0]).query).items()}
        owner = at("203.0.113.9")
        answer = owner.graphql(RESET, input={**link, "newPassword": "correct-horse-7"})
        assert answer["passwordReset"]["errors"] == []
        assert sign_in(owner, "ann@example.com", "correct-horse-7")["token"]

    def test_other_accounts_are_not_slowed(self, ann: Any, addresses: list[str]) -> None:
        UserFactory(email="bob@example.com")
        self.looked_at(addresses)
        assert sign_in(at("198.51.100.7"), "bob@example.com")["token"]

    def test_quiet_accounts_forget(self, ann: Any, clock: Any, addresses: list[str]) -> None:
        self.looked_at(addresses)
        clock.shift(timedelta(minutes=15))
        assert sign_in(at(addresses[0]), "ann@example.com")["token"]
        assert sign_in(at(addresses[1]), "ann@example.com")["token"]

    def test_off(self, ann: Any, addresses: list[str], settings: Settings) -> None:
        settings.THROTTLE_SIGN_IN_ACCOUNT = None
        assert self.looked_at(addresses) == 16


def test_a_site_that_tries_many_accounts_from_many_addresses(settings: Settings, ann: Any) -> None:
    """Forty times what one client may do for one account; each guess at another account writes no row then."""
    settings.THROTTLE_SIGN_IN = (1, 900)
    for n in range(40):
        guess = sign_in(at(f"2001:db8:1:{n * 256:x}::1"), f"shopper{n}@example.org", "wrong")
        assert codes(guess) == WRONG
    rows = Attempts.objects.count()
    for n in range(3):
        assert codes(sign_in(at(f"2001:db8:1:{n:x}::2"), f"other{n}@example.org", "wrong")) == THROTTLED
    assert Attempts.objects.count() == rows


class TestWithoutACache:
    """A cache that is down or was emptied changes nothing for accounts; budgets are counted in the process."""

    @pytest.fixture(params=["refused", "silent"])
    def down(self, request: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
        """A Redis where nobody listens, or where nobody answers."""
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            if request.param == "silent":
                listener.listen(100)
            settings.CACHES = {
                "default": {
                    **settings.CACHES["default"],
                    "BACKEND": "django.core.cache.backends.redis.RedisCache",
                    "LOCATION": f"redis://127.0.0.1:{listener.getsockname()[1]}/0",
                    "OPTIONS": {"socket_connect_timeout": 0.2, "socket_timeout": 0.2},
                }
            }
            monkeypatch.setattr(budget_counters, "_cache_down_until", 0.0)
            budget_counters._local_cache.clear()
            yield
            caches["default"].close()
            budget_counters._local_cache.clear()

    def test_sign_in_goes_on_and_guesses_count(self, down: None, nobody: Api, ann: Any) -> None:
        assert sign_in(nobody, "ann@example.com")["token"]
        for _ in range(10):
            assert codes(sign_in(nobody, "ann@example.com", "wrong")) == WRONG
        assert codes(sign_in(nobody, "ann@example.com")) == THROTTLED

    def test_budgets_are_counted_in_the_process(self, down: None, nobody: Api, settings: Settings, caplog: Any) -> None:
        settings.RATE_LIMIT_COST_ADDRESS = (3, 60)
        assert [nobody.post("{ me { id } }").status_code for _ in range(4)] == [200, 200, 200, 429]
        assert "The cache is down" in caplog.text

    def test_an_emptied_cache_forgets_no_guess(self, nobody: Api, ann: Any) -> None:
        for _ in range(10):
            cache.clear()
            assert codes(sign_in(nobody, "ann@example.com", "wrong")) == WRONG
        cache.clear()
        assert codes(sign_in(nobody, "ann@example.com")) == THROTTLED
