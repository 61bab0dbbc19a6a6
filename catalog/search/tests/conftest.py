"""The index in tests: a suite that asks for `each_engine` runs on both engines."""

from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from catalog.search import changes
from catalog.search.index import store, updating
from catalog.search.index.engine import TantivyEngine


@pytest.fixture
def index(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedded engine on an index of the test's own, which each search brings up to date first.

    A test's transaction is never committed, so nothing announces its changes: they are applied when somebody looks.
    """
    settings.SEARCH_ENGINE, settings.SEARCH_INDEX_DIR = "tantivy", tmp_path / "index"
    monkeypatch.setattr(store, "reader", store.Reader())
    waiting = [True]
    record, answer = changes.record, TantivyEngine.answer

    def noticed(*args: Any) -> None:
        waiting[0] = True
        record(*args)

    def up_to_date(*args: Any) -> Any:
        if waiting[0] and not connection.needs_rollback:
            waiting[0] = False
            updating.bring_up_to_date()
        return answer(*args)

    monkeypatch.setattr(changes, "record", noticed)
    monkeypatch.setattr(TantivyEngine, "answer", up_to_date)


@pytest.fixture(params=["database", "tantivy"])
def each_engine(request: pytest.FixtureRequest, settings: Settings) -> str:
    """Runs the test once on each engine."""
    settings.SEARCH_ENGINE = request.param
    if request.param == "tantivy":
        request.getfixturevalue("index")
    return request.param
