"""Answers that are given again: only as long as they hold, with all that belongs to an answer, and within bounds."""

import json
import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.utils import timezone
from pytest_django import Settings

from catalog.models import Product
from catalog.search import counting
from catalog.search.index import store, updating
from catalog.search.index.engine import TantivyEngine
from catalog.search.steering import selectors, services
from catalog.search.steering.inputs import RuleInput
from catalog.search.steering.models import RuleMatch
from catalog.search.steering.tests.conftest import steering
from catalog.tests.factories import ProductFactory
from core.auth.policy import SYSTEM
from core.graphql import answers
from core.graphql.trusted import TrustedDocuments
from core.tests.catalogue_queries import LAMPS, ONE, forget, hash_of, hits, kept, lamp, send
from core.tests.clients import Api
from core.urls import graphql

__all__ = ["hits", "lamp", "steering"]
pytestmark = pytest.mark.usefixtures("lamp")
Hits = Callable[[], int]


def found(api: Api, text: str | None = "lamp") -> list[str]:
    return [node["slug"] for node in api.graphql(LAMPS, q=text)["products"]["nodes"]]


class TestAsLongAsItHolds:
    """What changes the answer ends the kept one."""

    def test_a_write_is_seen_by_whoever_asks_next(self, shopper: Api, staff: Api, hits: Hits, lamp: Product) -> None:
        for n in range(3):
            staff.graphql(
                "mutation($id: ID!, $name: String!) "
                "{ productUpdate(input: {id: $id, name: $name}) { product { name } errors { code } } }",
                id=shopper.graphql('{ product(slug: "lamp") { id } }')["product"]["id"],
                name=f"Lamp {n}",
            )
            assert [shopper.graphql(ONE)["product"]["name"] for _ in range(2)] == [f"Lamp {n}"] * 2
        assert hits() == 3

    def test_a_request_that_writes_is_given_nothing_kept(self, staff: Api, hits: Hits) -> None:
        text = 'mutation { brandCreate(input: {name: "Hof"}) { brand { slug } } }'
        assert [staff.graphql(text)["brandCreate"]["brand"] is None for _ in range(2)] == [False, False]
        assert (hits(), len(kept)) == (0, 0)

    def test_a_rule_of_the_search_ends_it_when_its_time_comes(self, shopper: Api, steering: None, hits: Hits) -> None:
        other = ProductFactory(name="Lamp shade", slug="shade")
        now = timezone.now()
        times = {"active_from": now + timedelta(minutes=1), "active_until": now + timedelta(minutes=2)}
        services.create_rule(
            actor=SYSTEM, rule=RuleInput(query="lamp", match=RuleMatch.EQUALS, hidden=(other.pk,), **times)
        )
        with time_machine.travel(now, tick=False) as clock:
            for minutes, slugs in ((0, {"lamp", "shade"}), (1, {"lamp"}), (2, {"lamp", "shade"})):
                clock.move_to(now + timedelta(minutes=minutes))
                assert [set(found(shopper)) for _ in range(2)] == [slugs] * 2
                assert hits() == 1

    def test_a_rule_of_the_search_is_in_force_at_once(
        self, shopper: Api, monkeypatch: pytest.MonkeyPatch, hits: Hits
    ) -> None:
        monkeypatch.setattr(selectors, "snapshots", selectors.SnapshotCache(max_age_seconds=3_600))
        assert [found(shopper) for _ in range(2)] == [["lamp"]] * 2
        hidden = RuleInput(query="lamp", match=RuleMatch.EQUALS, hidden=(Product.objects.get(slug="lamp").pk,))
        services.create_rule(actor=SYSTEM, rule=hidden)
        assert [found(shopper) for _ in range(2)] == [[]] * 2
        assert hits() == 2


