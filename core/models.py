"""The tables of core itself: leases, heartbeats of workers, counters of attempts, and idempotency keys."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from core.db.fields import BinaryCharField

KEY_LENGTH = 64


class Lease(models.Model):
    """The process that does the work with this name, and the end of its lease unless renewed; see core.jobs.lease."""

    name = BinaryCharField(max_length=50, primary_key=True)
    holder = models.UUIDField()
    until = models.DateTimeField()

    class Meta:
        # The name in the first release. It stays, because processes of two releases share the table during a
        # deployment.
        db_table = "core_turn"

    def __str__(self) -> str:
        return str(self.name)


class Heartbeat(models.Model):
    """When a worker of the queue of this name, or beat, was last seen alive; see core.jobs.heartbeat."""

    name = BinaryCharField(max_length=50, primary_key=True)
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.name)


class Attempts(models.Model):
    """A counter of attempts in a window of time; see core.throttling.attempts."""

    # The digest of a Limit.
    key = BinaryCharField(max_length=64, primary_key=True)
    count = models.PositiveIntegerField()
    ends_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name_plural = "attempts"

    def __str__(self) -> str:
        return f"{self.count} until {self.ends_at}"


class IdempotencyKey(models.Model):
    """A client's key of a mutation that was applied, written in the mutation's transaction; see core.idempotency."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    mutation = models.CharField(max_length=32)
    key = BinaryCharField(max_length=KEY_LENGTH)
    # core.idempotency.input_digest of the mutation's input.
    digest = models.CharField(max_length=64)
    # What a retry is answered, where that is not read again.
    answer = models.JSONField(null=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        # Its name when only carts had keys. It stays, because processes of two releases share the table.
        db_table = "cart_idempotencykey"
        constraints = [models.UniqueConstraint(name="idempotency_key_once", fields=["user", "mutation", "key"])]

    def __str__(self) -> str:
        return f"{self.mutation} {self.key}"
