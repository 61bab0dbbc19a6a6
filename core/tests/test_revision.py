"""The revision of the catalogue differs after each committed write, and after none that was rolled back."""

import threading

import pytest
from django.db import connection, transaction

from catalog.models import Brand, Category, Product
from catalog.tests.factories import BrandFactory, CategoryFactory
from core.caching import revision
from core.caching.kept import ENTRY_BYTES, Kept
from core.telemetry.recording import recorded


def now():
    """The revision that a request has which begins now."""
    with revision.request():
        return revision.known()


@pytest.mark.django_db
class TestTheRevision:
    def test_is_unknown_outside_of_requests_and_after_a_write_of_ones_own(self):
        assert revision.known() is None
        with revision.request():
            assert revision.known() == revision.known() is not None
            BrandFactory()
            assert revision.known() is None

    def test_is_another_one_after_a_write_and_the_same_after_a_rollback(self):
        before = now()
        with transaction.atomic():
            BrandFactory()
            assert now() != before
            transaction.set_rollback(True)
        assert now() == before
        BrandFactory()
        assert now() != before

    def test_a_rolled_back_savepoint_does_not_hide_the_next_write(self):
        before = now()
        with transaction.atomic():
            with transaction.atomic():
                BrandFactory()
                transaction.set_rollback(True)
            BrandFactory()
        assert now() != before

    def test_one_transaction_bumps_once(self, django_assert_num_queries):
        brand = BrandFactory()
        with django_assert_num_queries(2):
            Brand.objects.filter(pk=brand.pk)._raw_delete("default")
            Category.objects.filter(pk=0)._raw_delete("default")
        assert now() is not None

    def test_expires(self, settings, monkeypatch):
        monkeypatch.setattr("core.caching.revision.time.time", lambda: 600.0)
        before = now()
        assert now() == before
        monkeypatch.setattr("core.caching.revision.time.time", lambda: 600.0 + settings.CATALOG_KEPT_SECONDS)
        assert now() != before
        settings.CATALOG_KEPT_SECONDS = 0
        assert now() is None


@pytest.mark.django_db(transaction=True)
def test_writers_do_not_wait_for_each_other_and_statements_of_their_own_bump():
    before = now()
    category = CategoryFactory()
    assert (first := now()) != before
    seen, other = [], threading.Event()

    def write():
        try:
            Brand.objects.filter(slug="none").update(name="None")
            # Raw SQL, and outside of a transaction.
            with connection.cursor() as cursor:
                cursor.execute("UPDATE catalog_category SET name = 'Other' WHERE id = %s", [category.pk])
            seen.append(now())
        finally:
            connection.close()
            other.set()

    if connection.vendor == "mysql":
        with transaction.atomic():
            BrandFactory()
            thread = threading.Thread(target=write)
            thread.start()
            assert other.wait(10)
            thread.join()
        assert seen[0] not in (None, before, first)
    else:
        write()
    assert now() not in (None, before, first)
    Category.objects.all().delete()
    Brand.objects.all().delete()
    Product.objects.all().delete()


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_a_request_makes_bumps_in_the_next_request_too():
    seen = [now()]

    def serve():
        """As one thread of a web process, which has no connection before its first request."""
        try:
            for _ in range(3):
                with recorded():
                    BrandFactory()
                seen.append(now())
        finally:
            connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    thread.join()
    assert len(set(seen)) == 4
    Brand.objects.all().delete()


class TestKept:
    def test_gives_a_value_to_requests_of_its_revision_alone(self):
        kept = Kept("test", max_bytes=lambda: 3 * (ENTRY_BYTES + 10))
        for key in "abc":
            kept.keep(1, key, key, 10)
        assert kept.find(1, "a") == "a"
        kept.keep(1, "d", "d", 10)
        assert [kept.find(1, key) for key in "abcd"] == ["a", None, "c", "d"]
        kept.keep(2, "a", "A", 10)
        assert [kept.find(at, "a") for at in (1, 2, 3)] == [None, "A", None]
        assert kept.bytes == 3 * (ENTRY_BYTES + 10)
        kept.keep(3, "b", "b", 10_000)
        assert kept.find(3, "b") is None

    @pytest.mark.django_db
    def test_reads_what_it_has_not_and_everything_outside_of_requests(self):
        kept, reads = Kept("test", max_bytes=lambda: 100_000), []

        def read(keys):
            reads.append(keys)
            return {key: str(key) for key in keys if key < 4}

        for keys in ([1, 2], [2, 3], [3, 4]):
            with revision.request():
                assert kept.get_many("x", keys, read, len) == {key: str(key) for key in keys if key < 4}
        assert reads == [[1, 2], [3], [4]]
        assert kept.get_many("x", [1], read, len) == {1: "1"}
        assert reads[-1] == [1]
