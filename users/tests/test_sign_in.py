"""Signing in through both APIs, and what a token is worth."""

import base64
import json
from datetime import timedelta
from typing import Any

import jwt
import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from core.auth import tokens
from core.tests.clients import Api
from users.models import User
from users.tests.factories import UserFactory

SIGN_IN = """mutation($email: String!, $password: String!) {
  tokenAuth(email: $email, password: $password) {
    token expiresAt user { id email firstName isStaff } errors { field message code }
  }
}"""
ME = "{ me { email } }"
BRANDS = "{ brands { totalCount } }"


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a token, unverified."""
    return jwt.decode(token, options={"verify_signature": False})


def forged(key: str | None = "k" * 32, algorithm: str = "HS256", **changes: Any) -> str:
    """A token of right form whose claims were changed, signed by a key of the attacker's."""
    user = User.objects.first() or UserFactory()
    claims = {**tokens.payload_for(user), **changes}
    return jwt.encode({k: v for k, v in claims.items() if v is not None}, key, algorithm)


class TestSignIn:
    """The same account through both APIs."""

    def test_graphql(self, nobody: Api) -> None:
        UserFactory(email="Ann@Example.com", first_name="Ann")
        with time_machine.travel("2026-11-23T12:00:00Z", tick=False):
            answer = nobody.graphql(SIGN_IN, email="ann@example.COM", password="vitrine-demo")["tokenAuth"]
            assert answer["expiresAt"] == "2026-11-23T12:15:00+00:00"
            assert answer["errors"] == []
            assert answer["user"]["email"] == "Ann@Example.com"
            assert set(claims_of(answer["token"])) == {"sub", "iat", "exp", "jti", "gen"}
            nobody.headers = {"Authorization": f"Bearer {answer['token']}"}
            assert nobody.graphql(ME)["me"] == {"email": "Ann@Example.com"}
            assert nobody.get("products/search/").status_code == 200

    def test_rest(self, nobody: Api) -> None:
        UserFactory(email="ann@example.com", first_name="Ann")
        response = nobody.send("auth/token/", email="ANN@example.com", password="vitrine-demo")
        assert response.status_code == 200
        answer = response.json()
        assert answer["user"] | {"id": "", "date_joined": ""} == {
            "id": "",
            "email": "ann@example.com",
            "first_name": "Ann",
            "last_name": "",
            "is_staff": False,
            "date_joined": "",
        }
        nobody.headers = {"Authorization": f"bearer {answer['token']}"}
        assert nobody.graphql(ME)["me"] == {"email": "ann@example.com"}

    @pytest.mark.parametrize(
        ("email", "password"),
        [
            ("ann@example.com", "wrong"),
            ("bob@example.com", "vitrine-demo"),
            ("", ""),
            ("gone@example.com", "vitrine-demo"),
        ],
    )
    def test_wrong_credentials_are_one_answer(self, nobody: Api, email: str, password: str) -> None:
        UserFactory(email="ann@example.com")
        UserFactory(email="gone@example.com", is_active=False)
        answer = nobody.graphql(SIGN_IN, email=email, password=password)["tokenAuth"]
        message = "There is no account with this e-mail address and password."
        errors = [{"field": None, "message": message, "code": "INVALID_CREDENTIALS"}]
        assert answer == {"token": None, "expiresAt": None, "user": None, "errors": errors}

    def test_wrong_credentials_are_401_in_rest(self, nobody: Api) -> None:
        response = nobody.send("auth/token/", email="x@example.com", password="wrong")
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
        assert response.json()["errors"][0]["code"] == "invalid_credentials"

    @pytest.mark.parametrize(
        "body", [{}, {"email": "a@example.com"}, {"email": ["x"], "password": "y"}, {"email": "a\x00", "password": "y"}]
    )
    def test_a_bad_body_is_named_in_rest(self, nobody: Api, body: dict[str, Any]) -> None:
        response = nobody.send("auth/token/", **body)
        assert response.status_code == 400
        assert response.json()["errors"][0]["attr"] in ("email", "password")

    def test_an_expired_token_does_not_stand_in_the_way(self, nobody: Api) -> None:
        user = UserFactory(email="ann@example.com")
        with time_machine.travel(timezone.now() - timedelta(hours=1)):
            nobody.headers = {"Authorization": f"Bearer {tokens.issue(user).token}"}
        assert nobody.graphql(SIGN_IN, email="ann@example.com", password="vitrine-demo")["tokenAuth"]["token"]
        assert nobody.send("auth/token/", email="ann@example.com", password="vitrine-demo").status_code == 200

    @pytest.mark.parametrize(
        "mutation",
        [
            'mutation { passwordResetRequest(email: "a@example.com") { requested } }',
            'mutation { a: verifyToken(token: "x") { valid } b: revokeToken(refreshToken: "x") { revoked } }',
            'mutation { ...a } fragment a on Mutation { __typename ... { refreshToken(refreshToken: "x") { token } } }',
        ],
    )
    def test_what_needs_no_token_is_answered_with_a_bad_one(self, nobody: Api, mutation: str) -> None:
        nobody.headers = {"Authorization": "Bearer forged"}
        assert nobody.graphql(mutation)

    @pytest.mark.parametrize(
        "document",
        [
            "{ __typename }",
            "mutation { __typename }",
            "{ shop: me { id } }",
            "{ ...a } fragment a on Query { me { id } }",
            "mutation { revokeAllTokens { revoked } }",
            "mutation { verifyToken: revokeAllTokens { revoked } }",
            'mutation { verifyToken(token: "x") { valid } cartClear(input: {}) { cart { version } } }',
            'mutation { ...a verifyToken(token: "") { valid } } fragment a on Mutation { revokeAllTokens { revoked } }',
            "{ __schema { queryType { name } } }",
        ],
    )
    def test_nothing_else_is(self, nobody: Api, document: str) -> None:
        nobody.headers = {"Authorization": "Bearer forged"}
        answer = nobody.post(document)
        assert answer.status_code == 401
        assert "data" not in answer.json()
        assert answer.json()["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED", "reason": "INVALID"}


