"""Attacks that fill stores by many requests: a process's memory, and the cache that also counts sign-ins."""

import json
from hashlib import sha256

from bench.attacks.client import Stranger
from bench.attacks.registry import SIGN_IN, attack, mark


@attack("2,400 different documents of 4 kB")
def documents(stranger: Stranger) -> str:
    """Each seen once, from many addresses."""

    def one(number: int) -> None:
        # No two are the same, and each is large as a tree.
        fields = " ".join(f"x{number}_{n}: name" for n in range(25))
        query = (
            f"query q{number} {{ products(first: 1) {{ nodes {{ {fields} {'id slug sku description ' * 115} }} }} }}"
        )
        stranger.graphql(query, address=f"203.0.113.{number % 250}")

    stranger.many(one, range(2_400))
    return ""


@attack("500 persisted documents with an emoji")
def persisted_emoji(stranger: Stranger) -> str:
    """Texts of which each character takes four bytes of memory."""

    def one(number: int) -> None:
        query = f"query p{number} {{ me {{ id }} }} # 🛋" + "x" * 90_000
        persist(stranger, query, address=f"203.0.113.{number % 250}")

    stranger.many(one, range(500))
    return ""


@attack("100 documents with 1 MB of variables")
def variables(stranger: Stranger) -> str:
    """The first caller's variables, a secret among them."""

    def one(number: int) -> None:
        query = f"query v{number}($s: String!, $p: String, $on: Boolean = true) {{ suggestions(query: $s) {{ text @include(if: $on) }} }}"
        stranger.graphql(query, {"s": "lamp", "p": mark() + "x" * 900_000}, address=f"203.0.113.{number}")

    stranger.many(one, range(100), at_once=4)
    return ""


@attack("passwords in variables, literals and bad JSON")
def secrets(stranger: Stranger) -> str:
    """Sign-ins that fail; none of the passwords may stay."""
    for number in range(8):
        address = f"203.0.113.{number}"
        stranger.graphql(SIGN_IN, {"e": f"{number}@example.com", "p": mark()}, address=address)
        stranger.graphql(
            f'mutation {{ tokenAuth(email: "{number}@example.com", password: "{mark()}") {{ token }} }}',
            address=address,
        )
        stranger.send(
            "POST",
            "/api/v1/auth/token/",
            json.dumps({"email": "a@example.com", "password": mark()}).encode(),
            address=address,
        )
        stranger.send("POST", "/graphql/", ('{"variables": {"p": "' + mark() + '"').encode(), address=address)
    return ""


@attack("2,300 persisted documents of 99 kB")
def persisted_large(stranger: Stranger) -> str:
    """More than the Redis holds, from many addresses; the throttle is asked afterwards, as after every attack."""

    def one(number: int) -> None:
        query = f"query l{number} {{ me {{ id }} }} #" + f"{number:x}" * 20_000
        persist(stranger, query[:99_000], address=f"203.0.{number % 200}.{number % 250}")

    stranger.many(one, range(2_300))
    return ""


def persist(stranger: Stranger, query: str, *, address: str) -> None:
    """Registers a text under its hash (Apollo's automatic persisted queries)."""
    digest = sha256(query.encode()).hexdigest()
    stranger.graphql(query, extensions={"persistedQuery": {"version": 1, "sha256Hash": digest}}, address=address)
