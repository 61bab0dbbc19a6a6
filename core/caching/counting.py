"""Django's caches, counting hits and misses for /metrics."""

from typing import Any

from django.core.cache.backends.locmem import LocMemCache as DjangoLocMemCache
from django.core.cache.backends.redis import RedisCache as DjangoRedisCache

from core.caching.files import FileCache as EmbeddedFileCache
from core.telemetry.metrics import CACHE

_NOTHING = object()


class _Counted:
    """Counts the keys looked up by `get` and `get_many`."""

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        """As Django's."""
        value = super().get(key, _NOTHING, version)  # type: ignore[misc]
        CACHE.labels("miss" if value is _NOTHING else "hit").inc()
        return default if value is _NOTHING else value

    def get_many(self, keys: Any, version: int | None = None) -> dict[Any, Any]:
        """As Django's; all but Redis' ask `get` for each key, which counts by itself."""
        keys = list(keys)
        found: dict[Any, Any] = super().get_many(keys, version)  # type: ignore[misc]
        if isinstance(self, DjangoRedisCache):
            CACHE.labels("hit").inc(len(found))
            CACHE.labels("miss").inc(len(keys) - len(found))
        return found


class LocMemCache(_Counted, DjangoLocMemCache):
    """In memory, counted."""


class RedisCache(_Counted, DjangoRedisCache):
    """Redis, counted."""


class FileCache(_Counted, EmbeddedFileCache):
    """Files, counted."""
