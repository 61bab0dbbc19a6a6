"""The log of changes: gives them their order after the commit, knows its readers, and is trimmed by the slowest.

Keys become visible out of order: a transaction that began first may commit last. So no reader goes by keys. `sequence`
gives committed rows the number of a new batch while it holds the one row of IndexLog. Thus batches become visible in
the order of their numbers, and a reader at batch n has everything when it has read each batch above n.

Batch numbers grow by random steps. So a position of a history that this database has lost, by a backup that was put
back or a failover, is not taken for one of its own: `is_known` finds no such batch.
"""

import secrets
import socket
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from django.db import transaction

from catalog.search.changes import IndexChange, IndexLog, IndexReader
from core.db import clock
from core.db.clock import DatabaseNow

MAX_BATCH = 1_000
# Batches that one call numbers; the next call goes on.
MAX_BATCHES = 20
MAX_STEP = 1 << 20
# An index that was not seen for so long no longer holds the log. It rebuilds when it comes back.
FORGOTTEN_AFTER = timedelta(days=1)
# How often a reader without news says that it lives.
REPORT_SECONDS = 5
MAX_DELETED = 10_000
# This row has a batch that no reader reads. The release before deletes rows that its index has, and this one with them.
GUARD_BATCH, GUARD = 0, "guard"
# It deletes every few seconds while it lives.
QUIET = timedelta(seconds=30)


@dataclass(frozen=True)
class Broad:
    """A change that affects many products, and the last of them, by its id, that has it."""

    kind: str
    key: int
    after: int
    since: str

    @property
    def is_begun(self) -> bool:
        return self.after > 0


@dataclass(frozen=True)
class State:
    """What an index has: every batch up to `position` of the log `epoch`, except for what `broad` lists."""

    epoch: str
    position: int
    broad: tuple[Broad, ...] = ()

    def to_json(self) -> dict[str, object]:
        """As it is stored with the index."""
        return {"epoch": self.epoch, "position": self.position, "broad": [vars(broad) for broad in self.broad]}

    @classmethod
    def from_json(cls, stored: dict[str, object]) -> Self:
        """Raises KeyError, TypeError or ValueError when it is something else."""
        broad = tuple(Broad(**entry) for entry in stored["broad"])  # type: ignore[attr-defined]
        return cls(str(uuid.UUID(str(stored["epoch"]))), int(stored["position"]), broad)  # type: ignore[call-overload]


def current() -> IndexLog:
    """The log; begins it when there is none."""
    log = IndexLog.objects.first()
    if log is None:
        log, _ = IndexLog.objects.get_or_create(pk=1)
    return log


def sequence() -> IndexLog:
    """Gives committed changes their place in the log. Every reader calls it before it reads. Returns the log."""
    log = current()
    # Without this look, readers that poll would wait for each other's lock.
    if _is_in_order(log):
        return log
    with transaction.atomic():
        log = IndexLog.objects.select_for_update().get(pk=log.pk)
        _guard(log)
        unsequenced = IndexChange.objects.filter(batch=None).order_by("id").values_list("id", flat=True)
        for _ in range(MAX_BATCHES):
            # Read after the lock: whatever is committed now comes before whatever the next holder sees.
            if not (keys := list(unsequenced[:MAX_BATCH])):
                break
            log.last += 1 + secrets.randbelow(MAX_STEP)
            IndexChange.objects.filter(pk__in=keys).update(batch=log.last)
        log.save()
    return log


def _is_in_order(log: IndexLog) -> bool:
    guarded = IndexChange.objects.filter(batch=GUARD_BATCH).exists()
    return guarded and log.robbed_at is None and not IndexChange.objects.filter(batch=None).exists()


def _guard(log: IndexLog) -> None:
    """Begins a new log when rows were deleted that no index had read, once nobody does so any more."""
    now = clock.now()
    if not IndexChange.objects.filter(batch=GUARD_BATCH).exists():
        # A log that has just begun never had the row.
        log.robbed_at = now if log.last else None
        IndexChange.objects.create(kind=GUARD, key=0, batch=GUARD_BATCH)
    elif log.robbed_at is not None and now - log.robbed_at > QUIET:
        log.epoch, log.robbed_at = uuid.uuid4(), None