class TestTokens:
    """A token that does not hold is refused by GraphQL and REST, with the reason."""

    def refused(self, token: str, reason: str = "INVALID") -> None:
        """Both APIs refuse the token."""
        api = Api()
        api.headers = {"Authorization": f"Bearer {token}"}
        for query in (ME, BRANDS):
            response = api.post(query)
            assert response.status_code == 401
            assert response.headers["WWW-Authenticate"].startswith('Bearer realm="vitrine", error="invalid_token"')
            assert api.error(query).items() >= {"code": "UNAUTHENTICATED", "reason": reason}.items()
        response = api.get("products/search/")
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"].startswith('Bearer realm="vitrine", error="invalid_token"')
        assert response.json()["type"] == "client_error"
        assert response.json()["errors"][0]["code"] == f"token_{reason.lower()}"

    @pytest.mark.parametrize(
        "token",
        [
            *("", "x", "a.b.c", "…", "a" * 10_000, base64.b64encode(b"{}").decode() + "..", "Bearer", "e30.e30.e30"),
            *(
                "null",
                "undefined",
                "a b",
                "x,Bearer x",
                "\xff\xfe",
                base64.b64encode(b"[" * 3000).decode() + ".e30.e30",
            ),
        ],
    )
    def test_garbage(self, db: None, token: str) -> None:
        self.refused(token)

    def test_another_key(self, db: None) -> None:
        self.refused(forged())

    def test_no_signature(self, db: None) -> None:
        self.refused(forged(None, algorithm="none"))

    def test_another_algorithm(self, db: None, settings: Settings) -> None:
        self.refused(forged(settings.JWT_SECRET_KEY, "HS384"))

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"exp": None}, "INVALID"),
            ({"exp": 1}, "EXPIRED"),
            ({"sub": None}, "INVALID"),
            ({"sub": "x"}, "INVALID"),
            ({"sub": "999999"}, "REVOKED"),
            ({"sub": "9" * 40}, "INVALID"),
            ({"sub": "-1"}, "INVALID"),
            ({"iat": "x"}, "INVALID"),
            ({"iat": 2**40}, "INVALID"),
            ({"nbf": 2**40}, "INVALID"),
            ({"jti": None}, "INVALID"),
            ({"gen": None}, "INVALID"),
            ({"gen": 1}, "REVOKED"),
            ({"gen": "x"}, "INVALID"),
        ],
        ids=str,
    )
    def test_claims_that_do_not_hold(self, db: None, settings: Settings, changes: dict[str, Any], reason: str) -> None:
        self.refused(forged(settings.JWT_SECRET_KEY, **changes), reason)

    @pytest.mark.parametrize("claim", ["iat", "nbf"])
    def test_a_clock_that_is_behind_is_forgiven(self, db: None, settings: Settings, claim: str) -> None:
        user = UserFactory()
        with time_machine.travel("2026-11-23T12:00:00Z", tick=False) as clock:
            now = int(timezone.now().timestamp())
            api = Api()
            times = {"iat": now, "exp": now + 900, claim: now}
            token = forged(settings.JWT_SECRET_KEY, sub=str(user.pk), **times)
            api.headers = {"Authorization": f"Bearer {token}"}
            clock.shift(timedelta(seconds=-30))
            assert api.graphql(ME)["me"]
            clock.shift(timedelta(seconds=-1))
            self.refused(token)

    def test_changed_claims(self, db: None) -> None:
        UserFactory()
        head, body, signature = tokens.issue(UserFactory()).token.split(".")
        claims = json.loads(base64.urlsafe_b64decode(body + "=="))
        changed = base64.urlsafe_b64encode(json.dumps({**claims, "sub": "1"}).encode()).rstrip(b"=").decode()
        self.refused(f"{head}.{changed}.{signature}")

    def test_it_expires(self, db: None) -> None:
        user = UserFactory()
        with time_machine.travel("2026-11-23T12:00:00Z", tick=False) as clock:
            api = Api(user)
            clock.move_to("2026-11-23T12:14:59Z")
            assert api.graphql(ME)["me"]
            clock.move_to("2026-11-23T12:15:00Z")
            self.refused(api.headers["Authorization"].removeprefix("Bearer "), "EXPIRED")

    def test_an_inactive_users_token_stops_at_once(self, db: None) -> None:
        user = UserFactory()
        token = tokens.issue(user).token
        user.is_active = False
        user.save(update_fields=["is_active"])
        self.refused(token, "REVOKED")

    def test_verify_token(self, nobody: Api) -> None:
        user = UserFactory()
        query = "mutation($token: String!) { verifyToken(token: $token) { valid expiresAt user { email } } }"
        answer = nobody.graphql(query, token=tokens.issue(user).token)["verifyToken"]
        assert answer["valid"] is True
        assert answer["user"] == {"email": user.email}
        assert nobody.graphql(query, token="x")["verifyToken"] == {"valid": False, "expiresAt": None, "user": None}

    @pytest.mark.parametrize("header", ["Basic YTpi", "JWT x", "x"])
    def test_other_headers_are_no_token(self, db: None, header: str) -> None:
        api = Api()
        api.headers = {"Authorization": header}
        assert api.graphql(ME)["me"] is None
        assert api.get("products/search/").status_code == 401


