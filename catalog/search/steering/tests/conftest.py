"""The fixture of tests about synonyms and search rules."""

import pytest

from catalog.search.steering import selectors
from catalog.search.tests.conftest import each_engine, index

__all__ = ["each_engine", "index"]


@pytest.fixture
def steering(monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    """Every search looks for changed synonyms and rules, as one does two seconds after the last look."""
    monkeypatch.setattr(selectors, "snapshots", selectors.SnapshotCache(max_age_seconds=0))
