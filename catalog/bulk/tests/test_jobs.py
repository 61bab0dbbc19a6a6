"""What becomes of bulk changes in the worker: killed, stopped, cancelled, undone."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from catalog.bulk import jobs, services
from catalog.bulk.models import BulkBatch, BulkChange, Kind
from catalog.bulk.preview import left_lines
from catalog.models import Brand, IndexChange, Product
from catalog.tests.factories import BrandFactory, CategoryFactory, ProductFactory, created
from core.errors import InvalidInput
from core.history.ambient import acting
from core.history.models import Change
from core.jobs import lease
from core.jobs.job import claim, oldest_awaited, release
from core.tests.actors import actor, holder, permission

pytestmark = pytest.mark.django_db
COUNT = 7
LOWER = {"percent": "-10", "rounding": "0.01+0", "direction": "NEAREST", "before": "OLD_PRICE"}


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch):
    monkeypatch.setattr(services, "BATCH", 2)
    yield
    jobs.stopping.clear()


@pytest.fixture
def employee():
    return holder("catalog.change_product", "catalog.view_bulkchange")


@pytest.fixture
def products():
    place = {"category": CategoryFactory(), "brand": BrandFactory()}
    return created(ProductFactory.build(price=Decimal(10 + number), **place) for number in range(COUNT))


def confirmed(employee, products, kind=Kind.CHANGE_PRICES, options=None):
    """A bulk change that is due."""
    change = services.draft_change(actor=employee, kind=kind, product_ids=[product.pk for product in products])
    if kind not in (Kind.ARCHIVE, Kind.BRING_BACK):
        services.choose_options(actor=employee, change_id=change.pk, options=options or LOWER)
        change.refresh_from_db()
    assert services.confirm_change(actor=employee, change_id=change.pk, version=change.version)
    return change


@pytest.mark.parametrize("kind", [Kind.MOVE, Kind.SET_BRAND, Kind.CHANGE_PRICES])
def test_a_draft_of_which_nothing_was_chosen_does_not_begin(employee, products, kind):
    change = services.draft_change(actor=employee, kind=kind, product_ids=[products[0].pk])
    with pytest.raises(InvalidInput, match="Choose first"):
        services.confirm_change(actor=employee, change_id=change.pk, version=0)
    assert BulkChange.objects.get().status == "DRAFT"


def prices():
    return [str(price) for price in Product.objects.order_by("pk").values_list("price", flat=True)]


BEFORE = [f"{10 + number}.00" for number in range(COUNT)]
AFTER = [f"{Decimal(price) * 9 / 10:.2f}" for price in BEFORE]


def told(change):
    change.refresh_from_db()
    return change.phase, change.status, change.position, change.changed, change.undone


class WorkerDies(BaseException):
    """As a SIGKILL: nothing of the worker's own code runs afterwards."""


def dies():
    raise WorkerDies


def at_batch(monkeypatch, number, do, name="change_products"):
    """Has something happen in the transaction of a batch, after its products are written."""
    seen = []
    write = getattr(jobs, name)

    def writes(change, ids):
        outcome = write(change, ids)
        seen.append(ids)
        if len(seen) == number:
            do()
        return outcome

    monkeypatch.setattr(jobs, name, writes)


def before_batch(monkeypatch, number, do):
    """Has something happen elsewhere, after the worker has read how far the change is."""
    seen = []
    actor_of = jobs._Run._actor

    def looks(run):
        seen.append(run)
        if len(seen) == number:
            do()
        return actor_of(run)

    monkeypatch.setattr(jobs._Run, "_actor", looks)


def test_a_change_is_done_once_recorded_and_undone(employee, products):
    IndexChange.objects.all().delete()
    Product.objects.update(updated_at=timezone.now() - timedelta(days=9))
    change = confirmed(employee, products)
    jobs.work()
    assert told(change) == ("CHANGE", "DONE", COUNT, COUNT, 0)
    assert prices() == AFTER
    row = Change.objects.filter(via=change.via).earliest("key")
    assert (row.key, row.actor) == (products[0].pk, employee)
    assert row.changes == {"price": ["10.00", "9.00"], "compare_at_price": [None, "10.00"]}
    first = Product.objects.get(pk=products[0].pk)
    assert first.updated_at > timezone.now() - timedelta(minutes=1)
    assert set(IndexChange.objects.values_list("key", flat=True)) == {product.pk for product in products}
    assert services.undo_change(actor=employee, change_id=change.pk)
    assert not services.undo_change(actor=employee, change_id=change.pk)
    jobs.work()
    assert told(change) == ("UNDO", "DONE", COUNT, COUNT, COUNT)
    assert prices() == BEFORE
    assert not Product.objects.exclude(compare_at_price=None).exists()
    assert not services.undo_change(actor=employee, change_id=change.pk)


