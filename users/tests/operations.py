"""GraphQL operations of accounts, and what both APIs say to a token."""

from typing import Any

from core.tests.clients import Api

ERRORS = "errors { field message code }"
PAIR = f"token refreshToken expiresAt refreshExpiresAt user {{ email firstName lastName }} {ERRORS}"
REGISTER = f"mutation($input: RegisterInput!) {{ register(input: $input) {{ {PAIR} }} }}"
SIGN_IN = f"""mutation($email: String!, $password: String!) {{
  tokenAuth(email: $email, password: $password) {{ {PAIR} }}
}}"""
REFRESH = f"mutation($token: String!) {{ refreshToken(refreshToken: $token) {{ {PAIR} }} }}"
REVOKE = f"mutation($token: String!) {{ revokeToken(refreshToken: $token) {{ revoked {ERRORS} }} }}"
REVOKE_ALL = f"mutation {{ revokeAllTokens {{ revoked {ERRORS} }} }}"
CHANGE = f"mutation($input: PasswordChangeInput!) {{ passwordChange(input: $input) {{ {PAIR} }} }}"
ASK = f"mutation($email: String!) {{ passwordResetRequest(email: $email) {{ requested {ERRORS} }} }}"
RESET = f"mutation($input: PasswordResetInput!) {{ passwordReset(input: $input) {{ user {{ email }} {ERRORS} }} }}"
ME = "{ me { email } }"

PASSWORD = "correct-horse-7"
FACTORY_PASSWORD = "vitrine-demo"


def register(api: Api, email: str = "ann@example.com", password: str = PASSWORD, **names: str) -> dict[str, Any]:
    """The payload of a registration."""
    return api.graphql(REGISTER, input={"email": email, "password": password, **names})["register"]


def sign_in(api: Api, email: str, password: str = FACTORY_PASSWORD) -> dict[str, Any]:
    """The payload of a sign-in."""
    return api.graphql(SIGN_IN, email=email, password=password)["tokenAuth"]


def refresh(api: Api, token: str) -> dict[str, Any]:
    """The payload of a refresh."""
    return api.graphql(REFRESH, token=token)["refreshToken"]


def codes(payload: dict[str, Any]) -> list[tuple[str | None, str]]:
    """Where and what: the errors of a payload."""
    return [(".".join(error["field"] or []) or None, error["code"]) for error in payload["errors"]]


def with_token(token: str) -> Api:
    """A client that sends this access token."""
    api = Api()
    api.headers = {"Authorization": f"Bearer {token}"}
    return api


def holds(token: str) -> bool:
    """Whether both APIs take the access token; they must agree."""
    api = with_token(token)
    seen = api.post(ME).status_code == 200
    assert (api.get("products/search/").status_code == 200) == seen
    return seen
