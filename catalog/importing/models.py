"""Imports that somebody started in the admin. Their files lie in the private storage (catalog.importing.job_files)."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from core.jobs.job import Job

FILE_NAME_LENGTH = 255


class ImportJob(Job):
    """An uploaded file on its way: a worker checks it (a dry run), a person confirms, a worker imports it."""

    class Phase(models.TextChoices):
        """What the worker does, or did last."""

        CHECK = "CHECK"
        IMPORT = "IMPORT"

    class Status(models.TextChoices):
        """In the phase: DUE and CLAIMED as of every job. READY: checked, and waits for somebody to confirm."""

        DUE = "DUE"
        CLAIMED = "CLAIMED"
        READY = "READY"
        DONE = "DONE"
        FAILED = "FAILED"
        CANCELLED = "CANCELLED"

    phase = models.CharField(max_length=8, choices=Phase.choices, default=Phase.CHECK, editable=False)
    # The folder of its files in the storage.
    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    has_files = models.BooleanField(default=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name="uploaded by",
        editable=False,
    )
    file_name = models.CharField("file", max_length=FILE_NAME_LENGTH, editable=False)
    bytes = models.PositiveBigIntegerField(editable=False)
    # What the person chose: see catalog.importing.jobs.options_of.
    options = models.JSONField(default=dict, editable=False)
    created_at = models.DateTimeField("uploaded", default=timezone.now, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)

    # How far the phase is: when its last attempt began, the bytes read of how many, the rows done.
    started_at = models.DateTimeField(null=True, editable=False)
    position = models.PositiveBigIntegerField(default=0, editable=False)
    size = models.PositiveBigIntegerField(default=0, editable=False)
    rows = models.PositiveIntegerField(default=0, editable=False)

    # What the dry run found (catalog.importing.jobs.Findings), and what the import found: the same without counts.
    check_findings = models.JSONField(default=dict, editable=False)
    import_findings = models.JSONField(default=dict, editable=False)
    # What the import did. Batches add to `created` and `updated` in their own transactions; the end sets the others.
    created = models.PositiveIntegerField(default=0, editable=False)
    updated = models.PositiveIntegerField("changed", default=0, editable=False)
    unchanged = models.PositiveIntegerField(default=0, editable=False)
    refused = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = "import"
        indexes = [models.Index(name="import_job_due", fields=["status", "due_at"])]

    def __str__(self) -> str:
        return self.file_name

    @property
    def is_under_way(self) -> bool:
        """Whether a worker has it or will have it without anybody's doing."""
        return self.status in (self.Status.DUE, self.Status.CLAIMED)

    @property
    def is_unfinished(self) -> bool:
        return self.is_under_way or self.status == self.Status.READY
