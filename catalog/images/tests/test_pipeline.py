"""From PENDING to READY or FAILED, whatever happens on the way; rows and files agree at the end."""

import os
import shutil
from datetime import timedelta
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from django.conf import settings as project
from django.core.management import call_command
from django.utils import timezone

from catalog.images import files, jobs, pipeline, services
from catalog.images.pool import Failure, JobFailed, Pool
from catalog.images.tests.pictures import jpeg, work_all
from catalog.models import ImageJob, ImageStatus, Product, ProductImage, Rendition
from catalog.tests.factories import ProductFactory
from core.auth.policy import SYSTEM
from core.jobs.job import CLAIMED, DUE, claim, due

pytestmark = pytest.mark.django_db(transaction=True)
Kind = ImageJob.Kind


@pytest.fixture(autouse=True)
def _empty_storages() -> None:
    """Each test has its folders to itself."""
    for storage in (files.served(), files.private()):
        shutil.rmtree(Path(storage.path(files.ROOT)), ignore_errors=True)


def new(product: Product | None = None, data: bytes | None = None) -> ProductImage:
    """A fresh upload."""
    product = product or ProductFactory()
    return services.image_upload(actor=SYSTEM, product_id=product.pk, file=BytesIO(data or jpeg())).image


def on_disk() -> list[str]:
    """Every file of both storages, by its path below the folder of all state."""
    var = Path(project.VAR_DIR)
    paths = [path for root in ("media", "originals") for path in (var / root).rglob("*")]
    return sorted(str(path.relative_to(var)) for path in paths if path.is_file())


def in_rows() -> list[str]:
    """Every file that a row names."""
    originals = [files.original_name(each.key, each.sha256, each.source) for each in ProductImage.objects.all()]
    return sorted(
        [f"media/{name}" for name in Rendition.objects.values_list("name", flat=True)]
        + [f"originals/{name}" for name in originals]
    )


def claimed(kind: Kind) -> ImageJob:
    """A job of this kind as a worker holds it."""
    job = ImageJob.objects.filter(kind=kind).first()
    assert job is not None
    assert claim(job)
    return job


def check(*options: str, min_age: float = 0) -> str:
    """What images_check says, and its exit status when that is not 0."""
    out = StringIO()
    try:
        call_command("images_check", *options, min_age=min_age, stdout=out)
    except SystemExit as end:
        out.write(f"exit {end.code}")
    return out.getvalue()


class _Failing(Pool):
    """A real pool's interface whose children end as the test says."""

    def __init__(self, *failures: Failure) -> None:
        super().__init__(size=1, memory=1 << 30, deadline=60)
        self.failures = list(failures)

    def run(self, task: str, *parts: bytes, **arguments: object) -> tuple[dict, list[bytes]]:
        if self.failures:
            raise JobFailed(self.failures.pop(0), "The process crashed.")
        return pipeline.pool().run(task, *parts, **arguments)


def test_an_image_is_rendered() -> None:
    image = new()
    assert (image.status, ImageJob.objects.get().kind) == (ImageStatus.PENDING, Kind.RENDER)
    work_all()
    image.refresh_from_db()
    assert image.status == ImageStatus.READY
    assert not ImageJob.objects.exists()
    assert Rendition.objects.count() == 6
    assert on_disk() == in_rows()


def test_ready_comes_before_avif() -> None:
    image = new()
    jobs.do(claimed(Kind.RENDER), pipeline.pool())
    image.refresh_from_db()
    assert image.status == ImageStatus.READY
    assert set(image.renditions.values_list("format", flat=True)) == {"JPEG", "WEBP"}
    other = new()
    later = ImageJob.objects.order_by("kind").last()
    assert later is not None
    assert (later.kind, later.image) == (Kind.LATER, image)
    first = due(ImageJob).order_by("kind").first()
    assert first is not None
    assert first.image == other


