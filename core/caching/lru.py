"""A cache in the memory of one process, bounded in bytes, which many different keys that come once cannot empty."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from threading import Lock
from typing import Generic, TypeVar

from core.telemetry.metrics import KEPT_BYTES, KEPT_VALUES

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

# Values that came again may take this part of all bytes. The rest is left to new ones.
PROVEN_SHARE = 0.8


class SegmentedLRU(Generic[Key, Value]):
    """Values by key, of at most `max_bytes()` together. A value that was asked for again outlives those that were not.

    `name` is the store's in the metrics. A value that takes more than `max_share` of all bytes is not kept.

    This is a segmented LRU. A value begins among the new ones, and moves to the proven ones when it is found. The least
    recently used of the new values goes first. Proven values that exceed their share become new ones again.
    """

    def __init__(self, name: str, max_bytes: Callable[[], int], *, max_share: float = 1.0) -> None:
        self._max_bytes, self._max_share = max_bytes, max_share
        self._bytes_metric, self._values_metric = KEPT_BYTES.labels(name), KEPT_VALUES.labels(name)
        # Each value with its size.
        self._new: OrderedDict[Key, tuple[Value, int]] = OrderedDict()
        self._proven: OrderedDict[Key, tuple[Value, int]] = OrderedDict()
        self._proven_bytes = 0
        self.bytes = 0
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._new) + len(self._proven)

    def get(self, key: Key) -> Value | None:
        (value,) = self.get_all((key,))
        return value

    def get_all(self, keys: Iterable[Key]) -> list[Value | None]:
        """The values of these keys, in their order."""
        values: list[Value | None] = []
        with self._lock:
            proven = self._proven
            for key in keys:
                entry = proven.get(key)
                if entry is None:
                    values.append(self._promoted(key))
                else:
                    proven.move_to_end(key)
                    values.append(entry[0])
        return values

    def _promoted(self, key: Key) -> Value | None:
        """The value of a key that is not among the proven ones, which it joins."""
        entry = self._new.pop(key, None)
        if entry is None:
            return None
        self._proven[key] = entry
        self._proven_bytes += entry[1]
        while self._proven_bytes > PROVEN_SHARE * self._max_bytes():
            oldest, demoted = self._proven.popitem(last=False)
            self._proven_bytes -= demoted[1]
            self._new[oldest] = demoted
        return entry[0]

    def put(self, key: Key, value: Value, size: int) -> bool:
        """Keeps the value instead of the key's last one. `size` is in bytes. Returns whether it is kept."""
        max_bytes = self._max_bytes()
        with self._lock:
            is_proven = key in self._proven
            self._remove(key)
            is_kept = size <= self._max_share * max_bytes
            if is_kept:
                (self._proven if is_proven else self._new)[key] = value, size
                self.bytes += size
                self._proven_bytes += size if is_proven else 0
            while self.bytes > max_bytes:
                self._remove(next(iter(self._new or self._proven)))
            self._tell()
            return is_kept

    def clear(self) -> None:
        with self._lock:
            self._new.clear()
            self._proven.clear()
            self.bytes = self._proven_bytes = 0
            self._tell()

    def _tell(self) -> None:
        self._bytes_metric.set(self.bytes)
        self._values_metric.set(len(self))

    def _remove(self, key: Key) -> None:
        if key in self._proven:
            size = self._proven.pop(key)[1]
            self._proven_bytes -= size
        else:
            size = self._new.pop(key, (None, 0))[1]
        self.bytes -= size
