"""A token's whole life: rotation, two tabs at once, theft, signing out, and the end of all at once."""

from datetime import timedelta
from typing import Any

import jwt
import pytest
import time_machine
from django.contrib.auth.tokens import default_token_generator
from django.test import Client
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from pytest_django import Settings

from core.auth import tokens
from core.tests.clients import Api
from users import refresh_tokens, services, tasks
from users.models import RefreshToken, TokenFamily, User
from users.tests.factories import UserFactory
from users.tests.operations import REVOKE, REVOKE_ALL, codes, holds, refresh, sign_in, with_token

pytestmark = pytest.mark.django_db
NOON = "2026-11-23T12:00:00Z"
GONE = [("refreshToken", "INVALID_TOKEN")]


@pytest.fixture
def clock():
    """Time that stands still until it is moved."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def pair(nobody: Api) -> dict[str, Any]:
    """A signed-in shopper's first pair."""
    UserFactory(email="ann@example.com")
    return sign_in(nobody, "ann@example.com")


class TestRotation:
    """Each refresh token is good for one use."""

    def test_a_new_pair_for_each(self, clock: Any, nobody: Api, pair: dict[str, Any]) -> None:
        seen = {pair["refreshToken"]}
        for _ in range(3):
            clock.shift(timedelta(minutes=15))
            pair = refresh(nobody, pair["refreshToken"])
            assert pair["errors"] == []
            assert pair["expiresAt"] == (timezone.now() + timedelta(minutes=15)).isoformat()
            assert pair["refreshExpiresAt"] == (timezone.now() + timedelta(days=30)).isoformat()
            assert holds(pair["token"])
            seen.add(pair["refreshToken"])
        assert len(seen) == 4
        assert TokenFamily.objects.count() == 1

    def test_rest(self, nobody: Api, pair: dict[str, Any]) -> None:
        response = nobody.send("auth/token/refresh/", refresh_token=pair["refreshToken"])
        assert response.status_code == 200
        assert response.json().keys() == {"user", "token", "refresh_token", "expires_at"}
        refused = nobody.send("auth/token/refresh/", refresh_token="unknown")
        assert refused.status_code == 401
        assert refused.json()["errors"][0]["code"] == "invalid_token"

    def test_nothing_in_the_database_is_a_token(self, pair: dict[str, Any]) -> None:
        row = RefreshToken.objects.get()
        assert len(row.digest) == 64
        assert pair["refreshToken"] not in str(vars(row))

    def test_tabs_at_once_are_all_told_the_same_successor(self, clock: Any, nobody: Api, pair: dict[str, Any]) -> None:
        first = refresh(nobody, pair["refreshToken"])
        clock.shift(timedelta(seconds=9.9))
        for second in (refresh(nobody, pair["refreshToken"]), refresh(nobody, pair["refreshToken"])):
            assert second["errors"] == []
            assert second["refreshToken"] == first["refreshToken"]
            assert second["refreshExpiresAt"] == first["refreshExpiresAt"]
            assert holds(second["token"])
        assert RefreshToken.objects.filter(spent_at=None).count() == 1
        assert refresh(nobody, first["refreshToken"])["errors"] == []

    def test_a_tab_that_was_overtaken_twice_is_told_the_living_token(
        self, clock: Any, nobody: Api, pair: dict[str, Any]
    ) -> None:
        heir = refresh(nobody, pair["refreshToken"])
        heir = refresh(nobody, heir["refreshToken"])
        late = refresh(nobody, pair["refreshToken"])
        assert late["refreshToken"] == heir["refreshToken"]
        clock.shift(timedelta(minutes=15))
        assert refresh(nobody, late["refreshToken"])["errors"] == []

    def test_far_too_many_in_the_grace_are_refused(self, clock: Any, nobody: Api, pair: dict[str, Any]) -> None:
        heir = pair
        for _ in range(12):
            heir = refresh(nobody, heir["refreshToken"])
        assert codes(refresh(nobody, pair["refreshToken"])) == GONE
        assert refresh(nobody, heir["refreshToken"])["errors"] == []

    def test_a_new_signing_key_in_the_grace(
        self, clock: Any, nobody: Api, pair: dict[str, Any], settings: Settings
    ) -> None:
        heir = refresh(nobody, pair["refreshToken"])
        settings.JWT_SECRET_KEY_FALLBACKS, settings.JWT_SECRET_KEY = [settings.JWT_SECRET_KEY], "n" * 32
        assert refresh(nobody, pair["refreshToken"])["refreshToken"] == heir["refreshToken"]

    def test_a_successor_follows_from_a_token_with_the_servers_key_only(
        self, clock: Any, nobody: Api, pair: dict[str, Any], settings: Settings
    ) -> None:
        heir = refresh(nobody, pair["refreshToken"])["refreshToken"]
        family = TokenFamily.objects.get()
        assert refresh_tokens._successors(pair["refreshToken"], family)[0] == heir
        assert refresh_tokens._successors(pair["refreshToken"], TokenFamily())[0] != heir
        settings.JWT_SECRET_KEY = "n" * 32
        assert refresh_tokens._successors(pair["refreshToken"], family)[0] != heir
        assert len(heir) == len(pair["refreshToken"]) == 43

    def test_nothing_is_given_in_the_grace_after_signing_out(
        self, clock: Any, nobody: Api, pair: dict[str, Any]
    ) -> None:
        refresh(nobody, pair["refreshToken"])
        nobody.graphql(REVOKE, token=pair["refreshToken"])
        assert codes(refresh(nobody, pair["refreshToken"])) == GONE

    def test_later_it_is_theft_and_ends_the_family(
        self, clock: Any, nobody: Api, pair: dict[str, Any], caplog: Any
    ) -> None:
        other_device = sign_in(nobody, "ann@example.com")
        heir = refresh(nobody, pair["refreshToken"])
        clock.shift(timedelta(seconds=10))
        assert codes(refresh(nobody, pair["refreshToken"])) == GONE
        assert codes(refresh(nobody, heir["refreshToken"])) == GONE
        assert nobody.send("auth/token/refresh/", refresh_token=heir["refreshToken"]).status_code == 401
        assert refresh(nobody, other_device["refreshToken"])["errors"] == []
        assert "is revoked" in caplog.text
        assert pair["refreshToken"] not in caplog.text

    def test_no_grace_at_all(self, clock: Any, nobody: Api, pair: dict[str, Any], settings: Settings) -> None:
        settings.JWT_REFRESH_GRACE = timedelta(0)
        refresh(nobody, pair["refreshToken"])
        assert codes(refresh(nobody, pair["refreshToken"])) == GONE

    @pytest.mark.parametrize("token", ["", "x", "a" * 10_000, "…"])
    def test_garbage(self, nobody: Api, token: str) -> None:
        assert codes(refresh(nobody, token)) == GONE

    def test_it_lives_30_days(self, clock: Any, nobody: Api, pair: dict[str, Any]) -> None:
        clock.shift(timedelta(days=30) - timedelta(seconds=1))
        heir = refresh(nobody, pair["refreshToken"])
        assert heir["errors"] == []
        clock.shift(timedelta(days=30))
        assert codes(refresh(nobody, heir["refreshToken"])) == GONE

    def test_expired_ones_are_cleared(self, clock: Any, nobody: Api, pair: dict[str, Any]) -> None:
        clock.shift(timedelta(days=20))
        young = sign_in(nobody, "ann@example.com")
        clock.shift(timedelta(days=10))
        tasks.clear_expired_tokens()
        assert (RefreshToken.objects.count(), TokenFamily.objects.count()) == (1, 1)
        assert refresh(nobody, young["refreshToken"])["errors"] == []

    def test_a_refresh_token_is_no_access_token(self, pair: dict[str, Any]) -> None:
        assert not holds(pair["refreshToken"])


