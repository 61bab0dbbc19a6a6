"""The cluster's index follows the log. Whoever writes late, twice or after a kill, changes nothing for the worse."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from catalog.models import Brand, Product, ProductGroup
from catalog.search import following, log, updating
from catalog.search.applying import Applier
from catalog.search.consistency import find_drift
from catalog.search.log import State
from catalog.search.opensearch.client import IndexMissing, client
from catalog.search.opensearch.indexes import ClusterIndex, ClusterIndexes
from catalog.search.queries import with_ids
from catalog.search.rows import product_rows
from catalog.search.tests.cluster import build, cluster_index
from catalog.tests.factories import ProductFactory

pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.opensearch]


@pytest.fixture
def products(settings: Settings) -> Iterator[list[Product]]:
    """Products that are in the index."""
    settings.SEARCH_ENGINE = "opensearch"
    with cluster_index():
        products = [ProductFactory(name=f"Lamp {n}") for n in range(3)]
        build()
        yield products


def index() -> ClusterIndex:
    used = ClusterIndexes().current()
    assert used
    return used


def state() -> State:
    stored = index().state()
    assert stored
    return stored


def copies(product: Product) -> int:
    return sum(map(len, index().digests(with_ids([product.pk]), "id", 1).values()))


def test_changes_reach_the_index(products: list[Product]) -> None:
    assert find_drift() == []
    lamp, moved, deleted = products
    Product.objects.filter(pk=lamp.pk).update(name="Torch")
    moved.group = ProductGroup.objects.create(name="Shirt", slug="shirt")
    moved.save()
    deleted.delete()
    Brand.objects.create(name="New", slug="new")
    assert updating.bring_up_to_date()
    assert find_drift() == []
    assert (copies(lamp), copies(moved)) == (1, 1)


def test_a_product_in_another_group_leaves_no_copy(products: list[Product]) -> None:
    for n in range(6):
        products[0].group = ProductGroup.objects.create(name=f"Group {n}", slug=f"group-{n}")
        products[0].save()
        updating.bring_up_to_date()
        assert copies(products[0]) == 1
    products[0].is_active = False
    products[0].save()
    updating.bring_up_to_date()
    assert copies(products[0]) == 0


def test_a_writer_that_was_suspended_overwrites_nothing_newer(products: list[Product]) -> None:
    changed, deleted = products[:2]
    before = state()
    rows = product_rows([changed.pk, deleted.pk])
    with index().writer() as late:
        late.begin(before.position)
        changed.name = "Torch"
        changed.save()
        deleted.delete()
        updating.bring_up_to_date()
        Applier(late).put_products(rows)
        late.commit(before)
    assert find_drift() == []
    # Its old position only means that changes are applied once more.
    assert state() == before
    assert updating.bring_up_to_date()
    assert state().position > before.position
    assert find_drift() == []


def test_what_was_not_committed_comes_again(products: list[Product], monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: Any) -> None:
        raise Killed

    products[0].name = "Torch"
    products[0].save()
    before = state()
    with monkeypatch.context() as patched:
        patched.setattr(ClusterIndex, "write_state", killed)
        with pytest.raises(Killed):
            updating.bring_up_to_date()
    assert state() == before
    assert updating.bring_up_to_date()
    assert find_drift() == []


def test_a_write_to_a_removed_index_makes_no_new_one(products: list[Product]) -> None:
    removed = ClusterIndexes().new(lambda name: log.register(name, "opensearch"))
    removed.remove()
    with removed.writer(bulk=True) as writer:
        Applier(writer).put_products(product_rows([products[0].pk]))
        with pytest.raises(IndexMissing):
            writer.commit(state())
    with pytest.raises(IndexMissing):
        client().request("GET", f"/{removed.index}/_mapping")


def test_a_build_that_died_is_removed_by_the_next(products: list[Product]) -> None:
    left = ClusterIndexes().new(lambda name: log.register(name, "opensearch"))
    following.tidy(ClusterIndexes())
    # Searches may still be on their way to the index before.
    assert left.state()
    left_since = index()
    left_since._write_meta({**left_since._meta(), "used_since": "2026-01-01T00:00:00+00:00"})
    following.tidy(ClusterIndexes())
    assert left.state() is None
    assert find_drift() == []


def test_the_check_tells_differences(products: list[Product], capsys: pytest.CaptureFixture[str]) -> None:
    call_command("rebuild_index", "--check")
    call_command("rebuild_index", "--if-missing")
    with index().writer() as writer:
        writer.begin(log.sequence().last)
        writer.delete_products([products[0].pk])
        writer.commit(state())
    with pytest.raises(CommandError, match="1 documents differ"):
        call_command("rebuild_index", "--check")
    assert f"product {products[0].pk} is missing" in capsys.readouterr().out
