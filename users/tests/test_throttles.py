"""Guessing is expensive: attempts count for both doors together, and a right password still opens from elsewhere."""

import socket
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache import caches
from pytest_django import Settings

from core import throttle
from core.errors import Throttled
from core.tests.clients import Api
from users.tests.doors import ASK, RESET, codes, refresh, register, sign_in
from users.tests.factories import UserFactory

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

    def test_both_doors_and_the_admin_count_together(self, nobody: Api, ann: Any) -> None:
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


class TestCounting:
    """What the counters promise, whatever holds them."""

    limit = throttle.Limit((10, 60), ("test", "x"))

    def test_parallel_tries_cannot_exceed_the_limit(self) -> None:
        outcomes = []

        def attempt() -> None:
            try:
                throttle.take(self.limit)
                outcomes.append("taken")
            except Throttled:
                outcomes.append("refused")

        threads = [threading.Thread(target=attempt) for _ in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(outcomes) == 50
        assert outcomes.count("taken") == 10

    def test_what_is_given_back_in_the_next_window_takes_nothing(self, clock: Any) -> None:
        late = throttle.take(self.limit)
        clock.shift(timedelta(seconds=61))
        throttle.give_back(late)
        for _ in range(10):
            throttle.take(self.limit)
        throttle.give_back(late)
        throttle.take(self.limit)
        with pytest.raises(Throttled):
            throttle.take(self.limit)

    def test_a_refused_try_leaves_the_other_counters_alone(self) -> None:
        narrow = throttle.Limit((1, 60), ("narrow",))
        throttle.take(narrow)
        for _ in range(20):
            with pytest.raises(Throttled):
                throttle.take(self.limit, narrow)
        assert throttle.take(self.limit)


class TestWithoutACache:
    """A cache that is down costs a sign-in little, and the attempts are still counted."""

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
            monkeypatch.setattr(throttle, "_down_until", 0.0)
            throttle._spare.clear()
            yield
            caches["default"].close()
            throttle._spare.clear()

    def test_sign_in_goes_on_and_guesses_count(self, down: None, nobody: Api, ann: Any, caplog: Any) -> None:
        began = time.perf_counter()
        assert sign_in(nobody, "ann@example.com")["token"]
        for _ in range(10):
            assert codes(sign_in(nobody, "ann@example.com", "wrong")) == WRONG
        assert codes(sign_in(nobody, "ann@example.com")) == THROTTLED
        assert time.perf_counter() - began < 5
        assert "The cache is down" in caplog.text
