"""The embedded cache, as the throttles need it: what one process counts, the others see."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import time_machine
from django.conf import settings

from core.caching.files import FileCache

COUNT = """
import sys
from django.conf import settings
settings.configure()
from core.caching.files import FileCache
cache = FileCache(sys.argv[1], {})
for _ in range(100):
    cache.add("key", 0)
    cache.incr("key")
"""


@pytest.fixture
def cache(tmp_path: Any) -> FileCache:
    """A cache of its own."""
    return FileCache(str(tmp_path), {})


@pytest.mark.slow
def test_processes_count_together(cache: FileCache, tmp_path: Any) -> None:
    def count(_: int) -> None:
        subprocess.run([sys.executable, "-c", COUNT, str(tmp_path)], check=True, cwd=settings.BASE_DIR)  # noqa: S603

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(count, range(3)))
    assert cache.get("key") == 300


def test_counting_on_does_not_prolong_a_life(cache: FileCache) -> None:
    with time_machine.travel("2026-11-23T12:00:00Z", tick=False) as clock:
        assert cache.add("key", 5, timeout=1000)
        assert not cache.add("key", 9, timeout=1000)
        clock.shift(900)
        assert (cache.incr("key"), cache.decr("key", 2)) == (6, 4)
        clock.shift(101)
        with pytest.raises(ValueError, match="not found"):
            cache.incr("key")
