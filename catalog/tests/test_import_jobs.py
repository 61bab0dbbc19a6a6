"""What becomes of imports whose worker dies, stops, or is told to stop."""

from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage
from django.db import OperationalError
from django.utils import timezone

from catalog.importing import job_files, jobs, run, services
from catalog.importing.models import ImportJob
from catalog.importing.options import Stock
from catalog.models import Product
from core.auth.policy import SYSTEM
from core.jobs import lease
from core.jobs.job import claim, oldest_awaited, release
from core.storage import private

pytestmark = pytest.mark.django_db
ROWS = 6
FILE = b"name,slug,price,quantity\n" + b"".join(b"Lamp %d,lamp-%d,9.00,1\n" % (n, n) for n in range(ROWS))


@pytest.fixture(autouse=True)
def _small_batches_and_all_progress(monkeypatch):
    monkeypatch.setattr(run, "MAX_BATCH_ROWS", 2)
    monkeypatch.setattr(jobs, "PROGRESS_SECONDS", 0.0)
    yield
    jobs.stopping.clear()
    monkeypatch.setattr(job_files, "ABANDONED_AFTER", timedelta())
    ImportJob.objects.all().delete()
    job_files.delete_old()


def uploaded(content=FILE, **options):
    return services.upload_import(actor=SYSTEM, file=ContentFile(content, "lamps.csv"), options=options)


def confirmed(content=FILE):
    """An import that is due."""
    job = uploaded(content)
    jobs.work()
    assert services.confirm_import(actor=SYSTEM, job_id=job.pk, stock=Stock.NONE)
    job.refresh_from_db()
    return job


def after_batches(monkeypatch, number, do):
    """Has something happen in the transaction of a batch, at its end."""
    seen = []

    def on_saved(self, saved):
        on_saved_before(self, saved)
        seen.append(saved)
        if len(seen) == number:
            do()

    on_saved_before = jobs._Run._on_saved
    monkeypatch.setattr(jobs._Run, "_on_saved", on_saved)


class WorkerDies(BaseException):
    """As a SIGKILL: nothing of the worker's own code runs afterwards."""


def dies():
    raise WorkerDies


def counts(job):
    job.refresh_from_db()
    return job.status, job.created, job.updated, job.unchanged, job.refused


def test_a_dead_workers_import_is_done_by_the_next_and_counted_exactly(monkeypatch):
    job = confirmed()
    with monkeypatch.context() as patch:
        after_batches(patch, 2, dies)
        with pytest.raises(WorkerDies):
            jobs.work()
    assert counts(job)[:3] == ("CLAIMED", 2, 0)
    assert Product.objects.count() == 2
    jobs.work()
    assert counts(job) == ("DONE", ROWS, 0, 0, 0)


def test_what_an_earlier_attempt_changed_is_counted_as_changed(monkeypatch):
    confirmed()
    jobs.work()
    job = confirmed(FILE.replace(b"9.00", b"8.00").replace(b"8.00", b"9.00", 1))
    with monkeypatch.context() as patch:
        after_batches(patch, 2, dies)
        with pytest.raises(WorkerDies):
            jobs.work()
    jobs.work()
    assert counts(job) == ("DONE", 0, ROWS - 1, 1, 0)


def test_an_import_that_kills_its_workers_is_given_up(monkeypatch):
    job = confirmed()
    monkeypatch.setattr(jobs, "check", lambda *_: dies())
    for _ in range(jobs.MAX_ATTEMPTS):
        with pytest.raises(WorkerDies):
            jobs.work()
    jobs.work()
    job.refresh_from_db()
    assert (job.status, job.reason) == ("FAILED", "Every worker that began this ended before it was done.")
    assert job.ended_at


def test_a_worker_that_stops_leaves_the_import_to_the_next(monkeypatch):
    job = confirmed()
    with monkeypatch.context() as patch:
        after_batches(patch, 1, jobs.stopping.set)
        jobs.work()
    assert counts(job)[0] == "DUE"
    assert job.attempts == 0
    jobs.work()
    assert counts(job)[0] == "DUE"
    jobs.stopping.clear()
    jobs.work()
    assert counts(job) == ("DONE", ROWS, 0, 0, 0)


def test_cancelled_midway_what_is_in_stays(monkeypatch):
    job = confirmed()
    with monkeypatch.context() as patch:
        after_batches(patch, 1, lambda: services.cancel_import(actor=SYSTEM, job_id=job.pk))
        jobs.work()
    assert counts(job)[:2] == ("CANCELLED", 2)
    assert Product.objects.count() == 2


def test_of_two_workers_with_the_same_import_one_goes_on(monkeypatch):
    """The first one slept for so long that another took its lease and its claim."""
    job = confirmed()

    def taken_over():
        release(ImportJob, max_attempts=jobs.MAX_ATTEMPTS)
        assert claim(ImportJob.objects.get(pk=job.pk))

    with monkeypatch.context() as patch:
        after_batches(patch, 1, taken_over)
        jobs.work()
    assert counts(job)[:2] == ("CLAIMED", 2)
    jobs.work()
    assert counts(job) == ("DONE", ROWS, 0, 0, 0)


def test_deleted_midway_nothing_more_is_imported(monkeypatch):
    job = confirmed()
    after_batches(monkeypatch, 1, ImportJob.objects.filter(pk=job.pk).delete)
    jobs.work()
    assert Product.objects.count() == 2


def test_while_another_worker_imports_this_one_leaves_it_alone():
    job = uploaded()
    with lease.hold("import") as is_holder:
        assert is_holder
        assert jobs.work() == 0
    assert counts(job)[0] == "DUE"
    assert jobs.work() == 1


def test_a_database_that_was_busy_is_tried_again_later(monkeypatch):
    job = uploaded()
    with monkeypatch.context() as patch:

        def busy(*_):
            raise OperationalError("database is locked")

        patch.setattr(jobs, "check", busy)
        jobs.work()
    assert counts(job)[0] == "DUE"
    assert job.due_at > timezone.now()
    assert "too busy" in job.reason


class Bucket(InMemoryStorage):
    """A storage whose files are on no host, like S3Storage."""

    def path(self, name):
        raise NotImplementedError

    def _relative_path(self, name):
        return name


def test_from_a_bucket(settings):
    settings.STORAGES = {**settings.STORAGES, "private": {"BACKEND": f"{__name__}.Bucket"}}
    job = confirmed(FILE + b"Bad,bad,abc,1\n")
    jobs.work()
    assert counts(job) == ("DONE", ROWS, 0, 0, 1)
    with private().open(job_files.name_of(job, job_files.REFUSED)) as report:
        assert b"lamps.csv,8,price" in report.read()
    ImportJob.objects.update(created_at=timezone.now() - timedelta(days=40))
    assert job_files.delete_old() == 1


def test_a_file_that_is_gone_is_told():
    job = uploaded()
    private().delete(job_files.name_of(job, job_files.SOURCE))
    jobs.work()
    job.refresh_from_db()
    assert (job.status, job.reason) == ("FAILED", "The uploaded file is gone. Upload it again.")


def test_an_import_is_overdue_when_nobody_does_it_and_not_while_it_is_done():
    assert oldest_awaited(ImportJob) is None
    long_ago = timezone.now() - timedelta(hours=1)
    job = uploaded()
    ImportJob.objects.update(due_at=long_ago)
    assert oldest_awaited(ImportJob) == long_ago
    assert claim(ImportJob.objects.get(pk=job.pk))
    uploaded()
    ImportJob.objects.filter(status="DUE").update(due_at=long_ago)
    assert oldest_awaited(ImportJob) > long_ago
