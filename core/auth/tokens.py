"""Access tokens (JWT, RFC 7519) on django-graphql-jwt's hooks, and who a request's token speaks for.

Each carries the generation of its account's tokens (`gen`): raising the account's ends all of them at once.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import jwt
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.http import HttpRequest
from graphql_jwt.exceptions import JSONWebTokenError, JSONWebTokenExpired
from graphql_jwt.settings import jwt_settings
from graphql_jwt.utils import get_payload, jwt_encode

from core.db.prepared import Prepared, instances

MAX_LENGTH = 4096
# The clock of the host that issued a token may be ahead of ours by so many seconds.
CLOCK_LEEWAY_SECONDS = 30


@dataclass(frozen=True)
class AccessToken:
    """A signed token and the moment its life ends."""

    token: str
    expires_at: datetime


class Reason(StrEnum):
    """Why a token does not hold: the contract's `extensions.reason`. Each says what to do."""

    EXPIRED = "EXPIRED"
    INVALID = "INVALID"
    REVOKED = "REVOKED"

    @property
    def message(self) -> str:
        """For people, and for the error_description of RFC 6750 §3 (ASCII without quotes)."""
        return _MESSAGES[self]


_MESSAGES = {
    Reason.EXPIRED: "The access token has expired: refresh it, or sign in again.",
    Reason.INVALID: "The access token is malformed or forged: sign in again, or send no Authorization header.",
    Reason.REVOKED: "The access token has been revoked, or its account is gone: sign in again.",
}


class TokenRefused(Exception):
    """The token does not hold: it is malformed, forged, expired or ended, or its user is gone or deactivated."""

    def __init__(self, reason: Reason = Reason.INVALID) -> None:
        self.reason = reason
        super().__init__(reason.message)


def payload_for(user: AbstractBaseUser, context: Any = None) -> dict[str, Any]:
    """The claims of a new access token: whose, from when to when, its own id, its generation. No personal data."""
    now = int(datetime.now(UTC).timestamp())
    return {
        "sub": str(user.pk),
        "iat": now,
        "exp": now + int(jwt_settings.JWT_EXPIRATION_DELTA.total_seconds()),
        "jti": uuid.uuid4().hex,
        "gen": user.token_generation,  # type: ignore[attr-defined]
    }


def decode(token: str, context: Any = None) -> dict[str, Any]:
    """The claims of a token whose signature, algorithm and times hold. Raises jwt.InvalidTokenError.

    The algorithm is ours, never the header's (RFC 8725 §3.1). Keys of yesterday verify too, so that they can change.
    `iat` and `nbf` have a leeway for clocks that differ; `exp` has none.
    """
    options: Any = {"require": ["sub", "iat", "exp", "jti", "gen"]}
    for key in (settings.JWT_SECRET_KEY, *settings.JWT_SECRET_KEY_FALLBACKS):
        try:
            claims: dict[str, Any] = jwt.decode(
                token, key, algorithms=[jwt_settings.JWT_ALGORITHM], options=options, leeway=CLOCK_LEEWAY_SECONDS
            )
        except jwt.InvalidSignatureError:
            continue
        # PyJWT has one leeway for all three.
        if int(claims["exp"]) <= datetime.now(UTC).timestamp():
            raise jwt.ExpiredSignatureError("Signature has expired")
        return claims
    raise jwt.InvalidSignatureError("Signature verification failed")


def issue(user: AbstractBaseUser) -> AccessToken:
    """A new access token for the user."""
    claims = jwt_settings.JWT_PAYLOAD_HANDLER(user)
    return AccessToken(jwt_encode(claims), datetime.fromtimestamp(claims["exp"], UTC))


def verify(token: str) -> tuple[AbstractBaseUser, datetime]:
    """The active user that the token speaks for and the moment it expires: one query. Raises TokenRefused."""
    if len(token) > MAX_LENGTH:
        raise TokenRefused
    try:
        claims = get_payload(token)
        numbers = int(claims["sub"]), int(claims["gen"])
        if not all(0 <= number < 2**63 for number in numbers):
            raise TokenRefused
        rows = _alive(numbers)
    except JSONWebTokenExpired:
        raise TokenRefused(Reason.EXPIRED) from None
    # RecursionError: the header is JSON that anyone may nest.
    except (JSONWebTokenError, ValueError, TypeError, OverflowError, RecursionError):
        raise TokenRefused from None
    if not rows:
        raise TokenRefused(Reason.REVOKED)
    (user,) = instances(get_user_model(), _columns(), rows).values()
    return user, datetime.fromtimestamp(claims["exp"], UTC)


def _columns() -> list[str]:
    return [field.attname for field in get_user_model()._meta.concrete_fields]


def _active_users(numbers: list[int]) -> QuerySet[Any, Any]:
    """The user of a key (the first number) whose tokens of a generation (the second) have not ended."""
    users = get_user_model()._default_manager.filter(is_active=True)
    return users.filter(pk=numbers[0], token_generation=numbers[1]).values_list(*_columns())


# Asked of the database by every request: deactivation and revocation end tokens at once.
_alive = Prepared(_active_users)


def bearer_token(request: HttpRequest) -> str | None:
    """The token of `Authorization: Bearer …` (RFC 6750 §2.1), "" when it is empty; None without one.

    Another scheme is no token: nothing but Bearer authenticates here, and a proxy may want Basic for itself.
    """
    header = request.META.get(jwt_settings.JWT_AUTH_HEADER_NAME, "")
    scheme, _, token = header.partition(" ")
    if scheme.lower() != jwt_settings.JWT_AUTH_HEADER_PREFIX.lower():
        return None
    return token.strip()


def challenge(reason: Reason | None = None) -> str:
    """What WWW-Authenticate says (RFC 6750 §3): with a reason when a token was refused."""
    realm = 'Bearer realm="vitrine"'
    return f'{realm}, error="invalid_token", error_description="{reason.message}"' if reason else realm


def viewer(request: HttpRequest) -> AbstractBaseUser | AnonymousUser:
    """Who the request's token speaks for; anonymous without one. The admin's session never counts.

    Raises TokenRefused: a token that does not hold is never taken for none.
    """
    token = bearer_token(request)
    return AnonymousUser() if token is None else verify(token)[0]
