"""Attempts are counted in rows, so that nobody can evict a counter, and exactly, however many come at once."""

import threading
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.db import connections

from core.errors import Throttled
from core.models import Attempts
from core.throttling import attempts
from core.throttling.limits import Limit, client_limits

TEN = Limit((10, 60), ("test", "ten"))


def refused(*limits: Limit) -> bool:
    """Whether an attempt is refused; else it is counted."""
    try:
        attempts.record(*limits)
    except Throttled:
        return True
    return False


@pytest.mark.django_db(transaction=True)
def test_parallel_attempts_never_pass_a_limit() -> None:
    """From the first one on, when there is no row yet, and across a wider and a narrower limit."""
    wide, narrow = Limit((10, 60), ("wide",)), Limit((4, 60), ("narrow",))
    gate = threading.Barrier(16)
    outcomes: list[bool] = []

    def run(n: int) -> None:
        gate.wait()
        try:
            outcomes.append(refused(wide, narrow) if n % 2 else refused(wide))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = {limit: Attempts.objects.get(key=limit.digest).count for limit in (wide, narrow)}
    assert len(outcomes) == 16
    assert outcomes.count(False) == counts[wide] == 10
    assert counts[narrow] <= 4


@pytest.mark.django_db
class TestWindows:
    """A limit counts from the first attempt on for as long as it says."""

    @pytest.fixture(autouse=True)
    def clock(self) -> Any:
        with time_machine.travel("2026-11-23T12:00:00Z", tick=False) as traveller:
            yield traveller

    def test_the_next_window_begins_empty(self, clock: Any) -> None:
        assert [refused(TEN) for _ in range(12)] == [False] * 10 + [True] * 2
        clock.shift(timedelta(seconds=59))
        with pytest.raises(Throttled) as error:
            attempts.record(TEN)
        assert error.value.retry_after == 1
        clock.shift(timedelta(seconds=1))
        assert not refused(TEN)

    def test_no_cache_holds_it(self) -> None:
        assert [refused(TEN) for _ in range(11)][-1]
        cache.clear()
        assert refused(TEN)

    def test_a_refused_attempt_leaves_the_other_counters_alone_and_writes_no_row(self) -> None:
        narrow = Limit((1, 60), ("narrow",))
        attempts.record(narrow)
        assert all(refused(narrow, TEN) for _ in range(20))
        assert not Attempts.objects.filter(key=TEN.digest).exists()

    def test_what_is_withdrawn_later_takes_nothing_from_the_next_window(self, clock: Any) -> None:
        late = list(attempts.record(TEN).values())
        clock.shift(timedelta(seconds=61))
        attempts.withdraw(late)
        assert [refused(TEN) for _ in range(10)] == [False] * 10
        attempts.withdraw(late)
        assert refused(TEN)

    def test_what_is_withdrawn_can_be_recorded_again(self) -> None:
        for _ in range(30):
            attempts.withdraw(attempts.record(TEN).values())
        assert [refused(TEN) for _ in range(11)] == [False] * 10 + [True]

    def test_a_window_of_another_setting_or_clock_is_over(self, clock: Any) -> None:
        longer = Limit((10, 86400), TEN.parts)
        assert [refused(longer) for _ in range(11)][-1]
        assert not refused(TEN)

    def test_a_clock_a_little_behind_does_not_begin_again(self, clock: Any) -> None:
        assert [refused(TEN) for _ in range(11)][-1]
        clock.shift(timedelta(seconds=-5))
        assert refused(TEN)

    def test_no_limit_counts_nothing(self) -> None:
        assert attempts.record(Limit(None, ("x",))) == {}
        assert not Attempts.objects.exists()

    def test_expired_counters_are_deleted(self, clock: Any) -> None:
        attempts.record(TEN)
        clock.shift(timedelta(seconds=30))
        attempts.record(Limit((1, 60), ("young",)))
        clock.shift(timedelta(seconds=30))
        assert attempts.clear_expired() == 1
        assert Attempts.objects.count() == 1

    def test_nobody_reads_an_address_from_a_counter(self) -> None:
        attempts.record(Limit((1, 60), ("sign-in", "ann@example.com", "192.0.2.1")))
        assert "example" not in str(Attempts.objects.values())

    @pytest.mark.parametrize("text", ["\ud800", "\0", "a" * 100_000, "\U0001f986"])
    def test_any_text_may_name_a_counter(self, text: str) -> None:
        assert not refused(Limit((1, 60), (text,)))
        assert refused(Limit((1, 60), (text,)))


@pytest.mark.parametrize(
    ("address", "limits"),
    [
        ("192.0.2.1", [("192.0.2.1", 10)]),
        ("::ffff:192.0.2.1", [("192.0.2.1", 10)]),
        (
            "2001:db8:1:203::7",
            [("2001:db8:1::/48", 40), ("2001:db8:1:200::/56", 20), ("2001:db8:1:203::/64", 10)],
        ),
        ("", [("", 10)]),
    ],
)
def test_the_networks_that_an_address_stands_for(address: str, limits: list[tuple[str, int]]) -> None:
    computed = client_limits((10, 60), "x", address=address)
    assert [(limit.parts[1], limit.rate) for limit in computed] == [(name, (most, 60)) for name, most in limits]
