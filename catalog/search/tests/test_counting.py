"""What people look for is counted by both APIs, stored beside the requests, within bounds, and forgotten in time."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings as here
from django.db import OperationalError, connection, connections
from django.test.utils import CaptureQueriesContext

from catalog import tasks
from catalog.models import Product, SearchCount
from catalog.search import counting, counts
from catalog.search.counting import SearchCounter
from catalog.search.counts import Tally
from catalog.tests.factories import ProductFactory
from core.celery import app
from core.telemetry.metrics import REGISTRY
from core.tests.processes import until

PRODUCTS = """query ($search: String, $filter: ProductFilter, $sortBy: ProductSort, $first: Int, $after: String) {
  products(search: $search, filter: $filter, sortBy: $sortBy, first: $first, after: $after) {
    edges { cursor node { name } } } }"""


def today():
    return datetime.now(UTC).date()


def idle_counter():
    """A counter that stores only when it is told to."""
    counter = SearchCounter()
    counter._thread = threading.current_thread()
    return counter


@pytest.fixture
def counter(settings, monkeypatch):
    """Counting is on. What was searched for waits until `rows` reads it."""
    settings.SEARCH_COUNTS_DAYS = 90
    monkeypatch.setattr(counting, "_counter", idle_counter())
    return counting._counter


@pytest.fixture
def rows(counter, db):
    """Stores what waits; returns (searches, without hits, hits) by the text as it is shown."""

    def read():
        counter.store_all()
        return {row.typed: (row.searches, row.without_hits, row.hits) for row in SearchCount.objects.all()}

    return read


@pytest.fixture
def lamps(db):
    """Three lamps, one of them of a brand of its own."""
    return [ProductFactory(name=f"Lamp {n}", price=n) for n in (1, 2, 3)]


def by_graphql(api, text, first=20, **more):
    return api.graphql(PRODUCTS, search=text, first=first, **more)["products"]["edges"]


def by_rest(api, text, first=20, **more):
    response = api.get("products/search/", q=text, limit=first, **more)
    assert response.status_code == 200
    return response.json()


@pytest.mark.parametrize("search", [by_graphql, by_rest])
class TestByBothApis:
    """A search counts the same whoever carries it."""

    def test_a_text_is_counted_with_its_hits(self, each_engine, shopper, lamps, rows, search):
        for text in ("lamp", "LAMP", "  Lamp\t"):
            search(shopper, text)
        search(shopper, "zeppelin")
        assert rows() == {"lamp": (3, 0, 3), "zeppelin": (1, 1, 0)}
        search(shopper, "lamp")
        assert rows() == {"lamp": (4, 0, 3), "zeppelin": (1, 1, 0)}

    def test_hits_beyond_the_page_are_counted_beside_the_request(self, each_engine, shopper, lamps, rows, search):
        search(shopper, "lamp", first=1)
        assert rows() == {"lamp": (1, 0, 3)}

    def test_a_narrow_filter_is_not_the_texts_fault(self, each_engine, shopper, staff, lamps, rows, search):
        """What the text finds alone decides, also when it is never searched for without a filter."""
        expensive = {"filter": {"price": {"min": "900"}}} if search is by_graphql else {"min_price": "900"}
        for text in ("lamp", "zeppelin"):
            assert not (
                search(shopper, text, **expensive)
                if search is by_graphql
                else search(shopper, text, **expensive)["count"]
            )
        assert rows() == {"lamp": (1, 0, 3), "zeppelin": (1, 1, 0)}

    def test_a_filter_that_finds_some_tells_no_total(self, each_engine, shopper, lamps, rows, search):
        brand = lamps[0].brand.slug
        search(shopper, "lamp", **({"filter": {"brand": [brand]}} if search is by_graphql else {"brand": brand}))
        assert rows() == {"lamp": (1, 0, 3)}

    def test_no_text_and_no_words_are_no_search(self, shopper, lamps, rows, search):
        for text in ("", "  ", "?!"):
            search(shopper, text)
        assert rows() == {}

    def test_a_refused_search_is_none(self, shopper, rows, search):
        """It found nothing out about the shop."""
        shopper.post(PRODUCTS, search="x" * 300)
        shopper.get("products/search/", q="x" * 300)
        assert rows() == {}

    def test_switched_off_nothing_is_counted(self, shopper, lamps, rows, search, settings):
        settings.SEARCH_COUNTS_DAYS = 0
        search(shopper, "lamp")
        assert rows() == {}


def test_pages_after_the_first_are_the_same_search(shopper, lamps, rows):
    cursor = by_graphql(shopper, "lamp", first=1)[0]["cursor"]
    assert len(by_graphql(shopper, "lamp", first=1, after=cursor)) == 1
    page = by_rest(shopper, "lamp", first=1)
    page = shopper.client.get(page["next"], headers=shopper.headers).json()
    shopper.client.get(page["previous"], headers=shopper.headers)
    assert rows() == {"lamp": (2, 0, 3)}


def test_totals_facets_and_suggestions_alone_are_no_search(shopper, lamps, rows):
    """A storefront asks for them beside the page, or while somebody types."""
    shopper.graphql(
        '{ products(search: "lamp") { totalCount facets { brands { count } } } suggestions(query: "la") { text } }'
    )
    assert rows() == {}


def test_texts_that_search_takes_for_the_same_are_counted_together(shopper, rows):
    for text in ("Küche", "kuche", "ＫÜＣＨＥ"):
        by_rest(shopper, text)
    by_rest(shopper, "ตู้")
    assert rows() == {"küche": (3, 3, 0), "ตู้": (1, 1, 0)}


def test_a_text_that_grows_longer_when_folded_is_cut(shopper, rows):
    by_rest(shopper, "ﷺ" * 200)
    assert rows() == {"ﷺ" * 200: (1, 1, 0)}
    assert len(SearchCount.objects.get().text) <= counts.TEXT_LENGTH


def test_a_product_that_comes_during_the_day_shows_in_the_hits(each_engine, shopper, rows):
    by_rest(shopper, "lamp")
    assert rows() == {"lamp": (1, 1, 0)}
    for n in range(3):
        ProductFactory(name=f"Lamp {n}")
    by_rest(shopper, "lamp", first=1)
    assert rows() == {"lamp": (2, 1, 3)}


def test_hits_stay_unknown_when_the_engine_takes_too_long(shopper, lamps, rows, monkeypatch):
    monkeypatch.setattr(counting, "MAX_ENGINE_SECONDS", -1)
    by_rest(shopper, "lamp", first=1)
    assert rows() == {"lamp": (1, 0, None)}
    monkeypatch.setattr(counting, "MAX_ENGINE_SECONDS", 60)
    by_rest(shopper, "lamp", first=1)
    assert rows() == {"lamp": (2, 0, 3)}


def test_hits_of_a_text_are_counted_once_a_day(shopper, lamps, rows):
    by_rest(shopper, "lamp", first=1)
    rows()
    by_rest(shopper, "lamp", first=1)
    with CaptureQueriesContext(connection) as queries:
        assert rows() == {"lamp": (2, 0, 3)}
    assert not [query["sql"] for query in queries if Product._meta.db_table in query["sql"]]


class TestBounds:
    """What strangers write fills neither the database nor the memory."""

    @pytest.fixture
    def uncounted(self):
        """How many searches were left out since the test began."""

        def read():
            return REGISTRY.get_sample_value("vitrine_searches_uncounted_total") or 0

        before = read()
        return lambda: read() - before

    def test_a_day_has_room_for_so_many_texts(self, shopper, rows, monkeypatch, uncounted, caplog):
        monkeypatch.setattr(counts, "MAX_TEXTS_A_DAY", 2)
        for text in ("rare", "often", "often", "usual", "usual", "usual"):
            by_rest(shopper, text)
        assert rows() == {"usual": (3, 3, 0), "often": (2, 2, 0)}
        for text in ("rare", "often"):
            by_rest(shopper, text)
        assert rows() == {"usual": (3, 3, 0), "often": (3, 3, 0)}
        assert uncounted() == 2
        assert caplog.text.count("too many different texts") == 1

    def test_the_next_day_has_room_again(self, shopper, rows, monkeypatch):
        monkeypatch.setattr(counts, "MAX_TEXTS_A_DAY", 1)
        SearchCount.objects.create(day=today() - timedelta(days=1), text="a", typed="a", searches=1, without_hits=0)
        by_rest(shopper, "lamp")
        assert "lamp" in rows()

    def test_so_many_texts_wait_in_a_process(self, shopper, rows, monkeypatch, uncounted):
        monkeypatch.setattr(counting, "MAX_WAITING_TEXTS", 2)
        for text in ("one", "two", "three", "one"):
            by_rest(shopper, text)
        assert rows() == {"one": (2, 2, 0), "two": (1, 1, 0)}
        assert uncounted() == 1

    def test_while_the_database_is_down_counts_wait_within_the_bound(
        self, shopper, counter, rows, monkeypatch, uncounted
    ):
        monkeypatch.setattr(counting, "MAX_WAITING_TEXTS", 3)
        store, outages = counts.store, []

        def down(*arguments):
            outages.append(arguments)
            # What is searched for meanwhile.
            for text in ("three", "four", "one"):
                by_rest(shopper, text)
            raise OperationalError(2006, "gone away")

        by_rest(shopper, "one")
        by_rest(shopper, "two")
        monkeypatch.setattr(counting, "store", down)
        with pytest.raises(OperationalError):
            counter.store_all()
        monkeypatch.setattr(counting, "store", store)
        assert len(outages) == 1
        assert rows() == {"one": (2, 2, 0), "two": (1, 1, 0), "three": (1, 1, 0)}
        assert uncounted() == 1


@pytest.mark.django_db(transaction=True)
class TestWriters:
    """Threads and processes that store at the same time."""

    def test_none_of_many_writers_loses_a_count(self):
        """They begin with an empty day, so they insert the same rows at once, in different orders."""
        writers, rounds, texts = 4, 15, [f"text {n}" for n in range(12)]
        gate = threading.Barrier(writers)

        def write(number):
            try:
                gate.wait()
                for turn in range(rounds):
                    mine = texts[number + turn % 3 :] + texts[: number + turn % 3]
                    counts.store(today(), {text: Tally(text, searches=1, without_hits=1, hits=0) for text in mine})
            finally:
                connections.close_all()

        with ThreadPoolExecutor(writers) as pool:
            list(pool.map(write, range(writers)))
        stored = set(SearchCount.objects.values_list("searches", "without_hits", "hits"))
        assert stored == {(writers * rounds, writers * rounds, 0)}
        assert SearchCount.objects.count() == len(texts)

    def test_a_search_counted_by_many_threads_is_stored_by_the_counters_own(self, monkeypatch):
        monkeypatch.setattr(counting, "INTERVAL_SECONDS", 0.02)
        counter = SearchCounter()

        def search(number):
            for turn in range(200):
                counter.add((today(), f"text {turn % 7}"), Tally("text", searches=1, hits=number))
                time.sleep(0.0005)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(search, range(4)))
        counter.flush()
        until(lambda: sum(SearchCount.objects.values_list("searches", flat=True)) >= 800)
        assert sum(SearchCount.objects.values_list("searches", flat=True)) == 800

    def test_the_thread_goes_on_when_the_database_is_back(self, monkeypatch, caplog):
        monkeypatch.setattr(counting, "INTERVAL_SECONDS", 0.01)
        monkeypatch.setattr(counting, "PAUSE_AFTER_FAILURE_SECONDS", 0.01)
        monkeypatch.setattr(counting, "store", lambda *_: 1 / 0)
        counter = SearchCounter()
        counter.add((today(), "lamp"), Tally("lamp", searches=1, hits=0))
        until(lambda: "could not be stored and waits" in caplog.text)
        monkeypatch.setattr(counting, "store", counts.store)
        until(lambda: SearchCount.objects.filter(searches=1).exists())

    def test_a_search_does_not_wait_for_a_database_that_stands_still(self, monkeypatch):
        """The thread stands in the database; adding takes no longer than ever."""
        monkeypatch.setattr(counting, "INTERVAL_SECONDS", 0)
        stands, goes_on = threading.Event(), threading.Event()
        monkeypatch.setattr(counting, "store", lambda *_: stands.set() or goes_on.wait(30) or 0)
        counter = SearchCounter()
        counter.add((today(), "lamp"), Tally("lamp", searches=1, hits=0))
        assert stands.wait(30)
        started = time.perf_counter()
        for n in range(1000):
            counter.add((today(), f"text {n}"), Tally("text", searches=1, hits=0))
        assert time.perf_counter() - started < 5
        # The thread lives on, and must not store them during another test.
        counter._tallies.clear()
        goes_on.set()


def test_old_days_are_deleted(db, settings, monkeypatch):
    settings.SEARCH_COUNTS_DAYS = 90
    monkeypatch.setattr(counts, "BATCH", 2)
    for age in (0, 89, 90, 91, 200, 4000):
        day = today() - timedelta(days=age)
        SearchCount.objects.create(day=day, text="lamp", typed="lamp", searches=1, without_hits=0)
    tasks.delete_old_search_counts()
    assert {(today() - day).days for day in SearchCount.objects.values_list("day", flat=True)} == {0, 89}
    settings.SEARCH_COUNTS_DAYS = 0
    tasks.delete_old_search_counts()
    assert not SearchCount.objects.exists()


def test_the_deletion_is_scheduled():
    scheduled = [entry["task"] for entry in here.CELERY_BEAT_SCHEDULE.values()]
    assert scheduled.count(tasks.delete_old_search_counts.name) == 1
    assert tasks.delete_old_search_counts.name in app.tasks
