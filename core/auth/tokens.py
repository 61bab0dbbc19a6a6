"""Issues and verifies access tokens (JWT, RFC 7519), through django-graphql-jwt's hooks.

A token contains the generation of its account's tokens (`gen`). Raising the account's generation ends all its tokens.
A guest's token (core.auth.guests) contains the key of the guest's cart (`guest`), and no account.
"""

import re
import secrets
import time
import uuid
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache, lru_cache
from hashlib import blake2b
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

from core.auth.guests import Guest
from core.caching import revision
from core.db.prepared import Prepared, instances
from core.http.request_values import RequestValue
from core.parsing import MAX_ID

MAX_TOKEN_LENGTH = 4096
# The clock of the host that issued a token may be ahead of ours by this much.
CLOCK_LEEWAY_SECONDS = 30
# Verified tokens whose claims a process keeps: verifying takes as long as everything else about a short request.
MAX_VERIFIED_TOKENS = 2_048
# The claims of each kind of token. No token has those of both (RFC 8725 §3.12).
_ACCESS_CLAIMS, _GUEST_CLAIMS = {"sub", "iat", "exp", "jti", "gen"}, {"guest", "iat", "exp"}
_GUEST_KEY = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)


@dataclass(frozen=True)
class AccessToken:
    """A signed token, of a user or a guest, and the moment it expires."""

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

    @property
    def guest_message(self) -> str:
        """The same of a guest token that is not what the request authenticates by."""
        return _GUEST_MESSAGES[self]


