"""Without a cluster that answers, the database answers, at once and with one line in the log."""

import time

import pytest
from pytest_django import Settings

from catalog.search.engine import engine
from catalog.search.pages import Page
from catalog.search.validation import SearchInput, parse_criteria
from catalog.tests.factories import ProductFactory


@pytest.mark.django_db
def test_the_database_answers_for_a_cluster_that_is_down(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("opensearchpy")
    # Nothing listens on the first port.
    settings.SEARCH_ENGINE, settings.SEARCH_URL = "opensearch", "http://127.0.0.1:1,http://127.0.0.1:1"
    lamp = ProductFactory(name="Lamp")
    criteria = parse_criteria(SearchInput(text="lamp"))
    started = time.monotonic()
    for _ in range(20):
        assert engine().resolve(criteria).page(Page(20)).ids == [lamp.pk]
    assert engine().suggest(["lamp"], 5)[0].id == lamp.pk
    assert time.monotonic() - started < 5
    complaints = [record for record in caplog.records if "searching in the database" in record.getMessage()]
    assert len(complaints) == 1
