"""The embedded cache: files in VAR_DIR, so that all processes of one machine share their counters."""

import fcntl
import pickle
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.filebased import FileBasedCache


class FileCache(FileBasedCache):
    """Django's, but `add` and `incr` are atomic between processes, as they are with Redis."""

    def add(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Stores the value unless there is one. Returns whether it did."""
        with self._locked():
            return super().add(key, value, timeout, version)

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        """Adds to the value, keeps its expiry, and returns it. Raises ValueError when there is none."""
        with self._locked():
            value: int | None = self.get(key, version=version)
            if value is None:
                raise ValueError(f"Key '{key}' not found")
            with Path(self._key_to_file(key, version)).open("rb") as file:  # type: ignore[attr-defined]
                expires = pickle.load(file)  # noqa: S301 - our own file
            timeout = None if expires is None else expires - time.time()
            self.set(key, value + delta, timeout, version)
            return value + delta

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._createdir()  # type: ignore[attr-defined]
        with (Path(self._dir) / "lock").open("w") as file:  # type: ignore[attr-defined]
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
