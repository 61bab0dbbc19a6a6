"""No more password hashes at once than cores: whoever would wait for long is told THROTTLED, at every API."""

from typing import Any
from unittest.mock import Mock

import pytest
from django.contrib.auth.hashers import make_password
from pytest_django import Settings

from core.errors import Throttled
from core.models import Attempts
from core.tests.clients import Api
from users import hashers, services
from users.models import User
from users.tests.factories import UserFactory
from users.tests.operations import CHANGE, PASSWORD, codes, register, sign_in

pytestmark = pytest.mark.django_db
THROTTLED = [(None, "THROTTLED")]
STAFF = {"username": "staff@example.com", "password": "vitrine-demo"}


@pytest.fixture(autouse=True)
def _cheap_argon2(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real hasher, with parameters that cost nothing."""
    settings.PASSWORD_HASHERS = ["users.hashers.Argon2"]
    for name, value in {"time_cost": 1, "memory_cost": 8, "parallelism": 1}.items():
        monkeypatch.setattr(hashers.Argon2, name, value)


@pytest.fixture
def ann() -> User:
    return UserFactory(email="ann@example.com")


@pytest.fixture
def busy(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another request hashes, and nobody may wait for it."""
    UserFactory(email="staff@example.com", is_staff=True, is_superuser=True)
    monkeypatch.setattr(hashers.slots, "patience_seconds", 0.0)
    monkeypatch.setattr(hashers.slots, "_free", 0)


@pytest.mark.parametrize("email", ["ann@example.com", "nobody@example.com", ""])
def test_sign_in(busy: None, nobody: Api, email: str) -> None:
    """The same for known and unknown addresses; the attempt does not count, for nobody looked at it."""
    response = nobody.send("auth/token/", email=email or "x", password="vitrine-demo")
    assert (response.status_code, response.headers["Retry-After"]) == (429, "1")
    assert codes(sign_in(nobody, email)) == THROTTLED
    assert not Attempts.objects.exists()


def test_register(busy: None, nobody: Api) -> None:
    assert codes(register(nobody, "new@example.com")) == THROTTLED
    body = {"email": "new@example.com", "password": PASSWORD}
    assert nobody.send("auth/register/", **body).status_code == 429
    assert not User.objects.filter(email="new@example.com").exists()


def test_a_new_password(busy: None, ann: User) -> None:
    change = {"currentPassword": "vitrine-demo", "newPassword": PASSWORD}
    assert codes(Api(ann).graphql(CHANGE, input=change)["passwordChange"]) == THROTTLED


def test_the_admins_sign_in(busy: None, client: Any) -> None:
    page = client.post("/admin/login/", STAFF)
    assert (page.status_code, page["Retry-After"]) == (429, "1")


@pytest.mark.parametrize("path", ["/admin/users/user/add/", "/admin/users/user/{pk}/password/"])
def test_the_admins_forms(busy: None, client: Any, ann: User, path: str) -> None:
    client.force_login(User.objects.get(email="staff@example.com"))
    passwords = {"usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    page = client.post(path.format(pk=ann.pk), {"email": "new@example.com", **passwords})
    assert (page.status_code, page["Retry-After"]) == (429, "1")
    assert not User.objects.filter(email="new@example.com").exists()


def test_an_old_hash_is_made_anew_only_when_there_is_room(nobody: Api, ann: User, monkeypatch: Any) -> None:
    """The password was right: the sign-in goes through all the same."""
    monkeypatch.setattr(hashers.Argon2, "time_cost", 2)
    with monkeypatch.context() as patched:
        patched.setattr(services, "make_password", Mock(side_effect=Throttled(1)))
        assert sign_in(nobody, ann.email)["token"]
    assert "t=1" in User.objects.get(pk=ann.pk).password
    assert sign_in(nobody, ann.email)["token"]
    assert "t=2" in User.objects.get(pk=ann.pk).password


@pytest.mark.parametrize("email", ["ann@example.com", "nobody@example.com"])
def test_a_refused_guess_neither_waits_for_a_slot_nor_writes(
    nobody: Api, ann: User, settings: Settings, monkeypatch: Any, django_assert_num_queries: Any, email: str
) -> None:
    settings.THROTTLE_SIGN_IN = (1, 900)
    sign_in(nobody, email, "wrong")
    monkeypatch.setattr(hashers.slots, "hold", None)
    with django_assert_num_queries(2):
        assert codes(sign_in(nobody, email, "wrong")) == THROTTLED


def test_hashes_are_as_django_makes_them() -> None:
    """Accounts of before and other tools go on with them."""
    assert make_password("x").startswith("argon2$argon2id$v=19$")
