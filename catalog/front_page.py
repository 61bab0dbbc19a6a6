"""What the admin's front page says of products, images, imports and searches."""

from collections.abc import Iterator
from datetime import timedelta

from django.utils import timezone

from catalog import policy
from catalog.admin.filters import StockFilter
from catalog.bulk import waiting as waiting_bulk
from catalog.bulk.models import BulkChange
from catalog.images import waiting as waiting_images
from catalog.images.models import ImageStatus
from catalog.importing import waiting as waiting_imports
from catalog.models import OUT_OF_STOCK, ImportJob, Product, ProductImage, SearchCount
from core.admin import front_page
from core.admin.front_page import Entry, counted, list_of
from core.auth.policy import Actor, Permission

# Of searches that found nothing.
DAYS = 7
IMPORTS, IMAGES, PRODUCTS = "catalog_importjob", "catalog_productimage", "catalog_product"
BULK_CHANGES = "catalog_bulkchange"


def entries(actor: Actor) -> Iterator[Entry]:
    """What the actor may mend. Each entry is one query."""
    if policy.CHANGE_IMAGES.is_held_by(actor):
        yield from _images()
    if policy.may_import(actor):
        yield from _imports()
    if policy.may_change_in_bulk(actor):
        yield from _bulk_changes()
    if policy.CHANGE_PRODUCTS.is_held_by(actor):
        yield from _stock()
    may_steer = policy.CREATE_SYNONYMS.is_held_by(actor) or policy.CREATE_RULES.is_held_by(actor)
    if may_steer and policy.VIEW_SEARCHES.is_held_by(actor):
        yield from _searches()


def _images() -> Iterator[Entry]:
    yield from counted(
        ProductImage.objects.filter(waiting_images.failed()),
        "picture could not be processed and is not in the shop.",
        "pictures could not be processed and are not in the shop.",
        button="Look, and try again",
        address=list_of(IMAGES, waiting="failed"),
    )
    yield from counted(
        ProductImage.objects.filter(waiting_images.partly_failed()),
        "picture is shown, but its replacement or some of its formats failed.",
        "pictures are shown, but their replacements or some of their formats failed.",
        button="Look, and try again",
        address=list_of(IMAGES, waiting="partly"),
    )


def _imports() -> Iterator[Entry]:
    yield from counted(
        ImportJob.objects.filter(waiting_imports.to_confirm()),
        "import is checked and waits for you to start it.",
        "imports are checked and wait for you to start them.",
        button="Look, and import",
        address=list_of(IMPORTS, waiting="confirm"),
    )
    yield from counted(
        ImportJob.objects.filter(waiting_imports.refused()),
        f"import of the last {waiting_imports.DAYS} days has rows that were refused.",
        f"imports of the last {waiting_imports.DAYS} days have rows that were refused.",
        button="Mend the rows",
        address=list_of(IMPORTS, waiting="refused"),
    )
    yield from counted(
        ImportJob.objects.filter(waiting_imports.failed()),
        f"import of the last {waiting_imports.DAYS} days failed.",
        f"imports of the last {waiting_imports.DAYS} days failed.",
        button="See why",
        address=list_of(IMPORTS, waiting="failed"),
    )


def _bulk_changes() -> Iterator[Entry]:
    yield from counted(
        BulkChange.objects.filter(waiting_bulk.failed()),
        f"bulk change of the last {waiting_bulk.DAYS} days failed.",
        f"bulk changes of the last {waiting_bulk.DAYS} days failed.",
        button="Look, and go on",
        address=list_of(BULK_CHANGES, waiting="failed"),
    )


def _stock() -> Iterator[Entry]:
    in_shop = Product.objects.filter(is_active=True)
    yield from counted(
        in_shop.filter(OUT_OF_STOCK),
        "product in the shop is sold out.",
        "products in the shop are sold out.",
        button="Set the stock",
        address=list_of(PRODUCTS, stock="none", is_active__exact="1"),
    )
    yield from counted(
        in_shop.filter(quantity__range=(1, StockFilter.MAX_LOW), unlimited_stock=False),
        f"product in the shop has {StockFilter.MAX_LOW} units or fewer.",
        f"products in the shop have {StockFilter.MAX_LOW} units or fewer.",
        button="Set the stock",
        address=list_of(PRODUCTS, stock="low", is_active__exact="1"),
    )


def _searches() -> Iterator[Entry]:
    today = timezone.now().date()
    days = [today - timedelta(days=ago) for ago in range(DAYS)]
    in_vain = SearchCount.objects.filter(day__in=days, without_hits__gt=0)
    yield from counted(
        in_vain.values("text").distinct(),
        f"text that people searched for in the last {DAYS} days found nothing.",
        f"texts that people searched for in the last {DAYS} days found nothing.",
        button="Make a synonym or a rule",
        address=list_of("catalog_searchcount", result="nothing", days=str(DAYS)),
    )


def register() -> None:
    front_page.register(entries)
    front_page.register_job_page(
        "image",
        "pictures",
        address=lambda: list_of(IMAGES, status__exact=ImageStatus.PENDING),
        may=Permission("view", ProductImage).is_held_by,
    )
    front_page.register_job_page(
        "import", "imports", address=lambda: list_of(IMPORTS), may=policy.VIEW_IMPORTS.is_held_by
    )
    front_page.register_job_page(
        "bulk", "bulk changes", address=lambda: list_of(BULK_CHANGES), may=policy.may_change_in_bulk
    )
    # All that anybody can do is to see which part of the service does not work.
    front_page.register_job_page(
        "index", "changes of products for searches", address=lambda: "/readyz", may=policy.CHANGE_PRODUCTS.is_held_by
    )
