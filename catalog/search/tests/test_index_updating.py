"""Whatever changes a product, brand or category reaches the index, in the transaction of its cause, and once."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from django.core import serializers
from django.core.management import call_command
from django.db import connection, transaction
from pytest_django import Settings

from catalog.bulk import jobs as bulk
from catalog.bulk import services as bulk_services
from catalog.bulk.models import Kind
from catalog.demo.seed import seed_demo
from catalog.models import Brand, Category, Product
from catalog.search.changes import IndexChange
from catalog.search.engine import engine
from catalog.search.index import store, updating
from catalog.search.index.consistency import find_drift
from catalog.search.index.writing import Applier
from catalog.search.pages import Page
from catalog.search.validation import SearchInput, parse_criteria
from catalog.tests.factories import BrandFactory, CategoryFactory, ProductFactory
from users.tests.factories import employee

pytestmark = pytest.mark.django_db


def found(text: str) -> list[str]:
    """The slugs that the engine finds."""
    criteria = parse_criteria(SearchInput(text=text))
    ids = engine().resolve(criteria).page(Page(100)).ids
    return sorted(Product.objects.filter(pk__in=ids).values_list("slug", flat=True))


@pytest.fixture
def shop(index: None) -> Product:
    """A lamp in Living > Lighting, by Lumhaus, in an index that is up to date."""
    category = CategoryFactory(name="Lighting", parent=CategoryFactory(name="Living"))
    lamp = ProductFactory(name="Lamp", slug="lamp", category=category, brand=BrandFactory(name="Lumhaus"))
    assert found("lamp") == ["lamp"]
    return lamp


def update_by_queryset(lamp: Product) -> None:
    Product.objects.filter(name="Lamp").update(name="Sofa")


def update_by_bulk(lamp: Product) -> None:
    lamp.name = "Sofa"
    Product.objects.bulk_update([lamp], ["name"])


def create_by_bulk(lamp: Product) -> None:
    lamp.delete()
    sofa = Product(name="Sofa", slug="sofa", category=lamp.category, brand=lamp.brand, price=Decimal(1))
    sofa.fill_keys()
    Product.objects.bulk_create([sofa])


def load_a_fixture(lamp: Product) -> None:
    lamp.name = "Sofa"
    for row in serializers.deserialize("json", serializers.serialize("json", [lamp])):
        row.save()


def save(lamp: Product) -> None:
    lamp.name = "Sofa"
    lamp.save()


@pytest.mark.parametrize("change", [save, update_by_queryset, update_by_bulk, create_by_bulk, load_a_fixture])
def test_a_change_is_found_and_what_was_before_is_not(shop: Product, change: Callable[[Product], None]) -> None:
    change(shop)
    assert len(found("sofa")) == 1
    assert found("lamp") == []
    assert find_drift() == []


@pytest.mark.parametrize("way", ["delete", "delete in bulk", "archive", "archive in bulk"])
def test_what_is_gone_is_found_no_more(shop: Product, way: str) -> None:
    if way == "delete":
        shop.delete()
    elif way == "delete in bulk":
        Product.objects.filter(pk=shop.pk).delete()
    elif way == "archive":
        shop.is_active = False
        shop.save()
    else:
        Product.objects.filter(pk=shop.pk).update(is_active=False)
    assert engine().resolve(parse_criteria(SearchInput())).total() == 0
    assert find_drift() == []


def test_bulk_changes(shop: Product) -> None:
    actor = employee()
    for kind, names in ((Kind.ARCHIVE, []), (Kind.BRING_BACK, ["lamp"])):
        change = bulk_services.draft_change(actor=actor, kind=kind, product_ids=[shop.pk])
        bulk_services.confirm_change(actor=actor, change_id=change.pk, version=0)
        bulk.work()
        assert found("lamp") == names


def test_a_renamed_brand_and_category_take_their_products_along(shop: Product) -> None:
    brand, root = shop.brand, Category.objects.get(name="Living")
    brand.name, root.name = "Nordlicht", "Salon"
    brand.save()
    root.save()
    assert found("nordlicht") == found("salon") == found("lighting") == ["lamp"]
    assert found("living") == []
    Brand.objects.filter(pk=brand.pk).update(name="Ostwind")
    assert found("ostwind") == ["lamp"]
    assert find_drift() == []


def test_a_moved_category_takes_its_subtree_along(shop: Product) -> None:
    garden = CategoryFactory(name="Garden")
    assert found("garden") == []
    shop.category.parent = garden
    shop.category.save()
    assert found("garden") == ["lamp"]
    assert found("living") == []


def test_an_import_and_the_demo_shop(shop: Product, tmp_path: Path) -> None:
    file = tmp_path / "new.csv"
    file.write_text(
        "name,slug,price,category,brand\nTeapot,teapot,9,Kitchen > Pots,Wren\nStand,lamp,3,Living,Lumhaus\n"
    )
    call_command("import_products", str(file), verbosity=0)
    assert found("teapot") == found("kitchen") == found("wren") == ["teapot"]
    assert found("stand") == ["lamp"]
    seed_demo()
    assert len(found("casserole")) > 5
    assert find_drift() == []


def test_a_change_undone_is_no_change(shop: Product) -> None:
    IndexChange.objects.all().delete()
    with transaction.atomic():
        Product.objects.update(price=1)
        assert IndexChange.objects.exists()
        transaction.set_rollback(True)
    assert not IndexChange.objects.exists()


def test_one_announcement_for_a_transaction(shop: Product, django_capture_on_commit_callbacks: Callable) -> None:
    connection.run_on_commit.clear()
    with django_capture_on_commit_callbacks() as callbacks:
        for price in range(5):
            Product.objects.update(price=price)
            shop.save()
    # The other callback marks that the transaction has changed the catalogue's revision (core.caching.revision).
    assert [callback.__name__ for callback in callbacks].count("_send_committed") == 1
    assert len(callbacks) == 2


def test_with_sync_a_change_is_applied_before_the_write_returns(
    shop: Product, settings: Settings, django_capture_on_commit_callbacks: Callable
) -> None:
    settings.SEARCH_INDEX_SYNC = True
    connection.run_on_commit.clear()
    with django_capture_on_commit_callbacks(execute=True):
        shop.name = "Sofa"
        shop.save()
    assert not IndexChange.objects.exists()
    assert store.reader.snapshot().searcher.doc_freq("name_words", "sofa") == 1


def test_killed_after_the_commit_the_same_changes_are_applied_again(
    shop: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.name = "Sofa"
    shop.save()
    changes = list(IndexChange.objects.values_list("kind", "key"))
    assert changes
    with monkeypatch.context() as patched:
        patched.setattr(updating, "_finish", lambda changes: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            updating.bring_up_to_date()
    # The commit holds the change, and the change is still recorded.
    assert store.reader.snapshot().searcher.doc_freq("name_words", "sofa") == 1
    assert list(IndexChange.objects.values_list("kind", "key")) == changes
    assert updating.bring_up_to_date() == len(changes)
    assert not IndexChange.objects.exists()
    assert found("sofa") == ["lamp"]
    assert found("lamp") == []
    assert find_drift() == []


def test_killed_before_the_commit_nothing_is_lost(shop: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.name = "Sofa"
    shop.save()
    with monkeypatch.context() as patched:
        patched.setattr(Applier, "add_products", lambda *args: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            updating.bring_up_to_date()
    assert IndexChange.objects.exists()
    updating.bring_up_to_date()
    assert found("sofa") == ["lamp"]
    assert find_drift() == []


def test_a_shop_without_the_index_gathers_no_changes(shop: Product, settings: Settings) -> None:
    shop.save()
    settings.SEARCH_ENGINE = "database"
    updating.sweep()
    assert not IndexChange.objects.exists()
    with pytest.raises(store.IndexUnavailable):
        store.current()
