"""The index in tests: a suite that asks for `each_engine` runs on both engines."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from catalog.search import changes
from catalog.search.index import store, updating
from catalog.search.index.engine import TantivyEngine


@pytest.fixture
def index(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Iterator[None]:
    """The embedded engine on an index of the test's own, which each search brings up to date first.

    A test's transaction is never committed, so no signal is sent: changes are applied when something is searched for.
    Ends with an error when the index failed, for the database would have answered without a test noticing.
    """
    settings.SEARCH_ENGINE, settings.SEARCH_INDEX_DIR = "tantivy", tmp_path / "index"
    monkeypatch.setattr(store, "reader", store.Reader())
    waiting = [True]
    record, snapshot = changes.record, TantivyEngine.snapshot

    def record_and_remember(*args: Any) -> None:
        waiting[0] = True
        record(*args)

    def up_to_date_snapshot(engine: TantivyEngine) -> store.Snapshot | None:
        if waiting[0] and not connection.needs_rollback:
            waiting[0] = False
            updating.bring_up_to_date()
        return snapshot(engine)

    monkeypatch.setattr(changes, "record", record_and_remember)
    monkeypatch.setattr(TantivyEngine, "snapshot", up_to_date_snapshot)
    yield
    records = caplog.get_records("call")
    assert not [record for record in records if record.getMessage().startswith("the index failed")], "see the log"


@pytest.fixture(params=["database", "tantivy"])
def each_engine(request: pytest.FixtureRequest, settings: Settings) -> str:
    """Runs the test once on each engine."""
    settings.SEARCH_ENGINE = request.param
    if request.param == "tantivy":
        request.getfixturevalue("index")
    return request.param
