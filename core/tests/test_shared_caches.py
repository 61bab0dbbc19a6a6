"""What caches between us and clients may keep: by default nothing unasked, with SHARED_CACHE_SECONDS public answers."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from catalog.search.index import store
from catalog.search.steering import services
from catalog.search.steering.inputs import RuleInput
from catalog.search.steering.models import RuleMatch
from catalog.search.steering.tests.conftest import steering
from catalog.tests.factories import ProductFactory
from core.auth.policy import SYSTEM
from core.http.caching import PRIVATE, PUBLIC
from core.tests.catalogue_queries import LAMPS, ONE, ask, forget, hash_of, hits, lamp, send
from core.tests.clients import Api

__all__ = ["hits", "lamp", "steering"]
SHARED = "public, max-age=0, s-maxage=60"
GRAPHQL_JSON = {"Accept": "application/graphql-response+json"}


@pytest.fixture(autouse=True)
def _public(lamp: None, settings: Settings) -> None:
    settings.CATALOG_PUBLIC, settings.SHARED_CACHE_SECONDS = True, 60
    settings.RATE_LIMIT_COST_ADDRESS = (100_000, 60)
    forget()


@pytest.mark.parametrize("seconds", [0, 60])
def test_a_public_answer_says_for_how_long(nobody: Api, settings: Settings, seconds: int) -> None:
    settings.SHARED_CACHE_SECONDS = seconds
    for headers in ({}, GRAPHQL_JSON):
        for method in ("get", "head"):
            # Executed, executed with a known document, and given again: all the same.
            responses = [ask(nobody, headers, method, query=LAMPS, variables={"q": "lamp"}) for _ in range(3)]
            assert {response.headers["Cache-Control"] for response in responses} == {SHARED if seconds else PUBLIC}
            assert len({response.headers["ETag"] for response in responses}) == 1
            assert {"Accept", "Authorization"} <= set(responses[-1].headers["Vary"].split(", "))
            # A budget is one client's own.
            assert ("RateLimit-Remaining" in responses[-1].headers) is not bool(seconds)


def test_who_has_it_already_is_told_so_without_a_body(nobody: Api, hits: Callable[[], int]) -> None:
    etags = [ask(nobody, query=ONE).headers["ETag"] for _ in range(3)]
    for known in (etags[0], f'"other", W/{etags[0]}', "*"):
        response = ask(nobody, {"If-None-Match": known}, query=ONE)
        assert (response.status_code, response.content) == (304, b"")
        assert (response.headers["ETag"], response.headers["Cache-Control"]) == (etags[0], SHARED)
    assert ask(nobody, {"If-None-Match": '"other"'}, query=ONE).status_code == 200
    assert hits() == 5


@pytest.mark.parametrize(
    ("query", "more"),
    [
        ("{ me { email } brands { totalCount } }", {}),
        ("{ product { id } }", {}),
        ("{ nonsense }", {}),
        ("{ brands { totalCount } }", {"variables": [5]}),
        ("{ brands { totalCount } }", {"extensions": hash_of("{ brands { totalCount } }")}),
        ('mutation { verifyToken(token: "x") { valid } }', {}),
    ],
)
def test_all_else_is_asked_for_each_time(nobody: Api, query: str, more: dict[str, Any]) -> None:
    for _ in range(3):
        assert ask(nobody, query=query, **more).headers["Cache-Control"] in (PUBLIC, PRIVATE)


def test_what_somebody_is_answered_is_nobody_elses(nobody: Api, shopper: Api, settings: Settings) -> None:
    for api in (shopper, Api(token="forged"), Api(token="")):
        assert ask(api, query=ONE).headers["Cache-Control"] == PRIVATE
    assert send(nobody, ONE).headers["Cache-Control"] == PRIVATE
    settings.CATALOG_PUBLIC = False
    assert ask(nobody, query=ONE).headers["Cache-Control"] == PUBLIC  # an error with 200, as without the setting
    assert nobody.get("products/lamp/").headers["Cache-Control"] == PRIVATE


def test_rest_says_the_same_of_the_catalogue(nobody: Api, shopper: Api, settings: Settings) -> None:
    for path in ("products/lamp/", "products/search/?q=lamp"):
        assert nobody.get(path).headers["Cache-Control"] == SHARED
        assert shopper.get(path).headers["Cache-Control"] == PRIVATE
    assert nobody.get("products/unknown/").headers["Cache-Control"] == PRIVATE
    settings.SHARED_CACHE_SECONDS = 0
    assert nobody.get("products/lamp/").headers["Cache-Control"] == PUBLIC


def test_no_longer_than_the_answer_holds(nobody: Api, steering: None) -> None:
    now = timezone.now()
    other = ProductFactory(name="Lamp shade")
    rule = RuleInput(query="lamp", match=RuleMatch.EQUALS, hidden=(other.pk,), active_from=now + timedelta(seconds=20))
    services.create_rule(actor=SYSTEM, rule=rule)
    with time_machine.travel(now, tick=False):
        assert nobody.get("products/search/?q=lamp").headers["Cache-Control"].endswith("s-maxage=20")
        for _ in range(3):
            shown = ask(nobody, query=LAMPS, variables={"q": "lamp"})
            assert shown.headers["Cache-Control"].endswith("s-maxage=20")


def test_not_what_the_database_answers_in_place_of_the_index(nobody: Api, settings: Settings, tmp_path: Any) -> None:
    settings.SEARCH_ENGINE, settings.SEARCH_INDEX_DIR = "tantivy", tmp_path
    assert store.commit_in_use() is None
    assert ask(nobody, query=LAMPS).headers["Cache-Control"] == PUBLIC
    assert nobody.get("products/search/?q=lamp").headers["Cache-Control"] == PUBLIC