@pytest.mark.parametrize("batch", [1, 2])
def test_a_dead_workers_change_goes_on_without_doing_a_product_twice(monkeypatch, employee, products, batch):
    change = confirmed(employee, products)
    for _ in range(jobs.MAX_ATTEMPTS - 1):
        with monkeypatch.context() as patch:
            at_batch(patch, batch, dies)
            with pytest.raises(WorkerDies):
                jobs.work()
    assert told(change)[1] == "CLAIMED"
    jobs.work()
    assert told(change) == ("CHANGE", "DONE", COUNT, COUNT, 0)
    assert prices() == AFTER


def test_a_dead_workers_undoing_goes_on(monkeypatch, employee, products):
    change = confirmed(employee, products)
    jobs.work()
    services.undo_change(actor=employee, change_id=change.pk)
    with monkeypatch.context() as patch:
        at_batch(patch, 2, dies, "undo_products")
        with pytest.raises(WorkerDies):
            jobs.work()
    assert told(change)[4] == 2
    jobs.work()
    assert told(change) == ("UNDO", "DONE", COUNT, COUNT, COUNT)
    assert prices() == BEFORE


def test_a_change_that_kills_its_workers_is_given_up_and_can_go_on(monkeypatch, employee, products):
    change = confirmed(employee, products)
    with monkeypatch.context() as patch:
        at_batch(patch, 1, dies)
        for _ in range(jobs.MAX_ATTEMPTS):
            with pytest.raises(WorkerDies):
                jobs.work()
            # Each worker dies over the first batch.
            patch.undo()
            at_batch(patch, 1, dies)
        jobs.work()
    assert told(change) == ("CHANGE", "FAILED", 0, 0, 0)
    assert change.ended_at
    assert services.resume_change(actor=employee, change_id=change.pk)
    jobs.work()
    assert prices() == AFTER


def test_a_worker_that_stops_leaves_the_change_to_the_next(monkeypatch, employee, products):
    change = confirmed(employee, products)
    with monkeypatch.context() as patch:
        at_batch(patch, 1, jobs.stopping.set)
        jobs.work()
    assert told(change) == ("CHANGE", "DUE", 2, 2, 0)
    assert change.attempts == 0
    jobs.stopping.clear()
    jobs.work()
    assert prices() == AFTER


def test_of_two_workers_with_the_same_change_one_goes_on(monkeypatch, employee, products):
    """The first one slept for so long that another took its lease and its claim. Its batch does not count."""
    change = confirmed(employee, products)

    def taken_over():
        release(BulkChange, max_attempts=jobs.MAX_ATTEMPTS)
        assert claim(BulkChange.objects.get(pk=change.pk))

    with monkeypatch.context() as patch:
        before_batch(patch, 2, taken_over)
        jobs.work()
    assert told(change) == ("CHANGE", "CLAIMED", 2, 2, 0)
    assert prices() == AFTER[:2] + BEFORE[2:]
    jobs.work()
    assert prices() == AFTER


def test_cancelled_midway_what_was_changed_stays_and_can_be_undone(monkeypatch, employee, products):
    change = confirmed(employee, products)
    other = confirmed(employee, products)
    assert services.cancel_change(actor=employee, change_id=other.pk)
    with monkeypatch.context() as patch:
        before_batch(patch, 2, lambda: services.cancel_change(actor=employee, change_id=change.pk))
        jobs.work()
    # The batch that was being written does not count.
    assert told(change) == ("CHANGE", "CANCELLED", 2, 2, 0)
    assert prices() == AFTER[:2] + BEFORE[2:]
    services.undo_change(actor=employee, change_id=change.pk)
    jobs.work()
    assert told(change) == ("UNDO", "DONE", 2, 2, 2)
    assert prices() == BEFORE


def test_undoing_leaves_what_somebody_changed_since_and_says_who(employee, products):
    """Also a price before that the old price would take away."""
    change = confirmed(employee, products, options=LOWER | {"before": "KEEP"})
    jobs.work()
    anna = holder("catalog.change_product")
    dearer, reduced, same, *_ = products
    with acting(anna, via="admin"):
        Product.objects.filter(pk=dearer.pk).update(price=Decimal("9.50"))
        Product.objects.filter(pk=reduced.pk).update(compare_at_price=Decimal("10.50"))
        Product.objects.filter(pk=same.pk).update(quantity=3)
    services.undo_change(actor=employee, change_id=change.pk)
    jobs.work()
    assert told(change) == ("UNDO", "DONE", COUNT, COUNT, COUNT - 2)
    assert prices() == ["9.50", AFTER[1], *BEFORE[2:]]
    (line,) = left_lines(change)
    assert (line.reason, line.count) == ("changed again since then", 2)
    assert [key for key, *_ in line.products] == [dearer.pk, reduced.pk]
    assert all(str(anna) in note for *_, note in line.products)


