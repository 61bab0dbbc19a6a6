"""Guessing passwords and using tokens twice."""

import time
from typing import Any

from bench.attacks.client import Stranger
from bench.attacks.registry import PASSWORD, REFRESH, SIGN_IN, account, attack


@attack("30 sign-ins by a fragment, 8 connections", max_seconds=10.0)
def sign_ins(stranger: Stranger) -> str:
    """In one request each; a root field is counted as often as it is spread."""

    def fields(prefix: str, count: int) -> str:
        sign_in = 'tokenAuth(email: "%d@example.com", password: "wrong") { token }'
        return " ".join(f"{prefix}{n}: {sign_in % n}" for n in range(count))

    spread = f"mutation {{ ...a ...b }} fragment a on Mutation {{ {fields('s', 15)} }} fragment b on Mutation {{ {fields('t', 15)} }}"
    inline = f"mutation {{ ... on Mutation {{ {fields('s', 30)} }} }}"
    # Without an alias: merged into one field, however often it is spread.
    plain = "mutation { " + "...a " * 30 + "} fragment a on Mutation { " + fields("s", 1) + " }"
    for number, query in enumerate((spread, inline, plain)):
        stranger.many(lambda n, q=query, k=number: stranger.graphql(q, address=f"203.0.{113 + k}.{n}"), range(16))
    return ""


@attack("64 single sign-ins at once", max_seconds=10.0)
def hashing(stranger: Stranger) -> str:
    """From as many addresses: only so many hashes at a time."""

    def one(number: int) -> None:
        stranger.graphql(SIGN_IN, {"e": f"{number}@example.com", "p": "wrong"}, address=f"198.18.{number}.1")

    stranger.many(one, range(64), at_once=32)
    return ""


@attack("20 parallel refreshes of one token")
def refreshes(stranger: Stranger) -> str:
    """All may be answered, by one successor."""
    _, token = account(stranger)
    answers: list[Any] = []
    stranger.many(lambda _: answers.append(stranger.graphql(REFRESH, {"t": token}).body), range(20), at_once=20)
    successors = {
        pair["refreshToken"]
        for body in answers
        if (pair := ((body or {}).get("data") or {}).get("refreshToken")) and pair["refreshToken"]
    }
    return "" if len(successors) == 1 else f"{len(successors)} different successors"


@attack("60 guesses from six /64 of one /48, and from sixty /48")
def guesses(stranger: Stranger) -> str:
    """The account's own soft limit slows them; the owner gets in from an address of their own."""
    complaints = []
    for networks in (6, 60):
        email, _ = account(stranger)
        prefix = "2001:db8:1:{:x}::1" if networks == 6 else "2001:db8:{:x}::1"
        answers = [
            stranger.graphql(SIGN_IN, {"e": email, "p": f"wrong-{n}"}, address=prefix.format(n % networks + 16))
            for n in range(60)
        ]
        checked = sum("INVALID_CREDENTIALS" in answer.codes for answer in answers)
        if checked == 60:
            complaints.append(f"{networks} networks: 60 of 60 guesses were checked")
        for _ in range(30):
            answer = stranger.graphql(SIGN_IN, {"e": email, "p": PASSWORD}, address="192.0.2.77")
            if not answer.codes:
                break
            time.sleep(1)
        else:
            complaints.append("the owner is locked out")
    return "; ".join(complaints)