_MESSAGES = {
    Reason.EXPIRED: "The token has expired: refresh it, or sign in again. A guest asks for another.",
    Reason.INVALID: "The token is malformed or forged: sign in again, or send no Authorization header.",
    Reason.REVOKED: "The token has been revoked, its account is gone, or the shop has no guests: sign in again.",
}
_GUEST_MESSAGES = {
    Reason.EXPIRED: "The guest token has expired.",
    Reason.INVALID: "The guest token is malformed or forged, or is a token of another kind.",
    Reason.REVOKED: "This shop has no guest carts.",
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
    options: Any = {"require": ["iat", "exp"]}
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


def issue_for_guest(guest: Guest | None = None) -> AccessToken:
    """A new guest token: of this guest, or of a new one. It lives as long as a cart that nobody changes."""
    key = guest.cart_key if guest is not None else -1 - secrets.randbelow(MAX_ID)
    now = int(datetime.now(UTC).timestamp())
    expires_at = now + int(settings.CART_TTL.total_seconds())
    claims = {"guest": str(-key), "iat": now, "exp": expires_at}
    return AccessToken(jwt_encode(claims), datetime.fromtimestamp(expires_at, UTC))


def verify(token: str) -> tuple[AbstractBaseUser | Guest, datetime]:
    """The active user of an access token, read by one query, or the guest of a guest token, and the moment it expires.

    Raises TokenRefused.
    """
    claims = _claims(token)
    return _guest(claims) if "guest" in claims else _user(claims), claims["exp"]


def verify_guest(token: str) -> Guest:
    """The guest of a guest token. Raises TokenRefused, also for an access token."""
    return _guest(_claims(token))


class _Verified:
    """The claims of tokens that were verified, when that was, and when they expire. The least recently used go first.

    Tokens themselves are not kept: an entry's name is a digest of the token, under a key of this process that changes
    with the signing keys.
    """

    def __init__(self) -> None:
        self._entries: OrderedDict[bytes, tuple[dict[str, Any], float, int]] = OrderedDict()

    def get(self, digest: bytes) -> dict[str, Any] | None:
        """The claims, None when the token must be verified. Raises TokenRefused when it has expired meanwhile."""
        entry = self._entries.get(digest)
        if entry is None:
            return None
        claims, verified_at, expires_at = entry
        now = time.time()
        if expires_at <= now:
            raise TokenRefused(Reason.EXPIRED)
        # The clock was set back: `iat` and `nbf` may lie ahead now.
        if now < verified_at:
            return None
        with suppress(KeyError):  # another thread has just dropped it
            self._entries.move_to_end(digest)
        return claims

    def keep(self, digest: bytes, claims: dict[str, Any]) -> None:
        self._entries[digest] = claims, time.time(), int(claims["exp"].timestamp())
        while len(self._entries) > MAX_VERIFIED_TOKENS:
            self._entries.popitem(last=False)


_verified = _Verified()


@lru_cache(maxsize=2)
def _digest_key(*signing_keys: str) -> bytes:
    return secrets.token_bytes(32)


def _digest(token: str) -> bytes:
    key = _digest_key(settings.JWT_SECRET_KEY, *settings.JWT_SECRET_KEY_FALLBACKS)
    return blake2b(token.encode(errors="surrogatepass"), digest_size=16, key=key).digest()


def _claims(token: str) -> dict[str, Any]:
    """The claims of a token that holds, `iat` and `exp` as moments; read-only. Raises TokenRefused."""
    if len(token) > MAX_TOKEN_LENGTH:
        raise TokenRefused
    digest = _digest(token)
    claims = _verified.get(digest)
    if claims is None:
        claims = _verify_signature(token)
        _verified.keep(digest, claims)
    return claims


def _verify_signature(token: str) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = get_payload(token)
        moments = {name: datetime.fromtimestamp(claims[name], UTC) for name in ("iat", "exp")}
    except JSONWebTokenExpired:
        raise TokenRefused(Reason.EXPIRED) from None
    # RecursionError: the token's header is JSON, which strangers may nest.
    except (JSONWebTokenError, ValueError, TypeError, OverflowError, OSError, RecursionError):
        raise TokenRefused from None
    return {**claims, **moments}


def _user(claims: dict[str, Any]) -> AbstractBaseUser:
    if not claims.keys() >= _ACCESS_CLAIMS:
        raise TokenRefused
    try:
        key_and_generation = int(claims["sub"]), int(claims["gen"])
    except (ValueError, TypeError, OverflowError):
        raise TokenRefused from None
    if not all(0 <= number <= MAX_ID for number in key_and_generation):
        raise TokenRefused
    rows = _active_user_rows(key_and_generation)
    if not rows:
        raise TokenRefused(Reason.REVOKED)
    (*columns, total) = rows[0]
    revision.found(total)
    (user,) = instances(get_user_model(), _columns(), [columns]).values()
    return user


def _guest(claims: dict[str, Any]) -> Guest:
    if not claims.keys() >= _GUEST_CLAIMS or "sub" in claims:
        raise TokenRefused
    key = claims["guest"]
    # As `issue_for_guest` writes it: another number would be the key of an account's cart, or of none.
    if not isinstance(key, str) or not _GUEST_KEY.fullmatch(key) or int(key) > MAX_ID:
        raise TokenRefused
    if not settings.GUEST_CARTS:
        raise TokenRefused(Reason.REVOKED)
    return Guest(-int(key), claims["iat"])


@cache
def _columns() -> list[str]:
    return [field.attname for field in get_user_model()._meta.concrete_fields]


def _active_users(key_and_generation: list[int]) -> QuerySet[Any, Any]:
    key, generation = key_and_generation
    users: Any = get_user_model()._default_manager
    active: QuerySet[Any, Any] = users.filter(is_active=True, pk=key, token_generation=generation)
    return active.values_list(*_columns(), revision.TOTAL)


# Every request reads the user from the database, so that deactivation and revocation take effect at once. The same
# statement reads the revision of the catalogue.
_active_user_rows = Prepared(_active_users, places=2)


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
    """The user or guest of the request's token; anonymous without a token. The admin's session never counts.

    Raises TokenRefused: a token that is not valid is never treated as absent.
    """
    token = bearer_token(request)
    return AnonymousUser() if token is None else verify(token)[0]
