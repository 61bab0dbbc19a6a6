"""The index in tests: a suite that asks for `each_engine` runs on every engine."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from catalog.search import changes, updating
from catalog.search.index import snapshots
from catalog.search.index.engine import TantivyEngine
from catalog.search.opensearch.engine import OpenSearchEngine
from catalog.search.tests.cluster import cluster_index


@pytest.fixture
def index(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Iterator[None]:
    """The embedded engine on an index of the test's own, which each search brings up to date first.

    A test's transaction is never committed, so no signal is sent: changes are applied when something is searched for.
    Ends with an error when the index failed, for the database would have answered without a test noticing.
    """
    settings.SEARCH_ENGINE, settings.SEARCH_INDEX_DIR = "tantivy", tmp_path / "index"
    monkeypatch.setattr(snapshots, "reader", snapshots.Reader())
    _search_what_was_written(monkeypatch, TantivyEngine, "snapshot")
    yield
    records = caplog.get_records("call")
    assert not [record for record in records if record.getMessage().startswith("the index failed")], "see the log"


@pytest.fixture
def cluster(settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """The same on an index of the test's own in the cluster of SEARCH_URL."""
    settings.SEARCH_ENGINE, settings.SEARCH_INDEX_SYNC = "opensearch", True
    _search_what_was_written(monkeypatch, OpenSearchEngine, "reading")
    with cluster_index():
        yield
    messages = [record.getMessage() for record in caplog.get_records("call")]
    failures = ("the index failed", "searching in the database")
    assert not [message for message in messages if message.startswith(failures)], "see the log"


def _search_what_was_written(monkeypatch: pytest.MonkeyPatch, engine: type, reads: str) -> None:
    """Applies changes when something is searched for, by the engine's method that every search begins with."""
    waiting = [True]
    record, read = changes.record, getattr(engine, reads)

    def record_and_remember(*args: Any) -> None:
        waiting[0] = True
        record(*args)

    def read_up_to_date(self: Any) -> Any:
        if waiting[0] and not connection.needs_rollback:
            waiting[0] = False
            updating.bring_up_to_date()
        return read(self)

    monkeypatch.setattr(changes, "record", record_and_remember)
    monkeypatch.setattr(engine, reads, read_up_to_date)


@pytest.fixture(params=["database", "tantivy", pytest.param("opensearch", marks=pytest.mark.opensearch)])
def each_engine(request: pytest.FixtureRequest, settings: Settings) -> str:
    """Runs the test once on each engine."""
    settings.SEARCH_ENGINE = request.param
    if request.param != "database":
        request.getfixturevalue({"tantivy": "index", "opensearch": "cluster"}[request.param])
    return request.param