class TestWhoMayRead:
    """The catalogue wants a token, unless it is public; the admin's session is none."""

    def test_nobody_without_a_token(self, nobody: Api) -> None:
        for query in (
            "{ products { totalCount } }",
            BRANDS,
            "{ categories { name } }",
            '{ product(slug: "x") { name } }',
        ):
            assert nobody.error(query)["code"] == "UNAUTHENTICATED"
        assert nobody.get("products/search/").status_code == 401
        assert nobody.get("products/x/").status_code == 401

    def test_everyone_when_public(self, nobody: Api, settings: Settings) -> None:
        settings.CATALOG_PUBLIC = True
        assert nobody.graphql(BRANDS)["brands"]["totalCount"] == 0
        assert nobody.get("products/search/").status_code == 200
        nobody.headers = {"Authorization": "Bearer forged"}
        assert nobody.error(BRANDS)["reason"] == "INVALID"
        assert nobody.get("products/search/").status_code == 401

    def test_the_admins_session_is_no_token(self, db: None) -> None:
        api = Api()
        api.client = Client()
        api.client.force_login(UserFactory(is_staff=True, is_superuser=True))
        assert api.graphql(ME)["me"] is None
        assert api.error(BRANDS)["code"] == "UNAUTHENTICATED"
        assert api.get("products/search/").status_code == 401


def test_one_account_whatever_the_case(db: None) -> None:
    UserFactory(email="Ann@example.com")
    assert User.objects.get_by_natural_key("ANN@EXAMPLE.com").email == "Ann@example.com"