class TestTheIndex:
    """An answer of the index holds as long as its commit; an answer in its place is never kept."""

    @pytest.fixture(autouse=True)
    def _index(self, lamp: Product, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        settings.SEARCH_ENGINE, settings.SEARCH_INDEX_DIR = "tantivy", tmp_path / "index"
        monkeypatch.setattr(store, "reader", store.Reader())
        updating.sweep()

    def test_it_holds_until_the_next_commit(self, shopper: Api, hits: Hits) -> None:
        product = ProductFactory(name="Lamp shade", slug="shade")
        assert [found(shopper) for _ in range(2)] == [["lamp"]] * 2  # the index does not know it yet
        updating.sweep()
        assert [set(found(shopper)) for _ in range(2)] == [{"lamp", product.slug}] * 2
        assert hits() == 2
        # Nothing of this one comes from the index.
        assert shopper.graphql(ONE) == shopper.graphql(ONE)
        updating.sweep()
        assert hits() == 1

    def test_its_commit_is_looked_up_without_opening_it(self) -> None:
        snapshot = TantivyEngine().snapshot()
        assert snapshot is not None
        assert store.commit_in_use() == snapshot.commit
        (snapshot.generation / store.CONDEMNED).touch()
        assert store.commit_in_use() is None

    @pytest.mark.parametrize("when", ["before", "meanwhile"])
    def test_the_databases_answer_in_its_place_is_not_kept(
        self, shopper: Api, hits: Hits, monkeypatch: pytest.MonkeyPatch, when: str
    ) -> None:
        if when == "before":
            store.discard()
        else:

            def fail(*_: Any) -> None:
                raise ValueError("broken")

            monkeypatch.setattr("catalog.search.index.search.IndexSearch.page", fail)
        assert [found(shopper) for _ in range(3)] == [["lamp"]] * 3
        assert (hits(), len(kept)) == (0, 0)

    def test_what_comes_from_two_commits_is_not_kept(
        self, shopper: Api, hits: Hits, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        resolve = TantivyEngine.resolve

        def commit_and_resolve(*arguments: Any) -> Any:
            ProductFactory(name="Lamp")
            updating.sweep()
            return resolve(*arguments)

        monkeypatch.setattr(TantivyEngine, "resolve", commit_and_resolve)
        shopper.graphql("{ a: products { totalCount } b: products { totalCount } }")
        assert len(kept) == 0


class TestWhatBelongsToIt:
    """Charges, log lines, metrics and counted searches."""

    def test_its_cost_is_charged_until_the_budget_is_spent(self, shopper: Api, settings: Settings, hits: Hits) -> None:
        settings.RATE_LIMIT_COST_USER = (500, 60)
        responses = [send(shopper, variables={"q": "lamp"}) for _ in range(4)]
        assert [response.headers.get("RateLimit-Remaining") for response in responses] == ["323", "146", None, None]
        assert [response.status_code for response in responses] == [200, 200, 429, 429]
        assert responses[1].json() == responses[0].json()

    def test_it_is_logged_and_measured_as_its_operation(
        self, shopper: Api, caplog: pytest.LogCaptureFixture, hits: Hits
    ) -> None:
        caplog.set_level(logging.INFO)
        for _ in range(2):
            shopper.graphql(LAMPS)
        first, again = [
            {name: record.msg[name] for name in ("operation", "operation_type", "status", "user_id", "path")}
            for record in caplog.records
            if isinstance(record.msg, dict) and record.msg["event"] == "request"
        ]
        assert first == again
        assert hits() == 1

    def test_its_search_is_counted_each_time(
        self, shopper: Api, settings: Settings, monkeypatch: pytest.MonkeyPatch, hits: Hits
    ) -> None:
        settings.SEARCH_COUNTS_DAYS = 90
        counter = counting.SearchCounter()
        monkeypatch.setattr(counter, "_thread", object())  # it stores nothing by itself
        monkeypatch.setattr(counting, "_counter", counter)
        for _ in range(3):
            found(shopper, "LAMP")
        ((_, text), tally), *others = counter._tallies.items()
        assert (text, tally.searches, tally.hits, others) == ("lamp", 3, 1, [])
        assert hits() == 2

    def test_a_text_with_its_hash_is_registered_each_time_that_it_must_be(self, shopper: Api, hits: Hits) -> None:
        by_hash: Any = {"query": None, "extensions": hash_of(ONE)}
        assert send(shopper, **by_hash).json()["errors"][0]["message"] == "PersistedQueryNotFound"
        for _ in range(2):
            assert send(shopper, ONE, extensions=hash_of(ONE)).json()["data"]["product"]
            assert [send(shopper, **by_hash).json()["data"]["product"]["name"] for _ in range(3)] == ["Lamp"] * 3
            cache.clear()  # as after an hour, in another process
            forget()
        assert hits() == 4
        assert send(shopper, **by_hash).json()["errors"][0]["message"] == "PersistedQueryNotFound"

    def test_without_its_document_it_is_executed_and_charged_anew(
        self, shopper: Api, settings: Settings, hits: Hits
    ) -> None:
        settings.RATE_LIMIT_COST_USER = (100_000, 60)
        text = ONE + " #" + "x" * 1_000

        def spent() -> int:
            """What is spent of the budget by the request, and one more."""
            left = int(send(shopper, LAMPS).headers["RateLimit-Remaining"])
            return left - int(send(shopper, text).headers["RateLimit-Remaining"])

        new, again = spent(), spent()
        assert (new - again, hits()) == (10 * (len(text) // 100), 2)
        settings.GRAPHQL_DOCUMENTS = 1
        shopper.graphql("{ shop { name } }")
        assert (spent(), hits()) == (new, 0)

    def test_only_trusted_documents_are_served(
        self, shopper: Api, settings: Settings, monkeypatch: pytest.MonkeyPatch, hits: Hits
    ) -> None:
        settings.GRAPHQL_TRUSTED_ONLY = True
        monkeypatch.setattr(graphql.server, "trusted", TrustedDocuments({"one": ONE}))
        for body in ({"documentId": "one"}, {"extensions": hash_of(ONE)}, {"query": ONE}):
            assert [
                send(shopper, body.pop("query", None), **body).json()["data"]["product"]["name"]
                for body in ({**body}, {**body})
            ] == ["Lamp"] * 2
        assert hits() == 3
        for _ in range(2):
            assert send(shopper, LAMPS).json()["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"


class TestBounds:
    """What is kept stays small and holds nothing of a request."""

    def test_a_long_answer_is_not_kept(self, shopper: Api, monkeypatch: pytest.MonkeyPatch, hits: Hits) -> None:
        monkeypatch.setattr(answers, "MAX_ANSWER_BYTES", 150)
        assert shopper.graphql(LAMPS) == shopper.graphql(LAMPS)
        assert (hits(), len(kept)) == (1, 1)
        long = shopper.graphql("{ products { nodes { name slug sku description category { name slug } } } }")
        assert len(json.dumps(long)) > 150
        assert len(kept) == 1

    def test_many_that_come_once_do_not_push_out_what_comes_again(
        self, shopper: Api, settings: Settings, hits: Hits
    ) -> None:
        settings.GRAPHQL_ANSWERS_BYTES = 24 * answers.OWN_BYTES
        assert shopper.graphql(ONE) == shopper.graphql(ONE)
        text = "query($n: Int!) { products(first: $n) { totalCount } }"
        for n in range(1, 41):
            shopper.graphql(text, n=n)
            assert kept.bytes <= settings.GRAPHQL_ANSWERS_BYTES
        assert (hits(), len(kept) > 10) == (1, True)
        shopper.graphql(ONE)
        assert hits() == 1
        shopper.graphql(text, n=1)
        assert hits() == 0  # the oldest of the others went

    def test_switched_off_nothing_is_kept(self, shopper: Api, settings: Settings, hits: Hits) -> None:
        settings.GRAPHQL_ANSWERS_BYTES = 0
        assert shopper.graphql(ONE) == shopper.graphql(ONE)
        assert (hits(), len(kept), kept.bytes) == (0, 0, 0)

    def test_no_body_is_kept(self, shopper: Api, hits: Hits) -> None:
        secret = "s3cret-Marker-77aa"
        text = "query($p: [String!]) { products(filter: {slugs: $p}) { totalCount } }"
        for _ in range(2):
            shopper.graphql(text, p=[secret])
        assert hits() == 1
        assert secret not in repr([*kept._new.items(), *kept._proven.items()])
