"""Without an index, the database answers a few expensive searches at once; the others are refused at once."""

from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from catalog.search.engine import engine
from catalog.search.pages import Page
from catalog.search.sql.capped import RETRY_AFTER_SECONDS, CappedEngine, room
from catalog.search.validation import SearchInput, parse_criteria
from catalog.tests.factories import ProductFactory
from core.errors import Overloaded

pytestmark = pytest.mark.django_db


@pytest.fixture
def no_room(settings: Settings, tmp_path: Path) -> None:
    """An index that was never built, and a process that has no room for another search in the database."""
    settings.SEARCH_ENGINE, settings.SEARCH_INDEX_DIR, settings.SEARCH_FALLBACKS = "tantivy", tmp_path, 0
    settings.CATALOG_PUBLIC = True
    ProductFactory(name="Lamp", slug="lamp")


def test_so_many_are_answered_at_once(settings: Settings, no_room: None) -> None:
    settings.SEARCH_FALLBACKS = 1
    search = CappedEngine().resolve(parse_criteria(SearchInput(text="lamp")))
    assert search.total() == len(search.page(Page(5)).ids) == 1
    # A search within one that has a place needs no other.
    with room():
        assert search.total() == 1
    settings.SEARCH_FALLBACKS = 0
    for ask in (search.total, lambda: search.page(Page(5)), lambda: search.facet_counts().by_brand(search.criteria)):
        with pytest.raises(Overloaded):
            ask()
    with pytest.raises(Overloaded):
        engine().suggest(["lam"], 5)


def test_pages_that_only_filter_are_never_refused(no_room: None) -> None:
    assert len(engine().resolve(parse_criteria(SearchInput())).page(Page(5)).ids) == 1


def test_graphql_says_when_to_try_again(no_room: None, client: Client) -> None:
    body = {"query": '{ products(search: "lamp", first: 5) { nodes { slug } } }'}
    answer = client.post("/graphql/", body, content_type="application/json").json()
    (error,) = answer["errors"]
    assert error["extensions"] == {"code": "THROTTLED", "retryAfter": RETRY_AFTER_SECONDS}


def test_rest_answers_503(no_room: None, client: Client) -> None:
    answer = client.get("/api/v1/products/search/?q=lamp")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == str(RETRY_AFTER_SECONDS)
    assert answer.json()["errors"][0]["code"] == "unavailable"
    assert answer.json()["type"] == "server_error"
    assert client.get("/api/v1/products/search/").status_code == 200
