"""The index may vanish, break or be of another version at any time: searches go on, and it mends itself."""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from catalog.category_tree import CategoryTree
from catalog.models import Product
from catalog.search.changes import IndexChange
from catalog.search.criteria import SearchCriteria
from catalog.search.engine import engine
from catalog.search.index import rebuilding, store, updating, writing
from catalog.search.index.consistency import find_drift
from catalog.search.index.engine import TantivyEngine
from catalog.search.index.search import IndexSearch
from catalog.search.pages import Page
from catalog.search.validation import SearchInput, parse_criteria
from catalog.tests.factories import BrandFactory, CategoryFactory, ProductFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three lamps in an index that only the worker's own functions touch."""
    settings.SEARCH_ENGINE, settings.SEARCH_INDEX_DIR = "tantivy", tmp_path / "index"
    monkeypatch.setattr(store, "reader", store.Reader())
    category, brand = CategoryFactory(), BrandFactory()
    for n in range(3):
        ProductFactory(name=f"Lamp {n}", slug=f"lamp-{n}", category=category, brand=brand)
    updating.sweep()
    assert total() == 3
    assert by_index()


def total() -> int:
    """How many products there are, by whichever engine answers."""
    return engine().resolve(SearchCriteria()).total()


def by_index() -> bool:
    """Whether the index answers."""
    return TantivyEngine().snapshot() is not None


def segments(suffix: str = "") -> list[Path]:
    """The files of the index in use."""
    return [path for path in store.current().iterdir() if path.suffix.removeprefix(".") in (suffix or "term idx fast")]


