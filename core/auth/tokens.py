"""Issues and verifies access tokens (JWT, RFC 7519), through django-graphql-jwt's hooks.

A token contains the generation of its account's tokens (`gen`). Raising the account's generation ends all its tokens.
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
from core.http.request_values import RequestValue
from core.parsing import MAX_ID

MAX_TOKEN_LENGTH = 4096
# The clock of the host that issued a token may be ahead of ours by this much.
CLOCK_LEEWAY_SECONDS = 30


@dataclass(frozen=True)
class AccessToken:
    """A signed token and the moment it expires."""

    token: str
    expires_at: datetime


class Reason(StrEnum):
    """Why a token is not valid: `extensions.reason` of GraphQL's errors. Its message says what to do."""

    EXPIRED = "EXPIRED"
    INVALID = "INVALID"
    REVOKED = "REVOKED"

    @property
    def message(self) -> str:
        """For people, and for `error_description` of RFC 6750 §3, which allows only ASCII without quotes."""
        return _MESSAGES[self]


_MESSAGES = {
    Reason.EXPIRED: "The access token has expired: refresh it, or sign in again.",
    Reason.INVALID: "The access token is malformed or forged: sign in again, or send no Authorization header.",
    Reason.REVOKED: "The access token has been revoked, or its account is gone: sign in again.",
}


class TokenRefused(Exception):
    """The token is malformed, forged, expired or revoked, or its account is gone or deactivated."""

    def __init__(self, reason: Reason = Reason.INVALID) -> None:
        self.reason = reason
        super().__init__(reason.message)


# Why the request's token was refused, for the WWW-Authenticate header of the response.
refusal_reason: RequestValue[Reason | None] = RequestValue("refusal_reason", None)


def payload_for(user: AbstractBaseUser, context: Any = None) -> dict[str, Any]:
    """The claims of a new access token. They hold no personal data but the account's key."""
    now = int(datetime.now(UTC).timestamp())
    return {
        "sub": str(user.pk),
        "iat": now,
        "exp": now + int(jwt_settings.JWT_EXPIRATION_DELTA.total_seconds()),
        "jti": uuid.uuid4().hex,
        "gen": user.token_generation,  # type: ignore[attr-defined]
    }


def decode(token: str, context: Any = None) -> dict[str, Any]:
    """The claims of a token with a valid signature that has not expired. Raises jwt.InvalidTokenError.

    The algorithm is ours, never the one in the token's header (RFC 8725 §3.1). Former keys verify too, so that keys can
    be changed. `iat` and `nbf` have a leeway for clocks that differ; `exp` has none.
    """
    options: Any = {"require": ["sub", "iat", "exp", "jti", "gen"]}
    for key in (settings.JWT_SECRET_KEY, *settings.JWT_SECRET_KEY_FALLBACKS):
        try:
            claims: dict[str, Any] = jwt.decode(
                token, key, algorithms=[jwt_settings.JWT_ALGORITHM], options=options, leeway=CLOCK_LEEWAY_SECONDS
            )
        except jwt.InvalidSignatureError:
            continue
        # PyJWT has one leeway for all three times.
        if int(claims["exp"]) <= datetime.now(UTC).timestamp():
            raise jwt.ExpiredSignatureError("Signature has expired")
        return claims
    raise jwt.InvalidSignatureError("Signature verification failed")


def issue(user: AbstractBaseUser) -> AccessToken:
    """A new access token for the user."""
    claims = jwt_settings.JWT_PAYLOAD_HANDLER(user)
    return AccessToken(jwt_encode(claims), datetime.fromtimestamp(claims["exp"], UTC))


def verify(token: str) -> tuple[AbstractBaseUser, datetime]:
    """The token's active user, read by one query, and the moment the token expires. Raises TokenRefused."""
    if len(token) > MAX_TOKEN_LENGTH:
        raise TokenRefused
    try:
        claims = get_payload(token)
        key_and_generation = int(claims["sub"]), int(claims["gen"])
        if not all(0 <= number <= MAX_ID for number in key_and_generation):
            raise TokenRefused
        rows = _active_user_rows(key_and_generation)
    except JSONWebTokenExpired:
        raise TokenRefused(Reason.EXPIRED) from None
    # RecursionError: the token's header is JSON, which strangers may nest.
    except (JSONWebTokenError, ValueError, TypeError, OverflowError, RecursionError):
        raise TokenRefused from None
    if not rows:
        raise TokenRefused(Reason.REVOKED)
    (user,) = instances(get_user_model(), _columns(), rows).values()
    return user, datetime.fromtimestamp(claims["exp"], UTC)


def _columns() -> list[str]:
    return [field.attname for field in get_user_model()._meta.concrete_fields]


def _active_users(key_and_generation: list[int]) -> QuerySet[Any, Any]:
    key, generation = key_and_generation
    users: Any = get_user_model()._default_manager
    active: QuerySet[Any, Any] = users.filter(is_active=True, pk=key, token_generation=generation)
    return active.values_list(*_columns())


# Every request reads the user from the database, so that deactivation and revocation take effect at once.
_active_user_rows = Prepared(_active_users)


def bearer_token(request: HttpRequest) -> str | None:
    """The token of `Authorization: Bearer …` (RFC 6750 §2.1), "" when it is empty; None without such a header.

    Other schemes are ignored, because a proxy may use Basic for itself.
    """
    header: str = request.META.get(jwt_settings.JWT_AUTH_HEADER_NAME, "")
    scheme, _, token = header.partition(" ")
    if scheme.lower() != jwt_settings.JWT_AUTH_HEADER_PREFIX.lower():
        return None
    return token.strip()


def challenge(reason: Reason | None = None) -> str:
    """The value of WWW-Authenticate (RFC 6750 §3), with the reason when a token was refused."""
    realm = 'Bearer realm="vitrine"'
    return f'{realm}, error="invalid_token", error_description="{reason.message}"' if reason else realm


def viewer(request: HttpRequest) -> AbstractBaseUser | AnonymousUser:
    """The user of the request's token; anonymous without a token. The admin's session never counts.

    Raises TokenRefused: a token that is not valid is never treated as absent.
    """
    token = bearer_token(request)
    return AnonymousUser() if token is None else verify(token)[0]
