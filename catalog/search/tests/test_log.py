"""The log of index changes: no reader misses a change, in whatever order transactions commit and whoever is killed."""

import random
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from django.db import connection, transaction

from catalog.search import log
from catalog.search.changes import IndexChange, IndexLog, IndexReader
from catalog.search.log import Broad, State
from core.db import clock


def change(key: int) -> None:
    IndexChange.objects.create(kind="product", key=key)


@dataclass
class Reader:
    """Reads the log as an index does, and keeps only what it has committed."""

    name: str
    state: State
    keys: set[int] = field(default_factory=set)

    def read(self, *, is_killed: bool = False) -> None:
        row = log.sequence()
        assert log.is_known(self.state, row)
        changes = log.changes_after(self.state.position, limit=3)
        self.keys |= {entry.key for entry in changes}
        if not is_killed and changes:
            self.state = State(self.state.epoch, changes[-1].batch or 0)
        log.report(self.name, "tantivy", self.state)


def reader(name: str) -> Reader:
    return Reader(name, log.register(name, "tantivy"))


@pytest.mark.django_db
class TestPositions:
    def test_a_change_is_read_once_by_each(self) -> None:
        readers = [reader("a"), reader("b")]
        for key in range(10):
            change(key)
            readers[0].read()
        for _ in range(10):
            readers[1].read()
        assert readers[0].keys == readers[1].keys == set(range(10))
        assert readers[0].state == readers[1].state

    def test_whoever_is_killed_reads_again(self) -> None:
        one = reader("a")
        change(1)
        one.read(is_killed=True)
        one.keys.clear()
        one.read()
        assert one.keys == {1}

    def test_many_changes_of_one_commit_are_several_batches(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(log, "MAX_BATCH", 4)
        one = reader("a")
        for key in range(30):
            change(key)
        log.sequence()
        assert IndexChange.objects.filter(batch__gt=0).values("batch").distinct().count() == 8
        for _ in range(10):
            one.read()
        assert one.keys == set(range(30))

    def test_the_slowest_holds_the_log(self) -> None:
        quick, slow = reader("quick"), reader("slow")
        change(1)
        quick.read()
        log.trim()
        slow.read()
        assert slow.keys == {1}
        assert log.trim() == 1
        assert not log.num_waiting()
        assert log.is_known(slow.state, log.sequence())

    def test_one_unseen_for_a_day_holds_nothing_and_must_rebuild(self) -> None:
        quick, lost = reader("quick"), reader("lost")
        change(1)
        quick.read()
        IndexReader.objects.filter(name="lost").update(seen_at=clock.now() - 2 * log.FORGOTTEN_AFTER)
        assert log.trim() == 1
        assert not log.is_known(lost.state, log.sequence())
        assert log.is_known(quick.state, log.sequence())

    def test_a_history_that_the_database_has_lost_is_known_as_such(self) -> None:
        one = reader("a")
        change(1)
        one.read()
        lost = one.state
        # A backup from before is put back, and others write before this index looks.
        IndexChange.objects.filter(batch__gt=0).delete()
        IndexLog.objects.update(last=0)
        for key in range(3):
            change(key)
            log.sequence()
        assert not log.is_known(lost, log.sequence())

    def test_another_database_is_another_log(self) -> None:
        one = reader("a")
        IndexLog.objects.update(epoch=uuid.uuid4())
        assert not log.is_known(one.state, log.sequence())

    def test_changes_deleted_by_the_release_before_begin_a_new_log(self, monkeypatch: pytest.MonkeyPatch) -> None:
        one = reader("a")
        change(1)
        log.sequence()
        IndexChange.objects.all().delete()
        # While it lives, nothing is built again and again.
        assert log.is_known(one.state, log.sequence())
        monkeypatch.setattr(log, "QUIET", clock.now() - clock.now())
        assert not log.is_known(one.state, log.sequence())

    def test_a_state_is_stored_and_read_again(self) -> None:
        state = State(str(uuid.uuid4()), 5, (Broad("brand", 3, 2000, clock.now().isoformat()),))
        assert State.from_json(state.to_json()) == state


@pytest.fixture
def committed(transactional_db: None) -> Iterator[None]:
    yield
    IndexChange.objects.all().delete()


@pytest.mark.mysql
@pytest.mark.usefixtures("committed")
def test_no_reader_misses_a_change_of_transactions_that_commit_out_of_order() -> None:
    readers = [reader(f"reader-{number}") for number in range(3)]
    keys = iter(range(10_000))
    chance = random.Random(21)

    def write(some: list[int]) -> None:
        with transaction.atomic():
            for key in some:
                change(key)
        connection.close()

    def read(one: Reader) -> None:
        for _ in range(200):
            one.read(is_killed=chance.random() < 0.2)
        connection.close()

    with ThreadPoolExecutor(8) as threads:
        reading = [threads.submit(read, one) for one in readers]
        writing = [threads.submit(write, [next(keys) for _ in range(chance.randrange(1, 8))]) for _ in range(300)]
        for done in (*writing, *reading):
            done.result()
    expected = set(IndexChange.objects.filter(kind="product").values_list("key", flat=True))
    for one in readers:
        while log.oldest_after(one.state.position):
            one.read()
        assert one.keys == expected