class TestSigningOut:
    """One device, every device, the whole account."""

    def revoked(self, api: Api, token: str) -> bool:
        payload = api.graphql(REVOKE, token=token)["revokeToken"]
        assert payload["errors"] == []
        return payload["revoked"]

    def test_one_device(self, nobody: Api, pair: dict[str, Any]) -> None:
        other_device = sign_in(nobody, "ann@example.com")
        heir = refresh(nobody, pair["refreshToken"])
        assert self.revoked(nobody, pair["refreshToken"])  # a spent one names its family as well
        assert codes(refresh(nobody, heir["refreshToken"])) == GONE
        assert holds(heir["token"])
        assert refresh(nobody, other_device["refreshToken"])["errors"] == []

    def test_an_unknown_token_has_ended_already(self, nobody: Api) -> None:
        assert self.revoked(nobody, "unknown")

    def test_every_device(self, nobody: Api, pair: dict[str, Any]) -> None:
        other = sign_in(nobody, "ann@example.com")
        stranger = Api(UserFactory())
        assert with_token(pair["token"]).graphql(REVOKE_ALL)["revokeAllTokens"] == {"revoked": True, "errors": []}
        for old in (pair, other):
            assert not holds(old["token"])
            assert codes(refresh(nobody, old["refreshToken"])) == GONE
        assert holds(sign_in(nobody, "ann@example.com")["token"])
        assert stranger.graphql("{ me { id } }")["me"]

    def test_every_device_wants_a_token(self, nobody: Api) -> None:
        assert nobody.error(REVOKE_ALL)["code"] == "UNAUTHENTICATED"

    @pytest.mark.parametrize("way", ["service", "save", "update_fields", "queryset", "admin"])
    def test_deactivation_ends_all_and_reactivation_revives_none(
        self, nobody: Api, pair: dict[str, Any], way: str, admin_client: Any
    ) -> None:
        user = User.objects.get(email="ann@example.com")
        form = {"email": user.email, "first_name": "", "last_name": ""}
        ways = {
            "service": lambda: services.deactivate(user=user),
            "save": lambda: (setattr(user, "is_active", False), user.save()),
            "update_fields": lambda: (setattr(user, "is_active", False), user.save(update_fields=["is_active"])),
            "queryset": lambda: User.objects.filter(pk=user.pk).update(is_active=False),
            "admin": lambda: admin_client.post(f"/admin/users/user/{user.pk}/change/", form),
        }
        ways[way]()
        assert not User.objects.get(pk=user.pk).is_active
        assert not holds(pair["token"])
        assert codes(refresh(nobody, pair["refreshToken"])) == GONE
        assert codes(sign_in(nobody, user.email)) == [(None, "INVALID_CREDENTIALS")]
        User.objects.filter(pk=user.pk).update(is_active=True)
        assert not holds(pair["token"])
        assert codes(refresh(nobody, pair["refreshToken"])) == GONE

    def test_a_stale_object_saved_revives_none(self, nobody: Api, pair: dict[str, Any]) -> None:
        stale = User.objects.get()
        services.revoke_all(user=User.objects.get())
        stale.first_name = "Ann"
        stale.save()
        assert User.objects.get().first_name == "Ann"
        assert not holds(pair["token"])

    def test_a_password_set_by_staff_ends_all(self, nobody: Api, pair: dict[str, Any], admin_client: Any) -> None:
        user = User.objects.get(email="ann@example.com")
        data = {"usable_password": "true", "password1": "correct-horse-7", "password2": "correct-horse-7"}
        assert admin_client.post(f"/admin/users/user/{user.pk}/password/", data).status_code == 302
        assert not holds(pair["token"])
        assert codes(refresh(nobody, pair["refreshToken"])) == GONE