def test_a_lost_message_costs_nothing() -> None:
    image = new()
    ImageJob.objects.all().delete()
    pipeline.tidy_up()
    work_all()
    image.refresh_from_db()
    assert image.status == ImageStatus.READY


def test_what_a_dead_worker_claimed_is_free_after_the_lease() -> None:
    new()
    job = claimed(Kind.RENDER)
    pipeline.tidy_up()
    job.refresh_from_db()
    assert job.status == CLAIMED
    ImageJob.objects.update(claimed_at=timezone.now() - pipeline.CLAIM_DURATION - timedelta(seconds=1))
    pipeline.tidy_up()
    job.refresh_from_db()
    assert job.status == DUE


def test_what_kills_every_worker_is_given_up() -> None:
    image = new()
    claimed(Kind.RENDER)
    ImageJob.objects.update(claimed_at=timezone.now() - timedelta(hours=1), attempts=jobs.MAX_ATTEMPTS)
    pipeline.tidy_up()
    image.refresh_from_db()
    assert image.status == ImageStatus.FAILED
    assert image.error


@pytest.mark.parametrize("failure", [Failure.CRASHED, Failure.HUNG, Failure.MEMORY])
def test_one_retry_then_failed_with_the_reason(failure: Failure) -> None:
    image, other = new(), new()
    pool = _Failing(failure, failure)
    for expected in (ImageStatus.PENDING, ImageStatus.FAILED):
        jobs.do(claimed(Kind.RENDER), pool)
        image.refresh_from_db()
        assert image.status == expected
    assert image.error == "The process crashed."
    work_all()
    other.refresh_from_db()
    assert other.status == ImageStatus.READY


def test_one_crash_is_forgiven() -> None:
    image = new()
    pool = _Failing(Failure.CRASHED)
    jobs.do(claimed(Kind.RENDER), pool)
    jobs.do(claimed(Kind.RENDER), pool)
    image.refresh_from_db()
    assert image.status == ImageStatus.READY


def test_children_that_others_kill_say_nothing_about_the_image() -> None:
    image = new()
    pool = _Failing(*[Failure.KILLED] * (3 * jobs.MAX_KILLS))
    for _ in range(4):
        ImageJob.objects.update(due_at=timezone.now())
        jobs.do(claimed(Kind.RENDER), pool)
    image.refresh_from_db()
    assert image.status == ImageStatus.READY


def test_two_workers_on_one_job() -> None:
    """The second claim fails; a worker whose claim was taken away changes nothing."""
    image = new()
    slow = claimed(Kind.RENDER)
    again = ImageJob.objects.get()
    again.attempts -= 1
    assert not claim(again)
    ImageJob.objects.update(status=DUE, claim=None)
    work_all()
    before = list(Rendition.objects.values_list("pk", flat=True))
    jobs.do(slow, pipeline.pool())
    assert list(Rendition.objects.values_list("pk", flat=True)) == before
    image.refresh_from_db()
    assert image.status == ImageStatus.READY
    assert on_disk() == in_rows()


def test_deleted_while_it_is_worked_on() -> None:
    image = new()
    job = claimed(Kind.RENDER)
    services.image_delete(actor=SYSTEM, image_id=image.pk)
    jobs.do(job, pipeline.pool())
    assert on_disk() == []
    assert not ProductImage.objects.exists()


