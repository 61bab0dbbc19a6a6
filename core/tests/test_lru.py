"""The bounded cache of a process: what it counts is what it holds, in whatever order things come."""

import random
from concurrent.futures import ThreadPoolExecutor

from core.caching.lru import SegmentedLRU


def held(cache: SegmentedLRU[int, int]) -> int:
    """The sum of the sizes, counted anew."""
    return sum(size for segment in (cache._new, cache._proven) for _, size in segment.values())


def test_what_came_again_outlives_what_came_once() -> None:
    cache: SegmentedLRU[int, int] = SegmentedLRU("test", lambda: 1_000)
    for key in range(5):
        cache.put(key, key, 50)
    assert cache.get(0) == 0
    for key in range(100, 200):
        cache.put(key, key, 50)
    assert [cache.get(key) for key in (0, 1, 199)] == [0, None, 199]
    # A value that is made anew stays among those that came again.
    cache.put(0, 10, 60)
    for key in range(200, 300):
        cache.put(key, key, 50)
    assert (cache.get(0), cache.bytes) == (10, held(cache))


def test_it_holds_no_more_than_is_granted_and_counts_right() -> None:
    granted = [10_000]
    cache: SegmentedLRU[int, int] = SegmentedLRU("test", lambda: granted[0])
    drawn = random.Random(5)
    for _ in range(3_000):
        key = drawn.randrange(200)
        if cache.get(key) is None or drawn.random() < 0.1:
            cache.put(key, key, drawn.randrange(800))
        if drawn.random() < 0.01:
            granted[0] = drawn.choice([0, 3_000, 10_000])
            cache.put(-1, 0, 0)
        assert cache.bytes <= granted[0]
    assert cache.bytes == held(cache)
    assert sum(size for _, size in cache._proven.values()) == cache._proven_bytes


def test_a_value_that_is_too_large_is_not_kept() -> None:
    cache: SegmentedLRU[int, int] = SegmentedLRU("test", lambda: 1_000, max_share=0.1)
    assert cache.put(1, 1, 100)
    assert not cache.put(1, 2, 101)
    # Nor is the one before: it was replaced.
    assert (cache.get(1), len(cache), cache.bytes) == (None, 0, 0)


def test_threads_do_not_lose_count() -> None:
    cache: SegmentedLRU[int, int] = SegmentedLRU("test", lambda: 5_000)

    def work(seed: int) -> None:
        drawn = random.Random(seed)
        for _ in range(3_000):
            key = drawn.randrange(300)
            assert cache.get(key) in (None, key)
            cache.put(key, key, drawn.randrange(300))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert cache.bytes == held(cache) <= 5_000
