"""Pictures of the demo's products: seed_demo requests them, and the worker draws and uploads them like a person."""

import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import BinaryIO, cast

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from catalog.demo.models import WantedPicture
from catalog.demo.subjects import colour_of, subject_of
from catalog.images import pipeline
from catalog.images.models import ImageJob, ProductImage
from catalog.images.protocol import receive, send
from catalog.images.services import image_upload
from catalog.models import Product
from core.auth.policy import SYSTEM
from core.errors import InvalidInput
from core.jobs import lease
from core.jobs.job import due
from core.jobs.notify import notify

logger = logging.getLogger(__name__)

TASK = "catalog.demo.tasks.draw_images"
# While so many uploads wait to be rendered, no more are added, so that people's uploads are rendered soon.
MAX_WAITING_PER_PROCESS = 2
PAUSE_SECONDS = 0.1
MAX_PICTURE_BYTES = 4 << 20


def want_pictures(products: QuerySet[Product]) -> int:
    """Requests a picture for each of the products that has no image. Returns how many were added to the list."""
    images = ProductImage.objects.filter(product=OuterRef("pk"))
    wanted = WantedPicture.objects.filter(product=OuterRef("pk"))
    missing = products.exclude(Exists(images)).exclude(Exists(wanted)).order_by("pk").values_list("pk", flat=True)
    rows = WantedPicture.objects.bulk_create([WantedPicture(product_id=product_id) for product_id in missing])
    if rows:
        transaction.on_commit(lambda: notify(TASK))
    return len(rows)


def draw_pictures() -> int:
    """Draws and uploads requested pictures until none is left or the worker stops. Returns their number.

    One process draws at a time. Each picture is drawn the same again, and a product takes the same bytes once: a
    worker that is killed after an upload does no harm.
    """
    if not WantedPicture.objects.exists():
        return 0
    with lease.hold("demo pictures") as is_held:
        if not is_held:
            return 0
        with _artist() as draw:
            return _draw_all(draw)


def _draw_all(draw: Callable[[Product], bytes]) -> int:
    count = 0
    max_waiting = MAX_WAITING_PER_PROCESS * settings.IMAGE_PROCESSES
    left = WantedPicture.objects.select_related("product__category").order_by("pk")
    while not pipeline.stopping.is_set() and (wanted := left.first()) is not None:
        if due(ImageJob).filter(kind=ImageJob.Kind.RENDER).count() >= max_waiting:
            pipeline.stopping.wait(PAUSE_SECONDS)
            continue
        if not ProductImage.objects.filter(product=wanted.product).exists():
            _upload(wanted.product, draw(wanted.product))
            count += 1
        wanted.delete()
    return count


def _upload(product: Product, picture: bytes) -> None:
    try:
        image_upload(actor=SYSTEM, product_id=product.pk, file=BytesIO(picture), alt=product.name)
    except InvalidInput as error:
        # The product was just deleted, or got a name that cannot be an alternative text.
        logger.warning("Product %s gets no demo picture: %s", product.pk, error)


@contextmanager
def _artist() -> Iterator[Callable[[Product], bytes]]:
    """A function that draws, in a child process: the worker neither loads Pillow nor spends its time on drawing."""
    child = subprocess.Popen(
        [sys.executable, "-m", "catalog.demo.drawing"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=settings.BASE_DIR,
        # Ctrl-C reaches all processes of a session, but the worker still needs its last picture.
        start_new_session=True,
    )
    # Popen says IO[bytes] of what are the two ends of buffered pipes.
    to_child, from_child = cast(BinaryIO, child.stdin), cast(BinaryIO, child.stdout)

    def draw(product: Product) -> bytes:
        subject = subject_of(product.category.name, product.name)
        send(to_child, {"seed": product.slug, "subject": subject, "colour": colour_of(product.name)}, [])
        return receive(from_child, max_bytes=MAX_PICTURE_BYTES)[1][0]

    try:
        yield draw
    finally:
        child.kill()
        child.communicate()
