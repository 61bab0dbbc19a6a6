"""The pictures of the demo shop: which are wanted, how they are drawn, and that they are uploaded like any other."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from io import BytesIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from pytest_django import Settings

from catalog.demo import pictures
from catalog.demo.drawing import draw
from catalog.demo.models import WantedPicture
from catalog.demo.subjects import colour_of, subject_of
from catalog.images import pipeline
from catalog.images.services import image_upload
from catalog.images.tests.pictures import jpeg
from catalog.models import ImageJob, ImageStatus, Product, ProductImage
from catalog.tests.factories import ProductFactory
from core.auth.policy import SYSTEM
from core.celery import app
from core.jobs import heartbeat, lease

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
LAMP = "alva-arc-floor-lamp-in-brushed-brass"


def wanted_products(count: int) -> list[Product]:
    """Products whose pictures are wanted."""
    products = ProductFactory.create_batch(count)
    assert pictures.want_pictures(Product.objects.all()) == count
    return products


def test_a_picture_is_drawn_and_uploaded() -> None:
    call_command("seed_demo", verbosity=0)
    assert WantedPicture.objects.count() == Product.objects.count()
    WantedPicture.objects.exclude(product__slug=LAMP).delete()
    assert pictures.draw_pictures() == 1
    image = ProductImage.objects.get()
    assert (image.product.slug, image.alt) == (LAMP, "Alva arc floor lamp in brushed brass")
    assert (image.width, image.height, image.status) == (1000, 1000, ImageStatus.PENDING)
    assert ImageJob.objects.get().image == image
    assert not WantedPicture.objects.exists()


def test_a_second_run_wants_only_what_is_missing() -> None:
    call_command("seed_demo", verbosity=0)
    WantedPicture.objects.exclude(product__slug=LAMP).delete()
    pictures.draw_pictures()
    call_command("seed_demo", verbosity=0)
    assert WantedPicture.objects.count() == Product.objects.count() - 1
    assert not WantedPicture.objects.filter(product__slug=LAMP).exists()
    call_command("seed_demo", verbosity=0)
    assert WantedPicture.objects.count() == Product.objects.count() - 1


def test_what_people_upload_is_rendered_soon(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing waits while uploads wait: few of its own are ever in front of somebody else's."""
    settings.IMAGE_PROCESSES = 1
    wanted_products(3)
    waits = []

    def render_one(_: float) -> None:
        waits.append(ImageJob.objects.count())
        ImageJob.objects.order_by("pk")[0].delete()

    monkeypatch.setattr(pipeline.stopping, "wait", render_one)
    assert pictures.draw_pictures() == 3
    assert waits == [2]


def test_a_product_that_has_an_image_meanwhile_needs_none() -> None:
    (product,) = wanted_products(1)
    image_upload(actor=SYSTEM, product_id=product.pk, file=BytesIO(jpeg()))
    assert pictures.draw_pictures() == 0
    assert ProductImage.objects.count() == 1
    assert not WantedPicture.objects.exists()


def test_a_deleted_product_needs_none() -> None:
    (product,) = wanted_products(1)
    product.delete()
    assert not WantedPicture.objects.exists()


def test_one_process_draws_at_a_time() -> None:
    wanted_products(1)
    with lease.hold("demo pictures") as is_held:
        assert is_held
        assert pictures.draw_pictures() == 0
    assert pictures.draw_pictures() == 1


def test_a_worker_that_stops_leaves_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted_products(2)
    monkeypatch.setattr(pipeline, "stopping", Stopping(after=1))
    assert pictures.draw_pictures() == 1
    assert WantedPicture.objects.count() == 1


class Stopping:
    """An event that is set after `is_set` was called so often."""

    def __init__(self, after: int) -> None:
        self.left = after

    def is_set(self) -> bool:
        self.left -= 1
        return self.left < 0


