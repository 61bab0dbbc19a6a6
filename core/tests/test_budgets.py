"""Budgets of cost for users and addresses, the same for GraphQL and REST."""

import threading
from datetime import timedelta

import pytest
import time_machine
from pytest_django import Settings

from core.errors import Throttled
from core.tests.clients import Api
from core.throttling import budget_counters
from core.throttling.limits import Limit

ME = "{ me { id } }"


@pytest.fixture(autouse=True)
def _budgets(settings: Settings) -> None:
    settings.RATE_LIMIT_COST_USER, settings.RATE_LIMIT_COST_ADDRESS = (250, 60), (10_000, 60)


def test_graphql_spends_what_it_costs(shopper: Api) -> None:
    response = shopper.post("{ products(first: 100) { nodes { id } } }")
    assert response.headers["RateLimit-Remaining"] == str(250 - 102)
    assert 0 < int(response.headers["RateLimit-Reset"]) <= 60
    shopper.post("{ products(first: 100) { nodes { id } } }")
    refused = shopper.post("{ products(first: 100) { nodes { id } } }")
    assert refused.status_code == 429
    extensions = refused.json()["errors"][0]["extensions"]
    assert extensions == {"code": "THROTTLED", "retryAfter": int(refused.headers["Retry-After"])}
    assert shopper.post(ME).status_code == 200  # what is refused costs nothing


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"query": 5}', b"\xff", b'{"query": "{ me { id } }", "variables": [1]}']
)
def test_what_is_no_graphql_request_is_charged_too(nobody: Api, settings: Settings, body: bytes) -> None:
    settings.RATE_LIMIT_COST_ADDRESS = (3, 60)
    send = lambda: nobody.client.post("/graphql/", body + b" " * 1500, content_type="application/json")  # noqa: E731
    assert send().status_code == 400
    assert send().status_code == 429


def test_both_apis_spend_one_budget(shopper: Api) -> None:
    assert shopper.get("products/search/").status_code == 200
    assert shopper.get("products/search/").status_code == 200
    refused = shopper.get("products/search/")
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert refused.json()["errors"][0]["code"] == "throttled"
    assert shopper.post("{ products(first: 100) { nodes { id } } }").status_code == 429


@pytest.mark.parametrize(
    ("parameters", "cost"),
    [
        ({}, 20 + 5 * 20),
        ({"limit": "1"}, 20 + 5),
        ({"limit": "100"}, 20 + 5 * 100),
        ({"limit": "9" * 4_000}, 20 + 5 * 20),
        ({"limit": "٣"}, 20 + 5 * 20),
        ({"q": "lamp"}, 150 + 20 + 5 * 20),
        ({"q": "lamp", "facets": "true"}, 150 + 100 + 300 + 20 + 5 * 20),
        ({"group_by": "group"}, 300 + 20 + 5 * 20),
        ({"group_by": "none"}, 20 + 5 * 20),
        ({"facets": "false"}, 20 + 5 * 20),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_search_by_rest_costs_what_it_takes(
    shopper: Api, staff: Api, settings: Settings, parameters: dict[str, str], cost: int
) -> None:
    settings.RATE_LIMIT_COST_USER = (cost - 1, 60)
    assert shopper.get("products/search/", **parameters).status_code == 429
    settings.RATE_LIMIT_COST_USER = (cost, 60)
    assert staff.get("products/search/", **parameters).status_code != 429


def test_users_do_not_spend_each_others(shopper: Api, staff: Api) -> None:
    for _ in range(3):
        shopper.get("products/search/")
    assert staff.get("products/search/").status_code == 200


def test_an_address_has_a_budget_too(nobody: Api, settings: Settings) -> None:
    settings.RATE_LIMIT_COST_ADDRESS = (3, 60)
    assert [nobody.post(ME).status_code for _ in range(4)] == [200, 200, 200, 429]


def test_off_is_off(shopper: Api, settings: Settings) -> None:
    settings.RATE_LIMIT_COST_USER = settings.RATE_LIMIT_COST_ADDRESS = None
    assert "RateLimit-Remaining" not in shopper.post(ME).headers


class TestCounting:
    """The counters in the cache."""

    limit = Limit((10, 60), ("test", "x"))

    def test_parallel_requests_cannot_exceed_the_limit(self) -> None:
        outcomes = []

        def attempt() -> None:
            try:
                budget_counters.spend(self.limit)
                outcomes.append("spent")
            except Throttled:
                outcomes.append("refused")

        threads = [threading.Thread(target=attempt) for _ in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(outcomes) == 50
        assert outcomes.count("spent") == 10

    def test_a_refund_in_the_next_window_takes_nothing_from_it(self) -> None:
        with time_machine.travel("2026-11-23T12:00:00Z", tick=False) as clock:
            late = budget_counters.spend(self.limit)
            clock.shift(timedelta(seconds=61))
            budget_counters.refund(late)
            for _ in range(10):
                budget_counters.spend(self.limit)
            budget_counters.refund(late)
            budget_counters.spend(self.limit)
            with pytest.raises(Throttled):
                budget_counters.spend(self.limit)

    def test_a_refused_request_leaves_the_other_counters_alone(self) -> None:
        narrow = Limit((1, 60), ("narrow",))
        budget_counters.spend(narrow)
        for _ in range(20):
            with pytest.raises(Throttled):
                budget_counters.spend(self.limit, narrow)
        assert budget_counters.spend(self.limit)


def test_a_site_has_a_budget_over_all_its_addresses(nobody: Api, settings: Settings) -> None:
    """Four times that of one client for an IPv6 /48."""
    settings.RATE_LIMIT_COST_ADDRESS = (2, 60)
    statuses = []
    for n in range(10):
        nobody.client.defaults["REMOTE_ADDR"] = f"2001:db8:1:{n * 256:x}::1"
        statuses.append(nobody.post(ME).status_code)
    assert statuses == [200] * 8 + [429] * 2