def delete_all(path: Path) -> None:
    for file in sorted(path.rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()


def damage(change: Callable[[bytes], bytes]) -> Callable[[], None]:
    """Puts another file in each one's place: cutting short one that this process has mapped may end it (SIGBUS)."""

    def every_segment() -> None:
        for path in segments():
            spare = path.with_suffix(".spare")
            spare.write_bytes(change(path.read_bytes()))
            spare.replace(path)

    return every_segment


def delete_segments() -> None:
    for path in segments():
        path.unlink()


WRECKAGE = {
    "truncated": damage(lambda data: b""),
    "cut": damage(lambda data: data[:-5]),
    "garbled": damage(lambda data: bytes([data[0] ^ 255]) + data[1:]),
    "deleted": delete_segments,
    "no meta": lambda: (store.current() / "meta.json").unlink(),
    "bad meta": lambda: (store.current() / "meta.json").write_text("{"),
    "no folder": lambda: delete_all(store.folder()),
    "no pointer": lambda: store.discard(),
    "bad pointer": lambda: (store.folder() / store.POINTER).write_text("../../etc"),
    "other version": lambda: (store.folder() / store.POINTER).write_text("0123456789abcdef-1"),
}


@pytest.mark.parametrize("wreck", WRECKAGE.values(), ids=WRECKAGE)
def test_searches_go_on_and_it_mends_itself(
    shop: None, client: Client, wreck: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    wreck()
    assert total() == total() == 3
    assert not by_index()
    assert caplog.text.count("searching in the database") >= 1
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["status"] == "degraded"
    assert ready.json()["checks"]["search"]["status"] == "down"
    assert "the database answers meanwhile" in ready.json()["checks"]["search"]["reason"]
    updating.sweep()
    assert by_index()
    assert total() == 3
    assert client.get("/readyz").json()["checks"]["search"]["status"] == "ok"
    assert find_drift() == []


def test_a_search_that_fails_is_answered_by_the_database(
    shop: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(search: IndexSearch) -> int:
        raise ValueError("broken")

    monkeypatch.setattr(IndexSearch, "total", fail)
    search = engine().resolve(SearchCriteria())
    assert search.total() == 3
    assert caplog.text.count("the index failed") == 1
    # From then on the database answers for this search; the files are whole, and others are searched for in them.
    assert len(search.page(Page(5)).positions) == search.total() == search.facets(CategoryTree.load).in_stock() == 3
    assert caplog.text.count("the index failed") == 1
    assert by_index()
    with monkeypatch.context() as damaged:
        damaged.setattr(store, "is_whole", lambda path: False)
        assert total() == 3
    assert not by_index()


def test_page_total_and_facets_of_a_search_are_of_one_commit(shop: None) -> None:
    search = engine().resolve(SearchCriteria())
    assert len(search.page(Page(5)).ids) == 3
    Product.objects.filter(slug="lamp-0").update(is_active=False)
    updating.bring_up_to_date()
    assert search.total() == search.facets(CategoryTree.load).in_stock() == len(search.page(Page(5)).ids) == 3
    assert total() == 2


def test_another_process_s_commits_are_followed(shop: None) -> None:
    Product.objects.filter(slug="lamp-0").update(is_active=False)
    assert total() == 3
    other = store.Reader()
    before = other.snapshot().opstamp
    updating.bring_up_to_date()
    assert total() == 2
    assert other.snapshot().opstamp > before


def test_changes_made_during_a_rebuild_are_in_it(shop: None, monkeypatch: pytest.MonkeyPatch) -> None:
    read = writing.all_product_rows

    def meanwhile():
        yield from read()
        # The worker goes on with the old index, and must leave the new one its part.
        Product.objects.filter(slug="lamp-0").update(is_active=False)
        Product.objects.filter(slug="lamp-1").update(name="Sofa")
        assert updating.bring_up_to_date() == 2
        assert total() == 2
        assert IndexChange.objects.filter(applied=True).count() == 2
        Product.objects.filter(slug="lamp-2").update(name="Chair")

    monkeypatch.setattr(rebuilding, "all_product_rows", meanwhile)
    old = store.current()
    assert rebuilding.rebuild() == 3
    assert store.current() != old
    assert not IndexChange.objects.exists()
    assert find_drift() == []
    ids = engine().resolve(parse_criteria(SearchInput(text="chair"))).page(Page(5)).ids
    assert Product.objects.get(pk=ids[0]).slug == "lamp-2"


def test_only_one_rebuild_at_a_time(shop: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuilding, "REBUILD_LOCK_TIMEOUT_SECONDS", 0)
    with store.lock(store.REBUILD) as held:
        assert held
        with pytest.raises(CommandError, match="being rebuilt already"):
            call_command("rebuild_index")


def test_who_waited_for_a_rebuild_does_not_repeat_it(shop: None) -> None:
    generation = store.current()
    store.discard()
    with ThreadPoolExecutor() as threads:
        with store.lock(store.REBUILD):
            waiting = threads.submit(updating.bring_up_to_date)
            time.sleep(0.2)
            assert not waiting.done()
            store.switch_to(generation)
        waiting.result()
    assert store.current() == generation


def test_a_rebuild_that_fails_leaves_all_as_it_was(shop: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(writing.Applier, "add_products", lambda *args: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            rebuilding.rebuild()
    assert by_index()
    assert [path for path in store.folder().iterdir() if path.is_dir()] == [store.current()]


def test_what_a_killed_rebuild_left_is_tidied_up(shop: None, monkeypatch: pytest.MonkeyPatch) -> None:
    left = store.new_generation()
    os.utime(left, (0, 0))
    IndexChange.objects.create(kind="product", key=1, applied=True)
    updating.sweep()
    assert not left.exists()
    assert not IndexChange.objects.exists()


class TestCheck:
    """`rebuild_index --check` tells every kind of drift."""

    def test_an_index_that_agrees(self, shop: None) -> None:
        out = StringIO()
        call_command("rebuild_index", "--check", stdout=out)
        assert "agree" in out.getvalue()

    def test_drift_is_printed_and_is_an_error(self, shop: None) -> None:
        stale, missing, gone = Product.objects.order_by("id")
        # Past the models, as SQL by hand would.
        plain = Product._base_manager
        plain.filter(pk=stale.pk).update(price=77)
        plain.filter(pk=gone.pk).update(is_active=False)
        with store.writing(store.current()) as writer:
            applier = writing.Applier(writer)
            applier._delete("id", [missing.pk])
            applier.add_products(writing.product_rows([stale.pk]))
            writer.commit()
        out = StringIO()
        with pytest.raises(CommandError) as error:
            call_command("rebuild_index", "--check", stdout=out)
        assert error.value.returncode == 1
        printed = out.getvalue().splitlines()
        assert printed == [
            f"product {stale.pk} is doubled",
            f"product {missing.pk} is missing",
            f"product {gone.pk} is left over",
        ]
        call_command("rebuild_index", stdout=out)
        call_command("rebuild_index", "--check", stdout=out)

    def test_a_stale_document(self, shop: None) -> None:
        row = Product.objects.earliest("id")
        Product._base_manager.filter(pk=row.pk).update(price=77)
        assert [str(each) for each in find_drift()] == [f"product {row.pk} is stale"]

    def test_without_an_index(self, shop: None) -> None:
        store.discard()
        with pytest.raises(CommandError, match="no index yet"):
            call_command("rebuild_index", "--check")
        call_command("rebuild_index", "--if-missing", stdout=StringIO())
        assert by_index()
        used = store.current()
        call_command("rebuild_index", "--if-missing", stdout=StringIO())
        assert store.current() == used