def test_deleted_between_reading_and_writing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The files that were written after the removal go too."""
    image = new()
    job = claimed(Kind.RENDER)
    run = pipeline.pool().run

    def run_and_delete(*arguments: object, **named: object) -> object:
        answer = run(*arguments, **named)
        services.image_delete(actor=SYSTEM, image_id=image.pk)
        return answer

    monkeypatch.setattr(pipeline.pool(), "run", run_and_delete)
    jobs.do(job, pipeline.pool())
    assert on_disk() == []


def test_a_deleted_products_files_go() -> None:
    image = new()
    new(image.product, jpeg(301))
    work_all()
    image.product.delete()
    assert on_disk() == []


def test_a_removal_is_repeated_later() -> None:
    image = new()
    services.image_delete(actor=SYSTEM, image_id=image.pk)
    job = ImageJob.objects.get()
    assert job.kind == Kind.REMOVE
    files.store_rendition(f"products/{image.key.hex}/late.webp", b"x")
    ImageJob.objects.update(due_at=timezone.now())
    work_all()
    pipeline.work()
    assert on_disk() == []


def test_half_written_files_of_a_killed_worker_go() -> None:
    image = new()
    folder = Path(project.VAR_DIR) / "media" / "products" / image.key.hex
    folder.mkdir(parents=True)
    (folder / ".aside-123.webp").write_bytes(b"half")
    (folder / "medium-00000000000000000000.webp").write_bytes(b"of older settings")
    work_all()
    assert on_disk() == in_rows()


def test_two_jobs_of_an_image_leave_each_others_files_alone() -> None:
    """What one of them has begun to write, the other has no row of either."""
    image = new()
    work_all()
    ImageJob.put(Kind.LATER, image.key, image=image)
    begun = Path(project.VAR_DIR) / "media" / "products" / image.key.hex / ".aside-123.webp"
    begun.write_bytes(b"half")
    jobs.do(claimed(Kind.LATER), pipeline.pool())
    assert begun.read_bytes() == b"half"
    begun.unlink()
    assert on_disk() == in_rows()


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The image waits, no half-written file is left, and rendering goes on when there is room."""
    image = new()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        jobs.do(claimed(Kind.RENDER), pipeline.pool())
    image.refresh_from_db()
    job = ImageJob.objects.get()
    assert (image.status, job.status) == (ImageStatus.PENDING, DUE)
    assert "No space" in job.reason
    assert job.due_at > timezone.now()
    assert on_disk() == in_rows()
    ImageJob.objects.update(due_at=timezone.now())
    work_all()
    image.refresh_from_db()
    assert image.status == ImageStatus.READY


def test_an_upload_that_cannot_be_kept_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError

    product = ProductFactory()
    with monkeypatch.context() as patch:
        patch.setattr(services, "_add", broken)
        with pytest.raises(RuntimeError):
            new(product)
    assert on_disk() == []


def test_a_lost_original() -> None:
    image = new()
    files.private().delete(files.original_name(image.key, image.sha256, image.source))
    work_all()
    image.refresh_from_db()
    assert image.status == ImageStatus.FAILED
    assert "Upload it anew" in image.error


class TestCheck:
    """manage.py images_check."""

    def test_nothing_to_say(self) -> None:
        new()
        work_all()
        assert check().startswith("Every file")

    def test_orphans(self) -> None:
        image = new()
        work_all()
        key = "0" * 32
        names = [f"products/{key}/x.webp", f"products/{image.key.hex}/old.webp", "products/rubbish/x"]
        for name in names:
            files.store_rendition(name, b"x")
        assert check(min_age=3600).startswith("Every file")
        said = check()
        assert all(name in said for name in names)
        assert said.endswith("exit 1")
        assert "3 orphans removed" in check("--fix")
        assert on_disk() == in_rows()

    def test_holes(self) -> None:
        image = new()
        work_all()
        for name in image.renditions.filter(size="SMALL").values_list("name", flat=True):
            files.served().delete(name)
        assert "hole: image" in check()
        check("--fix")
        work_all()
        image.refresh_from_db()
        assert image.status == ImageStatus.READY
        assert on_disk() == in_rows()
        assert check().startswith("Every file")

    def test_a_lost_original_is_told(self) -> None:
        image = new()
        work_all()
        files.private().delete(files.original_name(image.key, image.sha256, image.source))
        assert "lost original" in check("--fix")
        image.refresh_from_db()
        assert image.status == ImageStatus.READY
