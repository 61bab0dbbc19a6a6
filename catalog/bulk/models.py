"""Changes of many products at once that somebody asked for in the admin, and the products of each."""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

from core.jobs.job import Job

# A change can be undone for so long after its end.
UNDO_PERIOD = timedelta(days=1)


class Kind(models.TextChoices):
    """What is done to each product."""

    ARCHIVE = "ARCHIVE", "Archive"
    BRING_BACK = "BRING_BACK", "Bring back"
    MOVE = "MOVE", "Move to a category"
    SET_BRAND = "SET_BRAND", "Set the brand"
    CHANGE_PRICES = "CHANGE_PRICES", "Change prices"


# These need no further choice.
PLAIN_KINDS = (Kind.ARCHIVE, Kind.BRING_BACK)


class BulkChange(Job):
    """A change of many products: a person looks at the draft and confirms it, then a worker does it batch by batch."""

    class Phase(models.TextChoices):
        """What the worker does, or did last."""

        CHANGE = "CHANGE"
        UNDO = "UNDO"

    class Status(models.TextChoices):
        """In the phase: DUE and CLAIMED as of every job. DRAFT: shown to whoever asked for it, not confirmed."""

        DRAFT = "DRAFT"
        DUE = "DUE"
        CLAIMED = "CLAIMED"
        DONE = "DONE"
        FAILED = "FAILED"
        CANCELLED = "CANCELLED"

    kind = models.CharField("what", max_length=16, choices=Kind.choices, editable=False)
    phase = models.CharField(max_length=8, choices=Phase.choices, default=Phase.CHANGE, editable=False)
    # What the person chose: see catalog.bulk.rules. Each choice is another version of the draft; 0: nothing is chosen.
    options = models.JSONField(default=dict, editable=False)
    version = models.PositiveIntegerField(default=0, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name="by", editable=False
    )
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", editable=False
    )
    created_at = models.DateTimeField("asked for", default=timezone.now, editable=False)
    # When the last attempt at the phase began, and where.
    started_at = models.DateTimeField(null=True, editable=False)
    started_from = models.PositiveIntegerField(default=0, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)
    undo_until = models.DateTimeField(null=True, editable=False)

    # How many products it is about. Each batch writes its counts, and its number, in its own transaction.
    size = models.PositiveIntegerField("products", editable=False)
    batches_done = models.PositiveIntegerField(default=0, editable=False)
    position = models.PositiveIntegerField(default=0, editable=False)
    changed = models.PositiveIntegerField(default=0, editable=False)
    # Products that stay as they are. By reason (catalog.bulk.rules.Stay): how many, and the keys of the first.
    stays = models.JSONField(default=dict, editable=False)
    # The same of undoing.
    batches_undone = models.PositiveIntegerField(default=0, editable=False)
    undo_position = models.PositiveIntegerField(default=0, editable=False)
    undone = models.PositiveIntegerField("put back", default=0, editable=False)
    undo_stays = models.JSONField(default=dict, editable=False)

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = "bulk change"
        indexes = [models.Index(name="bulk_change_due", fields=["status", "due_at"])]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.size:,} product{'' if self.size == 1 else 's'}"

    @property
    def is_chosen(self) -> bool:
        """Whether it is known what is to be done."""
        return self.kind in PLAIN_KINDS or self.version > 0

    @property
    def is_under_way(self) -> bool:
        """Whether a worker has it or will have it without anybody's doing."""
        return self.status in (self.Status.DUE, self.Status.CLAIMED)

    @property
    def can_be_undone(self) -> bool:
        return bool(
            self.phase == self.Phase.CHANGE
            and self.status in (self.Status.DONE, self.Status.FAILED, self.Status.CANCELLED)
            and self.changed
            and self.undo_until is not None
            and timezone.now() < self.undo_until
        )

    @property
    def can_go_on(self) -> bool:
        """Whether it failed midway and may be tried again from there."""
        return self.status == self.Status.FAILED

    @property
    def via(self) -> str:
        """What the history calls it."""
        return f"bulk {self.pk}"

    @property
    def undo_via(self) -> str:
        """What the history calls its undoing."""
        return f"undo of bulk {self.pk}"


class BulkBatch(models.Model):
    """Some of a bulk change's products, fixed when it was asked for. They are changed in one transaction."""

    change = models.ForeignKey(BulkChange, models.CASCADE, related_name="batches", db_index=False)
    number = models.PositiveIntegerField()
    product_ids = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(name="bulk_batch_number", fields=["change", "number"])]

    def __str__(self) -> str:
        return f"batch {self.number} of bulk change {self.change_id}"
