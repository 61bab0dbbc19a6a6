"""What stays in memory and in the cache of clients' requests: documents within bounds, and nobody's values."""

import gc
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.core.handlers.wsgi import WSGIRequest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import RequestFactory
from graphql import GraphQLError
from pytest_django import Settings

from core.graphql import persisted
from core.graphql.errors import formatted
from core.tests.clients import Api
from core.urls import graphql
from core.wsgi import application
from users.models import User

pytestmark = pytest.mark.slow

documents = graphql.server.documents
ME = "query Q{n} {{ me {{ id email }} }}"


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    documents._kept.clear()
    documents._seen.clear()
    documents._bytes = 0


def kept(text: str) -> bool:
    """Whether the document of a text is kept."""
    return persisted.sha256_hex(text) in documents._kept


def extensions(text: str) -> dict[str, Any]:
    """Apollo's, naming a text by its hash."""
    return {"persistedQuery": {"version": 1, "sha256Hash": persisted.sha256_hex(text)}}


def send(api: Api, **body: Any) -> dict[str, Any]:
    """The answer to a body."""
    return api.client.post("/graphql/", json.dumps(body), content_type="application/json", headers=api.headers).json()


class TestDocuments:
    """Documents that a process keeps."""

    def test_a_strangers_is_kept_when_it_comes_again(self, nobody: Api, shopper: Api) -> None:
        text = "query Stranger { __typename }"
        assert [(nobody.graphql(text), kept(text))[1] for _ in range(3)] == [False, True, True]
        shopper.graphql("query Member { __typename }")
        assert kept("query Member { __typename }")

    def test_many_different_ones_leave_only_digests(self, nobody: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("core.graphql.documents.MAX_SEEN", 5)
        for n in range(20):
            nobody.graphql(ME.format(n=n))
        assert not documents._kept
        assert len(documents._seen) == 5

    def test_they_hold_no_more_than_is_granted(self, shopper: Api, settings: Settings) -> None:
        for n in range(6):
            shopper.graphql(ME.format(n=n))
        documents.find(persisted.sha256_hex(ME.format(n=0)))
        assert documents._bytes == sum(size for _, size in documents._kept.values())
        settings.GRAPHQL_DOCUMENTS_BYTES = documents._bytes // 2
        shopper.graphql(ME.format(n=7))
        assert documents._bytes <= settings.GRAPHQL_DOCUMENTS_BYTES
        assert [kept(ME.format(n=n)) for n in (7, 0, 1)] == [True, True, False]
        settings.GRAPHQL_DOCUMENTS_BYTES = 0
        assert shopper.graphql(ME.format(n=8))
        assert (len(documents._kept), documents._bytes) == (0, 0)

    def test_their_number_is_bounded(self, shopper: Api, settings: Settings) -> None:
        settings.GRAPHQL_DOCUMENTS = 3
        for n in (0, 1, 2, 0, 3):
            shopper.graphql(ME.format(n=n))
        assert [kept(ME.format(n=n)) for n in range(4)] == [True, False, True, True]

    def test_wide_characters_count_as_what_they_take(self, shopper: Api) -> None:
        narrow, wide = (f"query Wide {{ __typename }} # {c * 20_000}" for c in "x😀")
        shopper.graphql(narrow)
        before = documents._bytes
        shopper.graphql(wide)
        assert documents._bytes - before > before + 50_000

    def test_plans_count_as_they_grow(self, shopper: Api) -> None:
        text = "query Grow($b: Boolean!) { me { id email firstName @skip(if: $b) } }"
        shopper.graphql(text, b=True)
        shopper.graphql(text, b=True)
        before = documents._bytes
        for _ in range(2):
            shopper.graphql(text, b=False)
        assert documents._bytes > before

    def test_a_mutation_that_spells_its_values_out_is_not_kept(self, shopper: Api) -> None:
        text = 'mutation { tokenAuth(email: "a@example.com", password: "%s") { token } }'
        for _ in range(3):
            send(shopper, query=text, extensions=extensions(text))
        assert not kept(text)
        assert send(shopper, extensions=extensions(text))["errors"][0]["message"] == "PersistedQueryNotFound"

    def test_what_a_budget_refuses_is_not_kept(self, nobody: Api, settings: Settings) -> None:
        settings.RATE_LIMIT_COST_ADDRESS = (5, 60)
        text = "query Dear { products(first: 50) { nodes { id } } }"
        for _ in range(3):
            assert (
                send(nobody, query=text, extensions=extensions(text))["errors"][0]["extensions"]["code"] == "THROTTLED"
            )
        assert not kept(text)
        settings.RATE_LIMIT_COST_ADDRESS = None
        assert send(nobody, extensions=extensions(text))["errors"][0]["message"] == "PersistedQueryNotFound"


SECRET = "s3cret-Marker-8c1f"
SIGN_IN = "tokenAuth(email: $e, password: $p) { token }"
YES = {"e": "a", "s": True}
NOTHING = "fragment F on Mutation { __typename }"
REGISTER = 'mutation($p: String!) { register(input: {email: "a@b.example", password: $p}) { token } }'
CALLS: list[tuple[str, dict[str, Any]]] = [
    (f"mutation($e: String!, $p: String!) {{ {SIGN_IN} }}", {"e": "a@b.example"}),
    (f"mutation($e: String!, $p: String!, $s: Boolean!) {{ ...F @skip(if: $s) {SIGN_IN} }} {NOTHING}", YES),
    (REGISTER, {}),
    (REGISTER.replace("token }", "token user { id } }"), {}),  # the address is taken by now
    ("mutation($p: String!) { tokenAuth(email: 5, password: $p) { token } }", {}),
    ('mutation($p: Int!) { tokenAuth(email: "a", password: $p) { token } }', {}),
    (f"mutation($e: String!, $p: String!) {{ {SIGN_IN} cartClear {{ cart {{ id }} }} }}", YES),
    ("query($p: String!) { product(slug: $p) { id } node(id: $p) { id } }", {}),
    ("{ tokenAuth(", {}),
]  # fmt: skip


def texts_of(holder: Any) -> Iterator[str]:
    """The texts that an object holds, those in dicts and tuples that the collector does not track included."""
    for held in gc.get_referents(holder):
        if type(held) in (str, bytes):
            yield str(held)
        elif type(held) in (dict, tuple) and not gc.is_tracked(held):
            yield from texts_of(held)


def holders(secret: str) -> list[str]:
    """The living objects that hold a text with the secret."""
    # What was frozen (core.wsgi, conftest.py) is not among the objects otherwise: caches of modules, for instance.
    gc.unfreeze()
    gc.collect()
    found = gc.get_objects()
    gc.freeze()
    return [f"{type(o).__name__}: {text[:80]}" for o in found for text in texts_of(o) if secret in text]


@pytest.mark.parametrize("execution", ["compiled", "standard"])
def test_no_living_object_holds_a_secret_afterwards(nobody: Api, settings: Settings, execution: str) -> None:
    settings.GRAPHQL_EXECUTION, settings.DEBUG = execution, False
    secret = SECRET + execution
    before = len(holders(secret))

    def call_all() -> None:
        for query, variables in CALLS * 2:
            body = json.dumps({"query": query, "variables": {**variables, "p": secret}})
            nobody.client.post("/graphql/", body, content_type="application/json")

    call_all()
    assert User.objects.filter(email="a@b.example").exists()
    nobody.graphql("{ __typename }")  # Django's test client and this thread's request are another one now
    assert holders(secret)[before:] == []


REST_CALLS: list[tuple[str, dict[str, Any]]] = [
    ("/api/v1/auth/token/", {"email": "a@b.example", "password": SECRET}),
    ("/api/v1/auth/register/", {"email": "a@b.example", "password": SECRET}),
    ("/api/v1/auth/register/", {"email": "a@b.example", "password": "short"}),
    ("/api/v1/auth/register/", {"email": 5}),
    ("/api/v1/nothing/", {}),
]
GRAPHQL_CALLS = [("/graphql/", {"query": query, "variables": {**given, "p": SECRET}}) for query, given in CALLS]


@pytest.fixture
def _connections_stay() -> Iterator[None]:
    """The end of a request does not end the test's transaction (Django's test client does the same)."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.usefixtures("_connections_stay")
@pytest.mark.parametrize(("path", "body"), [*GRAPHQL_CALLS, *REST_CALLS, ("/graphql/", [SECRET])])
def test_a_request_is_freed_with_its_answer(db: None, path: str, body: Any) -> None:
    """Without the collector's help: whatever is in a cycle waits for it, with its passwords."""
    data = json.dumps(body).encode()

    def call() -> None:
        environ = RequestFactory().post(path, data, content_type="application/json").environ
        response = application(environ, lambda status, headers: None)
        response.close()

    def living() -> int:
        return sum(type(held) is WSGIRequest for held in gc.get_objects())

    call()  # whatever is imported or made once
    call()
    gc.collect()
    gc.disable()
    try:
        before = living()
        call()
        assert living() == before
    finally:
        gc.enable()


class TestPersistedTexts:
    """What strangers register stays small, whatever they send."""

    def test_the_store_is_bounded_by_its_slots(self, nobody: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(persisted, "SLOTS", {"anyone": 3, "member": 2})
        for n in range(30):
            text = ME.format(n=n)
            send(nobody, query=text, extensions=extensions(text))
            persisted.register(persisted.sha256_hex(text + " "), text + " ", is_member=True)
        places = [f"persisted-query:{kind}:{n}" for kind in ("anyone", "member") for n in range(30)]
        assert 0 < len(cache.get_many(places)) <= 5
        assert persisted.MAX_STORED_BYTES < 40_000_000  # of a Redis of 192 MB

    @pytest.mark.parametrize("character", ["x", "é", "漢", "😀"])
    def test_a_long_text_is_served_and_not_stored(self, nobody: Api, character: str) -> None:
        for size, stored in ((persisted.MAX_TEXT_BYTES - 100, True), (persisted.MAX_TEXT_BYTES + 100, False)):
            text = "{ __typename } #" + character * (size // len(character.encode()))
            assert send(nobody, query=text, extensions=extensions(text))["data"]
            assert ("data" in send(nobody, extensions=extensions(text))) is stored

    def test_strangers_and_members_do_not_push_each_other_out(
        self, nobody: Api, shopper: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(persisted, "SLOTS", {"anyone": 1, "member": 1})
        text = ME.format(n="Member")
        send(shopper, query=text, extensions=extensions(text))
        documents._kept.clear()
        for n in range(5):
            send(nobody, query=ME.format(n=n), extensions=extensions(ME.format(n=n)))
        assert "data" in send(shopper, extensions=extensions(text))

    def test_what_is_used_again_stays_longer(self, nobody: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        touched = []
        monkeypatch.setattr(cache, "touch", lambda key, seconds: touched.append(seconds))
        text = ME.format(n="Again")
        send(nobody, query=text, extensions=extensions(text))
        assert "data" in send(nobody, extensions=extensions(text))
        assert touched == [persisted.TTL_SECONDS["member"]]

    def test_a_cache_that_is_down_costs_a_second_text_and_no_answer(
        self, nobody: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def down(*_: Any) -> None:
            raise ConnectionError

        monkeypatch.setattr(cache, "get_many", down)
        text = ME.format(n="Down")
        assert send(nobody, extensions=extensions(text))["errors"][0]["message"] == "PersistedQueryNotFound"
        assert "data" in send(nobody, query=text, extensions=extensions(text))

    @pytest.mark.parametrize("digest", ["\ud800" * 64, "A" * 64, "٣" * 64, "a" * 63, "", None, 5, ["a"], {"a": "b"}])
    def test_a_hash_is_64_hexadecimal_digits(self, nobody: Api, digest: Any) -> None:
        error = send(nobody, extensions={"persistedQuery": {"version": 1, "sha256Hash": digest}})["errors"][0]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"


def test_refused_requests_are_charged(nobody: Api, settings: Settings) -> None:
    settings.RATE_LIMIT_COST_ADDRESS = (20, 60)
    refused = ["{ nonsense }", "{", "query($x: Int!) { __typename }", "{ a: __schema { types { name } } }"]
    settings.GRAPHQL_INTROSPECTION = False
    codes = [nobody.error(refused[n % 4])["code"] for n in range(24)]
    assert "THROTTLED" not in codes[:20]
    assert set(codes[20:]) == {"THROTTLED"}


def test_a_long_document_and_many_values_are_charged_for_what_they_take(nobody: Api, settings: Settings) -> None:
    settings.RATE_LIMIT_COST_ADDRESS = (1_000, 60)
    long = "{ nonsense } #" + "x" * 6_000
    assert [nobody.error(long)["code"] for _ in range(2)] == ["GRAPHQL_VALIDATION_FAILED", "THROTTLED"]
    cache.clear()
    query = "query($x: [ID!]) { products(filter: {ids: $x}) { totalCount } }"
    codes = [nobody.error(query, x=[None] * 80_000)["code"] for _ in range(3)]
    assert codes == ["BAD_USER_INPUT", "BAD_USER_INPUT", "THROTTLED"]


def test_an_error_lets_go_of_its_stack() -> None:
    def fail() -> None:
        try:
            int("first")
        except ValueError as error:
            raise KeyError("second") from error

    with pytest.raises(KeyError) as raised:
        fail()
    error, cause = raised.value, raised.value.__cause__
    formatted(GraphQLError("third", original_error=error))
    assert cause is not None
    assert (error.__traceback__, cause.__traceback__) == (None, None)