@pytest.mark.parametrize("moment", ["before the upload", "after the upload"])
def test_a_worker_that_is_killed_loses_no_picture_and_makes_none_twice(
    monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    wanted_products(2)
    upload = pictures.image_upload

    def killed(**arguments: object) -> None:
        if moment == "after the upload":
            upload(**arguments)
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(pictures, "image_upload", killed)
        with pytest.raises(SystemExit):
            pictures.draw_pictures()
    assert WantedPicture.objects.count() == 2
    pictures.draw_pictures()
    assert not WantedPicture.objects.exists()
    assert ProductImage.objects.values("product").distinct().count() == ProductImage.objects.count() == 2


def test_the_child_that_draws_may_be_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted_products(1)
    popen: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen

    def killed(*arguments: object, **named: object) -> subprocess.Popen[bytes]:
        child = popen(*arguments, **named)
        os.kill(child.pid, signal.SIGKILL)
        return child

    with monkeypatch.context() as patch:
        patch.setattr(pictures.subprocess, "Popen", killed)
        with pytest.raises((EOFError, OSError)):
            pictures.draw_pictures()
    assert pictures.draw_pictures() == 1


def test_the_child_draws_what_this_process_draws() -> None:
    product = ProductFactory(name="Desk lamp in red")
    with pictures._artist() as draw_in_child:
        drawn = [draw_in_child(product) for _ in range(2)]
    assert drawn[0] == drawn[1] == draw(seed=product.slug, subject="lamp", colour=colour_of("red"))
    assert drawn[0] != draw(seed="another", subject="lamp", colour=colour_of("red"))


def test_the_worker_imports_no_pillow() -> None:
    code = (
        "import os, sys, django\nos.environ['DJANGO_SETTINGS_MODULE'] = 'core.settings'\ndjango.setup()\n"
        "import catalog.demo.tasks\nprint('PIL' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert run.stdout.strip() == "False"


def test_words_decide() -> None:
    assert subject_of("Table lamps", "X") == "lamp"
    assert subject_of("Coffee tables", "X") == "table"
    assert subject_of("Things", "A vase") == "vases"
    assert subject_of("Things", "X") == ""
    assert colour_of("Alva arc floor lamp in brushed brass") == "#b5924c"
    assert colour_of("Sofa in forest green") == "#5f8363"
    assert colour_of("Sofa") == ""


def test_the_worker_is_called_by_message_and_by_sweep() -> None:
    assert "draw_images" in pictures.TASK
    app.loader.import_default_modules()
    assert pictures.TASK in app.tasks
    entry = app.conf.beat_schedule[pictures.TASK]
    assert (entry["task"], entry["options"]["expires"]) == (pictures.TASK, entry["schedule"])
    assert app.amqp.router.route({}, pictures.TASK)["queue"].name == "images"
    assert heartbeat.queue_names() == {"celery", "images"}


def test_pictures_that_an_older_version_was_to_draw_are_drawn() -> None:
    """Its jobs were of kind 3, beside those of images; the former become wanted pictures, the latter stay."""
    old = [("catalog", "0005_indexchange_created_at"), ("demo", None)]
    new = [("catalog", "0006_image_jobs_of_images_only"), ("demo", "0001_initial")]
    product = ProductFactory()
    image = image_upload(actor=SYSTEM, product_id=product.pk, file=BytesIO(jpeg())).image
    executor = MigrationExecutor(connection)
    latest = executor.loader.graph.leaf_nodes()
    try:
        executor.migrate(old)
        jobs = executor.loader.project_state(old[:1]).apps.get_model("catalog", "ImageJob")
        details = {"seed": "x", "subject": "lamp", "colour": ""}
        jobs.objects.create(kind=3, key="6f1d4f626a3b5a0e9c575e1f0c6a7b10", product_id=product.pk, details=details)
        executor = MigrationExecutor(connection)
        executor.migrate(new)
        assert list(WantedPicture.objects.values_list("product", flat=True)) == [product.pk]
        assert list(ImageJob.objects.values_list("image", flat=True)) == [image.pk]
        # Processes of the release before run on for a while, and write their jobs with both columns.
        jobs.objects.create(kind=1, key=uuid.uuid4(), details={})
    finally:
        MigrationExecutor(connection).migrate(latest)
