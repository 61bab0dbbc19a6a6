"""The list of attacks. An attack sends through its stranger and returns what went wrong, in words; "" is nothing."""

import uuid
from collections.abc import Callable

from bench.attacks.client import Stranger

PASSWORD = "correct-horse-battery-7"  # noqa: S105
REGISTER = "mutation($i: RegisterInput!) { register(input: $i) { refreshToken errors { code } } }"
SIGN_IN = "mutation($e: String!, $p: String!) { tokenAuth(email: $e, password: $p) { token errors { code } } }"
REFRESH = "mutation($t: String!) { refreshToken(refreshToken: $t) { refreshToken errors { code } } }"
SEARCH = "query($s: String!) { products(search: $s, first: 5) { totalCount nodes { name } } }"
SUGGEST = "query($s: String!) { suggestions(query: $s) { text } }"
Attack = Callable[[Stranger], str]
# Name → what it does, the seconds that its slowest request may take, and the MB by which a process may grow meanwhile.
ATTACKS: dict[str, tuple[Attack, float, float]] = {}
# What the attacks send as secrets; none may stay in the service's memory.
MARKS: list[bytes] = []


def attack(name: str, max_seconds: float = 30.0, peak: float = 250.0) -> Callable[[Attack], Attack]:
    """Registers an attack; `each` in seconds, `peak` in MB."""

    def registered(function: Attack) -> Attack:
        ATTACKS[name] = (function, max_seconds, peak)
        return function

    return registered


def mark() -> str:
    """A new secret to look for in memory afterwards."""
    text = f"MARK{uuid.uuid4().hex}"
    MARKS.append(text.encode())
    return text


def account(stranger: Stranger, password: str = PASSWORD) -> tuple[str, str]:
    """The address and refresh token of a new account."""
    email = f"{uuid.uuid4().hex}@example.com"
    answer = stranger.graphql(REGISTER, {"i": {"email": email, "password": password}})
    payload = ((answer.body or {}).get("data") or {}).get("register") or {}
    return email, payload.get("refreshToken") or ""
