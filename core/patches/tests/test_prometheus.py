"""Files of counters that are named after slots."""

import os
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter, values

from core.patches.prometheus import forget_slot, slot, use_slots


def test_the_next_process_of_a_slot_goes_on_counting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "ValueClass", values.ValueClass)
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    monkeypatch.setenv("METRICS_SLOT", "1")
    counts = []
    for _ in range(2):
        use_slots()
        registry = CollectorRegistry()
        counter = Counter("things", "Things.", registry=registry)
        counter.inc()
        counts.append(registry.get_sample_value("things_total"))
    assert counts == [1, 2]
    assert [path.name for path in tmp_path.iterdir()] == ["counter_1.db"]


def test_a_process_that_is_given_another_slot_counts_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The master makes the metrics; its workers get their slots after the fork."""
    monkeypatch.setattr(values, "ValueClass", values.ValueClass)
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    monkeypatch.setenv("METRICS_SLOT", "master")
    use_slots()
    counter = Counter("things", "Things.", registry=CollectorRegistry())
    # As after a fork.
    forget_slot()
    monkeypatch.setenv("METRICS_SLOT", "2")
    counter.inc()
    assert {path.name for path in tmp_path.iterdir()} == {"counter_master.db", "counter_2.db"}


def test_one_process_alone_writes_no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    before = values.ValueClass
    use_slots()
    assert values.ValueClass is before


def test_a_fork_forgets_the_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("METRICS_SLOT", raising=False)
    forget_slot()
    names = {slot()}
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.write(writer, slot().encode())
        os._exit(0)
    os.waitpid(child, 0)
    names.add(os.read(reader, 100).decode())
    assert names == {f"pid{os.getpid()}", f"pid{child}"}
    forget_slot()