def test_moving_and_undoing_looks_whether_the_place_is_there(employee, products):
    old, new = products[0].brand, BrandFactory(name="Møbel")
    change = confirmed(employee, products, Kind.SET_BRAND, {"id": new.pk, "name": new.name})
    jobs.work()
    assert set(Product.objects.values_list("brand", flat=True)) == {new.pk}
    old.delete()
    services.undo_change(actor=employee, change_id=change.pk)
    jobs.work()
    assert told(change) == ("UNDO", "DONE", COUNT, COUNT, 0)
    assert [(line.reason, line.count) for line in left_lines(change)] == [
        ("its old category or brand is not there any more", COUNT)
    ]
    gone = Brand.objects.create(name="Gone", slug="gone")
    change = confirmed(employee, products, Kind.SET_BRAND, {"id": gone.pk, "name": gone.name})
    gone.delete()
    jobs.work()
    assert told(change)[1] == "FAILED"
    assert change.reason == "The brand “Gone” is not there any more."


def test_whoever_lost_the_right_meanwhile_changes_nothing(monkeypatch, employee, products):
    change = confirmed(employee, products)

    def demote():
        employee.user_permissions.remove(permission("catalog.change_product"))

    with monkeypatch.context() as patch:
        at_batch(patch, 1, demote)
        jobs.work()
    assert told(change) == ("CHANGE", "FAILED", 2, 2, 0)
    assert change.reason == "Whoever asked for this may not change products any more."
    boss = actor("superuser")
    services.resume_change(actor=boss, change_id=change.pk)
    jobs.work()
    assert prices() == AFTER


def test_after_a_day_it_cannot_be_undone_and_after_long_it_is_deleted(employee, products):
    draft = services.draft_change(actor=employee, kind=Kind.ARCHIVE, product_ids=[products[0].pk])
    change = confirmed(employee, products)
    jobs.work()
    assert jobs.delete_old() == 0
    later = timezone.now() - timedelta(minutes=1)
    BulkChange.objects.filter(pk=change.pk).update(undo_until=later)
    with pytest.raises(services.InvalidInput, match="cannot be undone"):
        services.undo_change(actor=employee, change_id=change.pk)
    jobs.delete_old()
    assert not BulkBatch.objects.filter(change=change).exists()
    BulkChange.objects.filter(pk=draft.pk).update(created_at=timezone.now() - jobs.DRAFT_PERIOD)
    BulkChange.objects.filter(pk=change.pk).update(ended_at=timezone.now() - jobs.KEPT_PERIOD)
    assert jobs.delete_old() == 2
    assert not BulkChange.objects.exists()


def test_a_change_that_waits_is_overdue_unless_one_is_under_way(employee, products):
    assert oldest_awaited(BulkChange) is None
    change = confirmed(employee, products)
    assert oldest_awaited(BulkChange) == BulkChange.objects.get().due_at
    with lease.hold("bulk") as is_holder:
        assert is_holder
        assert jobs.work() == 0
    assert claim(BulkChange.objects.get(pk=change.pk))
    assert oldest_awaited(BulkChange) == BulkChange.objects.get().claimed_at


def test_bounds(monkeypatch, employee, products):
    keys = [product.pk for product in products]
    monkeypatch.setattr(services, "MAX_PRODUCTS", COUNT - 1)
    with pytest.raises(services.InvalidInput, match="At most 6 products"):
        services.draft_change(actor=employee, kind=Kind.ARCHIVE, product_ids=keys)
    with pytest.raises(services.InvalidInput, match="No product"):
        services.draft_change(actor=employee, kind=Kind.ARCHIVE, product_ids=[])
    monkeypatch.setattr(services, "MAX_DRAFTS", 2)
    drafts = [services.draft_change(actor=employee, kind=Kind.ARCHIVE, product_ids=keys[:1]) for _ in range(3)]
    assert set(BulkChange.objects.all()) == set(drafts[1:])
    monkeypatch.setattr(services, "MAX_PENDING", 1)
    assert services.confirm_change(actor=employee, change_id=drafts[1].pk, version=0)
    with pytest.raises(services.InvalidInput, match="not done yet"):
        services.confirm_change(actor=employee, change_id=drafts[2].pk, version=0)
