"""Images, their renditions and their jobs in the database. Their bytes lie in storages (catalog.images.files)."""

import uuid
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from catalog.images.sizes import ImageFormat, ImageSize
from core.db.fields import BinaryCharField
from core.jobs.job import Job

ALT_LENGTH = 500
ERROR_LENGTH = 500


class ImageStatus(models.TextChoices):
    """Whether an image can be shown."""

    PENDING = "PENDING"
    READY = "READY"
    FAILED = "FAILED"


class ProductImage(models.Model):
    """A picture of a product, as uploaded. The names of its files begin with its key."""

    product = models.ForeignKey("catalog.Product", models.CASCADE, related_name="images", db_index=False)
    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    alt = models.CharField(
        "alternative text", max_length=ALT_LENGTH, blank=True, default="", help_text="What the picture shows."
    )
    position = models.PositiveIntegerField(default=0)
    status = models.CharField(max_length=8, choices=ImageStatus.choices, default=ImageStatus.PENDING, editable=False)
    error = models.CharField(max_length=ERROR_LENGTH, blank=True, default="", editable=False)
    # In pixels. Before READY as the header says; then of the upright picture.
    width = models.PositiveIntegerField(editable=False)
    height = models.PositiveIntegerField(editable=False)
    placeholder = models.TextField(blank=True, default="", editable=False)
    # Of the upload: its format, the number of its bytes, their SHA-256.
    source = models.CharField(max_length=4, editable=False)
    bytes = models.PositiveIntegerField(editable=False)
    sha256 = BinaryCharField(max_length=64, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    # Set by catalog.images.selectors.attach_renditions.
    shown_renditions: "list[Rendition]"
    # Set by catalog.images.selectors.attach_jobs: what is to take the image's place, and whether formats that follow
    # READY were given up.
    replacement: "ImageJob | None"
    lacks_formats: bool

    class Meta:
        ordering = ["position", "id"]
        verbose_name = "image"
        constraints = [models.UniqueConstraint(name="product_image_once", fields=["product", "sha256"])]
        indexes = [models.Index(name="product_image_by_status", fields=["status", "id"])]

    def __str__(self) -> str:
        return self.alt or f"image {self.pk}"


class Rendition(models.Model):
    """One file of an image: a size in a format."""

    image = models.ForeignKey(ProductImage, models.CASCADE, related_name="renditions", db_index=False)
    size = models.CharField(max_length=9, choices=[(size.value, size.value) for size in ImageSize])
    format = models.CharField(max_length=4, choices=[(format.value, format.value) for format in ImageFormat])
    name = BinaryCharField(max_length=200)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    bytes = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(name="rendition_once", fields=["image", "size", "format"])]

    def __str__(self) -> str:
        return str(self.name)


class ImageJob(Job):
    """Something to do for an image, deleted when it is done. Jobs are done in the order of their kinds."""

    class Kind(models.IntegerChoices):
        REMOVE = 1, "remove the files of a deleted image"
        RENDER = 2, "make the renditions that a shop needs"
        REPLACE = 3, "put an upload in the place of an image"
        LATER = 4, "make the renditions that may follow"

    kind = models.PositiveSmallIntegerField(choices=Kind.choices, editable=False)
    key = models.UUIDField(editable=False)
    image = models.ForeignKey(ProductImage, models.CASCADE, null=True, editable=False, related_name="jobs")
    # Of a REPLACE: the fields of the image that the upload brings. The upload's files are those of the job's key. The
    # image keeps its own key, files and renditions until the upload is rendered.
    upload = models.JSONField(null=True, editable=False)
    # How often a child crashed, hung or used up its memory over it.
    crashes = models.PositiveSmallIntegerField(default=0, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="image_job_once", fields=["key", "kind"]),
            models.CheckConstraint(name="image_job_of_an_image", condition=Q(kind=1) | Q(image__isnull=False)),
        ]
        indexes = [models.Index(name="image_job_due", fields=["status", "kind", "due_at"])]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.key})"

    @classmethod
    def put(cls, kind: int, key: uuid.UUID, **fields: Any) -> None:
        """Creates the job, or makes the existing one start anew. It is due now unless `fields` say otherwise."""
        new = {"status": "DUE", "due_at": timezone.now(), "attempts": 0, "claim": None, "crashes": 0, "reason": ""}
        cls.objects.update_or_create(kind=kind, key=key, defaults={**new, **fields})
