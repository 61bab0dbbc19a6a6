"""Refresh tokens: each sign-in starts a family, and each token is spent by use (RFC 6749 §10.4, RFC 9700 §4.14.2).

A spent token that is used again shows that two parties have it, the owner and a thief. Nobody can tell which of them
sent it, so the family ends. Only hashes are stored. A plain SHA-256 is enough, because tokens are 256 random bits.

A token's successor is derived from it (HMAC, RFC 2104) with the server's key and the family's random id. So two tabs
that refresh at once get the same successor, although it is stored nowhere. The database alone is not enough to derive
it, nor is the token.
"""

import base64
import hashlib
import hmac
import logging
import secrets
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from core.auth import tokens
from core.db.transactions import run_in_transaction
from core.errors import ErrorCode, FieldError, InvalidInput
from users.models import RefreshToken, TokenFamily, User

logger = logging.getLogger(__name__)

BATCH_SIZE = 1000
# How many successors a spent token may have had within JWT_REFRESH_GRACE.
MAX_SUCCESSORS = 10


@dataclass(frozen=True)
class SignedIn:
    """An account and its new pair of tokens. `expires_at` is the access token's.

    `errors`: what the account could not take over from the guest who signed in.
    """

    user: User
    token: str
    refresh_token: str
    expires_at: datetime
    refresh_expires_at: datetime
    errors: tuple[FieldError, ...] = ()


def token_digest(token: str) -> str:
    """The hash that is stored in place of a refresh token."""
    return hashlib.sha256(token.encode()).hexdigest()


def begin(user: User) -> SignedIn:
    """Starts a family; returns its first pair of tokens."""
    family = TokenFamily.objects.create(user=user, generation=user.token_generation)
    return _pair(user, family, secrets.token_urlsafe(32))


def rotate(token: str) -> SignedIn:
    """Spends the token; returns the family's next pair. Raises InvalidInput (INVALID_TOKEN).

    Within JWT_REFRESH_GRACE a spent token gives the same refresh token again. After that its use ends the family.
    """
    signed_in = run_in_transaction(lambda: _rotate(token))
    if signed_in is None:
        message = "The refresh token is unknown, expired, spent or revoked: sign in again."
        raise InvalidInput.at("refreshToken", message=message, code=ErrorCode.INVALID_TOKEN)
    return signed_in


def revoke(token: str) -> None:
    """Ends the token's family, even if the token is spent or expired. An unknown token is no error (RFC 7009 §2.2)."""
    _end(TokenFamily.objects.filter(tokens__digest=token_digest(token)).first())


def clear_expired() -> int:
    """Deletes expired tokens, then families without tokens; returns the number of tokens."""
    deleted = 0
    while keys := list(
        RefreshToken.objects.filter(expires_at__lte=timezone.now()).values_list("pk", flat=True)[:BATCH_SIZE]
    ):
        deleted += RefreshToken.objects.filter(pk__in=keys).delete()[0]
    # A family and its first token are made in one transaction, so an empty family is over.
    while empty_ids := list(TokenFamily.objects.filter(tokens=None).values_list("pk", flat=True)[:BATCH_SIZE]):
        TokenFamily.objects.filter(pk__in=empty_ids, tokens=None).delete()
    return deleted


def _rotate(text: str) -> SignedIn | None:
    token = RefreshToken.objects.select_related("family__user").filter(digest=token_digest(text)).first()
    if token is None or token.expires_at <= timezone.now():
        return None
    family, user = token.family, token.family.user
    # Locks the family until the transaction ends, so that its changes happen one after the other.
    if not TokenFamily.objects.filter(pk=family.pk, revoked_at=None).update(used_at=timezone.now()):
        return None
    now = timezone.now()  # after the wait for the lock, so never before the `spent_at` of another process
    if not user.is_active or family.generation != user.token_generation:
        return None
    if RefreshToken.objects.filter(pk=token.pk, spent_at=None).update(spent_at=now):
        return _pair(user, family, _successors(text, family)[0])
    token.refresh_from_db(fields=["spent_at"])
    if token.spent_at is None or now - token.spent_at >= settings.JWT_REFRESH_GRACE:
        _end(family)
        logger.warning("A spent refresh token of user %s was used again: family %s is revoked", user.pk, family.pk)
        return None
    living = _living_successor(text, family)
    return _signed_in(user, *living) if living is not None else None


def _living_successor(text: str, family: TokenFamily) -> tuple[str, datetime] | None:
    """The family's unspent token and its end, found from a token that was spent a moment ago."""
    for _ in range(MAX_SUCCESSORS):
        texts = {token_digest(successor): successor for successor in _successors(text, family)}
        token = family.tokens.filter(digest__in=texts).first()
        if token is None:
            return None
        text = texts[token.digest]
        if token.spent_at is None:
            return text, token.expires_at
    return None


def _successors(text: str, family: TokenFamily) -> list[str]:
    """The token's successor: first as the current key makes it, then as each former key did."""
    message = f"refresh-token-successor\0{family.pk}\0{text}".encode()
    keys = (settings.JWT_SECRET_KEY, *settings.JWT_SECRET_KEY_FALLBACKS)
    digests = (hmac.digest(key.encode(), message, "sha256") for key in keys)
    return [base64.urlsafe_b64encode(digest).rstrip(b"=").decode() for digest in digests]


def _end(family: TokenFamily | None) -> None:
    if family is not None:
        TokenFamily.objects.filter(pk=family.pk, revoked_at=None).update(revoked_at=timezone.now())


def _pair(user: User, family: TokenFamily, refresh_token: str) -> SignedIn:
    expires_at = timezone.now() + settings.JWT_REFRESH_LIFETIME
    RefreshToken.objects.create(family=family, digest=token_digest(refresh_token), expires_at=expires_at)
    return _signed_in(user, refresh_token, expires_at)


def _signed_in(user: User, refresh_token: str, refresh_expires_at: datetime) -> SignedIn:
    access = tokens.issue(user)
    return SignedIn(user, access.token, refresh_token, access.expires_at, refresh_expires_at)
