"""Keeps in this process what is derived from the catalogue, under its revision (core.caching.revision).

Values are shared by all threads: nobody may change them.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from core.caching import revision
from core.caching.lru import SegmentedLRU
from core.telemetry.metrics import KEPT_LOOKUPS

Value = TypeVar("Value")

# What an entry takes besides its value.
ENTRY_BYTES = 250


class Kept(Generic[Value]):
    """Values by key, each under the revision that was read last, at most `max_bytes()` together.

    A value is made without a lock, so several threads may make the same one. A request that began before a write may
    put an older value in the place of a newer one. Both ask by their own revision, so neither is given the other's.
    """

    def __init__(self, name: str, *, max_bytes: Callable[[], int]) -> None:
        self._values: SegmentedLRU[Hashable, tuple[int, Value]] = SegmentedLRU(name, max_bytes)
        self._hits, self._misses = (KEPT_LOOKUPS.labels(name, result) for result in ("hit", "miss"))

    @property
    def bytes(self) -> int:
        return self._values.bytes

    def get(self, key: Hashable, make: Callable[[], Value], size: Callable[[Value], int]) -> Value:
        """The value under the request's revision. It is made when there is none, and always without a revision.

        None is never kept.
        """
        at = revision.known()
        if at is None:
            return make()
        value = self.find(at, key)
        if value is None:
            value = make()
            if value is not None:
                self.keep(at, key, value, size(value))
        return value

    def get_many(
        self,
        kind: str,
        keys: Iterable[int],
        read: Callable[[list[int]], Mapping[int, Value]],
        size: Callable[[Value], int],
    ) -> Mapping[int, Value]:
        """The values of these keys that exist, by key. Those that are not kept are read at once, if there are any."""
        at = revision.known()
        if at is None:
            return read(sorted(keys))
        keys = [*keys]
        entries = self._values.get_all([(kind, key) for key in keys])
        values: dict[int, Value] = {}
        missing: list[int] = []
        for key, entry in zip(keys, entries, strict=True):
            if entry is not None and entry[0] == at:
                values[key] = entry[1]
            else:
                missing.append(key)
        if values:
            self._hits.inc(len(values))
        if missing:
            self._misses.inc(len(missing))
            for key, value in read(sorted(missing)).items():
                values[key] = value
                self.keep(at, (kind, key), value, size(value))
        return values

    def find(self, at: int, key: Hashable) -> Value | None:
        """The value of this key under this revision. Counted as a hit or a miss."""
        entry = self._values.get(key)
        if entry is None or entry[0] != at:
            self._misses.inc()
            return None
        self._hits.inc()
        return entry[1]

    def keep(self, at: int, key: Hashable, value: Value, size: int) -> None:
        """Keeps the value, which takes about `size` bytes, unless that is more than all may take."""
        self._values.put(key, (at, value), size + ENTRY_BYTES)

    def clear(self) -> None:
        """Keeps nothing any longer."""
        self._values.clear()


def size_of(rows: Iterable[Any]) -> int:
    """About how many bytes model instances take that hold only their columns."""
    return sum(600 + sum(len(str(value)) * 2 for value in vars(row).values()) for row in rows)