class TestSessions:
    """The admin's sessions end with the tokens."""

    WAYS = {
        "every device signed out": lambda user, _: services.revoke_all(user=user),
        "deactivated": lambda user, _: services.deactivate(user=user),
        "deactivated with others": lambda user, _: User.objects.filter(pk=user.pk).update(is_active=False),
        "password changed": lambda user, _: services.change_password(
            user=user, current_password="vitrine-demo", new_password="correct-horse-7", address="192.0.2.1"
        ),
        "password reset": lambda user, _: services.reset_password(
            uid=urlsafe_base64_encode(force_bytes(user.pk)),
            token=default_token_generator.make_token(user),
            new_password="correct-horse-7",
            address="192.0.2.1",
        ),
        "password set by staff": lambda user, admin: admin.post(
            f"/admin/users/user/{user.pk}/password/",
            {"usable_password": "true", "password1": "correct-horse-7", "password2": "correct-horse-7"},
        ),
        "password taken away by staff": lambda user, admin: admin.post(
            f"/admin/users/user/{user.pk}/password/", {"usable_password": "false", "unset-password": "1"}
        ),
    }

    @pytest.mark.parametrize("way", WAYS)
    def test_they_end_and_stay_ended(self, way: str, admin_client: Any) -> None:
        user = UserFactory(is_staff=True)
        sessions = [Client(), Client()]
        for session in sessions:
            session.force_login(user)
            assert session.get("/admin/").status_code == 200
        self.WAYS[way](User.objects.get(pk=user.pk), admin_client)
        User.objects.filter(pk=user.pk).update(is_active=True)
        for session in sessions:
            assert session.get("/admin/").status_code == 302
        assert admin_client.get("/admin/").status_code == 200

    def test_whoever_changes_their_own_password_in_the_admin_stays(self) -> None:
        user = UserFactory(is_staff=True)
        here, there = Client(), Client()
        here.force_login(user)
        there.force_login(user)
        passwords = {"new_password1": "correct-horse-7", "new_password2": "correct-horse-7"}
        here.post("/admin/password_change/", {"old_password": "vitrine-demo", **passwords})
        assert here.get("/admin/").status_code == 200
        assert there.get("/admin/").status_code == 302


class TestKeys:
    """The signing key can change without signing anybody out."""

    def test_yesterdays_key_verifies_and_signs_nothing(self, settings: Settings) -> None:
        old = tokens.issue(UserFactory()).token
        settings.JWT_SECRET_KEY_FALLBACKS = ["0" * 32, settings.JWT_SECRET_KEY]
        settings.JWT_SECRET_KEY = "n" * 32
        settings.GRAPHQL_JWT = {**settings.GRAPHQL_JWT, "JWT_SECRET_KEY": "n" * 32}
        assert holds(old)
        new = tokens.issue(User.objects.get()).token
        assert jwt.decode(new, "n" * 32, ["HS256"])["gen"] == 0
        settings.JWT_SECRET_KEY_FALLBACKS = []
        assert holds(new)
        assert not holds(old)

    def test_authentication_is_one_query(self, django_assert_num_queries: Any) -> None:
        api = Api(UserFactory())
        with django_assert_num_queries(1):
            assert api.graphql("{ me { email } }")["me"]
