"""Django's caches, extended to count hits and misses for /metrics."""

from typing import Any

from django.core.cache.backends.locmem import LocMemCache as DjangoLocMemCache
from django.core.cache.backends.redis import RedisCache as DjangoRedisCache

from core.caching.files import FileCache as EmbeddedFileCache
from core.telemetry.metrics import CACHE

_MISSING = object()


class _Counted:
    """Counts the keys looked up by `get` and `get_many`."""

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        value = super().get(key, _MISSING, version)  # type: ignore[misc]
        CACHE.labels("miss" if value is _MISSING else "hit").inc()
        return default if value is _MISSING else value

    def get_many(self, keys: Any, version: int | None = None) -> dict[Any, Any]:
        """As Django's. All caches but Redis call `get` for each key, which counts by itself."""
        keys = list(keys)
        values: dict[Any, Any] = super().get_many(keys, version)  # type: ignore[misc]
        if isinstance(self, DjangoRedisCache):
            CACHE.labels("hit").inc(len(values))
            CACHE.labels("miss").inc(len(keys) - len(values))
        return values


class LocMemCache(_Counted, DjangoLocMemCache):
    """In memory, counted."""


class RedisCache(_Counted, DjangoRedisCache):
    """Redis, counted."""


class FileCache(_Counted, EmbeddedFileCache):
    """Files, counted."""
