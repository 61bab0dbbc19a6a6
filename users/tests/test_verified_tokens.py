"""Tokens that were verified a moment ago are not verified again, and end as before."""

import gc
from typing import Any

import pytest

from core.auth import tokens
from core.auth.tokens import Reason, TokenRefused, issue, verify
from users.tests.factories import UserFactory


@pytest.fixture
def token(db: Any) -> str:
    """A token that has been verified."""
    token = issue(UserFactory()).token
    verify(token)
    return token


def test_a_signature_is_verified_once(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "get_payload", None)
    assert verify(token)


def test_it_expires_in_its_second(token: str, time_machine: Any) -> None:
    _, expires_at = verify(token)
    time_machine.move_to(expires_at.timestamp() - 0.5, tick=False)
    assert verify(token)
    time_machine.move_to(expires_at, tick=False)
    with pytest.raises(TokenRefused) as refused:
        verify(token)
    assert refused.value.reason is Reason.EXPIRED


def test_a_signing_key_that_is_taken_back_ends_it(token: str, settings: Any) -> None:
    former, settings.JWT_SECRET_KEY = settings.JWT_SECRET_KEY, "n" * 32
    with pytest.raises(TokenRefused):
        verify(token)
    settings.JWT_SECRET_KEY_FALLBACKS = [former]
    assert verify(token)
    settings.JWT_SECRET_KEY_FALLBACKS = []
    with pytest.raises(TokenRefused):
        verify(token)


def test_a_signature_that_differs_is_refused(token: str) -> None:
    head, _, _ = token.rpartition(".")
    for forged in (f"{head}.{'A' * 43}", f"{token} ", f"{token}A", head, f"{token[:-1]}\ud800"):
        with pytest.raises(TokenRefused):
            verify(forged)


def test_the_account_is_read_each_time(token: str) -> None:
    user, _ = verify(token)
    user.is_active = False
    user.save()
    with pytest.raises(TokenRefused) as refused:
        verify(token)
    assert refused.value.reason is Reason.REVOKED


def test_no_token_is_kept_and_the_oldest_go(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    gc.collect()
    kept = tokens._verified._entries
    assert len(kept) <= tokens.MAX_VERIFIED_TOKENS
    assert not any(part in repr(kept) for part in token.split("."))
    monkeypatch.setattr(tokens, "MAX_VERIFIED_TOKENS", 3)
    others = [issue(UserFactory()).token for _ in range(3)]
    for other in others:
        verify(other)
    assert len(kept) == 3
    verify(others[0])
    verify(token)
    assert tokens._digest(others[0]) in kept
    assert tokens._digest(others[1]) not in kept
