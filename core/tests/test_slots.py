"""Slots: only so much work at once, and nobody waits long for it."""

import threading
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from core.errors import Throttled
from core.throttling.middleware import too_many_requests
from core.throttling.slots import Slots, usage


class Busy:
    """Slots that others hold until they are told to go, in the order in which they came."""

    def __init__(self, slots: Slots) -> None:
        self.slots, self.go, self.order = slots, threading.Semaphore(0), []
        self.threads: list[threading.Thread] = []

    def add(self, name: str = "") -> None:
        """One more, which runs or waits when this returns."""
        entered = threading.Event()
        queued = len(self.slots._queue)

        def run() -> None:
            try:
                with self.slots.hold():
                    entered.set()
                    self.go.acquire()
                    self.order.append(name)
            except Throttled:
                self.order.append(f"{name} was sent away")

        self.threads.append(threading.Thread(target=run))
        self.threads[-1].start()
        while not (entered.wait(0.001) or len(self.slots._queue) > queued):
            pass

    def end(self) -> None:
        for _ in self.threads:
            self.go.release()
        for thread in self.threads:
            thread.join()


@pytest.fixture
def one() -> Any:
    """One runs at once, others wait for as long as a test takes."""
    return Slots(1, patience_seconds=60.0, max_waiting=10)


@pytest.fixture
def inside() -> Any:
    """This thread serves a request."""
    usage.begin()
    yield
    usage.end()


def test_only_so_many_run_and_the_others_go_in_order(one: Slots) -> None:
    busy = Busy(one)
    for name in "abc":
        busy.add(name)
    assert busy.order == []
    busy.end()
    assert busy.order == ["a", "b", "c"]
    with one.hold():
        pass


def test_who_waits_for_too_long_is_sent_away_and_leaves_no_slot_behind() -> None:
    slots = Slots(1, patience_seconds=0.01, max_waiting=10)
    busy = Busy(slots)
    busy.add()
    with pytest.raises(Throttled) as error, slots.hold():
        pass
    assert error.value.retry_after == 1
    busy.end()
    with slots.hold():
        pass


def test_a_request_spends_so_much_on_it_and_no_more(one: Slots, inside: None) -> None:
    """Whatever its document asks for; twice it may always ask, for a password is changed by two hashes."""
    one.patience_seconds = 0.0
    for _ in range(2):
        with one.hold():
            pass
    for _ in range(3):
        with pytest.raises(Throttled):
            one.check()
        with pytest.raises(Throttled), one.hold():
            pass
    usage.begin()
    one.check()
    with one.hold():
        pass


def test_a_request_that_asks_again_and_again_keeps_nobody_waiting(one: Slots, inside: None) -> None:
    for _ in range(5):
        with one.hold():
            pass
    busy = Busy(one)
    busy.add("another")
    with pytest.raises(Throttled), one.hold():
        pass
    busy.end()
    assert busy.order == ["another"]


def test_a_request_waits_for_so_long_in_all(inside: None) -> None:
    slots = Slots(1, patience_seconds=0.01, max_waiting=10)
    busy = Busy(slots)
    busy.add()
    with pytest.raises(Throttled), slots.hold():
        pass
    with pytest.raises(Throttled):
        slots.check()
    busy.end()
    with slots.hold():
        pass


def test_a_command_is_no_request_and_may_ask_again_and_again(one: Slots) -> None:
    one.patience_seconds = 0.0
    for _ in range(10):
        with one.hold():
            pass


def test_a_slot_comes_back_after_an_error(one: Slots) -> None:
    for _ in range(3):
        with pytest.raises(ValueError, match="x"), one.hold():
            raise ValueError("x")


def test_who_holds_a_slot_may_ask_again(one: Slots) -> None:
    with one.hold(), one.hold():
        busy = Busy(one)
        busy.add("another waits until both are done")
        assert busy.order == []
    busy.end()
    assert one._free == 1


def test_a_page_that_does_not_know_of_it_answers_429() -> None:
    middleware: Any = too_many_requests(lambda request: HttpResponse("page"))
    page = RequestFactory().get("/admin/")
    response = middleware.process_exception(page, Throttled(3))
    assert (response.status_code, response["Retry-After"]) == (429, "3")
    assert middleware.process_exception(page, ValueError()) is None
    assert middleware(page).content == b"page"


def test_some_threads_stay_free(inside: Any) -> None:
    """The request after the last that may wait is told no at once; when one has gone, the next may wait again."""
    slots = Slots(1, patience_seconds=60.0, max_waiting=2)
    busy = Busy(slots)
    for name in ("runs", "waits", "waits too"):
        busy.add(name)
    with pytest.raises(Throttled) as error, slots.hold():
        pytest.fail("it ran")
    assert error.value.retry_after == 1
    busy.end()
    assert busy.order == ["runs", "waits", "waits too"]
    with slots.hold():
        pass
