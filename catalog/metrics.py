"""The catalogue's metrics on /metrics. Each takes one query that an index answers."""

from django.conf import settings
from django.db.models import Count

from catalog.images.models import ImageStatus
from catalog.models import BulkChange, ImportJob, ProductImage
from catalog.search.changes import IndexChange
from core.telemetry.metrics import register_gauge


def index_changes_waiting() -> float:
    return IndexChange.objects.filter(applied=False).count() if settings.SEARCH_ENGINE == "tantivy" else 0


def images() -> dict[str, float]:
    counted = dict(ProductImage.objects.order_by().values_list("status").annotate(number=Count("id")))
    return {status: counted.get(status, 0) for status in ImageStatus.values}


def imports() -> dict[str, float]:
    counted = dict(ImportJob.objects.order_by().values_list("status").annotate(number=Count("id")))
    return {status: counted.get(status, 0) for status in ImportJob.Status.values}


def bulk_changes() -> dict[str, float]:
    counted = dict(BulkChange.objects.order_by().values_list("status").annotate(number=Count("id")))
    return {status: counted.get(status, 0) for status in BulkChange.Status.values}


def register() -> None:
    register_gauge("index_changes_waiting", "Changes that the search index does not know yet.", index_changes_waiting)
    register_gauge("images", "Images by state.", images, label="state")
    register_gauge("imports", "Imports of the admin by status.", imports, label="status")
    register_gauge("bulk_changes", "Bulk changes by status.", bulk_changes, label="status")