def is_known(state: State, log: IndexLog) -> bool:
    """Whether an index in this state has all of the log but what can still be read."""
    if state.epoch != str(log.epoch) or not log.trimmed <= state.position <= log.last:
        return False
    if state.position in (log.trimmed, log.last):
        return True
    return IndexChange.objects.filter(batch=state.position).exists()


def changes_after(position: int, *, limit: int = MAX_BATCH) -> list[IndexChange]:
    """The next whole batches: as many as have about `limit` changes, at least one."""
    changes = list(IndexChange.objects.filter(batch__gt=position).order_by("batch", "id")[: limit + MAX_BATCH])
    if len(changes) < limit + MAX_BATCH:
        return changes
    # The last batch may have been cut.
    return [change for change in changes if change.batch != changes[-1].batch]


def register(name: str, engine: str) -> State:
    """Holds the log for an index that is going to be built, from now on. Returns the state that it begins in.

    To be called before the first row is read.
    """
    sequence()
    with transaction.atomic():
        log = IndexLog.objects.select_for_update().get()
        state = State(str(log.epoch), log.last)
        _write(name, engine, state)
    return state


def report(name: str, engine: str, state: State) -> None:
    """Stores how far an index is, so that what it lacks is kept and its lag is known."""
    known = IndexReader.objects.filter(name=name).first()
    news = known is None or (known.position, known.broad_since) != (state.position, _broad_since(state))
    if news or clock.now() - known.seen_at > timedelta(seconds=REPORT_SECONDS):  # type: ignore[union-attr]
        _write(name, engine, state)


def _write(name: str, engine: str, state: State) -> None:
    values = {"engine": engine, "host": socket.gethostname()[:100], "position": state.position}
    IndexReader.objects.update_or_create(
        {**values, "broad_since": _broad_since(state), "seen_at": DatabaseNow()}, name=name
    )


def _broad_since(state: State) -> datetime | None:
    return min((datetime.fromisoformat(broad.since) for broad in state.broad), default=None)


def forget(names: Sequence[str]) -> None:
    """Stops holding the log for indexes that are gone."""
    IndexReader.objects.filter(name__in=names).delete()


def trim() -> int:
    """Deletes changes that every index has. Returns their number. An index unseen for a day holds nothing."""
    sequence()
    with transaction.atomic():
        log = IndexLog.objects.select_for_update().get()
        IndexReader.objects.filter(seen_at__lt=clock.now() - FORGOTTEN_AFTER).delete()
        positions = IndexReader.objects.order_by("position").values_list("position", flat=True)
        log.trimmed = max(log.trimmed, min(log.last, next(iter(positions[:1]), log.last)))
        log.save()
    # By key: a delete by range would lock what others insert.
    old = IndexChange.objects.filter(batch__gt=GUARD_BATCH, batch__lte=log.trimmed).order_by("batch", "id")
    keys = list(old.values_list("id", flat=True)[:MAX_DELETED])
    for start in range(0, len(keys), MAX_BATCH):
        IndexChange.objects.filter(pk__in=keys[start : start + MAX_BATCH]).delete()
    return len(keys)


@dataclass(frozen=True)
class Lag:
    """How far an index is behind."""

    name: str
    seconds: float
    unseen_seconds: float


def lags() -> list[Lag]:
    """The lag of each index. Makes two queries for each."""
    now = clock.now()
    return [_lag(reader, now) for reader in IndexReader.objects.order_by("name")]


def _lag(reader: IndexReader, now: datetime) -> Lag:
    since = [moment for moment in (oldest_after(reader.position), reader.broad_since) if moment]
    behind = max([0.0, *((now - moment).total_seconds() for moment in since)])
    title = f"{reader.engine} {reader.name.partition('-')[0]} on {reader.host}"
    return Lag(title, behind, max(0.0, (now - reader.seen_at).total_seconds()))


def oldest_after(position: int) -> datetime | None:
    """When the oldest change was made that an index at this position lacks."""
    created = IndexChange.objects.order_by("batch", "id").values_list("created_at", flat=True)
    oldest = (created.filter(batch=None)[:1], created.filter(batch__gt=position)[:1])
    return min((moment for moments in oldest for moment in moments), default=None)


def num_waiting() -> int:
    """How many changes the index furthest behind lacks."""
    positions = IndexReader.objects.order_by("position").values_list("position", flat=True)
    position = next(iter(positions[:1]), current().trimmed)
    unsequenced = IndexChange.objects.filter(batch=None).count()
    return unsequenced + IndexChange.objects.filter(batch__gt=position).count()
